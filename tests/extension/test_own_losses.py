"""A training loss of one's own that nothing can be trained on is told as the user's, by name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from aebnas.blocks.block import BlockSpec
from aebnas.config.sections.losses import loss_named
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import CodeError
from aebnas.extensions.consent import allow_code, look_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification
from aebnas.training.losses.modes import mode_of
from aebnas.training.phase import Phase

FILE = """
import torch
from aebnas.extending import TrainingLoss
from aebnas.training.phase import Phase

class Odd(TrainingLoss):
    def loss(self, logits, labels, weights):
        return {value}

class OwnPlan(Odd):
    def plan(self, network, config, weights):
        return [Phase(1, lambda logits, labels: {value}, 1.0)]

class OddPlan(Odd):
    def plan(self, network, config, weights):
        return {value}
"""

ENDS = ".*code from outside AEBNAS"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    """A folder whose code is allowed."""
    with allow_code():
        look_in(tmp_path)
        yield tmp_path


def phases_of(folder: Path, value: str, name: str = "Odd") -> list[Phase]:
    (folder / "odd_losses.py").write_text(FILE.format(value=value))
    stages = (StageSpec("stage1", (BlockSpec("residual", 3, 8),)),)
    architecture = StagedArchitecture(8, StemSpec(3, 1, 8, "relu"), stages, (), FinalSpec(0, 0, "relu"))
    config = TrainingConfig(epochs=1)
    network = EarlyExitNetwork(architecture, classification(1, 10))
    return mode_of(loss_named(f"odd_losses:{name}"))(network, config, (1.0,))


@pytest.mark.parametrize("name", ["Odd", "OwnPlan"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[logits[0].sum()]", "a list"),
        ("None", "a NoneType"),
        ("1.5", "a float"),
        ("logits[0].sum(1)", r"a tensor of shape \(2,\) and torch.float32"),
        ("logits[0].argmax()", r"a tensor of shape \(\) and torch.int64"),
        ("logits[0].sum().detach()", "one without a gradient"),
    ],
)
def test_what_is_no_scalar_with_a_gradient_is_refused(here: Path, name: str, value: str, words: str) -> None:
    (phase,) = phases_of(here, value, name)
    logits = [torch.zeros(2, 10, requires_grad=True)]
    with pytest.raises(CodeError, match=f"odd_losses:{name} must .* but returned {words}{ENDS}"):
        phase.loss(logits, torch.zeros(2, dtype=torch.int64))


def test_a_scalar_with_a_gradient_is_passed_on(here: Path) -> None:
    (phase,) = phases_of(here, "logits[0].sum()")
    loss = phase.loss([torch.ones(2, 10, requires_grad=True)], torch.zeros(2, dtype=torch.int64))
    assert float(loss.detach()) == 20.0


@pytest.mark.parametrize(
    ("value", "words"), [("None", "a NoneType"), ("[]", "an empty list"), ("[1]", "a list")]
)
def test_a_plan_without_phases_is_refused(here: Path, value: str, words: str) -> None:
    with pytest.raises(CodeError, match=f"odd_losses:OddPlan must .* but returned {words}{ENDS}"):
        phases_of(here, value, "OddPlan")
