"""What every training loss must hold to."""

from __future__ import annotations

from abc import abstractmethod

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from aebnas.testing.contract import Contract, inherited
from aebnas.training.losses.loss import TrainingLoss

Size = tuple[int, int, int, int]
sizes = st.tuples(st.integers(0, 10_000), st.integers(2, 16), st.integers(1, 4), st.integers(2, 10))


class LossContract(Contract):
    """Tests of a training loss; a subclass says which."""

    @abstractmethod
    def loss(self) -> TrainingLoss:
        """Return the loss, with its options."""

    @inherited
    @given(sizes)
    def test_a_batch_has_one_finite_loss(self, size: Size) -> None:
        logits, labels = _batch(size)
        value = self.loss().loss(logits, labels, _weights(size))
        assert value.shape == ()
        assert torch.isfinite(value)

    @inherited
    @given(sizes)
    def test_a_step_against_its_gradient_lowers_it(self, size: Size) -> None:
        logits, labels = _batch(size)
        value = self.loss().loss(logits, labels, _weights(size))
        value.backward()
        stepped = [
            exit_logits.detach() - 1e-2 * (0 if exit_logits.grad is None else exit_logits.grad)
            for exit_logits in logits
        ]
        assert self.loss().loss(stepped, labels, _weights(size)) <= value.detach() + 1e-6

    @inherited
    @given(sizes)
    def test_the_last_exit_learns(self, size: Size) -> None:
        logits, labels = _batch(size)
        self.loss().loss(logits, labels, _weights(size)).backward()
        grad = logits[-1].grad
        assert grad is not None
        assert grad.abs().max() > 0

    @inherited
    @given(sizes)
    def test_a_batch_given_twice_has_the_loss_of_once(self, size: Size) -> None:
        logits, labels = _batch(size)
        doubled = [torch.cat([exit_logits, exit_logits]) for exit_logits in logits]
        once = self.loss().loss(logits, labels, _weights(size))
        twice = self.loss().loss(doubled, torch.cat([labels, labels]), _weights(size))
        assert torch.allclose(once, twice, atol=1e-4)

    @inherited
    @given(sizes)
    def test_who_knows_nothing_has_not_diverged(self, size: Size) -> None:
        logits, labels = _batch(size)
        nothing = [torch.zeros_like(exit_logits) for exit_logits in logits]
        chance = self.loss().chance(size[3], _weights(size))
        assert self.loss().loss(nothing, labels, _weights(size)) <= 3 * chance


def _weights(size: Size) -> tuple[float, ...]:
    return (1.0,) * size[2]


def _batch(size: Size) -> tuple[list[Tensor], Tensor]:
    seed, samples, exits, classes = size
    torch.manual_seed(seed)
    logits = [torch.randn(samples, classes, requires_grad=True) for _ in range(exits)]
    return logits, torch.randint(classes, (samples,))
