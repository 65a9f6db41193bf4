"""What happens during a search, for whoever listens: the live view, JSON lines, tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aebnas.evaluation.record import Evaluation
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.fronts.individuals import FrontPoint


@dataclass(frozen=True)
class SearchStarted:
    """The search begins or is replayed."""

    run: str
    generations: int
    planned: int
    """Trainings of the whole run if nothing ends it early; the space may hold fewer architectures."""
    max_trainings: int | None
    max_minutes: float | None
    known: int
    """Evaluations that the run store holds already."""
    finals: int = 0
    """Of what is planned, the trainings of the best in the end."""
    spent_seconds: float = 0.0
    """Of earlier sessions, which ``max_minutes`` counts too."""
    are_trainings: bool = True
    """Whether candidates are trained as whole networks; else most of what is planned are no trainings."""


@dataclass(frozen=True)
class Warned:
    """Something that a person should know, and that stops nothing."""

    text: str


@dataclass(frozen=True)
class Noted:
    """Something that a person may want to know."""

    text: str


@dataclass(frozen=True)
class WorkersStarted:
    """The pool exists; it is made when the first candidate has to be trained."""

    count: int


@dataclass(frozen=True)
class WorkersChanged:
    """Nodes of the cluster were lost or have joined: it holds another number of workers."""

    count: int


@dataclass(frozen=True)
class SupernetProgress:
    """How far the training of the supernet is."""

    step: int
    steps: int
    loss: float
    """Mean over the latest steps, networks and branches, summed over exits, in nats."""
    seconds: float
    """Of this session."""
    accuracies: dict[str, list[float]] | None = None
    """Now and then: of the ``smallest``, a ``middle`` and the ``largest`` network, by exit, on calibrate."""


@dataclass(frozen=True)
class SupernetReady:
    """Candidates can inherit."""

    path: str
    origin: str
    """``trained``, ``known`` (it was there already) or the path of the file that it was copied from."""
    record: dict[str, Any] = field(default_factory=dict)
    """How its training went: see ``aebnas.supernet.training_loop``."""


@dataclass(frozen=True)
class FeaturesProgress:
    """How far a given network's features are kept, on which heads are trained."""

    network: str
    """Which network, at which resolution."""
    done: int
    """Blocks of images that are on disk."""
    blocks: int
    seconds: float
    """Of this session."""


@dataclass(frozen=True)
class CandidateStarted:
    """A worker begins to train a candidate."""

    key: str
    busy: int
    """Workers at work, this one included."""


@dataclass(frozen=True)
class CandidateFinished:
    """A candidate is evaluated."""

    evaluation: Evaluation
    cached: bool
    """Whether the run store knew the answer."""
    busy: int


@dataclass(frozen=True)
class FidelityFinished:
    """Where a share of each generation goes on: all candidates that got so far are at a fidelity."""

    number: int
    """From 1."""
    fidelities: int
    epochs: int
    """Of training of each candidate in all."""
    candidates: int
    """That got to this fidelity, failed ones included."""
    going_on: int
    """Of them, those that are taken further."""


@dataclass(frozen=True)
class FinalsChosen:
    """The best candidates of the search are trained further, in its end."""

    candidates: int
    unknown: int
    """Of them, those that the run store does not know yet."""
    epochs: int
    fidelity: str
    """At which they stand."""


@dataclass(frozen=True)
class WorkerLost:
    """A worker died; its candidate is tried again or recorded as failed."""

    key: str
    reason: str
    retry: bool


@dataclass(frozen=True)
class PredictedCandidate:
    """What the surrogate said of one candidate before it was trained, and what was observed."""

    key: str
    source: str
    """Who proposed it: ``surrogate``, ``exploration`` or ``plain`` (NSGA-II)."""
    predicted: float
    """Error, averaged over the budget fractions."""
    observed: float
    """The same, measured."""


@dataclass(frozen=True)
class SurrogateStatus:
    """How the surrogate does: what it was believed in one generation, and how that turned out."""

    is_on: bool
    """Whether it proposed in this generation."""
    reason: str
    """Why it did or did not."""
    models: dict[str, str]
    """The model of every quantity, refitted in this generation."""
    fold_tau: dict[str, float]
    """Kendall's tau of every quantity on trainings left out of the fit, before this generation."""
    tau: float | None
    """Of errors predicted before training, over the last generations; None: too few yet."""
    compared: int
    """Candidates that ``tau``, ``bias`` and ``coverage`` are told from."""
    bias: float | None
    """Mean of the errors observed minus those predicted."""
    coverage: float | None
    """Share of errors observed within the predicted 90% interval."""
    gains: dict[str, float]
    """Mean hypervolume that one candidate added, by who proposed it, over the same generations."""
    chance: float | None
    """Probability that a candidate of the surrogate adds more than one of plain NSGA-II, ties by half."""
    predictions: tuple[PredictedCandidate, ...]
    """The candidates of this generation that finished."""


@dataclass(frozen=True)
class Generation:
    """One generation, told to the proposer."""

    number: int
    """From 1."""
    proposed: tuple[str, ...]
    """Keys of its architectures in ask order."""
    trainings: int
    """Candidates evaluated since the run's start, failed ones included."""
    failed: int
    hypervolume: float
    """Of the feasible front, as a share of the box between the ideal point 0 and ``reference``."""
    front: tuple[FrontPoint, ...] = field(default=())
    is_complete: bool = True
    """False where the search was stopped in its middle."""
    surrogate: SurrogateStatus | None = None
    """None without a surrogate, in the first generation and where the search was stopped."""
    finals: tuple[FinalTraining, ...] = ()
    """Of the last generation, told once more behind the final trainings of the run's best candidates."""
    reached: Mapping[str, str] = field(default_factory=dict)
    """Where a share goes on: the fidelity at which each of its candidates stands, by key."""
    full_trainings: float | None = None
    """What ``trainings`` are worth, counted in epochs, of training.epochs each; None: each is a full one."""

    def summary(self, reference: Sequence[float]) -> dict[str, Any]:
        """Return what a run keeps of it, fit for JSON; what there is not leaves no trace.

        Args:
            reference: Worst point of the hypervolume.
        """
        summary: dict[str, Any] = {
            "number": self.number,
            "proposed": self.proposed,
            "trainings": self.trainings,
            "failed": self.failed,
            "hypervolume": self.hypervolume,
            "reference": reference,
            "front": [point.name() for point in self.front],
            "is_complete": self.is_complete,
        }
        if self.surrogate is not None:
            summary["surrogate"] = asdict(self.surrogate)
        if self.finals:
            summary["finals"] = [asdict(final) for final in self.finals]
        if self.reached:
            summary["reached"] = dict(self.reached)
        if self.full_trainings is not None:
            summary["full_trainings"] = self.full_trainings
        return summary


Event = (
    SearchStarted
    | Warned
    | Noted
    | WorkersStarted
    | WorkersChanged
    | SupernetProgress
    | SupernetReady
    | FeaturesProgress
    | CandidateStarted
    | CandidateFinished
    | FidelityFinished
    | FinalsChosen
    | WorkerLost
    | Generation
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
