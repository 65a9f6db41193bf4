"""Parts of the images that features are kept of, and the blocks that they are cut into.

Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from aebnas.heads.features.cache_plan import BLOCK_IMAGES

BATCH = 64
"""Images that the network sees at once."""


@dataclass(frozen=True)
class Part:
    """One view of one split."""

    split: str
    view: int = 0

    @property
    def name(self) -> str:
        """Return what its folder is called."""
        return f"train.{self.view}" if self.split == "train" else self.split


CALIBRATE, SELECT = Part("calibrate"), Part("select")


@dataclass(frozen=True)
class Block:
    """Some images in a row of a part."""

    part: Part
    number: int
    count: int
    """Images in it: ``BLOCK_IMAGES``, of the last one what is left."""

    def batches(self) -> list[range]:
        """Return the images of each batch, by their places in the part."""
        first = self.number * BLOCK_IMAGES
        end = first + self.count
        return [range(start, min(start + BATCH, end)) for start in range(first, end, BATCH)]


def blocks_of(part: Part, count: int) -> list[Block]:
    """Return the blocks of a part of so many images."""
    firsts = range(0, count, BLOCK_IMAGES)
    return [Block(part, i, min(BLOCK_IMAGES, count - first)) for i, first in enumerate(firsts)]
