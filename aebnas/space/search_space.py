"""Staged spaces: from genomes to architectures and back.

``decode`` is canonical: genes that change nothing (a deeper block's kernel, the
width of a pooling module, pooling at 1x1 pixels) leave no trace in the
architecture.  ``encode`` returns one genome that decodes to the architecture.
Must not import torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.space import SpaceConfig
from aebnas.errors import ConfigError
from aebnas.space.api import Architecture, ParameterSlot
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.space.genes import BUDGET_FRACTION, SETTING, THRESHOLDS, Gene, Genome
from aebnas.space.names import STEM
from aebnas.space.staged_rows import grammar_of
from aebnas.space.walks import all_layers, all_slots, count_architectures
from aebnas.task.input_size import Size, size_of
from aebnas.task.input_spec import InputSpec
from aebnas.task.task import Task


class StagedSpace:
    """What can be built from one ``space:`` section."""

    def __init__(
        self,
        config: SpaceConfig,
        own_size: Size,
        budget_fractions: tuple[float, ...] = (1.0,),
        settings: tuple[str, ...] = ("",),
    ) -> None:
        """Describe the space.

        Args:
            config: The validated section.
            own_size: The data's own image size in pixels; one number is height and width.
            budget_fractions: Choices of the ``budget_fraction`` gene, rising, in (0, 1].
            settings: Choices of the ``exit_policy`` gene.
        """
        self.config = config
        self._grammar = grammar_of(config, size_of(own_size))
        if not config.exits.after:
            budget_fractions, settings = budget_fractions[-1:], settings[:1]
        point = (Gene(BUDGET_FRACTION, budget_fractions, THRESHOLDS), Gene(SETTING, settings, SETTING))
        self.budget_fractions, self.settings = budget_fractions, settings
        self.positions: dict[str, Gene] = {gene.name: gene for gene in (*self._grammar.genes(), *point)}
        self.genes = tuple(gene for gene in self.positions.values() if len(gene.choices) > 1)
        self._index = {gene.name: i for i, gene in enumerate(self.genes)}

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Return the number of choices of every gene."""
        return tuple(len(gene.choices) for gene in self.genes)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the stages behind which an exit may stand, in order."""
        return self.config.exit_positions

    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that stages may be made of."""
        return tuple(dict.fromkeys(type_ for stage in self.config.stages for type_ in stage.block.type))

    def sample(self, rng: np.random.Generator) -> Genome:
        """Return a genome with every gene drawn uniformly from its choices."""
        return tuple(int(rng.integers(n)) for n in self.cardinalities)

    def budget_fraction(self, genome: Genome) -> float:
        """Return the share of its own full cost that the individual may spend."""
        return float(self._value(genome, BUDGET_FRACTION))

    def setting(self, genome: Genome) -> str:
        """Return the setting of the exit policy that the individual uses."""
        return str(self._value(genome, SETTING))

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

    def decode(self, genome: Genome) -> StagedArchitecture:
        """Return the canonical architecture of a genome.

        Raises:
            ConfigError: The genome has another length or an index out of range.
        """
        cards = self.cardinalities
        if len(genome) != len(cards) or any(not 0 <= g < n for g, n in zip(genome, cards, strict=True)):
            raise ConfigError(
                f"a genome of this space has {len(cards)} genes in range {cards}, but got {genome}"
            )

        def read(name: str) -> Any:
            return self._value(genome, name)

        resolution = read("resolution")
        features = image(1, size_of(resolution))
        stages, exits, rows = [], [], dict[str, tuple[BlockSpec, ...]]()
        for row in self._grammar.rows:
            blocks, features = row.decode(read, features)
            rows[row.name] = blocks or ()
            if row.count_name:
                stages.append(StageSpec(row.name, blocks or ()))
            modules = row.exit.decode(read, features)[0] if row.exit else None
            if modules is not None:
                exits.append(ExitSpec(row.name, modules))
        final, grammar = self.config.final, self._grammar
        return StagedArchitecture(
            resolution=resolution,
            stem=StemSpec.of(*rows[STEM]),
            stages=tuple(stages),
            exits=tuple(exits),
            final=FinalSpec(final.expand, final.features, grammar.activation, grammar.norm_eps),
        )

    def encode(self, architecture: Architecture) -> Genome:
        """Return the genome of an architecture: inactive genes 0, ``budget_fraction`` at its largest choice.

        Raises:
            ConfigError: The architecture is not in this space.
        """
        values = self.active_genes(architecture)
        genome = tuple(values.get(gene.name, 0) for gene in self.genes)
        if self.decode(genome) != architecture:
            raise ConfigError(f"architecture {architecture.key()} is not in this search space")
        return genome

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name.

        Raises:
            ConfigError: A value is not among the space's choices.
        """
        if not isinstance(architecture, StagedArchitecture):
            raise ConfigError(
                f"architecture {architecture.key()} has no stages: it is of another kind of space"
            )
        found: dict[str, int] = {}

        def put(name: str, choices: tuple[Any, ...], value: Any) -> None:
            if value not in choices:
                listed = ", ".join(str(choice) for choice in choices)
                raise ConfigError(f"{name} = {value!r} is not in this search space. Choices: {listed}")
            found[name] = choices.index(value)

        put("resolution", self._grammar.resolutions, architecture.resolution)
        put(BUDGET_FRACTION, self.budget_fractions, self.budget_fractions[-1])
        put(SETTING, self.settings, self.settings[0])
        parts = {part.name: part for part in architecture.parts()}
        features = image(1, architecture.resolution)
        for row in self._grammar.rows:
            part = parts.get(row.name)
            if part is None:
                raise ConfigError(
                    f"architecture {architecture.key()} has no {row.name!r}: it is of another space"
                )
            features = row.encode(part.blocks, features, put)
            if row.exit is not None:
                row.exit.encode(part.exit.modules if part.exit else None, features, put)
        return found

    def count(self) -> int:
        """Return the exact number of distinct architectures (budget fractions not counted)."""
        return count_architectures(self._grammar)

    def inputs(self, task: Task) -> tuple[InputSpec, ...]:
        """Return everything that networks of the space may ask to take in, each once."""
        return tuple(task.input(size_of(resolution)) for resolution in self._grammar.resolutions)

    def layers(self, task: Task) -> tuple[Layer, ...]:
        """Return every layer that some architecture contains, each once, in a fixed order."""
        return all_layers(self._grammar, task)

    def slots(self, task: Task) -> tuple[ParameterSlot, ...]:
        """Return where a supernet keeps weights, with layers that cover all that can stand there."""
        return tuple(dict.fromkeys(all_slots(self._grammar, task)))

    def _value(self, genome: Genome, name: str) -> Any:
        index = self._index.get(name)
        return self.positions[name].choices[0 if index is None else genome[index]]
