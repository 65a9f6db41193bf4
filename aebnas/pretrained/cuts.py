"""Places where a network can be cut, what they cost, and which are worth an exit.

Must not import torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import NetworkError

BYTES_PER_CACHED_VALUE = 2
"""Features are kept as fp16."""
LEAST_DISTANCE = 0.05
"""Share of the network's MACs between two cuts, and in front of the first."""
LAST_SHARE = 0.9
"""Share of the network's MACs behind which an exit saves too little."""


@dataclass(frozen=True)
class Cut:
    """A place where exactly one tensor is alive between what went before and what comes after."""

    name: str
    """The outermost module that ends here, ``blocks.4``, or a module and an operation, ``bn1+relu``."""
    level: int
    """How many modules, one inside the other, are still running here; 0: none but the network itself."""
    macs: int
    """Multiply-accumulate operations up to here, for one image."""
    features: TensorSpec
    """Shape of the tensor for one image."""
    aliases: tuple[str, ...] = ()
    """Inner modules that end here too, by which it may be named as well."""

    @property
    def cached_bytes(self) -> int:
        """Return what keeping the features of one image takes, in fp16."""
        return cached_bytes(self.features)


def cached_bytes(features: TensorSpec) -> int:
    """Return what keeping some features takes, in fp16."""
    return features.elements * BYTES_PER_CACHED_VALUE


def worthwhile(
    cuts: Sequence[Cut], macs: int, distance: float = LEAST_DISTANCE, last: float = LAST_SHARE
) -> tuple[Cut, ...]:
    """Return the cuts that are worth an exit by what they cost, in order.

    Of cuts at the same cost one is left: that at which the fewest modules are still running, the last
    of these (behind the activation and the pooling rather than before).  A cut inside a module that
    has more channels than both the place in front of the module and its end is left out: it is the wide
    middle of a bottleneck.  From the others, the ends of outer modules come first, then in the network's
    order; each is taken if it is far enough from all taken.

    Args:
        cuts: In the network's order.
        macs: Of the whole network, for one image.
        distance: Least share of the network's MACs between two cuts, and before the first.
        last: Largest share of the network's MACs before a cut.
    """
    by_cost: dict[int, Cut] = {}
    for cut in cuts:
        nearest = by_cost.get(cut.macs)
        if nearest is None or cut.level <= nearest.level:
            by_cost[cut.macs] = cut
    ends = tuple(by_cost.values())
    candidates = [
        cut
        for i, cut in enumerate(ends)
        if distance * macs <= cut.macs <= last * macs and not _is_wide_middle(cut, ends[:i], ends[i + 1 :])
    ]
    taken: list[Cut] = []
    for cut in sorted(candidates, key=lambda cut: (cut.level, cut.macs)):
        if all(abs(cut.macs - other.macs) >= distance * macs for other in taken):
            taken.append(cut)
    return tuple(sorted(taken, key=lambda cut: cut.macs))


def _is_wide_middle(cut: Cut, before: Sequence[Cut], after: Sequence[Cut]) -> bool:
    """Whether a cut has more channels than both the last and the next one between outer modules."""
    outer = [
        next((other for other in side if other.level < cut.level), None) for side in (before[::-1], after)
    ]
    return all(other is not None and other.features.channels < cut.features.channels for other in outer)


def named_cuts(cuts: Sequence[Cut], names: Iterable[str], network: str) -> tuple[Cut, ...]:
    """Return cuts by name or alias, in the network's order.

    Raises:
        NetworkError: A name is none of a cut, or two are of the same.
    """
    by_name = {alias: cut for cut in cuts for alias in cut.aliases} | {cut.name: cut for cut in cuts}
    chosen: dict[Cut, str] = {}
    for name in names:
        cut = by_name.get(name)
        if cut is None:
            raise NetworkError(_unknown(name, by_name, [cut.name for cut in cuts], network))
        if cut in chosen:
            raise NetworkError(f"{network}: {name!r} and {chosen[cut]!r} are the same place; name it once")
        chosen[cut] = name
    return tuple(cut for cut in cuts if cut in chosen)


def _unknown(name: str, spellings: Iterable[str], names: Sequence[str], network: str) -> str:
    near = difflib.get_close_matches(name, list(spellings), n=1)
    nearest = f" Did you mean {near[0]!r}?" if near else ""
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"{network} cannot be cut behind {name!r}.{nearest} It can be cut behind: {shown}"
