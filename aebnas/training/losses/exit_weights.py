"""Which loss weight each exit of a network has: settings name those of a space's positions.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.space.api import Architecture


def exit_weights(
    given: Sequence[float] | None, positions: Sequence[str], architecture: Architecture
) -> tuple[float, ...]:
    """Return one loss weight per exit that is present, the final classifier last.

    Args:
        given: As ``TrainingConfig.exit_weights``: one per position and one for the final classifier;
            None: all 1.
        positions: Stages after which an exit may stand, in order.
        architecture: Its exits stand at some of them.
    """
    if given is None:
        return (1.0,) * (len(architecture.exit_names) + 1)
    present = [positions.index(name) for name in architecture.exit_names] + [len(positions)]
    return tuple(given[i] for i in present)
