"""Training one network: it learns, repeats itself exactly, and notices when it cannot go on."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from small_training import FP32, FixedBatches, batches, network, random_batch
from torch import Tensor, nn

from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import TrainingError
from aebnas.training.losses import joint
from aebnas.training.schedule import one_cycle
from aebnas.training.train import train
from aebnas.training.trainer import exit_logits

EQUAL = (1.0, 1.0)
CHANCE = 2 * math.log(10)
"""Joint loss of two exits that know nothing."""


def parameters(of: nn.Module) -> Tensor:
    return torch.cat([p.detach().flatten() for p in of.parameters()])


def one_step(**settings: object) -> tuple[float, Tensor]:
    """Train one step; return the learning rate and the change of the weights."""
    made = network()
    before = parameters(made)
    config = TrainingConfig(epochs=1, momentum=0, **settings)
    train(made, FixedBatches(random_batch()), config, EQUAL, FP32)
    return config.learning_rate / 25, parameters(made) - before


# ---------------------------------------------------------------- learning
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("loss", ["gradient_equilibrium", "weighted"])
def test_the_loss_falls_on_real_digits(dtype: torch.dtype, loss: str) -> None:
    config = TrainingConfig(epochs=3, learning_rate=0.5, loss=loss)
    result = train(network(), batches(), config, EQUAL, dtype)
    assert 0.25 * CHANCE < result.first_loss < 1.2 * CHANCE
    assert result.last_loss < 0.5 * result.first_loss


def test_the_same_seed_gives_bit_equal_weights() -> None:
    states = []
    for _ in range(2):
        made = network(seed=5)
        train(made, batches(seed=6), TrainingConfig(epochs=1), EQUAL, FP32)
        states.append(made.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_another_seed_of_the_batches_gives_other_weights() -> None:
    results = []
    for seed in (1, 2):
        made = network()
        train(made, batches(seed=seed), TrainingConfig(epochs=1), EQUAL, FP32)
        results.append(parameters(made))
    assert not torch.equal(*results)


def test_the_mean_losses_of_first_and_last_epoch_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    losses: list[float] = []
    real = joint.joint_cross_entropy

    def spy(*arguments: object) -> Tensor:
        loss: Tensor = real(*arguments)  # type: ignore[arg-type]
        losses.append(loss.item())
        return loss

    monkeypatch.setattr(joint, "joint_cross_entropy", spy)
    data = FixedBatches(random_batch(seed=1), random_batch(seed=2))
    result = train(network(), data, TrainingConfig(epochs=3), EQUAL, FP32)
    assert len(losses) == 6
    assert result.first_loss == pytest.approx(sum(losses[:2]) / 2)
    assert result.last_loss == pytest.approx(sum(losses[4:]) / 2)


# ---------------------------------------------------------------- settings
def test_every_step_has_the_learning_rate_of_the_one_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    real = torch.optim.SGD.step

    def step(self: torch.optim.SGD, closure: None = None) -> None:
        rates.extend({group["lr"] for group in self.param_groups})
        real(self, closure)

    monkeypatch.setattr(torch.optim.SGD, "step", step)
    config = TrainingConfig(epochs=4, learning_rate=0.05, warmup=0.5)
    train(network(), FixedBatches(random_batch(), random_batch(seed=1)), config, EQUAL, FP32)
    assert rates == [one_cycle(i, 8, 0.05, 0.5) for i in range(8)]


def test_clipping_bounds_the_length_of_a_step() -> None:
    rate, change = one_step(clip_norm=1e-2, weight_decay=0)
    assert (change.norm() / rate).item() == pytest.approx(1e-2, rel=1e-3)


def test_without_clipping_a_step_is_as_long_as_the_gradient() -> None:
    rate, change = one_step(clip_norm=None, weight_decay=0)
    assert (change.norm() / rate).item() > 0.1


def test_weights_decay_but_batch_norms_and_biases_do_not() -> None:
    plain, decayed = (one_step(weight_decay=decay)[1] for decay in (0.0, 0.5))
    sizes = [(p.ndim, p.numel()) for p in network().parameters()]
    parts = zip(sizes, (decayed - plain).split([numel for _, numel in sizes]), strict=True)
    assert {(ndim > 1, bool(part.any())) for (ndim, _), part in parts} == {(True, True), (False, False)}


def test_a_weight_of_zero_leaves_an_exit_untrained() -> None:
    made = network()
    before = {name: p.detach().clone() for name, p in made.named_parameters()}
    config = TrainingConfig(epochs=1, loss="weighted", weight_decay=0)
    train(made, FixedBatches(random_batch()), config, (0.0, 1.0), FP32)
    changed = {name for name, p in made.named_parameters() if not torch.equal(p, before[name])}
    assert not any(name.startswith("parts.0.exit") for name in changed)
    assert any(name.startswith("parts.0.backbone") for name in changed)


def test_the_two_losses_train_different_weights() -> None:
    results = []
    for loss in ("weighted", "gradient_equilibrium"):
        made = network()
        train(made, FixedBatches(random_batch()), TrainingConfig(epochs=1, loss=loss), EQUAL, FP32)
        results.append(parameters(made))
    assert not torch.equal(*results)


def test_the_loss_is_computed_in_fp32_after_bf16_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.dtype] = []
    made = network()
    made.segments()[0].exit.register_forward_hook(lambda _m, _x, y: seen.append(y.dtype))
    real = joint.joint_cross_entropy

    def spy(logits: list[Tensor], *rest: object) -> Tensor:
        seen.extend(z.dtype for z in logits)
        loss: Tensor = real(logits, *rest)  # type: ignore[arg-type]
        return loss

    monkeypatch.setattr(joint, "joint_cross_entropy", spy)
    train(made, FixedBatches(random_batch()), TrainingConfig(epochs=1), EQUAL, torch.bfloat16)
    assert seen == [torch.bfloat16, torch.float32, torch.float32]
    assert all(p.dtype == torch.float32 for p in made.parameters())


# ---------------------------------------------------------------- what cannot go on
def poisoned(batch: tuple[Tensor, Tensor], value: float) -> tuple[Tensor, Tensor]:
    images, labels = batch
    images = images.clone()
    images[0, 0, 0, 0] = value
    return images, labels


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_poisoned_batch_stops_the_training_with_its_reason(value: float) -> None:
    data = FixedBatches(random_batch(), poisoned(random_batch(seed=1), value))
    with pytest.raises(TrainingError, match=r"the loss is NaN or infinite \(epoch 1, step 2 at the latest\)"):
        train(network(), data, TrainingConfig(epochs=5), EQUAL, FP32)


def test_nan_is_noticed_within_an_epoch() -> None:
    data = FixedBatches(poisoned(random_batch(), math.nan), *[random_batch()] * 99)
    with pytest.raises(TrainingError, match="step 16 at the latest"):
        train(network(), data, TrainingConfig(epochs=1), EQUAL, FP32)


def test_an_absurd_learning_rate_stops_the_training() -> None:
    config = TrainingConfig(epochs=2).model_copy(update={"learning_rate": 1e30, "clip_norm": None})
    with pytest.raises(TrainingError, match=r"NaN or infinite|diverged"):
        train(network(), batches(), config, EQUAL, FP32)


def test_a_finite_loss_far_above_chance_is_a_divergence() -> None:
    made = network()
    with torch.no_grad():
        made.segments()[1].exit[-1][-1].bias.copy_(torch.linspace(0, 1000, 10))
    config = TrainingConfig(epochs=1, learning_rate=1e-9)
    with pytest.raises(TrainingError, match=r"training diverged: mean loss .* after epoch 1, chance is 4.61"):
        train(made, batches(), config, EQUAL, FP32)


@pytest.mark.parametrize(("weights", "diverges"), [((1.0, 1e-4), False), ((0.01, 0.01), True)])
def test_chance_follows_from_the_weights_of_the_exits(weights: tuple[float, float], diverges: bool) -> None:
    made = network()
    with torch.no_grad():  # a loss of about 500 at the second exit
        made.segments()[1].exit[-1][-1].bias.copy_(torch.linspace(0, 1000, 10))
    config = TrainingConfig(epochs=1, learning_rate=1e-9, loss="weighted")
    with pytest.raises(TrainingError, match="diverged") if diverges else nullcontext():
        train(made, batches(), config, weights, FP32)


# ---------------------------------------------------------------- logits
def test_logits_are_fp32_of_every_image_exit_and_class() -> None:
    made = network()
    images = torch.randn(5, 1, 8, 8)
    logits = exit_logits(made, iter([images[:3], images[3:]]))
    assert (logits.dtype, logits.shape) == (np.float32, (5, 2, 10))
    with torch.no_grad():
        expected = torch.stack(made.eval()(images), dim=1).numpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


def test_logits_are_those_of_evaluation_mode_and_change_nothing() -> None:
    made = network().train()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    exit_logits(made, iter([torch.randn(5, 1, 8, 8)]))
    assert not made.training
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


def test_an_infinite_logit_is_refused() -> None:
    made = network()
    with torch.no_grad():
        made.segments()[0].exit[-1][-1].bias[0] = math.inf
    with pytest.raises(TrainingError, match="a logit of the trained network is NaN or infinite"):
        exit_logits(made, iter([torch.randn(5, 1, 8, 8)]))
