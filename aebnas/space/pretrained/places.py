"""Where a given network can be cut, with what each place costs: what ``aebnas check`` prints.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from aebnas.space.api import CutPlace
from aebnas.task.input_size import Size

if TYPE_CHECKING:
    from aebnas.pretrained.cut_network import CutNetwork


def cut_places(
    network: CutNetwork, label: str, size: Size, positions: Collection[str], ends: Collection[str]
) -> list[CutPlace]:
    """Return every place of a network at a resolution, in order.

    Args:
        network: At that resolution.
        label: What it is called among several networks; empty: it is the only one.
        size: The resolution, as files write it.
        positions: Where it may have exits.
        ends: Where it may end.
    """
    return [
        CutPlace(
            network=label,
            name=cut.name,
            resolution=size,
            macs=cut.macs,
            share=cut.macs / network.macs,
            features=cut.features.shape,
            cached_bytes=cut.cached_bytes,
            may_have_exit=cut.name in positions,
            may_be_end=cut.name in ends,
        )
        for cut in network.cuts
    ]
