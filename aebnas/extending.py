"""What code of your own is made of: base classes, and parts of blocks, policies, losses, metrics and spaces.

    from aebnas.extending import Block, PolicyFamily, TrainingLoss

Everything is looked up when it is first asked for, so that a file with a block needs no torch until the
block is built.  ``aebnas.testing`` says whether what was made of it keeps the laws.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.lazy import lookup

if TYPE_CHECKING:
    from aebnas.blocks.block import Block, BlockSpec, LayerShape
    from aebnas.blocks.layer import Layer, classifier
    from aebnas.blocks.names import gate_names, last_norm_name
    from aebnas.blocks.parts import bottleneck, conv_norm, gate
    from aebnas.blocks.tensor_spec import TensorSpec
    from aebnas.data.readers.outside import Arrays
    from aebnas.exits.core.arrays import BoolArray, FloatArray
    from aebnas.exits.core.exit_logits import ExitLogits
    from aebnas.exits.core.plain_policy import PlainPolicy
    from aebnas.exits.core.policy import ExitPolicy
    from aebnas.exits.core.samples import ExitSamples
    from aebnas.exits.policies.family import PolicyFamily, front_of
    from aebnas.space.api import Architecture, SearchSpace, Segment
    from aebnas.space.drawing import Box, Drawing, DrawnExit, Row
    from aebnas.space.gene_space import GeneSpace
    from aebnas.space.genes import Gene, Genome
    from aebnas.space.kind import SpaceKind, SpaceRequest
    from aebnas.space.network import PlainNetwork
    from aebnas.task.input_spec import InputSpec
    from aebnas.task.metrics.inputs import Answers, Costs, Point
    from aebnas.task.metrics.metric import Metric, OfAnswers, OfNetwork, OfPoint
    from aebnas.task.task import Task
    from aebnas.training.losses.loss import TrainingLoss

__all__ = [
    "Answers",
    "Architecture",
    "Arrays",
    "Block",
    "BlockSpec",
    "BoolArray",
    "Box",
    "Costs",
    "Drawing",
    "DrawnExit",
    "ExitLogits",
    "ExitPolicy",
    "ExitSamples",
    "FloatArray",
    "Gene",
    "GeneSpace",
    "Genome",
    "InputSpec",
    "Layer",
    "LayerShape",
    "Metric",
    "OfAnswers",
    "OfNetwork",
    "OfPoint",
    "PlainNetwork",
    "PlainPolicy",
    "Point",
    "PolicyFamily",
    "Row",
    "SearchSpace",
    "Segment",
    "SpaceKind",
    "SpaceRequest",
    "Task",
    "TensorSpec",
    "TrainingLoss",
    "bottleneck",
    "classifier",
    "conv_norm",
    "front_of",
    "gate",
    "gate_names",
    "last_norm_name",
]

_HOMES = {
    "aebnas.blocks.block": (
        "Block",
        "BlockSpec",
        "LayerShape",
    ),
    "aebnas.blocks.layer": (
        "Layer",
        "classifier",
    ),
    "aebnas.blocks.names": (
        "gate_names",
        "last_norm_name",
    ),
    "aebnas.blocks.parts": (
        "bottleneck",
        "conv_norm",
        "gate",
    ),
    "aebnas.blocks.tensor_spec": ("TensorSpec",),
    "aebnas.data.readers.outside": ("Arrays",),
    "aebnas.exits.core.arrays": (
        "BoolArray",
        "FloatArray",
    ),
    "aebnas.exits.core.exit_logits": ("ExitLogits",),
    "aebnas.exits.core.plain_policy": ("PlainPolicy",),
    "aebnas.exits.core.policy": ("ExitPolicy",),
    "aebnas.exits.core.samples": ("ExitSamples",),
    "aebnas.exits.policies.family": (
        "PolicyFamily",
        "front_of",
    ),
    "aebnas.space.api": (
        "Architecture",
        "SearchSpace",
        "Segment",
    ),
    "aebnas.space.drawing": (
        "Box",
        "Drawing",
        "DrawnExit",
        "Row",
    ),
    "aebnas.space.gene_space": ("GeneSpace",),
    "aebnas.space.genes": (
        "Gene",
        "Genome",
    ),
    "aebnas.space.kind": (
        "SpaceKind",
        "SpaceRequest",
    ),
    "aebnas.space.network": ("PlainNetwork",),
    "aebnas.task.input_spec": ("InputSpec",),
    "aebnas.task.metrics.inputs": (
        "Answers",
        "Costs",
        "Point",
    ),
    "aebnas.task.metrics.metric": (
        "Metric",
        "OfAnswers",
        "OfNetwork",
        "OfPoint",
    ),
    "aebnas.task.task": ("Task",),
    "aebnas.training.losses.loss": ("TrainingLoss",),
}

if not TYPE_CHECKING:  # else every name would be one for type checkers
    __getattr__ = lookup(__name__, _HOMES)


def __dir__() -> list[str]:
    """Return the names."""
    return sorted(__all__)
