"""Mixup works with every way of training: a loss of mixed images is a mixture of losses."""

import pytest
import torch
from small_training import FP32, FixedBatches, random_batch, two_exits
from torch import Tensor

from aebnas.config.sections.losses import LOSS_NAMES
from aebnas.config.sections.training import TrainingConfig
from aebnas.data.mixup import MixedTargets
from aebnas.nets.network import EarlyExitNetwork
from aebnas.task.task import classification
from aebnas.training.losses.modes import mode_of
from aebnas.training.losses.teacher import Distillation, DistilledBatches, distilled_phases
from aebnas.training.phase import chance
from aebnas.training.train import train
from aebnas.training.trainer import train_phases

EQUAL = (1.0, 1.0)


def network_for(config: TrainingConfig) -> EarlyExitNetwork:
    torch.manual_seed(0)
    return EarlyExitNetwork(two_exits(), classification(1, 10), config.boosting_coefficient)


def trained(config: TrainingConfig, targets: Tensor | MixedTargets) -> dict[str, Tensor]:
    made = network_for(config)
    train(made, FixedBatches((random_batch()[0], targets)), config, EQUAL, FP32)
    return made.state_dict()


def close(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.allclose(one[name], other[name], rtol=1e-4, atol=1e-5) for name in one)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_an_image_mixed_with_one_of_its_own_class_trains_as_it_does_alone(loss: str) -> None:
    config, labels = TrainingConfig(epochs=2, loss=loss), random_batch()[1]
    assert close(trained(config, labels), trained(config, MixedTargets(labels, labels, 0.3)))


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_both_labels_of_a_mixed_image_train(loss: str) -> None:
    config, (first, second) = TrainingConfig(epochs=2, loss=loss), (random_batch(seed=s)[1] for s in (0, 1))
    mixed = trained(config, MixedTargets(first, second, 0.5))
    assert not close(mixed, trained(config, first))
    assert not close(mixed, trained(config, second))
    assert close(mixed, trained(config, MixedTargets(second, first, 0.5)))


class Seen(FixedBatches):
    """Batches that can be taken up again."""

    def random_states(self) -> list[Tensor]:
        return []

    def set_random_states(self, states: object) -> None:
        del states


def test_a_teacher_answers_about_the_mixed_image() -> None:
    config, (x, labels) = TrainingConfig(epochs=2), random_batch()
    teacher = network_for(TrainingConfig())
    states = []
    for targets in (labels, MixedTargets(labels, labels, 0.3)):
        made, view = network_for(config), Seen((x, targets))
        phases = mode_of(config.loss)(made, config, EQUAL)
        phases = distilled_phases(phases, Distillation(0.5, 2.0), EQUAL, chance(made))
        train_phases(made, DistilledBatches(view, view, teacher), config, phases, FP32)
        states.append(made.state_dict())
    assert close(*states)
