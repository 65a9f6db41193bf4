"""Search spaces: from genomes to architectures and back.

``decode`` is canonical: genes that change nothing (a deeper block's kernel, the
width of a pooling module, pooling at 1x1 pixels) leave no trace in the
architecture.  ``encode`` returns one genome that decodes to the architecture.
Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.config.space_schema import SpaceConfig, StageConfig
from aebnas.errors import ConfigError
from aebnas.space.architecture import Architecture, ExitSpec, FinalSpec, StageSpec, StemSpec
from aebnas.space.canonical import canonical_block, canonical_module
from aebnas.space.encoding import values_of
from aebnas.space.genes import (
    ABSENT,
    BLOCK_FIELDS,
    MODULE_FIELDS,
    SETTING,
    TRADE_OFF,
    Gene,
    Genome,
    all_choices,
)


class SearchSpace:
    """What can be built from one ``space:`` section."""

    def __init__(
        self,
        config: SpaceConfig,
        resolution: int,
        trade_offs: tuple[float, ...] = (1.0,),
        settings: tuple[str, ...] = ("",),
    ) -> None:
        """Describe the space.

        Args:
            config: The validated section.
            resolution: The data's own image size in pixels.
            trade_offs: Choices of the ``trade_off`` gene, rising, in (0, 1].
            settings: Choices of the ``exit_policy`` gene.
        """
        self.config = config
        positions = tuple(all_choices(config, resolution, trade_offs, settings))
        self.positions: Mapping[str, Gene] = {gene.name: gene for gene in positions}
        self.genes: tuple[Gene, ...] = tuple(gene for gene in positions if len(gene.choices) > 1)
        self.trade_offs: tuple[float, ...] = self.positions[TRADE_OFF].choices
        self.settings: tuple[str, ...] = self.positions[SETTING].choices
        self._index = {gene.name: i for i, gene in enumerate(self.genes)}

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Return the number of choices of every gene."""
        return tuple(len(gene.choices) for gene in self.genes)

    def sample(self, rng: np.random.Generator) -> Genome:
        """Return a genome with every gene drawn uniformly from its choices."""
        return tuple(int(rng.integers(n)) for n in self.cardinalities)

    def trade_off(self, genome: Genome) -> float:
        """Return the share of its own full cost that the individual may spend."""
        return float(self._value(genome, TRADE_OFF))

    def setting(self, genome: Genome) -> str:
        """Return the setting of the exit policy that the individual uses."""
        return str(self._value(genome, SETTING))

    def at_point(self, genome: Genome, trade_off: float, setting: str = "") -> Genome:
        """Return the genome with other choices of the genes ``trade_off`` and ``exit_policy``.

        Raises:
            ValueError: A value is not among the choices.
        """
        found = list(genome)
        for name, index in (
            (TRADE_OFF, self.trade_offs.index(trade_off)),
            (SETTING, self.settings.index(setting)),
        ):
            if name in self._index:
                found[self._index[name]] = index
        return tuple(found)

    def decode(self, genome: Genome) -> Architecture:
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

        stem = self.config.stem
        stages = tuple(
            _decode_stage(name, stage, read)
            for name, stage in zip(self.config.stage_names(), self.config.stages, strict=True)
        )
        resolution = read("resolution")
        width = read("stem.width")
        final = self.config.final
        activation = final.activation if final.expand or final.features else "relu"
        return Architecture(
            resolution=resolution,
            stem=StemSpec(stem.kernel, stem.stride, width, stem.activation),
            stages=stages,
            exits=self._decode_exits(stages, image(width, resolution).strided(stem.stride), read),
            final=FinalSpec(final.expand, final.features, activation),
        )

    def encode(self, architecture: Architecture) -> Genome:
        """Return the genome of an architecture: inactive genes 0, ``trade_off`` at its largest choice.

        Raises:
            ConfigError: The architecture is not in this space.
        """
        values = values_of(self, architecture)
        genome = tuple(values.get(gene.name, 0) for gene in self.genes)
        if self.decode(genome) != architecture:
            raise ConfigError(f"architecture {architecture.key()} is not in this search space")
        return genome

    def _value(self, genome: Genome, name: str) -> Any:
        index = self._index.get(name)
        return self.positions[name].choices[0 if index is None else genome[index]]

    def _decode_exits(
        self, stages: tuple[StageSpec, ...], features: TensorSpec, read: Callable[[str], Any]
    ) -> tuple[ExitSpec, ...]:
        exits = []
        for stage in stages:
            for block in stage.blocks:
                features = Layer(block, features).output
            if stage.name not in self.config.exits.after:
                continue
            count = read(f"exit.{stage.name}.modules")
            if count != ABSENT:
                raw = [
                    {field: read(f"exit.{stage.name}.module{i + 1}.{field}") for field in MODULE_FIELDS}
                    for i in range(count)
                ]
                exits.append(ExitSpec(stage.name, self._modules(raw, features)))
        return tuple(exits)

    def _modules(self, raw: list[dict[str, Any]], features: TensorSpec) -> tuple[BlockSpec, ...]:
        modules: list[BlockSpec] = []
        activation, position_width = self.config.exits.branch.activation, features.channels
        for values in raw:
            module = canonical_module(values, position_width, features, activation)
            if module is not None:
                modules.append(module)
                features = Layer(module, features).output
        return tuple(modules)


def _decode_stage(name: str, config: StageConfig, read: Callable[[str], Any]) -> StageSpec:
    width = read(f"{name}.width")
    blocks = []
    for i in range(read(f"{name}.depth")):
        values = {field: read(f"{name}.block{i + 1}.{field}") for field in BLOCK_FIELDS}
        blocks.append(canonical_block(values, width, config.stride if i == 0 else 1, config.activation))
    return StageSpec(name, tuple(blocks))
