"""What every exit policy must hold to: inherit ``PolicyContract`` and give it the family."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.outcome import outcome_of
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.scores import SCORES
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.policies.table import policy_from_dict
from aebnas.exits.targets import Accuracy, Budget, Guarantee, Target
from aebnas.testing.contract import Contract, inherited

Logits = npt.NDArray[Any]
Labels = npt.NDArray[Any]
Size = tuple[int, int, int, int]


def random_logits(seed: int, samples: int, exits: int, classes: int) -> tuple[Logits, Labels]:
    """Return logits that know the label, later exits better, and the labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=samples)
    logits = random.normal(size=(samples, exits, classes))
    logits[np.arange(samples), :, labels] += 1.0 + np.arange(exits)
    return logits, labels


def random_samples(seed: int, samples: int, exits: int, classes: int) -> ExitSamples:
    """Return samples of such logits, whose exits cost 1, 2, ..."""
    return with_costs(*random_logits(seed, samples, exits, classes))


def with_costs(logits: Logits, labels: Labels) -> ExitSamples:
    """Return the samples of logits, whose exits cost 1, 2, ..."""
    return ExitSamples.of(logits, labels, np.arange(1.0, logits.shape[1] + 1))


def half_budget(exits: int) -> Budget:
    """Return a budget half way between the first exit and the last."""
    return Budget(1.0 + 0.5 * (exits - 1))


sizes = st.tuples(st.integers(0, 10_000), st.integers(1, 25), st.integers(1, 4), st.integers(2, 5))
targets = st.sampled_from(
    [half_budget(3), Budget(0.1), Accuracy(0.9), Guarantee(0.2, 0.7), Guarantee(0.3, None)]
)


def stored_scores(samples: ExitSamples) -> ExitSamples:
    """Return the samples as a run stores them of every candidate: without logits."""
    scores = {name: samples.logits.scores(name) for name in SCORES}
    answers = samples.logits.predictions.astype(np.uint16)
    return ExitSamples.of_scores(scores, answers, samples.labels, samples.reach_cost)


class PolicyContract(Contract):
    """Tests of an exit policy; a subclass says which family."""

    @abstractmethod
    def family(self) -> PolicyFamily:
        """Return the family, with its options."""

    def fitted(self, samples: ExitSamples, target: Target | None = None) -> ExitPolicy:
        """Return the policy that a target picks; None: half of the full cost."""
        return (target or half_budget(samples.exits)).fit(self.family(), samples).policy

    @inherited
    @given(size=sizes, target=targets)
    def test_logits_after_the_chosen_exit_change_nothing(self, size: Size, target: Target) -> None:
        logits, labels = random_logits(*size)
        policy = self.fitted(with_costs(logits, labels), target)
        chosen = policy.decide(logits)
        later = np.arange(logits.shape[1]) > chosen[:, np.newaxis]
        changed = np.where(later[:, :, np.newaxis], -7.0 * logits[:, :, ::-1], logits)
        assert policy.decide(changed).tolist() == chosen.tolist()

    @inherited
    @given(size=sizes, target=targets)
    def test_a_batch_is_decided_as_sample_by_sample_online(self, size: Size, target: Target) -> None:
        logits, labels = random_logits(*size)
        policy = self.fitted(with_costs(logits, labels), target)
        online = []
        for sample in logits:
            exits = range(len(sample))
            online.append(next(e for e in exits if policy.leave(e, sample[np.newaxis, : e + 1])[0]))
        assert policy.decide(logits).tolist() == online

    @inherited
    @given(size=sizes, target=targets)
    def test_a_policy_survives_json(self, size: Size, target: Target) -> None:
        logits, labels = random_logits(*size)
        policy = self.fitted(with_costs(logits, labels), target)
        text = json.dumps(policy.to_dict(), allow_nan=False)
        again = policy_from_dict(json.loads(text))
        assert again == policy
        assert again.decide(logits).tolist() == policy.decide(logits).tolist()

    @inherited
    @given(size=sizes, target=targets)
    def test_the_same_calibration_samples_give_the_same_policy(self, size: Size, target: Target) -> None:
        assert self.fitted(random_samples(*size), target) == self.fitted(random_samples(*size), target)

    @inherited
    @given(size=sizes)
    def test_scoring_other_samples_leaves_the_policy_and_its_samples_as_they_were(self, size: Size) -> None:
        logits, labels = random_logits(*size)
        policy = self.fitted(with_costs(logits, labels))
        written, others = policy.to_dict(), random_logits(size[0] + 1, *size[1:])
        before = others[0].copy()
        outcome_of(policy, with_costs(*others))
        assert policy.to_dict() == written
        assert others[0].tolist() == before.tolist()

    @inherited
    @given(size=sizes, target=targets)
    def test_the_target_check_is_what_the_decisions_lead_to(self, size: Size, target: Target) -> None:
        samples = random_samples(*size)
        result = target.fit(self.family(), samples)
        chosen = result.policy.decide(samples.logits)
        rows = np.arange(len(samples))
        assert result.target_check.accuracy == pytest.approx(samples.correct[rows, chosen].mean())
        assert result.target_check.cost == pytest.approx(samples.reach_cost[chosen].mean())
        assert result.target_check.is_met == (result.target_check.best is None)

    def test_with_one_exit_everyone_leaves_there(self) -> None:
        samples = random_samples(0, samples=6, exits=1, classes=3)
        for target in (Budget(1.0), Accuracy(0.5), Guarantee(0.3, 0.5)):
            assert self.fitted(samples, target).decide(samples.logits).tolist() == [0] * 6

    def test_two_classes_are_enough_to_leave_early(self) -> None:
        samples = random_samples(1, samples=200, exits=3, classes=2)
        assert self.fitted(samples).decide(samples.logits).min() < 2

    def test_one_sample_is_enough_to_fit_and_decide(self) -> None:
        samples = random_samples(2, samples=1, exits=3, classes=4)
        for target in (half_budget(3), Accuracy(0.9), Guarantee(0.1)):
            assert self.fitted(samples, target).decide(samples.logits).shape == (1,)

    def test_samples_that_look_alike_leave_together(self) -> None:
        samples = with_costs(np.tile(np.arange(3.0), (20, 4, 1)), np.arange(20) % 3)
        for target in (half_budget(4), Accuracy(0.3), Accuracy(1.0), Guarantee(0.2, 0.5)):
            policy = self.fitted(samples, target)
            assert len(set(policy.decide(samples.logits).tolist())) == 1

    def test_a_budget_no_exit_is_within_is_missed_by_the_first_exits_cost(self) -> None:
        samples = random_samples(4, samples=60, exits=3, classes=3)
        target_check = Budget(0.25, unit="ms").fit(self.family(), samples).target_check
        assert not target_check.is_met
        assert target_check.best == 1.0
        assert target_check.shortfall == pytest.approx(target_check.cost - 0.25)
        assert "missed by" in target_check.text()

    def test_an_accuracy_nobody_reaches_is_missed_by_what_is_missing(self) -> None:
        logits, labels = random_logits(5, samples=300, exits=3, classes=3)
        samples = with_costs(0.3 * logits, np.roll(labels, 30))  # a tenth of the labels' worth is lost
        target_check = Accuracy(0.999).fit(self.family(), samples).target_check
        assert not target_check.is_met
        assert target_check.shortfall == pytest.approx(0.999 - target_check.accuracy)
        assert target_check.best is not None
        assert target_check.accuracy <= target_check.best < 0.999

    def test_the_path_runs_from_expensive_to_cheap(self) -> None:
        samples = random_samples(6, samples=200, exits=4, classes=3)
        path = self.family().path(samples, samples.correct)
        costs = [outcome_of(policy, samples).cost for policy in path]
        assert costs == sorted(costs, reverse=True)

    def test_a_family_fits_stored_scores_unless_it_says_that_it_needs_logits(self) -> None:
        samples, family = random_samples(8, samples=200, exits=3, classes=4), self.family()
        stored = stored_scores(samples)
        if family.needs_logits:
            with pytest.raises(DataError, match="needs the logits"):
                family.path(stored, stored.correct)
            return
        assert family.path(stored, stored.correct) == family.path(samples, samples.correct)
        for target in (Budget(1.7), Accuracy(0.6), Guarantee(0.2), Guarantee(0.2, None)):
            assert target.fit(family, stored) == target.fit(family, samples)

    def test_a_larger_budget_is_spent_on_later_exits(self) -> None:
        samples = random_samples(7, samples=500, exits=4, classes=3)
        cheap, expensive = (
            outcome_of(self.fitted(samples, Budget(budget)), samples).cost for budget in (1.4, 2.6)
        )
        assert cheap < expensive <= 2.6 * (1 + 1e-9)

    def test_logits_that_are_not_numbers_are_refused(self) -> None:
        logits, labels = random_logits(3, samples=5, exits=3, classes=4)
        policy = self.fitted(with_costs(logits, labels))
        logits[2, 1, 0] = np.nan
        with pytest.raises(DataError, match="sample 2 at exit 1"):
            policy.decide(logits)
        with pytest.raises(DataError, match="finite"):
            policy.leave(1, logits[:, :2])
        with pytest.raises(DataError, match="finite"):
            self.fitted(with_costs(logits, labels))

    def test_another_number_of_exits_is_refused(self) -> None:
        samples = random_samples(0, samples=30, exits=3, classes=3)
        logits, _ = random_logits(0, samples=5, exits=4, classes=3)
        with pytest.raises(ShapeError, match="3 exits"):
            self.fitted(samples).decide(logits)

    def test_leaving_needs_the_logits_up_to_an_exit_that_exists(self) -> None:
        samples = random_samples(0, samples=30, exits=3, classes=3)
        policy = self.fitted(samples)
        with pytest.raises(ShapeError, match="At exit 1"):
            policy.leave(1, samples.logits.values)
        with pytest.raises(DataError, match=r"0 <= exit_index <= 2"):
            policy.leave(3, samples.logits.values)
