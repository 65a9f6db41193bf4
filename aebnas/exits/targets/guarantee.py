"""The lowest mean cost with a promise on harm, tested on samples that built no policy.

Must not import torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aebnas.errors import DataError
from aebnas.exits.core.outcome import Outcomes, PolicyOutcome
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import never_leave
from aebnas.exits.policies.family import PolicyFamily
from aebnas.exits.risk_control import conformal_risk_control, harm_of, learn_then_test, samples_needed
from aebnas.exits.targets.target import FittedPolicy, Target

_PATH_SHARE = 0.5  # of the calibration samples; the rest test the path
_SPLIT_SEED = 0


@dataclass(frozen=True)
class Guarantee(Target):
    """The lowest mean cost at which early answers do harm to at most ``max_harm`` of the samples.

    Harm: the early answer is wrong and the last exit's is right.

    Attributes:
        max_harm: Share of samples, 0 < ``max_harm`` < 1.
        confidence: The probability, over calibration sets, with which the promise holds
            (learn-then-test); None: the expected harm keeps to it (conformal risk control).
    """

    max_harm: float
    confidence: float | None = 0.9

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is no share between 0 and 1.
        """
        if not 0 < self.max_harm < 1:
            raise DataError(f"`0 < max_harm < 1` must hold, but got {self.max_harm}.")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise DataError(f"`0 < confidence < 1` must hold, but got {self.confidence}.")

    @property
    def amount(self) -> float:
        """The harm promised."""
        return self.max_harm

    def text(self) -> str:
        """Return the target in words."""
        if self.confidence is None:
            return f"expected harm <= {self.max_harm:.2%}"
        return f"harm <= {self.max_harm:.2%} with confidence {self.confidence:.0%}"

    def pick(self, path: Sequence[ExitPolicy], samples: ExitSamples) -> int:
        """Return the fastest policy that the samples clear, else the first.

        The first must harm nobody, and no policy may have been built on these samples.
        """
        harm = harm_of(path, samples)
        if self.confidence is None:
            return conformal_risk_control(harm, self.max_harm) or 0
        return learn_then_test(harm, self.max_harm, self.confidence) or 0

    def fit(self, family: PolicyFamily, samples: ExitSamples) -> FittedPolicy:
        """Build the family's path on one part of the samples, and pick on the other."""
        full = never_leave(samples.exits)
        needed = samples_needed(self.max_harm, self.confidence)
        testing = len(samples) - round(_PATH_SHARE * len(samples))
        if len(samples) < 2 or testing < needed:
            note = (
                f"{testing} samples test the promise, and at least {needed} are needed before any "
                "early answer can be cleared: the last exit answers everything."
            )
            return FittedPolicy(full, self.check(full, samples).noting((note,)))
        building, test = samples.split(_PATH_SHARE, _SPLIT_SEED)
        path: list[ExitPolicy] = [full, *family.path(building, building.harmless)]
        kept = self.pick(path, test)
        notes = family.notes(building, path[kept])
        if not kept:
            notes += ("No early answer could be cleared: the last exit answers everything.",)
        return FittedPolicy(path[kept], self.check(path[kept], samples).noting(notes))

    def shortfall(self, outcome: PolicyOutcome) -> float:
        """Return 0: the last exit alone keeps every promise on harm."""
        return 0.0

    def format_shortfall(self, shortfall: float) -> str:
        """Return a share of harm."""
        return f"{shortfall:.2%}"

    def nearest(self, outcomes: Outcomes) -> float:
        """Return the least harm."""
        return float(outcomes.harm.min())

    def format_nearest(self, value: float) -> str:
        """Return the least harm in words."""
        return f"a harm of {value:.2%}"
