"""The ``space:`` section of a search-space file: what can be built.

A scalar fixes a value, a list makes it a gene.  Must not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from aebnas.blocks.activations import ACTIVATIONS
from aebnas.blocks.block import NORM_EPS, PADDING, Block
from aebnas.blocks.table import exit_modules, stage_blocks
from aebnas.config.choices import Choices, Frozen, Items, PerChannel, Whole, Wrong, did_you_mean, reject
from aebnas.config.outside import or_code
from aebnas.config.sections.pixels import Pixels
from aebnas.config.sections.spaces import SpaceSection
from aebnas.extensions import kinds


def _no_stage_block(block: type[Block]) -> str | None:
    return None if block.in_stages else "cannot stand in a stage: it says in_stages = False"


def _no_exit_module(block: type[Block]) -> str | None:
    return None if block.in_exits else "cannot stand in an exit branch: it says in_exits = False"


if TYPE_CHECKING:
    BlockType: TypeAlias = str
    ModuleType: TypeAlias = str
    Activation: TypeAlias = str
else:  # a Literal tells the choices in messages and in the starter file
    BlockType = Annotated[Literal[stage_blocks()], or_code(kinds.BLOCK, _no_stage_block)]
    ModuleType = Annotated[Literal[exit_modules()], or_code(kinds.BLOCK, _no_exit_module)]
    Activation = Literal[tuple(ACTIVATIONS)]
Padding = Literal["symmetric", "same"]
Pooling = Literal["none", "max2", "avg2"]
Kernel = Annotated[Literal[1, 3, 5, 7], Whole]
Stride = Annotated[Literal[1, 2], Whole]
Channels = Annotated[int, Field(ge=1, le=4096)]
Depth = Annotated[int, Field(ge=1, le=12)]
Expansion = Annotated[float, Field(ge=1, le=16)]
WidthMultiplier = Annotated[float, Field(gt=0, le=8)]
ModuleCount = Annotated[int, Field(ge=0, le=3)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=40)]


class StemConfig(Frozen):
    """The first convolution."""

    kernel: Kernel = 3
    """Kernel size."""
    stride: Stride = 1
    """2 halves the resolution at once: far cheaper."""
    width: Choices[Channels] = (16,)
    """Output channels."""
    activation: Activation = "relu"
    """Activation after the stem."""


class BlockConfig(Frozen):
    """What each block of a stage may be; every block has its own genes."""

    type: Choices[BlockType] = ("residual",)
    """conv, dwconv (depthwise separable), residual (two convolutions), fused (fused MBConv) or mbconv."""
    kernel: Choices[Kernel] = (3,)
    """Kernel size of the spatial convolution(s)."""
    expansion: Choices[Expansion] = (4.0,)
    """Hidden width / input width of fused and mbconv blocks; inactive for the others."""
    se: Choices[bool] = (False,)
    """Squeeze-and-excitation."""


class StageConfig(Frozen):
    """A row of blocks of one width; the first block has the stride."""

    name: Name | None = None
    """Name that ``exits.after`` refers to; default stage1, stage2, ..."""
    depth: Choices[Depth] = (1,)
    """Number of blocks."""
    width: Choices[Channels]
    """Output channels of every block of the stage."""
    stride: Stride = 1
    """Stride of the first block."""
    activation: Activation = "relu"
    """Activation inside the blocks."""
    block: BlockConfig = BlockConfig()
    """The blocks' genes."""


class ModuleConfig(Frozen):
    """One module of an exit branch; every module of every branch has its own genes."""

    type: Choices[ModuleType] = ("conv",)
    """Layer type; pool is an average pooling with stride 2 without weights."""
    kernel: Choices[Kernel] = (3,)
    """Kernel size (of the window for pool)."""
    width: Choices[WidthMultiplier] = (1.0,)
    """Output channels / channels at the exit position (rounded to a multiple of 4); inactive for pool."""
    expansion: Choices[Expansion] = (4.0,)
    """Expansion of fused and mbconv modules; inactive for the others."""
    se: Choices[bool] = (False,)
    """Squeeze-and-excitation; inactive for pool."""
    stride: Choices[Stride] = (1,)
    """Stride of the convolution; inactive for pool and at 1x1 pixels."""
    pool: Choices[Pooling] = ("none",)
    """Pooling behind the module; inactive for pool and at 1x1 pixels."""


class BranchConfig(Frozen):
    """An exit branch: modules, then global average pooling and a linear classifier."""

    modules: Choices[ModuleCount] = (1,)
    """Number of modules, 0 to 3."""
    module: ModuleConfig = ModuleConfig()
    """The modules' genes."""
    activation: Activation = "relu"
    """Activation inside the modules."""


class ExitsSpaceConfig(Frozen):
    """Where early exits may be, and what a branch may look like."""

    after: Items[Name] = ()
    """Stages after which an exit may be; the final classifier always answers."""
    optional: bool = True
    """Whether each exit may be absent (a gene) or is always there."""
    branch: BranchConfig = BranchConfig()
    """The branches' genes."""


class FinalConfig(Frozen):
    """What stands before the last classifier."""

    expand: Annotated[int, Field(ge=0, le=8192)] = 0
    """Channels of a 1x1 convolution before global pooling; 0: none."""
    features: Annotated[int, Field(ge=0, le=8192)] = 0
    """Channels of a 1x1 convolution (no batch norm) after global pooling; 0: none."""
    activation: Activation = "relu"
    """Activation of both."""


class NormalisationConfig(Frozen):
    """What inputs are normalised by, in place of the mean and spread of the data's own training images."""

    mean: PerChannel[Annotated[float, Field(ge=0, le=1)]]
    """Of pixels scaled to 0..1: one number for all channels, or a list of one per channel."""
    std: PerChannel[Annotated[float, Field(gt=0, le=1)]]
    """Likewise."""

    def problem(self, channels: int) -> str | None:
        """Return why it does not fit images of so many channels; None: it does."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, channels):
                return (
                    f"space.normalisation.{name} has {len(values)} values, but the images have "
                    f"{channels} channel{'s' * (channels > 1)}: give one per channel, or one for all"
                )
        return None


class SpaceConfig(SpaceSection):
    """What can be built: stages of blocks, and exits behind them."""

    kind: Literal["staged"] = "staged"
    """The kind of space."""
    resolution: Choices[Pixels] | None = None
    """Pixels of the input: height = width, or [height, width] in a list; default: the data's own."""
    stem: StemConfig = StemConfig()
    """The first convolution."""
    stages: Annotated[Items[StageConfig], Field(min_length=1, max_length=12)]
    """The backbone."""
    exits: ExitsSpaceConfig = ExitsSpaceConfig()
    """Early exits."""
    final: FinalConfig = FinalConfig()
    """The last classifier."""
    normalisation: NormalisationConfig | None = None
    """Of inputs, as weights from elsewhere were trained with; null: by the data's own mean and spread."""
    padding: Padding = PADDING
    """Around inputs of convolutions with a stride: symmetric, or same as TensorFlow has it."""
    norm_eps: Annotated[float, Field(gt=0, le=1)] = NORM_EPS
    """What batch norms add to the variance; 1e-3 in TensorFlow."""

    def problem(self, channels: int) -> str | None:
        """Return why its normalisation does not fit images of so many channels; None: it does."""
        return None if self.normalisation is None else self.normalisation.problem(channels)

    def stage_names(self) -> tuple[str, ...]:
        """Return the names of the stages in order."""
        return tuple(stage.name or f"stage{i}" for i, stage in enumerate(self.stages, start=1))

    @property
    def exit_positions(self) -> tuple[str, ...]:
        """Return the names that early exits may have, in order."""
        return self.exits.after

    @property
    def may_lack_exits(self) -> bool:
        """Return whether some network lacks an exit that others have."""
        return bool(self.exits.after and self.exits.optional)

    @model_validator(mode="after")
    def _exits_refer_to_stages(self) -> SpaceConfig:
        names = self.stage_names()
        reject(_repeated_names(self.stages, names) or _wrong_exits(self.exits.after, names))
        return self


def _repeated_names(stages: tuple[StageConfig, ...], names: tuple[str, ...]) -> list[Wrong]:
    return [
        (
            ("stages", i, "name") if stages[i].name else ("stages", i),
            f"another stage is named {name!r} already",
        )
        for i, name in enumerate(names)
        if name in names[:i]
    ]


def _wrong_exits(after: tuple[str, ...], names: tuple[str, ...]) -> list[Wrong]:
    wrong: list[Wrong] = []
    for i, name in enumerate(after):
        if name not in names:
            choices = f"Choices: {', '.join(names[:-1]) or 'none, the space has a single stage'}."
            message = f"unknown stage {name!r}. {did_you_mean(name, names[:-1])}{choices}"
        elif name == names[-1]:
            message = f"{name!r} is the last stage, whose exit is the final classifier; remove it"
        elif name in after[:i]:
            message = f"{name!r} is listed twice"
        elif any(earlier in names and names.index(earlier) > names.index(name) for earlier in after[:i]):
            message = f"{name!r} comes too late: exits are listed in the order of their stages"
        else:
            continue
        wrong.append((("exits", "after", i), message))
    return wrong
