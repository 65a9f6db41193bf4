"""What code from outside must hold to: one class of tests for each kind, to be inherited in your own tests.

    from aebnas.testing import BlockContract
    from my_blocks import Ghost

    class TestGhost(BlockContract):
        def block(self):
            return Ghost()

``pytest`` and ``hypothesis`` run them; AEBNAS's own parts run under the same classes.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aebnas.testing.blocks import BlockContract as BlockContract
    from aebnas.testing.datasets import DatasetContract as DatasetContract
    from aebnas.testing.losses import LossContract as LossContract
    from aebnas.testing.metrics import MetricContract as MetricContract
    from aebnas.testing.networks import NetworkContract as NetworkContract
    from aebnas.testing.policies import PolicyContract as PolicyContract
    from aebnas.testing.scores import ScoreContract as ScoreContract
    from aebnas.testing.spaces import SpaceContract as SpaceContract

CONTRACTS = {
    "BlockContract": "blocks",
    "DatasetContract": "datasets",
    "LossContract": "losses",
    "MetricContract": "metrics",
    "NetworkContract": "networks",
    "PolicyContract": "policies",
    "ScoreContract": "scores",
    "SpaceContract": "spaces",
}
"""The module of each contract in this folder: imported when it is asked for, as it needs pytest."""


def __getattr__(name: str) -> Any:
    """Return a contract."""
    if name not in CONTRACTS:
        raise AttributeError(f"aebnas.testing has no {name!r}. Contracts: {', '.join(CONTRACTS)}.")
    return getattr(import_module(f"aebnas.testing.{CONTRACTS[name]}"), name)
