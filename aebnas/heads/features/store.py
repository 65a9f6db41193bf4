"""Features of one network on one set of images, at one size: computed once, kept on disk, shared.

``DIRECTORY/IDENTITY/PART/BLOCK/`` hold the tensors of ``BLOCK_IMAGES`` images each (``block_file``); parts
are ``calibrate``, ``select`` and one ``train.V`` for each view.  Any number of processes may fill and read
the same store: each block has a lock, whoever finds it taken takes another one first, and a block is there
as a whole or not at all, so that a killed process costs one block.

Batches are the same whoever makes them: images i to i + 63 of a part, with i a multiple of 64, on one kind of
device by one version of torch.  On one machine and with one number of threads features are then the same bit
for bit.  That another processor, or a GPU, rounds alike is not promised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.errors import RunError, TrainingError
from aebnas.files.atomic import write_together
from aebnas.files.full_disk import check_room, naming_full_disk
from aebnas.files.waiting_lock import held
from aebnas.heads.features.block_file import BlockFolder, BlockTensor
from aebnas.heads.features.cache_plan import FILE_BYTES, CachePlan, CutSize, plan_cache
from aebnas.heads.features.half import packed
from aebnas.heads.features.parts import BATCH, CALIBRATE, SELECT, Block, Part, blocks_of
from aebnas.heads.features.views import Views
from aebnas.heads.frozen_network import ANSWERS, FrozenNetwork, ImageSplits, LabelledImages

FORMAT = 1
CURE = "Free some, name a directory on another disk, or set a smaller limit; what is there is kept"
OnBlock = Callable[[int, int], None]
"""Hears how many blocks are there, of how many."""


class FeatureStore:
    """What a frozen network says of all images at its cuts."""

    def __init__(
        self,
        directory: Path,
        network: FrozenNetwork,
        splits: ImageSplits,
        views: Views,
        device: torch.device | str = "cpu",
    ) -> None:
        """Name what is kept; nothing is computed or written yet.

        Args:
            directory: Of all stores.
            network: On ``device``.
            splits: Stay in memory.
            views: Of training images.
            device: Where the network runs.
        """
        self.network, self.splits, self.views = network, splits, views
        self.device = torch.device(device)
        self.identity = _hash(self._metadata())
        self.root = directory / self.identity

    @property
    def sizes(self) -> tuple[CutSize, ...]:
        """Return how large the features at the cuts are."""
        return tuple(CutSize(cut.name, cut.cached_bytes, cut.macs) for cut in self.network.cuts)

    def plan(self, limit_mb: float, views: int = 3, cuts: Sequence[str] | None = None) -> CachePlan:
        """Return what to keep.

        Args:
            limit_mb: Of this store on disk, in millions of bytes.
            views: Wanted of every training image.
            cuts: Where heads may stand; None: everywhere.

        Raises:
            ConfigError: Not even the network's own answers fit.
        """
        sizes = [size for size in self.sizes if cuts is None or size.name in cuts]
        held_out = len(self.splits.calibrate.labels) + len(self.splits.select.labels)
        train, limit = len(self.splits.train.labels), int(limit_mb * 1e6)
        return plan_cache(sizes, train, held_out, limit, views, self._answer_bytes)

    def fill(
        self, plan: CachePlan, on_block: OnBlock | None = None, parts: Sequence[Part] | None = None
    ) -> None:
        """Compute and keep whatever a plan keeps and is not there, together with other processes.

        Args:
            plan: What to keep.
            on_block: Hears how far it is.
            parts: Of the images; None: all.

        Raises:
            RunError: The disk is full; blocks that are whole stay.
            TrainingError: A feature is NaN or infinite.
        """
        names = frozenset(plan.kept) | ({ANSWERS} if self.network.answers else set())
        if parts is None:
            parts = [CALIBRATE, SELECT, *(Part("train", view) for view in range(plan.views))]
        blocks = [block for part in parts for block in self.blocks(part)]
        missing = [block for block in blocks if not names <= self._folder(block).names()]
        if not missing:
            return
        self._open(self._bytes(missing, names))
        done = len(blocks) - len(missing)
        for wait in (False, True):  # blocks that others are at come last, and are then there
            busy = []
            for i, block in enumerate(missing):
                if self._made(block, names, wait, self._bytes(missing[i:], names)):
                    done += 1
                    if on_block:
                        on_block(done, len(blocks))
                else:
                    busy.append(block)
            missing = busy

    def blocks(self, part: Part) -> list[Block]:
        """Return the blocks of a part."""
        return blocks_of(part, len(self.images_of(part).labels))

    def tensor(self, block: Block, name: str) -> BlockTensor:
        """Return a tensor of a block, mapped; one that is missing or damaged is made again.

        Raises:
            RunError: It cannot be written, or is damaged again at once.
        """
        tensor = self._folder(block).read(name)
        if tensor is None:
            self._open(self._bytes([block], frozenset({name})))
            with naming_full_disk(self.root, self._bytes([block], frozenset({name})), CURE):
                self._mend(block, name)
            tensor = self._folder(block).read(name)
        if tensor is None:
            raise RunError(f"{self._folder(block).path} is damaged as soon as it is written: check the disk")
        return tensor

    def images_of(self, part: Part) -> LabelledImages:
        """Return the images of a part, as they are."""
        images: LabelledImages = getattr(self.splits, part.split)
        return images

    def inputs(self, part: Part, rows: NDArray[np.int64]) -> Tensor:
        """Return prepared images of a part, on the device; ``rows`` say which."""
        images = self.images_of(part).pixels
        pixels = torch.from_numpy(images[rows]).to(self.device)
        pixels = self.views.view(pixels, torch.from_numpy(rows), part.view, len(images))
        return self.network.prepare(pixels)

    @cached_property
    def _answer_bytes(self) -> int:
        """Return what the network's own answer to one image takes, which one image tells."""
        if not self.network.answers:
            return 0
        with torch.inference_mode():
            *_, (_, answers) = self.network.outputs(self.inputs(Part("train"), np.arange(1)))
        return 4 * answers[0].numel()

    def _metadata(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "network": self.network.identity,
            "preparation": self.network.preparation,
            "data": self.splits.fingerprint,
            "labels": _hash(self._labels()),
            "views": self.views.identity,
            "batch": BATCH,
            "torch": torch.__version__,
            "device": self.device.type,
        }

    def _labels(self) -> dict[str, list[int]]:
        splits = (("train", self.splits.train), ("calibrate", self.splits.calibrate))
        return {name: split.labels.tolist() for name, split in (*splits, ("select", self.splits.select))}

    def _open(self, needed: int) -> None:
        """Make the folder, if there is room; say in it what it holds, and the labels in the images' order.

        Raises:
            RunError: There is no room, or it cannot be written.
        """
        with naming_full_disk(self.root, needed, CURE):
            self.root.mkdir(parents=True, exist_ok=True)
            check_room(self.root, needed, CURE)
            with held(self.root / "lock"):
                if not (self.root / "features.json").exists():
                    contents = {"labels.json": self._labels(), "features.json": self._metadata()}
                    write_together({self.root / name: json.dumps(x).encode() for name, x in contents.items()})

    def _folder(self, block: Block) -> BlockFolder:
        return BlockFolder(self.root / block.part.name / f"{block.number:05}")

    def _bytes(self, blocks: Sequence[Block], names: frozenset[str]) -> int:
        """Return what some tensors of some blocks take, at most."""
        features = sum(size.image_bytes for size in self.sizes if size.name in names)
        each = features + (self._answer_bytes if ANSWERS in names else 0)
        return sum(block.count * each + FILE_BYTES * len(names) for block in blocks)

    def _made(self, block: Block, names: frozenset[str], wait: bool, needed: int) -> bool:
        """Make what a block lacks; return False if another process is at it."""
        folder = self._folder(block)
        with naming_full_disk(self.root, needed, CURE):
            folder.path.mkdir(parents=True, exist_ok=True)
            with held(folder.path / "lock", wait) as is_ours:
                missing = names - folder.names() if is_ours else frozenset()
                if missing:  # else another process was faster
                    folder.write(self._computed(block, missing))
                return is_ours

    def _mend(self, block: Block, name: str) -> None:
        folder = self._folder(block)
        folder.path.mkdir(parents=True, exist_ok=True)
        with held(folder.path / "lock"):
            if folder.read(name) is None:  # nobody else has mended it
                folder.write(self._computed(block, frozenset({name})))

    def _computed(self, block: Block, names: frozenset[str]) -> dict[str, BlockTensor]:
        """Run the network over a block, batch by batch, from the images on; return some of its outputs."""
        stored: dict[str, list[tuple[NDArray[Any], int]]] = {name: [] for name in sorted(names)}
        with torch.inference_mode():
            for batch in block.batches():
                for name, output in self.network.outputs(self.inputs(block.part, np.array(batch))):
                    if name in names:
                        stored[name].append(_stored(name, output))
        return {
            name: BlockTensor(np.concatenate([values for values, _ in batches]), tuple(e for _, e in batches))
            for name, batches in stored.items()
        }


def _stored(name: str, output: Tensor) -> tuple[NDArray[Any], int]:
    if name != ANSWERS:
        return packed(output, name)
    answers = output.float().cpu().numpy()
    if answers.ndim != 2:
        raise ValueError(f"the last piece must return logits (batch, classes), but got {answers.shape}")
    if not np.isfinite(answers).all():
        raise TrainingError("the network's own answers are NaN or infinite for some image")
    return answers, 0


def _hash(metadata: object) -> str:
    text = json.dumps(metadata, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
