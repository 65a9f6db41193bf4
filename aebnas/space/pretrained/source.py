"""A trained network as a space needs it: loaded once, cut at a resolution, identified.

Torch is imported when a network is first asked for.  Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import ConfigError
from aebnas.extensions.consent import made_once
from aebnas.pretrained.cuts import Cut, named_cuts
from aebnas.pretrained.layer import END as OUTPUT
from aebnas.space.names import FINAL
from aebnas.task.input_spec import Colours, Normalisation

if TYPE_CHECKING:
    from aebnas.pretrained.cut_network import CutNetwork
    from aebnas.pretrained.network import PretrainedNetwork


@dataclass(frozen=True)
class NetworkSource:
    """Which network, and with which weights."""

    network: str
    """A name of ours, ``package.module:function``, or a ``.pt2`` or ``.aebnas`` file."""
    weights: str = ""
    """A file that is read into it; empty: it has its own."""
    answer: str = ""
    """Which part of its answer the logits are, by name or index; empty: the only candidate."""

    def at(self, image: TensorSpec) -> CutNetwork:
        """Return the network for images of a shape, with its cuts; the first call takes seconds.

        Raises:
            NetworkError: It is not there, or cannot be cut.
            CodeRefusedError: It is code, which this process may not run.
        """
        return self.loaded().at(image.shape)

    def identity(self, image: TensorSpec) -> str:
        """Return what identifies the operations at a resolution and all weights, 24 hexadecimal digits.

        Raises:
            NetworkError: It is not there, or cannot be cut.
            CodeRefusedError: It is code, which this process may not run.
        """
        return self.at(image).digest + made_once(self.network, f"digest with {self.weights}", self._digest)

    def usual_input(self) -> tuple[Normalisation | None, Colours]:
        """Return the normalisation and the order of colours of a network of ours; None: not known."""
        from aebnas.pretrained.named.table import NAMED

        named = NAMED.get(self.network)
        return (None, "rgb") if named is None else (named.normalisation, named.colours)

    def loaded(self) -> PretrainedNetwork:
        """Return the network, loaded once per process.

        Raises:
            NetworkError: It is not there.
            CodeRefusedError: It is code, which this process may not run.
        """
        from aebnas.pretrained.loading import NamedOrigin

        return NamedOrigin(self.network, self.weights, self.answer).loaded()

    def _digest(self) -> str:
        from aebnas.pretrained.weights import weights_digest

        return weights_digest(self.loaded().module)


def last_place(network: CutNetwork) -> Cut:
    """Return where the features of a network end: what comes behind is its head.

    The last map; where tokens come last, what the network makes of all of them, as its class token or mean.

    Raises:
        ConfigError: It has neither.
    """
    shaped = [i for i, cut in enumerate(network.cuts) if _is_map(cut) or _is_tokens(cut)]
    if not shaped:
        raise ConfigError(
            "space.network: exits stand on feature maps (channels, height, width) or tokens (count, "
            f"channels), but {network.name} can be cut at vectors alone, as behind {network.cuts[0].name!r}: "
            "bring a network whose pooling comes last"
        )
    last = network.cuts[shaped[-1]]
    behind = network.cuts[shaped[-1] + 1 :]
    return behind[0] if _is_tokens(last) and behind else last


def exit_cuts(network: CutNetwork, after: tuple[str, ...] | None) -> tuple[Cut, ...]:
    """Return the places where exits may stand, in order.

    Args:
        network: At one resolution.
        after: Their names; None: those that are worth it by what they cost.

    Raises:
        ConfigError: An exit cannot stand at a name.
        NetworkError: A name is none of a cut; the nearest is told.
    """
    end = last_place(network)
    # what costs nothing more is no other place: the last pooling, the choice of the class token
    before = [cut for cut in network.cuts if cut.macs < end.macs]
    if after is None:
        return tuple(cut for cut in network.worthwhile() if cut in before and _can_have_exit(cut))
    cuts = named_cuts(network.cuts, after, network.name)
    for cut in cuts:
        if cut not in before:
            raise ConfigError(
                f"space.exits.after: behind {cut.name!r} stands no exit: the features of {network.name} end "
                f"in {end.name!r}, whose exit is the final classifier; remove it"
            )
        if not _can_have_exit(cut):
            raise ConfigError(
                f"space.exits.after: at {cut.name!r} stands no exit: {network.name} has no feature map or "
                f"tokens there, but {cut.features.shape}, or it is called {FINAL!r}, as the last exit is; "
                "remove it"
            )
    return cuts


def end_cuts(network: CutNetwork, last: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the names of the places where a network may end, in order; empty: its own end.

    Args:
        network: At one resolution.
        last: Their names, ``output`` for its own end; none: there alone; None: there, or from the middle
            of its operations on where an exit is worth it by what it costs.

    Raises:
        ConfigError: It cannot end at a name.
        NetworkError: A name is none of a cut; the nearest is told.
    """
    end = last_place(network)
    if last is None:
        worthwhile = (cut for cut in network.worthwhile() if _can_have_exit(cut) and cut.macs < end.macs)
        return (*(cut.name for cut in worthwhile if 2 * cut.macs >= network.macs), "")
    if not last:
        return ("",)
    ends = []
    for cut in named_cuts(network.cuts, [name for name in last if name != OUTPUT], network.name):
        if not _can_have_exit(cut) or cut.macs >= end.macs:
            raise ConfigError(
                f"space.last: {network.name} cannot end behind {cut.name!r}, for it has no features there "
                f"that are not those of its own end: name that {OUTPUT!r}, or an earlier place"
            )
        ends.append(cut.name)
    return (*ends, "") if OUTPUT in last else tuple(ends)


def _is_map(cut: Cut) -> bool:
    return len(cut.features.size) == 2


def _is_tokens(cut: Cut) -> bool:
    return len(cut.features.size) == 1


def _can_have_exit(cut: Cut) -> bool:
    return (_is_map(cut) or _is_tokens(cut)) and cut.name != FINAL
