"""What a block is: one object that says everything about one kind of layer.

A block of its own is a subclass of ``Block`` in a file of its own: configuration files name it as in
``my_blocks:Ghost``, or it is entered in ``BLOCKS`` (``aebnas.blocks.table``).  From it follow which genes
act, signatures, sizes, modules, costs, and what networks of a supernet share.  Torch is imported inside
``build``: everything else works without.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from aebnas.blocks.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from torch import nn


PADDING: Final = "symmetric"
"""Of convolutions, unless the space says another."""
NORM_EPS = 1e-5
"""Of batch norms, unless the space says another: torch's."""


@dataclass(frozen=True)
class BlockSpec:
    """One block of the backbone or one module of an exit branch: the values of the genes that act."""

    type: str
    kernel: int
    width: int
    """Output channels; a pool keeps its input's, which is what stands here."""
    stride: int = 1
    expansion: float = 1.0
    """Hidden / input width, for blocks that have a hidden width; 1 for every other type."""
    se: bool = False
    activation: str = "relu"
    pool: str = "none"
    padding: str = PADDING
    """``symmetric``, or ``same`` as TensorFlow has it: of blocks with a stride, others are padded alike."""
    norm_eps: float = NORM_EPS
    """What batch norms add to the variance."""


class LayerShape(Protocol):
    """What a block is told of the layer that it shall build (``aebnas.blocks.layer.Layer``)."""

    @property
    def spec(self) -> BlockSpec:
        """Return type, kernel, width, stride, expansion, squeeze-and-excitation, activation, pooling."""

    @property
    def input(self) -> TensorSpec:
        """Return the shape of the input."""

    @property
    def in_channels(self) -> int:
        """Return the input channels."""

    @property
    def features(self) -> int:
        """Return the channels of a classifier's hidden 1x1 convolution; 0: none."""

    @property
    def keeps_shape(self) -> bool:
        """Whether the convolutions' output has their input's shape, so that the two can be added."""


class Alignment(Enum):
    """How a convolution of a supernet begins, so that all types at one place do alike at first."""

    THROUGH = "the only way through the block: begins as the place's projection"
    EACH = "one kernel per channel: begins by passing its channel on"
    PAIRS = "an expansion: each channel begins as itself and its negative"
    UNDO_PAIRS = "the projection behind an expansion, which it undoes; without expansion as THROUGH"


class Block(ABC):
    """One kind of layer.

    Class attributes have the defaults of a plain convolution: set those that differ.
    """

    name: ClassVar[str]
    """What configuration files call it; not read of one from outside, which they name by its module."""
    in_stages: ClassVar[bool] = True
    """Whether it can be a block of the backbone."""
    in_exits: ClassVar[bool] = True
    """Whether it can be a module of an exit branch."""
    reads: ClassVar[frozenset[str]] = frozenset({"kernel", "width", "se", "stride", "pool"})
    """Genes that it reads, ``expansion`` among them or not; the others leave no trace in an architecture.
    Without ``width`` it keeps the channels of its input."""
    fixed_stride: ClassVar[int] = 1
    """Its stride where it does not read one."""
    has_activation: ClassVar[bool] = True
    """Whether the activation changes it."""
    has_norm: ClassVar[bool] = True
    """Whether it has convolutions with batch norm, which ``padding`` and ``norm_eps`` of the space change."""
    is_idle_at_one_pixel: ClassVar[bool] = False
    """Whether it does nothing where its input has one pixel: it is left out there."""
    is_depthwise: ClassVar[bool] = False
    """Whether most of its work is depthwise, which decides the number format of trainings on CPUs."""
    is_unread: ClassVar[bool] = False
    """Whether it stands for code that was not loaded: which genes it reads is then not known."""
    aligned: ClassVar[Mapping[str, Alignment]] = {}
    """How convolutions begin in a supernet, by name (``parameter_names``); others as they are drawn."""

    @abstractmethod
    def build(self, layer: LayerShape) -> nn.Module:
        """Return a freshly initialised module: ``(batch, *layer.input.shape)`` in, ``output`` out.

        Use plain ``Conv2d``, ``Linear``, batch norm and activations: counters of MACs see those.
        ``aebnas.blocks.parts.conv_norm`` makes convolutions that pad and normalise as the space says.
        """

    def parameter_names(self, layer: LayerShape) -> Sequence[str] | None:
        """Return what each part with weights is for, in the order of the module.

        Networks of a supernet share weights where type and name agree.  None: the names that torch gives.
        """
        return None

    def output(self, spec: BlockSpec, features: TensorSpec) -> TensorSpec:
        """Return the shape of the output for one of the input."""
        strided = TensorSpec(spec.width, features.size).strided(spec.stride)
        return strided if spec.pool == "none" else strided.halved()

    def signature_parts(self, spec: BlockSpec, hidden: int) -> list[str]:
        """Return what a layer's signature says beyond type, channels and size."""
        parts = [f"k{spec.kernel}", f"s{spec.stride}"]
        parts += [f"e{_shortest(spec.expansion)}"] if spec.expansion != 1 else []
        parts += ["se"] if spec.se else []
        parts += [spec.activation] if self.has_activation else []
        parts += [spec.padding] if spec.padding != PADDING else []
        parts += [f"n{_shortest(spec.norm_eps)}"] if spec.norm_eps != NORM_EPS else []
        return parts + ([spec.pool] if spec.pool != "none" else [])


def acting_padding(padding: str, kernel: int, stride: int) -> str:
    """Return the padding of a space as a block has it: where both kinds pad alike, the default's name."""
    return padding if stride != 1 and kernel != 1 else PADDING


def _shortest(value: float) -> str:
    """Return 4 for 4.0, and every digit that tells two numbers apart."""
    return str(value).removesuffix(".0")
