"""The tests that somebody writes for code of their own: pytest contracts.py."""

from collections.abc import Callable

from my_blocks import Ghost, Squeeze
from my_data import stripes
from my_losses import Focal
from my_metrics import DISK_BYTES, SPREAD, WORST_RECALL
from my_policies import Steady
from my_scores import energy, gini
from my_spaces import Chain

from aebnas.extending import Arrays, Block, FloatArray, Metric, PolicyFamily, SpaceKind, TrainingLoss
from aebnas.testing import (
    BlockContract,
    DatasetContract,
    LossContract,
    MetricContract,
    PolicyContract,
    ScoreContract,
    SpaceContract,
)


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


class TestWorstRecall(MetricContract):
    def metric(self) -> Metric:
        return WORST_RECALL


class TestDiskBytes(MetricContract):
    def metric(self) -> Metric:
        return DISK_BYTES


class TestSpread(MetricContract):
    def metric(self) -> Metric:
        return SPREAD


class TestStripes(DatasetContract):
    def load(self) -> Arrays:
        return stripes(images=60)


class TestChain(SpaceContract):
    def kind(self) -> SpaceKind:
        return Chain(length=(1, 2, 4), width=(4, 6))
