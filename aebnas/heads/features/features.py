"""Features as heads are trained on them: kept ones are mapped, others computed when they are asked for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.heads.features.cache_plan import BLOCK_IMAGES, IMAGES, CachePlan
from aebnas.heads.features.half import unpacked
from aebnas.heads.features.parts import BATCH, Part
from aebnas.heads.features.store import FeatureStore
from aebnas.heads.frozen_network import ANSWERS


class Features:
    """What a plan makes of a store.

    Args:
        store: Whoever asks for a block that is missing or damaged there makes it.
        plan: Which cuts are kept, and how many views there are.
    """

    def __init__(self, store: FeatureStore, plan: CachePlan) -> None:
        """Open nothing yet: blocks are checked and mapped when they are first read."""
        self.store, self.plan = store, plan
        self._maps: dict[tuple[Part, str], _Maps] = {}

    @property
    def identity(self) -> str:
        """Return what decides every feature, but for which are kept (``route``)."""
        return self.store.identity

    def route(self, cut: str) -> str:
        """Return where the features of a cut come from, which decides their last bits."""
        source = self.plan.source(cut)
        return "kept" if source == cut else f"from {source}"

    def spec(self, cut: str) -> TensorSpec:
        """Return the shape of one image's features at a cut."""
        return self.store.network.cut(cut).features

    def labels(self, part: Part) -> NDArray[np.int64]:
        """Return the classes of a part's images, ``(n,)``."""
        return np.asarray(self.store.images_of(part).labels, np.int64)

    def answers(self, part: Part) -> NDArray[np.float32]:
        """Return the network's own logits of a part, ``(n, classes)``."""
        tensors = [self.store.tensor(block, ANSWERS).values for block in self.store.blocks(part)]
        return np.concatenate(tensors)

    def rows(self, part: Part, cut: str, rows: NDArray[np.int64]) -> Tensor:
        """Return features of some images of a part, fp32 ``(batch, *spec(cut).shape)``, on the device.

        Args:
            part: Of the images.
            cut: Where; one of the plan.
            rows: Places of the images in the part, ``(batch,)``.
        """
        source = self.plan.source(cut)
        if source == cut:
            return self._kept(part, cut, rows)
        with torch.no_grad():
            is_image = source == IMAGES
            x = self.store.inputs(part, rows) if is_image else self._kept(part, source, rows)
            outputs = self.store.network.outputs(x, None if is_image else source, cut)
            return [output for _, output in outputs][-1].float()

    def batches(self, part: Part) -> list[NDArray[np.int64]]:
        """Return the rows of a part batch by batch, as the network saw them."""
        return [np.array(batch) for block in self.store.blocks(part) for batch in block.batches()]

    def _kept(self, part: Part, cut: str, rows: NDArray[np.int64]) -> Tensor:
        maps = self._maps.setdefault((part, cut), _Maps(self.store, part, cut))
        values = np.empty((len(rows), *maps[0].shape[1:]), np.float16)
        numbers, places = np.divmod(rows, BLOCK_IMAGES)
        for i, (number, place) in enumerate(zip(numbers.tolist(), places.tolist(), strict=True)):
            values[i] = maps[number][place]
        return unpacked(values, maps.exponents[numbers, places // BATCH], self.store.device)


class _Maps:
    """The mapped blocks of a part at one cut."""

    def __init__(self, store: FeatureStore, part: Part, cut: str) -> None:
        self._store, self._cut, self._blocks = store, cut, store.blocks(part)
        self._mapped: list[NDArray[np.float16] | None] = [None] * len(self._blocks)
        self.exponents = np.zeros((len(self._blocks), BLOCK_IMAGES // BATCH), np.int64)
        """Of the batches of every block that was read."""

    def __getitem__(self, number: int) -> NDArray[np.float16]:
        mapped = self._mapped[number]
        if mapped is None:
            tensor = self._store.tensor(self._blocks[number], self._cut)
            self.exponents[number, : len(tensor.exponents)] = tensor.exponents
            mapped = np.asarray(tensor.values)  # numpy's own memmap is several times slower to index
            self._mapped[number] = mapped
        return mapped
