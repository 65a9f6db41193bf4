"""The joint loss against torch, the learning rate at the places that define it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from aebnas.training.losses.losses import joint_cross_entropy
from aebnas.training.schedule import one_cycle


def logits(exits: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(exits)
    labels = torch.randint(7, (9,), generator=generator)
    return [torch.randn(9, 7, generator=generator) for _ in range(exits)], labels


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0), (0.2, 0.0, 2.0)])
def test_the_joint_loss_is_the_weighted_sum_of_torchs_losses(
    weights: tuple[float, ...], smoothing: float
) -> None:
    outputs, labels = logits(len(weights))
    each = [cross_entropy(z, labels, label_smoothing=smoothing) for z in outputs]
    expected = sum(w * loss for w, loss in zip(weights, each, strict=True))
    assert joint_cross_entropy(outputs, labels, weights, smoothing).item() == pytest.approx(float(expected))


def test_smoothing_spreads_its_share_over_all_classes() -> None:
    outputs, labels = logits(1)
    logs = torch.log_softmax(outputs[0], dim=1)
    target = torch.nn.functional.one_hot(labels, 7) * 0.8 + 0.2 / 7
    expected = -(target * logs).sum(1).mean()
    assert joint_cross_entropy(outputs, labels, (1.0,), 0.2).item() == pytest.approx(expected.item())


def test_a_weight_too_few_is_refused() -> None:
    outputs, labels = logits(3)
    with pytest.raises(ValueError, match="zip"):
        joint_cross_entropy(outputs, labels, (1.0, 1.0))


def test_the_rate_starts_at_a_25th_peaks_and_ends_at_a_10000th() -> None:
    rates = [one_cycle(step, 101, 0.5, 0.25) for step in range(101)]
    assert rates[0] == pytest.approx(0.5 / 25)
    assert max(rates) == pytest.approx(0.5, rel=1e-3)
    assert rates.index(max(rates)) in (25, 26)
    assert rates[-1] == pytest.approx(0.5 / 1e4)


def test_half_way_up_the_rate_is_the_mean_of_start_and_peak() -> None:
    assert one_cycle(10, 80, 1.0, 0.25) == pytest.approx((1 + 1 / 25) / 2)


def test_without_warmup_the_rate_starts_at_the_peak() -> None:
    assert one_cycle(0, 10, 0.3, 0.0) == pytest.approx(0.3)


@given(st.integers(1, 500), st.floats(1e-6, 100), st.floats(0, 0.999))
def test_the_rate_rises_then_falls_within_its_bounds(steps: int, peak: float, warmup: float) -> None:
    rates = [one_cycle(step, steps, peak, warmup) for step in range(steps)]
    assert all(peak / 1e4 * (1 - 1e-9) <= rate <= peak * (1 + 1e-9) for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
