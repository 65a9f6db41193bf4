"""The tests that somebody writes for code of their own: pytest contracts.py."""

from collections.abc import Callable

from my_blocks import Ghost, Squeeze
from my_losses import Focal
from my_policies import Steady
from my_scores import energy, gini

from aebnas.blocks.block import Block
from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.policies.family import PolicyFamily
from aebnas.testing import BlockContract, LossContract, PolicyContract, ScoreContract
from aebnas.training.losses.loss import TrainingLoss


class TestGhost(BlockContract):
    def block(self) -> Block:
        return Ghost()


class TestSqueeze(BlockContract):
    def block(self) -> Block:
        return Squeeze()


class TestSteady(PolicyContract):
    def family(self) -> PolicyFamily:
        return Steady(cuts=40)


class TestEnergy(ScoreContract):
    def score(self) -> Callable[[FloatArray], FloatArray]:
        return energy


class TestGini(ScoreContract):
    def score(self) -> Callable[[FloatArray], FloatArray]:
        return gini


class TestFocal(LossContract):
    def loss(self) -> TrainingLoss:
        return Focal(power=1.5)
