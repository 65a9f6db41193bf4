"""What code from outside must hold to: one class of tests for each kind, to be inherited in your own tests.

    from aebnas.testing import BlockContract
    from my_blocks import Ghost

    class TestGhost(BlockContract):
        def block(self):
            return Ghost()

``pytest`` and ``hypothesis`` run them; AEBNAS's own parts run under the same classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.lazy import lookup

if TYPE_CHECKING:
    from aebnas.testing.blocks import BlockContract as BlockContract
    from aebnas.testing.datasets import DatasetContract as DatasetContract
    from aebnas.testing.losses import LossContract as LossContract
    from aebnas.testing.metrics import MetricContract as MetricContract
    from aebnas.testing.networks import NetworkContract as NetworkContract
    from aebnas.testing.policies import PolicyContract as PolicyContract
    from aebnas.testing.scores import ScoreContract as ScoreContract
    from aebnas.testing.spaces import SpaceContract as SpaceContract

_HOMES = {
    "aebnas.testing.blocks": ("BlockContract",),
    "aebnas.testing.datasets": ("DatasetContract",),
    "aebnas.testing.losses": ("LossContract",),
    "aebnas.testing.metrics": ("MetricContract",),
    "aebnas.testing.networks": ("NetworkContract",),
    "aebnas.testing.policies": ("PolicyContract",),
    "aebnas.testing.scores": ("ScoreContract",),
    "aebnas.testing.spaces": ("SpaceContract",),
}
"""The module of each contract: imported when it is asked for, as it needs pytest."""

if not TYPE_CHECKING:  # else every name would be one for type checkers
    __getattr__ = lookup(__name__, _HOMES)
