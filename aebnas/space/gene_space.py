"""What all kinds of search space have in common: genomes, as indices into the choices of named genes.

Must not import torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from aebnas.blocks.layer import Layer
from aebnas.errors import ConfigError
from aebnas.space.api import Architecture, CutPlace, GivenNetwork, ParameterSlot
from aebnas.space.genes import BUDGET_FRACTION, SETTING, THRESHOLDS, Gene, Genome
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task


class GeneSpace(ABC):
    """A space whose networks follow from genes; obeys ``aebnas.space.api.SearchSpace``.

    A subclass says which genes there are and what a genome means: ``decode``, ``active_genes``, ``count``,
    ``layers``, and what its networks may ask for.
    """

    def __init__(
        self, genes: Iterable[Gene], budget_fractions: Sequence[float], settings: Sequence[str]
    ) -> None:
        """Describe the genome.

        Args:
            genes: By distinct names, in order; one with a single choice is fixed and no position.
            budget_fractions: Choices of the gene ``budget_fraction``, rising, in (0, 1]; without early exits
                the last one alone.
            settings: Choices of the gene ``exit_policy``; without early exits the first one alone.
        """
        if not self.exit_positions:
            budget_fractions, settings = budget_fractions[-1:], settings[:1]
        self.budget_fractions, self.settings = tuple(budget_fractions), tuple(settings)
        point = (
            Gene(BUDGET_FRACTION, self.budget_fractions, THRESHOLDS),
            Gene(SETTING, self.settings, SETTING),
        )
        self.positions: dict[str, Gene] = {gene.name: gene for gene in (*genes, *point)}
        self.genes = tuple(gene for gene in self.positions.values() if len(gene.choices) > 1)
        self._index = {gene.name: i for i, gene in enumerate(self.genes)}

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what people should know of it, in sentences; nothing."""
        return ()

    def cut_places(self) -> tuple[CutPlace, ...]:
        """Return where a network that a user brought can be cut; none: the space builds its own."""
        return ()

    def baselines(self) -> tuple[Genome, ...]:
        """Return networks without exits that every search evaluates first; none: all are drawn."""
        return ()

    @abstractmethod
    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Return everything that networks of the space may take in, each once."""

    @property
    @abstractmethod
    def exit_positions(self) -> tuple[str, ...]:
        """Return the names that early exits may have, in order; known before ``__init__`` is called."""

    @abstractmethod
    def decode(self, genome: Genome) -> Architecture:
        """Return the canonical architecture of a genome: equal networks are equal architectures.

        Raises:
            ConfigError: The genome has another length or an index out of range.
        """

    @abstractmethod
    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name.

        ``budget_fraction`` stands at its last choice and ``exit_policy`` at its first.

        Raises:
            ConfigError: The architecture is not of this space.
        """

    @abstractmethod
    def count(self) -> int:
        """Return the exact number of distinct architectures."""

    @abstractmethod
    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Return every layer that some architecture contains, each once, in a fixed order."""

    @abstractmethod
    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that backbones may be made of."""

    def given_networks(self, task: Task) -> tuple[GivenNetwork, ...]:
        """Return the trained networks that exits may stand on; mostly none."""
        return ()

    def slots(self, task: Task) -> Sequence[ParameterSlot]:
        """Return where a supernet keeps weights; none: candidates of this space cannot inherit."""
        return ()

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Return the number of choices of every gene."""
        return tuple(len(gene.choices) for gene in self.genes)

    def sample(self, rng: np.random.Generator) -> Genome:
        """Return a genome with every gene drawn uniformly from its choices."""
        return tuple(int(rng.integers(n)) for n in self.cardinalities)

    def encode(self, architecture: Architecture) -> Genome:
        """Return a genome of an architecture: inactive genes 0, ``budget_fraction`` at its largest choice.

        Raises:
            ConfigError: The architecture is not in this space.
        """
        values = self.active_genes(architecture)
        genome = tuple(values.get(gene.name, 0) for gene in self.genes)
        if self.decode(genome) != architecture:
            raise ConfigError(f"architecture {architecture.key()} is not in this search space")
        return genome

    def budget_fraction(self, genome: Genome) -> float:
        """Return the share of its own full cost that the individual may spend."""
        return float(self.choice(genome, BUDGET_FRACTION))

    def setting(self, genome: Genome) -> str:
        """Return the setting of the exit policy that the individual uses."""
        return str(self.choice(genome, SETTING))

    def at_point(self, genome: Genome, budget_fraction: float, setting: str = "") -> Genome:
        """Return the genome with other choices of the genes ``budget_fraction`` and ``exit_policy``.

        Raises:
            ValueError: A value is not among the choices.
        """
        moved = list(genome)
        for name, index in (
            (BUDGET_FRACTION, self.budget_fractions.index(budget_fraction)),
            (SETTING, self.settings.index(setting)),
        ):
            if name in self._index:
                moved[self._index[name]] = index
        return tuple(moved)

    def choice(self, genome: Genome, name: str) -> Any:
        """Return what a genome chooses for a gene, or what is fixed there."""
        index = self._index.get(name)
        return self.positions[name].choices[0 if index is None else genome[index]]

    def check(self, genome: Genome) -> None:
        """Refuse what is no genome of this space.

        Raises:
            ConfigError: It has another length or an index out of range.
        """
        cards = self.cardinalities
        if len(genome) != len(cards) or any(not 0 <= g < n for g, n in zip(genome, cards, strict=True)):
            raise ConfigError(
                f"a genome of this space has {len(cards)} genes in range {cards}, but got {genome}"
            )

    def indices(self, choices: dict[str, Any]) -> dict[str, int]:
        """Return ``active_genes`` for what an architecture chose.

        Args:
            choices: By the name of each gene that acts in it.

        Raises:
            ConfigError: A value is not among a gene's choices.
        """
        own = {BUDGET_FRACTION: self.budget_fractions[-1], SETTING: self.settings[0]}
        return {
            name: choice_index(name, self.positions[name].choices, value)
            for name, value in (choices | own).items()
        }


def choice_index(name: str, choices: tuple[Any, ...], value: Any) -> int:
    """Return the index of a choice.

    Raises:
        ConfigError: It is none of the choices.
    """
    if value not in choices:
        listed = ", ".join(str(choice) for choice in choices)
        raise ConfigError(f"{name} = {value!r} is not in this search space. Choices: {listed}")
    return choices.index(value)
