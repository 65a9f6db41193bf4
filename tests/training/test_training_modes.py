"""Ways of training: each does what its formula says, on tiny networks, bit for bit where it is promised."""

import math

import numpy as np
import pytest
import torch
from small_training import FP32, FixedBatches, batches, network, random_batch, two_exits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aebnas.blocks.block import BlockSpec
from aebnas.config.sections.losses import LOSS_NAMES, BoostedConfig, loss_named
from aebnas.config.sections.training import TrainingConfig
from aebnas.errors import TrainingError
from aebnas.exits.core.scores import softmax
from aebnas.exits.policies.jei import gate_features as cached_gate_features
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification
from aebnas.training.losses.distillation import distillation_loss
from aebnas.training.losses.jei import (
    ExitGates,
    exit_probabilities,
    gate_features,
    jei,
    jei_loss,
    relative_cost,
)
from aebnas.training.losses.modes import MODES
from aebnas.training.phase import first_epochs
from aebnas.training.train import train

EQUAL = (1.0, 1.0)


def network_for(config: TrainingConfig, seed: int = 0) -> EarlyExitNetwork:
    torch.manual_seed(seed)
    return EarlyExitNetwork(two_exits(), classification(1, 10), config.boosting_coefficient)


def one_exit(boosting_coefficient: float = 0.0) -> EarlyExitNetwork:
    torch.manual_seed(0)
    stages = (StageSpec("stage1", (BlockSpec("residual", 3, 8),)),)
    final = FinalSpec(0, 0, "relu")
    return EarlyExitNetwork(
        StagedArchitecture(8, StemSpec(3, 1, 8, "relu"), stages, (), final),
        classification(1, 10),
        boosting_coefficient,
    )


def random_logits(exits: int = 3, classes: int = 5) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(exits)
    made = [torch.randn(7, classes, generator=generator, dtype=torch.float64) for _ in range(exits)]
    return [2 * z for z in made], torch.randint(classes, (7,), generator=generator)


def state(of: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in of.state_dict().items()}


def changed(made: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, value in made.state_dict().items() if not torch.equal(value, before[name])}


# ---------------------------------------------------------------- all of them
def test_every_loss_of_the_configuration_has_a_mode() -> None:
    assert tuple(MODES) == LOSS_NAMES


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_mode_learns_real_digits(loss: str) -> None:
    config = TrainingConfig(epochs=6, learning_rate=0.5, loss=loss)
    made = network_for(config)
    train(made, batches(), config, EQUAL, FP32)
    x, labels = next(iter(batches(seed=9, batch_size=512)))
    with torch.no_grad():
        answers = [z.argmax(dim=1) for z in made.eval()(x)]
    assert min((answer == labels).float().mean() for answer in answers) > 0.6


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_mode_repeats_itself_and_leaves_all_weights_trainable(loss: str) -> None:
    config = TrainingConfig(epochs=2, loss=loss)
    states = []
    for _ in range(2):
        made = network_for(config)
        result = train(made, FixedBatches(random_batch(), random_batch(seed=1)), config, EQUAL, FP32)
        states.append((state(made), result))
        assert made.training
        assert all(p.requires_grad for p in made.parameters())
        assert all(part.training for part in made.modules())
    assert states[0][1] == states[1][1]
    assert not changed(made, states[0][0])


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_mode_trains_a_network_without_early_exits(loss: str) -> None:
    config = TrainingConfig(epochs=6, loss=loss)
    made = one_exit(config.boosting_coefficient)
    before = state(made)
    train(made, FixedBatches(random_batch()), config, (1.0,), FP32)
    assert changed(made, before) == set(before)


@pytest.mark.parametrize("loss", ["self_distillation", "boosted", "frozen", "jei"])
def test_every_mode_notices_that_it_cannot_go_on(loss: str) -> None:
    images, labels = random_batch()
    images[0, 0, 0, 0] = math.nan
    config = TrainingConfig(epochs=2, loss=loss)
    with pytest.raises(TrainingError, match="the loss is NaN or infinite"):
        train(network_for(config), FixedBatches((images, labels)), config, EQUAL, FP32)


# ---------------------------------------------------------------- sums
def test_uniform_is_the_plain_sum() -> None:
    trained = []
    for loss in ("uniform", "weighted"):
        made = network()
        train(made, FixedBatches(random_batch()), TrainingConfig(epochs=1, loss=loss), EQUAL, FP32)
        trained.append(state(made))
    assert not changed(made, trained[0])


def test_one_step_of_uniform_follows_torchs_own_gradient() -> None:
    """The last weights get the sum's gradient, the others no equilibrium either."""
    config = TrainingConfig(epochs=1, loss="uniform", momentum=0, weight_decay=0, clip_norm=None)
    made, twin = network(), network()
    x, labels = random_batch()
    torch.stack([cross_entropy(z, labels) for z in twin(x)]).sum().backward()
    train(made, FixedBatches((x, labels)), config, EQUAL, FP32)
    rate = config.learning_rate / 25
    for (name, p), q in zip(made.named_parameters(), network().parameters(), strict=True):
        expected = q - rate * dict(twin.named_parameters())[name].grad
        torch.testing.assert_close(p.detach(), expected.detach(), rtol=1e-5, atol=1e-7)


# ---------------------------------------------------------------- self-distillation
def test_the_distillation_loss_is_its_formula() -> None:
    logits, labels = random_logits()
    a, T = 0.3, 4.0
    expected = 0.0
    for e, z in enumerate(logits):
        hard = -torch.log_softmax(z, 1)[torch.arange(7), labels].mean()
        p, q = torch.softmax(logits[-1] / T, 1), torch.softmax(z / T, 1)
        soft = (p * (p.log() - q.log())).sum(1).mean()
        expected += hard if e == 2 else (1 - a) * hard + a * T**2 * soft
    assert distillation_loss(logits, labels, a, T).item() == pytest.approx(float(expected), rel=1e-12)


def test_without_its_share_distillation_is_the_sum_of_cross_entropies() -> None:
    logits, labels = random_logits()
    expected = sum(cross_entropy(z, labels, label_smoothing=0.1) for z in logits)
    assert distillation_loss(logits, labels, 0.0, 3.0, 0.1).item() == pytest.approx(float(expected))


def test_the_teacher_learns_from_the_labels_alone() -> None:
    logits, labels = random_logits()
    for z in logits:
        z.requires_grad_()
    distillation_loss(logits, labels, 1.0, 3.0).backward()
    teacher = logits[-1].detach().requires_grad_()
    cross_entropy(teacher, labels).backward()
    assert logits[-1].grad is not None
    torch.testing.assert_close(logits[-1].grad, teacher.grad)
    assert all(z.grad is not None and z.grad.abs().sum() > 0 for z in logits[:-1])


# ---------------------------------------------------------------- boosted
def test_boosted_training_ensembles_as_inference_does() -> None:
    config = TrainingConfig(epochs=1, loss="boosted")
    made = network_for(config)
    seen: list[list[Tensor]] = []
    hook = made.register_forward_hook(lambda _m, _x, out: seen.append([z.detach() for z in out]))
    own = [
        part.exit.register_forward_hook(lambda _m, _x, out, i=i: own_logits[i].append(out.detach()))
        for i, part in enumerate(made.segments())
    ]
    own_logits: tuple[list[Tensor], list[Tensor]] = ([], [])
    train(made, FixedBatches(random_batch()), config, EQUAL, FP32)
    for handle in (hook, *own):
        handle.remove()
    assert torch.equal(seen[0][0], own_logits[0][0])
    assert torch.equal(seen[0][1], own_logits[1][0] + BoostedConfig.boosting_coefficient * own_logits[0][0])


def test_a_plain_network_cannot_be_trained_boosted() -> None:
    with pytest.raises(
        TrainingError, match=r"needs a network built with boosting_coefficient=0\.5, but this one has 0"
    ):
        train(network(), FixedBatches(random_batch()), TrainingConfig(loss="boosted"), EQUAL, FP32)


# ---------------------------------------------------------------- frozen
def test_a_frozen_backbone_is_bit_identical_to_one_trained_without_early_heads() -> None:
    """Phase two leaves no trace in backbone and last exit: weights and batch-norm statistics."""
    data = FixedBatches(random_batch(), random_batch(seed=1))
    config = TrainingConfig(epochs=4, loss={"name": "frozen", "first_phase": 0.5})
    made, alone = network(), network()
    first, second = MODES["frozen"](made, config, EQUAL)
    assert (first.epochs, second.epochs) == (2, 2)
    train(made, data, config, EQUAL, FP32)
    short = TrainingConfig(epochs=2, loss="weighted")
    train(alone, data, short, (0.0, 1.0), FP32)
    early = {name for name in made.state_dict() if name.startswith("parts.0.exit")}
    assert not changed(made, state(alone)) - early
    assert changed(made, state(network())) == set(made.state_dict())


def test_early_heads_wait_for_their_phase_untouched() -> None:
    config = TrainingConfig(epochs=2, loss="frozen")
    made = network()
    before, states = state(made), []
    made.register_forward_pre_hook(lambda module, _x: states.append(state(module)))
    train(made, FixedBatches(random_batch(), random_batch(seed=1)), config, EQUAL, FP32)
    early = {name for name in before if name.startswith("parts.0.exit")}
    assert len(states) == 4
    begun = {name for name in before if not torch.equal(states[2][name], before[name])}
    assert begun == set(before) - early
    assert changed(made, states[2]) == early


@pytest.mark.parametrize(
    ("epochs", "share", "first"), [(8, 0.5, 4), (2, 0.99, 1), (2, 0.01, 1), (10, 0.25, 2)]
)
def test_each_phase_has_an_epoch_at_least(epochs: int, share: float, first: int) -> None:
    assert first_epochs(epochs, share) == first


# ---------------------------------------------------------------- jei
def test_the_jei_loss_is_its_formula() -> None:
    logits, labels = random_logits()
    logits.reverse()  # now each exit is the best for some
    gates = torch.tensor([[0.2, -1.0], [3.0, 0.5], [-2.0, 1.0], [0.0, 0.0], [1.0, -3.0], [2.0, 2.0], [-1, 1]])
    gates, cost = gates.double(), torch.tensor([0.1, 0.3, 0.4], dtype=torch.float64)
    ce = torch.stack([-torch.log_softmax(z, 1)[torch.arange(7), labels] for z in logits], 1)
    expected = 0.0
    for n in range(7):
        g = torch.sigmoid(gates[n])
        second = min(float(g[1]), 1 - float(g[0]))
        p = (float(g[0]), second, 1 - float(g[0]) - second)
        expected += sum(p[e] * float(ce[n, e]) for e in range(3)) / 7
    best = [min(range(3), key=lambda e, n=n: float(ce[n, e] + cost[e])) for n in range(7)]
    for e in range(2):
        ones = sum(b <= e for b in best)
        assert 0 < ones < 7
        weight = min((7 - ones) / ones, 5.0)
        for n in range(7):
            g = float(torch.sigmoid(gates[n, e]))
            expected += (-weight * math.log(g) if best[n] <= e else -math.log(1 - g)) / 7
    assert jei_loss(logits, labels, gates, cost).item() == pytest.approx(expected, rel=1e-9)


def test_exit_probabilities_sum_to_one_and_are_never_negative() -> None:
    gates = torch.tensor([[0.2, 0.3], [0.9, 0.8], [1.0, 1.0], [0.0, 0.0]])
    expected = [[0.2, 0.3, 0.5], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    torch.testing.assert_close(exit_probabilities(gates), torch.tensor(expected))


def test_the_gates_see_the_features_of_the_gates_fitted_later() -> None:
    logits = 3 * random_logits()[0][0]
    cached = cached_gate_features(softmax(logits.numpy()))
    np.testing.assert_allclose(gate_features(logits).numpy(), cached, rtol=1e-6, atol=1e-7)


def test_jei_moves_heads_and_gates_but_neither_backbone_nor_last_exit() -> None:
    made, (x, labels) = network(), random_batch()
    _, phase = jei(made, TrainingConfig(epochs=2, loss={"name": "jei", "exit_price": 0.0}), EQUAL)
    gates = phase.companion
    assert isinstance(gates, ExitGates)
    nn.init.constant_(gates.bias, 1.0)  # at one half, rarity balances ones and zeros exactly
    for part in phase.frozen:
        part.requires_grad_(False)
    phase.loss(made(x), labels).backward()
    with_gradient = {name for name, p in made.named_parameters() if p.grad is not None and p.grad.any()}
    assert with_gradient
    assert all(name.startswith("parts.0.exit") for name in with_gradient)
    assert all(p.grad is not None and p.grad.any() for p in gates.parameters())


def test_the_gates_gradient_stays_in_the_gates() -> None:
    """Heads are trained by their own part of the loss: gates judge what they cannot change."""
    logits, _ = random_logits()
    for z in logits:
        z.requires_grad_()
    gates = ExitGates(2).double()
    with torch.no_grad():
        gates.weight.fill_(0.3)
    gates(logits[:-1]).sum().backward()
    assert all(z.grad is None for z in logits)


def test_jei_leaves_backbone_and_last_exit_bit_identical_in_its_second_phase() -> None:
    made, states = network(), []
    config = TrainingConfig(epochs=2, loss="jei")
    made.register_forward_pre_hook(lambda module, _x: states.append(state(module)))
    train(made, FixedBatches(random_batch(), random_batch(seed=1)), config, EQUAL, FP32)
    early = {name for name in states[0] if name.startswith("parts.0.exit")}
    assert changed(made, states[2]) == early


def test_a_more_expensive_last_exit_opens_more_gates() -> None:
    shares = []
    for price in (0.0, 3.0):
        made = network()
        config = TrainingConfig(epochs=4, learning_rate=0.5, loss={"name": "jei", "exit_price": price})
        train(
            made,
            batches(),
            config.model_copy(update={"loss": loss_named("gradient_equilibrium")}),
            EQUAL,
            FP32,
        )
        _, phase = jei(made, config, EQUAL)
        assert phase.companion is not None
        optimizer = torch.optim.SGD(phase.companion.parameters(), lr=0.5)
        made.eval()
        x, labels = next(iter(batches(seed=2, batch_size=512)))
        with torch.no_grad():
            logits = made(x)
        for _ in range(60):
            optimizer.zero_grad()
            phase.loss(logits, labels).backward()
            optimizer.step()
        shares.append((phase.companion(logits[:-1]) >= 0).float().mean().item())
    assert shares[1] > shares[0]


def test_costs_are_shares_of_the_full_macs() -> None:
    reach = network_cost(two_exits(), classification(1, 10)).reach_macs
    assert relative_cost(network()).tolist() == pytest.approx([reach[0] / reach[1], 1.0])
