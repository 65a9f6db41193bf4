"""A whole search-space file as frozen, validated models.

The models say what is allowed and the documented default of every field;
``aebnas.config.source`` reads the YAML and gives every error its file and line.
Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WrapValidator, model_validator

from aebnas.config.choices import Frozen, Items, Wrong, reject
from aebnas.config.outside import names_in
from aebnas.config.sections.any_space import AnySpace
from aebnas.config.sections.constraints import (
    Bound,
    MetricName,
    ObjectiveName,
    profile_names,
    wrong_constraints,
    wrong_devices,
    wrong_objectives,
    wrong_start,
)
from aebnas.config.sections.datasets import known_or_outside, wrong_options
from aebnas.config.sections.evaluation import EvaluationConfig, with_usual_plan, wrong_evaluation
from aebnas.config.sections.exits import ExitsConfig, traded_cost
from aebnas.config.sections.losses import wrong_exit_weights
from aebnas.config.sections.pixels import Pixels
from aebnas.config.sections.policies import Share
from aebnas.config.sections.space import Name
from aebnas.config.sections.supernet import SupernetConfig
from aebnas.config.sections.surrogate import SurrogateConfig, SurrogateName
from aebnas.config.sections.training import TrainingConfig, wrong_beginning
from aebnas.extensions.names import is_outside
from aebnas.task.metrics.metric import OfAnswers
from aebnas.task.metrics.table import metric_of

KnownName = Literal["mnist5k", "digits", "fashion_mnist", "cifar10", "cifar100", "svhn"]
DatasetName = Annotated[KnownName, WrapValidator(known_or_outside)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=1)]
SixteenBitDepth = Literal[8, 10, 12, 14, 16]
"""Bits that 16-bit files were read with."""


class SplitConfig(Frozen):
    """Shares of the training data; the test split is never part of them."""

    train: Share = 0.8
    """Share that trains the weights."""
    calibrate: Share = 0.1
    """Share that tunes thresholds."""
    select: Share = 0.1
    """Share that scores candidates."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> SplitConfig:
        total = self.train + self.calibrate + self.select
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + calibrate + select must be 1, but they sum to {total:.6g}")
        return self


class DataConfig(Frozen):
    """Where the images come from: exactly one of name, folder, npz."""

    name: DatasetName | None = None
    """A known dataset, or a function of your own code that returns one: package.module:function."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Arguments of that function."""
    folder: Text | None = None
    """A folder of class folders of images (optionally under train/, test/ and val/)."""
    npz: Text | None = None
    """An .npz file with x_train, y_train and optionally x_test, y_test (uint8 images), or names like them."""
    root: Text | None = None
    """Where the official files lie already; default: they are downloaded to the user's cache."""
    image_size: Pixels | None = None
    """Bring images of a folder to this height = width or [height, width]; without it sizes may not differ."""
    first_label: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    """Label of the first class in an .npz file, for labels that do not count from 0."""
    split: SplitConfig = SplitConfig()
    """The three disjoint splits of the training data."""
    test_share: Share = 0.16
    """Share cut off as test data first, where no official test split exists."""
    split_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the splits; not the search's seed, so that runs of different seeds share their splits."""
    limit: Annotated[int, Field(ge=10)] | None = None
    """Use only this many training images (a stratified subset), for a quick try."""

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        given = [key for key in ("name", "folder", "npz") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of name, folder, npz must be given, but got {', '.join(given) or 'none'}"
            )
        wrong: list[Wrong] = []
        for key, source in (("root", "name"), ("image_size", "folder"), ("first_label", "npz")):
            if getattr(self, key) is not None and source not in given:
                wrong.append(((key,), f"goes with data.{source}, but data.{given[0]} is given; remove it"))
        if self.options and not self.is_outside:
            wrong.append((("options",), "go with a name from outside, package.module:function; remove them"))
        wrong += wrong_options(str(self.name), self.options) if self.is_outside else []
        reject(wrong)
        return self

    @property
    def is_outside(self) -> bool:
        """Return whether the data come from a function of the user's own code."""
        return is_outside(self.name)


class SearchConfig(Frozen):
    """How architectures are proposed, and when to stop."""

    algorithm: Literal["nsga2", "random"] = "nsga2"
    """nsga2, or random search with the same budget as a baseline."""
    population: Annotated[int, Field(ge=2, le=10_000)] = 24
    """Individuals that survive a generation."""
    offspring: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """New architectures per generation; default: population."""
    generations: Count = 6
    """Generations, the initial one included."""
    max_trainings: Count | None = None
    """Stop after so many candidates; where a share is trained further, after as many full trainings."""
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    """Stop after so many minutes; a supernet's training is never cut.  Not exactly repeatable then."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the search and of every training."""
    budget_fractions: Annotated[
        Items[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1, max_length=64)
    ] = (0.25, 0.35, 0.5, 0.65, 0.8, 1.0)
    """Choices of the budget_fraction gene: shares of a candidate's own full cost."""
    max_per_architecture: Count = 3
    """Individuals of one architecture in the population."""
    crossover: Literal["uniform", "stagewise", "mixed"] = "mixed"
    """Exchange genes one by one, whole stages and exits, or either at random."""
    crossover_rate: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of pairs that are crossed."""
    mutation_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    """Probability that a gene is drawn anew; default: 1.5 / number of genes, at least one gene per child."""
    initial_max_macs: Annotated[float, Field(gt=0)] | None = None
    """Draw architectures of the first generation again whose MACs to the last exit exceed this (EEEA-Net)."""
    initial_max_params: Annotated[float, Field(gt=0)] | None = None
    """Draw architectures of the first generation again that have more parameters than this (EEEA-Net)."""
    surrogate: SurrogateName = "none"
    """What predicts candidates, so that the promising are trained first; auto: the best of the others."""
    surrogate_options: SurrogateConfig = SurrogateConfig()
    """How the surrogate proposes, and when it is switched off."""

    @model_validator(mode="after")
    def _consistent(self) -> SearchConfig:
        wrong: list[Wrong] = []
        if list(self.budget_fractions) != sorted(set(self.budget_fractions)):
            wrong.append((("budget_fractions",), f"must rise, but got {list(self.budget_fractions)}"))
        if self.surrogate != "none" and self.algorithm != "nsga2":
            message = f"goes with algorithm: nsga2, but algorithm is {self.algorithm}; set surrogate: none"
            wrong.append((("surrogate",), message))
        if self.surrogate == "none" and self.surrogate_options != SurrogateConfig():
            message = "go with a surrogate, but surrogate is none; set surrogate: auto, or remove them"
            wrong.append((("surrogate_options",), message))
        reject(wrong)
        return self


class WorkersConfig(Frozen):
    """Who trains."""

    mode: Literal["ray", "serial"] = "ray"
    """ray: a pool of processes; serial: in this process, for debugging."""
    count: Count | Literal["auto"] = "auto"
    """Number of workers; auto: one per GPU share, or one per core without GPUs."""
    gpus_per_worker: Annotated[float, Field(ge=0, le=64)] | Literal["auto"] = "auto"
    """GPUs of one worker, fractions allowed; auto: 1 where there is a GPU, else 0."""
    cpus_per_worker: Annotated[float, Field(gt=0, le=1024)] = 1
    """Cores of one worker."""
    address: Text | None = None
    """Address of an existing Ray cluster."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a candidate is tried again whose worker died."""
    timeout_minutes: Annotated[float, Field(gt=0)] = 240
    """A candidate that takes longer is taken to hang and recorded as failed."""


class ReportConfig(Frozen):
    """What the report page shows."""

    enabled: bool = True
    """Write report.html, pareto.csv and winners/ at the end of a search."""
    max_candidates: Count = 1000
    """Candidates whose curves are drawn, the best first."""


class SearchFile(Frozen):
    """One search-space file: data, space, objectives, constraints, training, search, workers."""

    name: Name
    """Name of the run: runs/NAME."""
    data: DataConfig
    """Images and splits."""
    space: AnySpace
    """What can be built."""
    code_folder: Text | None = None
    """Where modules named as package.module:Name are looked for first; default: the folder of this file."""
    hardware: Items[Text] = ()
    """Hardware profiles, as in [hardware_profiles/NAME.yaml]: for latency_ms and energy_mj."""
    objectives: Annotated[Items[ObjectiveName], Field(min_length=2, max_length=3)] = ("error", "macs")
    """Two or three quantities to minimise; exits trade the first cost after error for accuracy."""
    constraints: dict[MetricName, Bound] = Field(default_factory=dict)
    """Limits on measured quantities; infeasible candidates always lose against feasible ones."""
    exits: ExitsConfig = ExitsConfig()
    """When a sample leaves."""
    training: TrainingConfig = TrainingConfig()
    """How one candidate is trained."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """How a candidate is scored."""
    supernet: SupernetConfig = SupernetConfig()
    """How the shared weights are trained, for the fidelity inherited."""
    search: SearchConfig = SearchConfig()
    """How architectures are proposed."""
    workers: WorkersConfig = WorkersConfig()
    """Who trains."""
    report: ReportConfig = ReportConfig()
    """What the report shows."""

    @model_validator(mode="after")
    def _usual_plan(self) -> SearchFile:
        section = with_usual_plan(self.evaluation, self.space, self.training)
        object.__setattr__(self, "evaluation", section)  # nobody has seen this file yet
        return self

    @model_validator(mode="after")
    def _consistent(self) -> SearchFile:
        search, bounds = self.search, self.constraints
        wrong = wrong_objectives(self.objectives, bounds, self.profiles)
        wrong += wrong_constraints(bounds, self.profiles)
        wrong += wrong_devices(self.hardware, self.objectives, bounds)
        wrong += self.exits.wrong_budget(self.profiles, self.objectives)
        wrong += wrong_start(search.initial_max_macs, search.initial_max_params, bounds)
        if search.surrogate != "none" and len(self.exits.policy) > 1:
            message = (
                "models one exit policy, but exits has choices; set surrogate: none, or choose one policy"
            )
            wrong.append((("search", "surrogate"), message))
        wrong += wrong_evaluation(self.evaluation, self.training, search.surrogate)
        wrong += wrong_beginning(self.training, self.space)
        reject(wrong + self._wrong_exit_weights())
        return self

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the names of the hardware profiles."""
        return profile_names(self.hardware)

    @property
    def outside_names(self) -> tuple[str, ...]:
        """Return the names of code from outside, ``package.module:Name``, each once."""
        return names_in(self.model_dump(mode="json"))

    @property
    def cost_metric(self) -> str:
        """Return what exits trade for accuracy.

        What the target bounds; else the first objective that thresholds can change, or macs.
        """
        return traded_cost(self.exits, self.objectives, self.profiles)

    @property
    def measured(self) -> tuple[str, ...]:
        """Return the metrics that objectives or constraints name and that are stored with operating curves.

        Those that are computed from answers, and all from outside: their code may be missing later.
        """
        asked = dict.fromkeys((*self.objectives, *self.constraints))
        return tuple(name for name in asked if is_outside(name) or isinstance(metric_of(name), OfAnswers))

    @property
    def budget_fractions(self) -> tuple[float, ...]:
        """Return the choices of the budget_fraction gene; with a target a candidate is one point."""
        return self.search.budget_fractions if self.exits.target is None else (1.0,)

    @property
    def settings(self) -> tuple[str, ...]:
        """Return the choices of the exit_policy gene; one without a name where it is none."""
        return tuple(self.exits.settings)

    def _wrong_exit_weights(self) -> list[Wrong]:
        weights, positions = self.training.exit_weights, self.space.exit_positions
        if weights is None or positions is None:
            return []
        message = wrong_exit_weights(weights, len(positions) + 1)
        return [] if message is None else [(("training", "loss", "exit_weights"), message)]
