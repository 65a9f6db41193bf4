"""Gradients between backward and step: equilibrium as IMTA defines it, and one norm for all."""

import copy
import math

import pytest
import torch
from nets.test_early_exit_network import architecture, batch, network
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aebnas.nets.network import EarlyExitNetwork
from aebnas.task.task import classification
from aebnas.training.gradients import GradientRule, equilibrium_shares


class ScaleGradient(torch.autograd.Function):
    """The identity with a scaled gradient: how IMTA is written down."""

    @staticmethod
    def forward(ctx: object, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factor, None  # type: ignore[attr-defined]


def as_published(made: EarlyExitNetwork, x: Tensor) -> list[Tensor]:
    """Forward with IMTA's scaling at every exit: head 1 / (E - i), later exits (E - i - 1) / (E - i)."""
    logits = []
    for i, part in enumerate(made.segments()):
        features, remaining = part.backbone(x), made.exits - i
        logits.append(part.exit(ScaleGradient.apply(features, 1 / remaining)))  # type: ignore[no-untyped-call]
        x = ScaleGradient.apply(features, (remaining - 1) / remaining)  # type: ignore[no-untyped-call]
    return logits


def gradients(made: EarlyExitNetwork, rule: bool, published: bool = False) -> dict[str, Tensor]:
    made = copy.deepcopy(made)
    x, labels = batch()
    logits = as_published(made, x) if published else made(x)
    torch.stack([cross_entropy(z, labels) for z in logits]).sum().backward()
    if rule:
        GradientRule(list(made.parameters()), equilibrium_shares(made), None).apply()
    return {name: p.grad for name, p in made.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("exits", [1, 2, 3, 4])
def test_shares_after_the_passes_are_what_imta_scales_during_them(exits: int) -> None:
    made = network(exits)
    ours, published = gradients(made, rule=True), gradients(made, rule=False, published=True)
    assert set(ours) == set(published) == set(dict(made.named_parameters()))
    for name, expected in published.items():
        torch.testing.assert_close(ours[name], expected, rtol=1e-9, atol=1e-12)


def test_the_forward_pass_is_bit_identical_with_the_rule_and_without() -> None:
    plain, made = network(), network()
    made.load_state_dict(plain.state_dict())
    x, labels = batch()
    torch.stack([cross_entropy(z, labels) for z in made(x)]).sum().backward()
    GradientRule(list(made.parameters()), equilibrium_shares(made), None).apply()
    for a, b in zip(plain(x), made(x), strict=True):
        assert torch.equal(a, b)


def test_an_exits_own_weights_keep_their_whole_gradient_and_shared_ones_do_not() -> None:
    made = network()
    plain, balanced = gradients(made, rule=False), gradients(made, rule=True)
    for name, gradient in plain.items():
        segment = int(name.split(".")[1])
        share = 1 / (3 - segment) if ".backbone." in name else 1.0
        torch.testing.assert_close(balanced[name], gradient * share, rtol=1e-12, atol=0)


def weights_with(*gradients: list[float] | None) -> list[nn.Parameter]:
    found = []
    for one in gradients:
        weight = nn.Parameter(torch.zeros(len(one or [0.0])))
        weight.grad = None if one is None else torch.tensor(one)
        found.append(weight)
    return found


def test_clipping_counts_scaled_gradients_and_keeps_their_direction() -> None:
    first, untrained, second = weights_with([6.0, 0.0], None, [0.0, 8.0])
    GradientRule([first, untrained, second], {first: 0.5}, 1.0).apply()
    norm = math.hypot(3, 8)
    assert first.grad is not None
    assert second.grad is not None
    assert first.grad.tolist() == pytest.approx([3 / norm, 0])
    assert second.grad.tolist() == pytest.approx([0, 8 / norm])
    assert untrained.grad is None


def test_a_small_norm_is_left_alone() -> None:
    (weight,) = weights_with([0.3, 0.4])
    GradientRule([weight], {}, 1.0).apply()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.tensor([0.3, 0.4]))


def test_clipping_is_torchs_own() -> None:
    made, twin = network(), network()
    for one in (made, twin):
        x, labels = batch()
        torch.stack([10 * cross_entropy(z, labels) for z in one(x)]).sum().backward()
    GradientRule(list(made.parameters()), {}, 2.0).apply()
    nn.utils.clip_grad_norm_(twin.parameters(), 2.0)
    for p, q in zip(made.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_without_any_gradient_nothing_happens() -> None:
    (weight,) = weights_with(None)
    GradientRule([weight], {weight: 0.5}, 1.0).apply()
    assert weight.grad is None


def test_every_backbone_weight_has_a_share_and_no_other() -> None:
    made = EarlyExitNetwork(architecture(3), classification(3, 5))
    shares = equilibrium_shares(made)
    names = {name for name, p in made.named_parameters() if p in shares}
    assert names == {name for name, _ in made.named_parameters() if ".backbone." in name}
