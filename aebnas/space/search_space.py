"""Staged spaces: from genomes to architectures and back.

``decode`` is canonical: genes that change nothing (a deeper block's kernel, the
width of a pooling module, pooling at 1x1 pixels) leave no trace in the
architecture.  ``encode`` returns one genome that decodes to the architecture.
Must not import torch.
"""

from __future__ import annotations

from typing import Any

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.config.sections.space import SpaceConfig
from aebnas.errors import ConfigError
from aebnas.space.api import Architecture, ParameterSlot
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.space.gene_space import GeneSpace, choice_index
from aebnas.space.genes import BUDGET_FRACTION, SETTING, Genome
from aebnas.space.names import STEM
from aebnas.space.staged_rows import grammar_of
from aebnas.space.walks import all_layers, all_slots, count_architectures
from aebnas.task.input_size import Size, size_of
from aebnas.task.input_spec import InputSpec, Normalisation
from aebnas.task.task import Task


class StagedSpace(GeneSpace):
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
        own = config.normalisation
        self._normalisation = None if own is None else Normalisation(own.mean, own.std)
        super().__init__(self._grammar.genes(), budget_fractions, settings)

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the stages behind which an exit may stand, in order."""
        return self.config.exit_positions

    def backbone_types(self) -> tuple[str, ...]:
        """Return the kinds of blocks that stages may be made of."""
        return tuple(dict.fromkeys(type_ for stage in self.config.stages for type_ in stage.block.type))

    def decode(self, genome: Genome) -> StagedArchitecture:
        """Return the canonical architecture of a genome.

        Raises:
            ConfigError: The genome has another length or an index out of range.
        """
        self.check(genome)

        def read(name: str) -> Any:
            return self.choice(genome, name)

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
            normalisation=self._normalisation,
        )

    def active_genes(self, architecture: Architecture) -> dict[str, int]:
        """Return the choice of every gene that acts in an architecture, by name.

        Raises:
            ConfigError: A value is not among the space's choices.
        """
        if not isinstance(architecture, StagedArchitecture):
            raise ConfigError(
                f"architecture {architecture.key()} has no stages: it is of another kind of space"
            )
        indices: dict[str, int] = {}

        def put(name: str, choices: tuple[Any, ...], value: Any) -> None:
            indices[name] = choice_index(name, choices, value)

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
        return indices

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
