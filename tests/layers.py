"""Layers of square images, as tests write them down."""

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image


def square(spec: BlockSpec, in_channels: int, pixels: int, features: int = 0) -> Layer:
    """The layer of a block behind so many channels of ``pixels`` x ``pixels``."""
    return Layer(spec, image(in_channels, pixels), features)
