"""The moving average of the weights: what it is, and that it is what a training leaves."""

import pytest
import torch
from small_training import FP32, FixedBatches, batches, network, random_batch, two_exits
from test_pretrained_rates import _code_is_allowed, batch, given_network  # noqa: F401 - a fixture
from torch import Tensor

from aebnas.config.sections.losses import LOSS_NAMES
from aebnas.config.sections.training import TrainingConfig
from aebnas.nets.network import EarlyExitNetwork
from aebnas.task.task import classification
from aebnas.training.averaging import MovingAverage
from aebnas.training.train import train
from aebnas.training.trainer import exit_logits

EQUAL = (1.0, 1.0)
DATA = [random_batch(seed=seed) for seed in range(3)]


def state(of: EarlyExitNetwork) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items()}


def followed(
    monkeypatch: pytest.MonkeyPatch, config: TrainingConfig
) -> tuple[list[dict[str, Tensor]], EarlyExitNetwork]:
    """Train; return weights and statistics behind every step, and the network that is left."""
    made, seen = network(), []
    real = torch.optim.SGD.step

    def step(self: torch.optim.SGD, closure: None = None) -> None:
        real(self, closure)
        seen.append(state(made))

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    train(made, FixedBatches(*DATA), config, EQUAL, FP32)
    return seen, made


def test_the_average_of_weights_and_statistics_is_left_in_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps, made = followed(monkeypatch, TrainingConfig(epochs=4, ema_decay=0.5))
    expected = {name: value.double() for name, value in steps[0].items() if value.is_floating_point()}
    for done, current in enumerate(steps[1:], 1):
        decay = min(0.5, (1 + done) / (10 + done))
        expected = {name: decay * value + (1 - decay) * current[name] for name, value in expected.items()}
    for name, value in expected.items():
        torch.testing.assert_close(made.state_dict()[name].double(), value, rtol=1e-4, atol=1e-5)
    assert any("running_var" in name for name in expected)
    assert len(steps) == 12


def test_the_average_follows_a_training_and_changes_nothing_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    averaged, _ = followed(monkeypatch, TrainingConfig(epochs=2, ema_decay=0.9))
    monkeypatch.undo()
    plain, made = followed(monkeypatch, TrainingConfig(epochs=2))
    assert all(torch.equal(averaged[-1][name], value) for name, value in plain[-1].items())
    assert all(torch.equal(made.state_dict()[name], value) for name, value in plain[-1].items())


def test_an_average_learns_real_digits() -> None:
    made = network()
    train(made, batches(), TrainingConfig(epochs=4, learning_rate=0.5, ema_decay=0.95), EQUAL, FP32)
    x, labels = next(iter(batches(seed=9, batch_size=512)))
    right = torch.from_numpy(exit_logits(made, [x])).argmax(2) == labels[:, None]
    assert right.float().mean(0).min() > 0.6


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_way_of_training_can_be_averaged(loss: str) -> None:
    states = []
    for decay in (None, 0.9, 0.9):
        config = TrainingConfig(epochs=2, loss=loss, ema_decay=decay)
        torch.manual_seed(0)
        made = EarlyExitNetwork(two_exits(), classification(1, 10), config.boosting_coefficient)
        train(made, FixedBatches(*DATA), config, EQUAL, FP32)
        states.append(state(made))
    assert not all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert all(torch.equal(states[1][name], states[2][name]) for name in states[1])


def test_heads_are_put_on_the_backbone_that_is_deployed() -> None:
    """The second phase begins with the average of the first, and leaves its frozen part bit for bit."""
    x = DATA[0][0]
    last = []
    for epochs in (2, 4):  # of two phases each; the first one alone decides the last exit
        config = TrainingConfig(
            epochs=epochs, loss={"name": "frozen", "first_phase": 1 / epochs}, ema_decay=0.9
        )
        made = network()
        train(made, FixedBatches(*DATA), config, EQUAL, FP32)
        last.append(exit_logits(made, [x])[:, -1])
    assert (last[0] == last[1]).all()


def test_the_average_can_stand_in_for_the_weights_for_a_while() -> None:
    made = network()
    average = MovingAverage(made, 0.5)
    average.update()
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(1)
    before, first = state(made), dict(network().named_parameters())
    with average.in_place():
        assert all(torch.equal(weights, first[name]) for name, weights in made.named_parameters())
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


def test_a_given_network_can_be_averaged() -> None:
    made, plain = given_network(), given_network()
    for trained, decay in ((made, 0.5), (plain, None)):
        train(trained, FixedBatches(batch()), TrainingConfig(epochs=3, ema_decay=decay), EQUAL, FP32)
    assert not torch.equal(*(next(of.parameters()) for of in (made, plain)))
