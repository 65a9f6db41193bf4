"""Architectures as a page carries them: rows of one table of distinct layers.

Must not import torch.
"""

from __future__ import annotations

from typing import Any

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import TensorSpec, image
from aebnas.space.architecture import Architecture

LayerRow = tuple[Any, ...]
"""Type, kernel, width, stride, expansion, se, activation, pool, output pixels."""


class LayerTable:
    """Collects the distinct layers of many architectures; ``rows`` in order of appearance."""

    def __init__(self) -> None:
        self._index: dict[LayerRow, int] = {}

    @property
    def rows(self) -> list[LayerRow]:
        """Return the layers so far."""
        return list(self._index)

    def plain(self, architecture: Architecture) -> list[Any]:
        """Return an architecture as resolution, stem, stages, exits and final layers.

        Stages and exits are ``[name, layers]``; layers are indices of ``rows``; the stem is a layer,
        the final layers are expand, features and activation.
        """
        stem, final = architecture.stem, architecture.final
        block = BlockSpec("conv", stem.kernel, stem.width, stem.stride, activation=stem.activation)
        first, features = self._chain((block,), image(1, architecture.resolution))
        branches = {exit_.after: exit_.modules for exit_ in architecture.exits}
        stages, exits = [], []
        for stage in architecture.stages:
            layers, features = self._chain(stage.blocks, features)
            stages.append([stage.name, layers])
            if stage.name in branches:
                exits.append([stage.name, self._chain(branches[stage.name], features)[0]])
        last = [final.expand, final.features, final.activation]
        return [architecture.resolution, first[0], stages, exits, last]

    def _chain(self, blocks: tuple[BlockSpec, ...], features: TensorSpec) -> tuple[list[int], TensorSpec]:
        found = []
        for spec in blocks:
            features = Layer(spec, features).output
            row = (
                spec.type, spec.kernel, spec.width, spec.stride, spec.expansion, spec.se, spec.activation,
                spec.pool, features.size[0],
            )  # fmt: skip
            found.append(self._index.setdefault(row, len(self._index)))
        return found, features
