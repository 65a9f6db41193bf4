"""Architectures: one canonical, hashable description of one early-exit network.

An ``Architecture`` says everything that changes what is trained and nothing
else: inactive genes are gone, so two genomes that build the same network decode
to equal architectures with equal keys.  Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from aebnas.blocks.block import BlockSpec


@dataclass(frozen=True)
class StemSpec:
    """The first convolution."""

    kernel: int
    stride: int
    width: int
    activation: str


@dataclass(frozen=True)
class StageSpec:
    """A row of blocks."""

    name: str
    blocks: tuple[BlockSpec, ...]

    @property
    def width(self) -> int:
        """Return the output channels."""
        return self.blocks[-1].width

    @property
    def stride(self) -> int:
        """Return the stage's total stride."""
        return self.blocks[0].stride


@dataclass(frozen=True)
class ExitSpec:
    """An exit branch after a stage: its modules; pooling and classifier follow."""

    after: str
    modules: tuple[BlockSpec, ...]


@dataclass(frozen=True)
class FinalSpec:
    """What stands before the last classifier; 0 channels mean absent."""

    expand: int
    features: int
    activation: str


@dataclass(frozen=True)
class Architecture:
    """One early-exit network, in canonical form."""

    resolution: int
    """Input height = width in pixels."""
    stem: StemSpec
    stages: tuple[StageSpec, ...]
    exits: tuple[ExitSpec, ...]
    """The exits that are present, in stage order; the final classifier is not among them."""
    final: FinalSpec

    def key(self) -> str:
        """Return the identity of the network: 16 hexadecimal digits of its SHA-256."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, dictionaries and scalars, fit for JSON and YAML."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Architecture:
        """Return the architecture that ``to_dict`` described.

        Raises:
            KeyError, TypeError: The description is incomplete or has unknown fields.
        """
        return cls(
            resolution=plain["resolution"],
            stem=StemSpec(**plain["stem"]),
            stages=tuple(StageSpec(stage["name"], _blocks(stage["blocks"])) for stage in plain["stages"]),
            exits=tuple(ExitSpec(exit_["after"], _blocks(exit_["modules"])) for exit_ in plain["exits"]),
            final=FinalSpec(**plain["final"]),
        )


def _blocks(plain: list[dict[str, Any]]) -> tuple[BlockSpec, ...]:
    # a YAML file may say 3 where the space says 3.0: the key must not depend on it
    return tuple(BlockSpec(**{**block, "expansion": float(block.get("expansion", 1))}) for block in plain)
