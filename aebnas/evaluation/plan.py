"""The plan of a search: its fidelities in order, each with who gets that far.

A fidelity is a way in which a candidate gets its weights: inherited from a supernet, trained for so many
epochs, or exits trained on a network that somebody brought.  A plan of one is a plain search; where each
generation keeps a share for the next one, it is successive halving; where the best of the whole search are
taken further, in its end, these are its finals.
Results are filed under (architecture, fidelity): nothing that is found later takes an earlier place.

Each training between two fidelities has a whole one-cycle schedule of its own and begins with the weights
of the one before (a warm restart, SGDR).  One cycle over the whole training, cut where a candidate stops,
would compare networks at their highest learning rate, where accuracy says least; and what stops early has to
be a finished network, as it competes on the front.

Source: Karnin et al. (ICML 2013); Jamieson & Talwalkar (AISTATS 2016, arXiv 1502.07943), whose batch is
fixed; Hyperband (JMLR 2018, arXiv 1603.06560), of which a generation is one bracket; SGDR (ICLR 2017, arXiv
1608.03983).  Must not import torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from aebnas.config.schema import SearchFile
from aebnas.config.sections.fidelities.kinds import SUFFIX_DIGITS, FidelityOptions
from aebnas.config.sections.fidelities.plan import FIDELITY_CONFIGS
from aebnas.config.sections.training import TrainingConfig


@dataclass(frozen=True)
class Fidelity:
    """One step of a plan."""

    level: int
    """Its place, from 0."""
    name: str
    """Under which results are filed: it says all that a candidate went through until then."""
    options: FidelityOptions
    before: int
    """Epochs that a candidate has behind it whose training this one continues; 0: it begins one."""
    epochs: int
    """Of training that a candidate has then."""

    @property
    def keep(self) -> int | Fraction | None:
        """Return who goes on to it: a share of each generation, or so many of the whole search."""
        return self.options.keep

    @property
    def trains(self) -> bool:
        """Return whether its candidates count as trained networks."""
        return self.options.trains

    @property
    def network_epochs(self) -> int:
        """Return the epochs of whole networks: branches on a network that stays as it is are none."""
        return self.epochs if self.options.trains_whole_networks else 0

    @property
    def continues(self) -> bool:
        """Return whether it begins with the weights that the fidelity before left."""
        return self.before > 0

    @property
    def word(self) -> str:
        """Return what a candidate's weights then are: ``trained``, ``as inherited``, ``fine-tuned``."""
        return self.options.word()


@dataclass(frozen=True)
class Step:
    """What is done with one candidate now: it is taken to a fidelity of the plan."""

    level: int
    weights: bytes | None = None
    """As the fidelity before left them, as ``weight_bytes`` writes them, where this one continues."""


StepOf = Callable[[str], Step]
"""From a candidate's key to what is done with it."""


def first_step(key: str) -> Step:
    """Return the first step of a plan, which every candidate takes."""
    return Step(0)


@dataclass(frozen=True)
class Plan:
    """The fidelities of a search."""

    fidelities: tuple[Fidelity, ...]

    @cached_property
    def of_generations(self) -> tuple[Fidelity, ...]:
        """Return those that candidates of every generation get to: the first, then by shares."""
        return tuple(fidelity for fidelity in self.fidelities if not isinstance(fidelity.keep, int))

    @cached_property
    def finals(self) -> tuple[Fidelity, ...]:
        """Return those that the best of the whole search get to, in its end."""
        return tuple(fidelity for fidelity in self.fidelities if isinstance(fidelity.keep, int))

    @property
    def final_trainings(self) -> int:
        """Return how many trainings there are behind the last generation, at most."""
        return sum(fidelity.keep for fidelity in self.finals if isinstance(fidelity.keep, int))

    @property
    def is_uneven(self) -> bool:
        """Return whether some candidates get further than others."""
        return len(self.fidelities) > 1

    @property
    def halves(self) -> bool:
        """Return whether a share of each generation gets further."""
        return len(self.of_generations) > 1

    @property
    def shares_weights(self) -> bool:
        """Return whether candidates need weights that are shared."""
        return any(fidelity.options.shares_weights for fidelity in self.fidelities)

    @property
    def are_trainings(self) -> bool:
        """Return whether every candidate of a generation is trained, as a whole network."""
        options = self.fidelities[0].options
        return options.trains and options.trains_whole_networks

    @property
    def is_frozen(self) -> bool:
        """Return whether candidates are exits on a network that somebody brought and that stays as it is."""
        return any(fidelity.options.is_frozen for fidelity in self.fidelities)

    @property
    def full_epochs(self) -> int:
        """Return the epochs of a full training: the longest that a generation gets to."""
        return self.of_generations[-1].epochs

    def named(self, name: str) -> Fidelity:
        """Return the fidelity of a name; of one that the plan does not have, the first."""
        return next((fidelity for fidelity in self.fidelities if fidelity.name == name), self.fidelities[0])

    def work_epochs(self, level: int) -> int:
        """Return the epochs by which a candidate at a fidelity is held against ``max_training_macs``.

        All that its generation may still train it for, so that none begins that must not end.
        """
        return max(self.fidelities[level].network_epochs, self.of_generations[-1].network_epochs)

    def going_on(self, level: int, done: int) -> int:
        """Return how many of ``done`` candidates at the fidelity before get to this one, rounded up."""
        share = self.fidelities[level].keep
        return math.ceil(done * share) if isinstance(share, Fraction) else done

    def cost(self, level: int) -> int:
        """Return the epochs that a candidate took until a fidelity."""
        return sum(fidelity.epochs - fidelity.before for fidelity in self.fidelities[: level + 1])

    def cost_of_batch(self, candidates: int) -> int:
        """Return the epochs of a generation in which nothing fails."""
        total, count = 0, candidates
        for fidelity in self.of_generations:
            count = self.going_on(fidelity.level, count)
            total += count * (fidelity.epochs - fidelity.before)
        return total

    def affordable(self, candidates: int, epochs: int) -> int:
        """Return how large a generation, of at most ``candidates``, fits into so many epochs."""
        if self.cost_of_batch(candidates) <= epochs:
            return candidates
        low, high = 0, candidates  # low fits, high does not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.cost_of_batch(middle) <= epochs else (low, middle)
        return low


def longest_training(plan: Plan, training: TrainingConfig) -> TrainingConfig:
    """Return the settings of training, with the epochs of the longest one of the plan."""
    epochs = [fidelity.epochs for fidelity in plan.fidelities if fidelity.trains]
    return training.model_copy(update={"epochs": max(epochs)}) if epochs else training


def is_name(text: str) -> bool:
    """Return whether a fidelity of some plan could have this name."""
    part_of_name = rf"({'|'.join(FIDELITY_CONFIGS)})\d*(\.[0-9a-f]{{{SUFFIX_DIGITS}}})?"
    return all(re.fullmatch(part_of_name, part) for part in text.split("-"))


def plan_of(config: SearchFile) -> Plan:
    """Return the plan of a search-space file, every default filled in."""
    fidelities: list[Fidelity] = []
    for options in config.evaluation.fidelities:
        epochs = options.total_epochs(config.training.epochs)
        last = fidelities[-1] if fidelities else None
        before = last.epochs if last is not None and last.options.leaves_epochs else 0
        word = f"{options.kind}{epochs}{options.suffix()}" if options.trains else options.kind
        name = word if last is None else f"{last.name}-{word}"
        fidelities.append(Fidelity(len(fidelities), name, options, before, epochs))
    return Plan(tuple(fidelities))
