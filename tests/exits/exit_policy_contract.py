"""What every exit policy must hold to: inherit ``ExitPolicyContract`` and give it the policy."""

import json
from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aebnas.errors import DataError
from aebnas.exits.policies import ExitPolicy, FitTarget, Labels, Logits, policy_from_dict


def random_samples(seed: int, samples: int, exits: int, classes: int) -> tuple[Logits, Labels]:
    """Logits that know the label, later exits better."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=samples)
    logits = random.normal(size=(samples, exits, classes))
    logits[np.arange(samples), :, labels] += 1.0 + np.arange(exits)
    return logits, labels


def target(exits: int, share: float = 0.5) -> FitTarget:
    reach_cost = tuple(float(i + 1) for i in range(exits))
    return FitTarget(reach_cost, 1.0 + share * (exits - 1))


sizes = st.tuples(st.integers(0, 10_000), st.integers(1, 25), st.integers(1, 4), st.integers(2, 5))


# each subclass runs the same test: only a database of failures, which there is none of, could mix them up
inherited = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])


class ExitPolicyContract(ABC):
    """One test per law; a subclass says how to make an unfitted policy."""

    @abstractmethod
    def unfitted(self) -> ExitPolicy: ...

    def fitted(self, logits: Logits, labels: Labels) -> ExitPolicy:
        return self.unfitted().fit(logits, labels, target(logits.shape[1]))

    @inherited
    @given(size=sizes)
    def test_logits_after_the_chosen_exit_change_nothing(self, size: tuple[int, int, int, int]) -> None:
        logits, labels = random_samples(*size)
        policy = self.fitted(logits, labels)
        chosen = policy.decide(logits)
        later = np.arange(logits.shape[1]) > chosen[:, np.newaxis]
        changed = np.where(later[:, :, np.newaxis], -7.0 * logits[:, :, ::-1], logits)
        assert policy.decide(changed).tolist() == chosen.tolist()

    @inherited
    @given(size=sizes)
    def test_a_batch_is_decided_as_sample_by_sample_online(self, size: tuple[int, int, int, int]) -> None:
        logits, labels = random_samples(*size)
        policy = self.fitted(logits, labels)
        online = []
        for sample in logits:
            exits = range(len(sample))
            online.append(next(e for e in exits if policy.leave(e, sample[np.newaxis, : e + 1])[0]))
        assert policy.decide(logits).tolist() == online

    @inherited
    @given(size=sizes)
    def test_a_policy_survives_json(self, size: tuple[int, int, int, int]) -> None:
        logits, labels = random_samples(*size)
        policy = self.fitted(logits, labels)
        text = json.dumps(policy.to_dict(), allow_nan=False)
        again = policy_from_dict(json.loads(text))
        assert again == policy
        assert again.decide(logits).tolist() == policy.decide(logits).tolist()

    def test_with_one_exit_everyone_leaves_there(self) -> None:
        logits, labels = random_samples(0, samples=6, exits=1, classes=3)
        assert self.fitted(logits, labels).decide(logits).tolist() == [0] * 6

    def test_two_classes_are_enough_to_leave_early(self) -> None:
        logits, labels = random_samples(1, samples=200, exits=3, classes=2)
        assert set(self.fitted(logits, labels).decide(logits).tolist()) > {0}

    def test_one_sample_is_enough_to_fit_and_decide(self) -> None:
        logits, labels = random_samples(2, samples=1, exits=3, classes=4)
        assert self.fitted(logits, labels).decide(logits).shape == (1,)

    def test_samples_that_look_alike_leave_together(self) -> None:
        logits = np.tile(np.arange(3.0), (20, 4, 1))
        policy = self.fitted(logits, np.arange(20) % 3)
        assert len(set(policy.decide(logits).tolist())) == 1

    def test_logits_that_are_not_numbers_are_refused(self) -> None:
        logits, labels = random_samples(3, samples=5, exits=3, classes=4)
        policy = self.fitted(logits, labels)
        logits[2, 1, 0] = np.nan
        with pytest.raises(DataError, match="sample 2 at exit 1"):
            policy.decide(logits)
        with pytest.raises(DataError, match="finite"):
            policy.leave(1, logits[:, :2])
        with pytest.raises(DataError, match="finite"):
            self.fitted(logits, labels)
