"""Distillation from another network: what the student hears, and from whom."""

from pathlib import Path

import numpy as np
import pytest
import torch
from final_cases import architecture, images, plan
from torch.nn.functional import cross_entropy, softmax

from aebnas.config import load
from aebnas.data.datasets import shape_and_classes
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.spaces import space_of
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import classification
from aebnas.train.full.full_training import train_batches
from aebnas.train.select.largest import largest_architecture
from aebnas.training.losses.modes import MODES
from aebnas.training.losses.teacher import Distillation, DistilledBatches, distilled_phases, joined, parted
from aebnas.training.phase import Phase

LABELS = torch.tensor([3, 0, 9, 1])


def logits(seed: int) -> torch.Tensor:
    return torch.randn(4, 10, generator=torch.Generator().manual_seed(seed))


def network(resolution: int = 8) -> EarlyExitNetwork:
    torch.manual_seed(0)
    return EarlyExitNetwork(architecture(resolution=resolution), classification(1, 10))


def phases(loss: str, distillation: Distillation) -> list[Phase]:
    training = plan(loss=loss).settings.training
    return distilled_phases(
        MODES[training.loss.name](network(), training, (1.0, 1.0)), distillation, (1.0, 1.0), 2.3
    )


def test_targets_part_into_the_labels_and_answers_that_were_joined() -> None:
    labels, answers = parted(joined(LABELS, logits(0)))
    assert torch.equal(labels, LABELS)
    assert torch.equal(answers, logits(0))


def test_a_student_that_only_listens_learns_the_teachers_softened_answers() -> None:
    (phase,) = phases("uniform", Distillation(share=1.0, temperature=2.0))
    student = [logits(1), logits(2)]
    teacher = softmax(logits(0) / 2, dim=1)
    entropy = -(teacher * teacher.log()).sum(dim=1).mean()
    expected = sum(4 * (cross_entropy(one / 2, teacher) - entropy) for one in student)
    assert float(phase.loss(student, joined(LABELS, logits(0)))) == pytest.approx(float(expected), rel=1e-5)


def test_a_student_that_does_not_listen_learns_the_labels() -> None:
    (phase,) = phases("uniform", Distillation(share=0.0, temperature=2.0))
    student = [logits(1), logits(2)]
    expected = sum(cross_entropy(one, LABELS) for one in student)
    assert float(phase.loss(student, joined(LABELS, logits(0)))) == pytest.approx(float(expected))


def test_where_the_last_exit_alone_is_trained_the_others_hear_nothing() -> None:
    first, second = phases("frozen", Distillation(share=0.5, temperature=1.0))
    for phase, deaf in ((first, 0), (second, 1)):
        student = [logits(1).requires_grad_(), logits(2).requires_grad_()]
        phase.loss(student, joined(LABELS, logits(0))).backward()
        assert student[deaf].grad is None
        assert student[1 - deaf].grad is not None


def of_side(side: int) -> InputSpec:
    return images().task.input((side, side))


def test_the_teacher_sees_the_same_images_at_its_own_resolution() -> None:
    class Sees(EarlyExitNetwork):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            seen.append(x)
            return super().forward(x)

    seen: list[torch.Tensor] = []
    settings = plan(augment={"crop": 2, "flip": True})
    teacher = Sees(architecture(resolution=16), classification(1, 10))
    batches = DistilledBatches(*(train_batches(settings, of_side(side), 5) for side in (8, 16)), teacher)
    for x, _ in batches:
        half = torch.nn.functional.avg_pool2d(seen[-1], 2)
        assert seen[-1].shape[2:] == (16, 16)
        assert np.corrcoef(x.flatten(), half.flatten())[0, 1] > 0.95
        break


def test_the_teacher_is_not_trained() -> None:
    settings, teacher = plan(), network()
    batches = DistilledBatches(
        train_batches(settings, of_side(8), 5), train_batches(settings, of_side(8), 5), teacher
    )
    _, targets = next(iter(batches))
    assert not targets.requires_grad
    assert not teacher.training


def test_the_largest_network_of_a_space_is_at_least_as_large_as_a_thousand_random_ones() -> None:
    config = load(Path(__file__).parents[2] / "search_spaces" / "mnist5k.yaml")
    shape, classes = shape_and_classes(config.data)
    space = space_of(config, shape)
    largest = largest_architecture(space, classification(shape[2], classes))
    assert largest.exits == ()
    most = network_cost(largest, classification(shape[2], classes)).reach_macs[-1]
    rng = np.random.default_rng(0)
    for _ in range(1000):
        drawn = space.decode(space.sample(rng))
        cost = network_cost(
            drawn.__class__(**{**drawn.__dict__, "exits": ()}), classification(shape[2], classes)
        )
        assert cost.reach_macs[-1] <= most
