"""What of a network's features is kept on disk: decided from sizes alone, before anything is written.

Where all would be more than the limit, there are first fewer augmented views, then fewer cuts, those whose
features are largest first; features of a cut that is not kept are computed whenever they are needed, from
the nearest earlier cut that is kept or from the images.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aebnas.errors import ConfigError
from aebnas.files.full_disk import megabytes

IMAGES = "images"
"""Where features come from that no earlier cut has."""
BLOCK_IMAGES = 128
"""Images whose features are written together."""
FILE_BYTES = 640
"""Of a block's file beyond its numbers, at most: header, and its line in the block's record."""


@dataclass(frozen=True)
class CutSize:
    """How large the features at one cut are."""

    name: str
    image_bytes: int
    """On disk, of one image."""
    macs: float = 0.0
    """Of the network until there, one image; says what is computed again most cheaply."""


@dataclass(frozen=True)
class CutPlan:
    """Where the features of one cut come from."""

    name: str
    image_bytes: int
    source: str
    """Its own name: they are kept; else an earlier cut that is kept, or ``images``."""

    @property
    def is_kept(self) -> bool:
        """Return whether they lie on disk."""
        return self.source == self.name


@dataclass(frozen=True)
class CachePlan:
    """What is kept, and why no more."""

    views: int
    """Of every training image; the first is the image as it is."""
    cuts: tuple[CutPlan, ...]
    total_bytes: int
    """On disk, at most."""
    limit_bytes: int
    full_views: int
    """Views that were asked for."""
    full_bytes: int
    """What all would take."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the cuts whose features lie on disk, in order."""
        return tuple(cut.name for cut in self.cuts if cut.is_kept)

    def source(self, cut: str) -> str:
        """Return where the features of a cut come from: itself, an earlier cut or ``images``.

        Raises:
            KeyError: The plan has no such cut.
        """
        return {plan.name: plan.source for plan in self.cuts}[cut]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """Return what was decided, as sentences for people."""
        total, limit, full = (
            megabytes(size) for size in (self.total_bytes, self.limit_bytes, self.full_bytes)
        )
        if self.total_bytes == self.full_bytes:
            return f"Features of all {len(self.cuts)} cuts and {_views(self.views)} take {total} of {limit}."
        words = [f"Features of all cuts and {_views(self.full_views)} would take {full}, more than {limit}"]
        words += [f"{_views(self.views)} are kept instead" if self.views > 1 else "one view is kept instead"]
        again = [f"{cut.name} from {cut.source}" for cut in self.cuts if not cut.is_kept]
        words += [f"computed whenever needed: {', '.join(again)}"] if again else []
        return f"{'; '.join(words)} ({total})."


def plan_cache(
    sizes: Sequence[CutSize],
    train: int,
    held_out: int,
    limit_bytes: int,
    views: int = 3,
    answer_bytes: int = 0,
) -> CachePlan:
    """Return what to keep within a limit.

    Args:
        sizes: Of the cuts, in order.
        train: Images that train heads, of which there are several views.
        held_out: Images that tune and score.
        limit_bytes: On disk, for all together.
        views: Wanted of every training image, at least 1.
        answer_bytes: Of the network's own logits of one image, which are always kept.

    Raises:
        ConfigError: Not even those fit.
    """
    blocks = _Blocks(train, held_out)
    full = _total(blocks, views, [size.image_bytes for size in sizes], answer_bytes)
    for fewer in range(views, 0, -1):
        total = _total(blocks, fewer, [size.image_bytes for size in sizes], answer_bytes)
        if total <= limit_bytes:
            return _plan(sizes, {size.name for size in sizes}, fewer, total, limit_bytes, views, full)
    kept = {size.name for size in sizes}
    while kept and total > limit_bytes:
        kept.remove(_dropped(sizes, kept))
        kept_bytes = [size.image_bytes for size in sizes if size.name in kept]
        total = _total(blocks, 1, kept_bytes, answer_bytes)
    if total > limit_bytes:
        raise ConfigError(
            f"a limit of {megabytes(limit_bytes)} is too small: the network's own answers alone take "
            f"{megabytes(total)}; the smallest valid limit is {megabytes(total)}"
        )
    return _plan(sizes, kept, 1, total, limit_bytes, views, full)


@dataclass(frozen=True)
class _Blocks:
    train: int
    held_out: int

    def images(self, views: int) -> int:
        return views * self.train + self.held_out

    def blocks(self, views: int) -> int:
        """Return the number of blocks, at most: the two held-out splits begin blocks of their own."""
        return views * -(-self.train // BLOCK_IMAGES) + -(-self.held_out // BLOCK_IMAGES) + 1


def _total(blocks: _Blocks, views: int, image_bytes: Sequence[int], answer_bytes: int) -> int:
    each = sum(image_bytes) + answer_bytes
    return blocks.images(views) * each + blocks.blocks(views) * FILE_BYTES * (len(image_bytes) + 1)


def _dropped(sizes: Sequence[CutSize], kept: set[str]) -> str:
    """Return the cut to give up: of the largest features, whatever leaves the least to compute again."""
    largest = max(size.image_bytes for size in sizes if size.name in kept)
    choices = [size.name for size in sizes if size.name in kept and size.image_bytes == largest]
    return min(choices, key=lambda name: _macs_again(sizes, kept - {name}))


def _macs_again(sizes: Sequence[CutSize], kept: set[str]) -> float:
    total = before = 0.0
    for size in sizes:
        if size.name in kept:
            before = size.macs
        else:
            total += size.macs - before
    return total


def _plan(
    sizes: Sequence[CutSize], kept: set[str], views: int, total: int, limit: int, full_views: int, full: int
) -> CachePlan:
    source, cuts = IMAGES, list[CutPlan]()
    for size in sizes:
        source = size.name if size.name in kept else source
        cuts.append(CutPlan(size.name, size.image_bytes, source))
    return CachePlan(views, tuple(cuts), total, limit, full_views, full)


def _views(views: int) -> str:
    return f"{views} views" if views > 1 else "1 view"
