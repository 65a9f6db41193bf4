"""What every block and every exit module must hold to."""

from __future__ import annotations

from abc import abstractmethod

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from aebnas.blocks.block import Block, BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.blocks.tensor_spec import image
from aebnas.testing.contract import Contract, inherited


@st.composite
def specs(draw: st.DrawFn) -> tuple[BlockSpec, int, tuple[int, int]]:
    """Return a block of any genes, input channels and the size of the input."""
    size = (draw(st.integers(2, 13)), draw(st.integers(2, 13)))
    spec = BlockSpec(
        "conv",  # the type names no block here: the contract asks the block itself
        draw(st.sampled_from([1, 3, 5])),
        draw(st.integers(4, 12)),
        draw(st.sampled_from([1, 2])),
        draw(st.sampled_from([1.0, 2.0, 4.0])),
        draw(st.booleans()),
        draw(st.sampled_from(["relu", "hswish"])),
    )
    return spec, draw(st.integers(4, 12)), size


Case = tuple[BlockSpec, int, tuple[int, int]]


class BlockContract(Contract):
    """Tests of a block, or of a module of exit branches; a subclass says which."""

    @abstractmethod
    def block(self) -> Block:
        """Return the block."""

    def layer(self, case: Case) -> Layer:
        """Return a layer of the genes that the block reads; the others have the values of every layer."""
        spec, channels, size = case
        block, plain = self.block(), BlockSpec("conv", 1, channels)
        reads = block.reads
        used = BlockSpec(
            "conv",
            spec.kernel if "kernel" in reads else plain.kernel,
            spec.width if "width" in reads else channels,
            spec.stride if "stride" in reads else block.fixed_stride,
            spec.expansion if "expansion" in reads else plain.expansion,
            spec.se if "se" in reads else plain.se,
            spec.activation if block.has_activation else plain.activation,
        )
        return Layer(used, image(channels, size))

    @inherited
    @given(specs())
    def test_the_output_has_the_shape_that_is_promised(self, case: Case) -> None:
        layer = self.layer(case)
        with torch.inference_mode():
            out = self.block().build(layer).eval()(torch.zeros(2, *layer.input.shape))
        assert tuple(out.shape) == (2, *self.block().output(layer.spec, layer.input).shape)

    @inherited
    @given(specs())
    def test_names_of_weights_fit_the_parts_with_weights(self, case: Case) -> None:
        layer = self.layer(case)
        names = self.block().parameter_names(layer)
        module = self.block().build(layer)
        parts = [part for part in module.modules() if any(True for _ in part.parameters(recurse=False))]
        assert names is None or len(set(names)) == len(names) == len(parts)

    @inherited
    @given(specs())
    def test_it_is_counted_on_the_meta_device_as_it_computes(self, case: Case) -> None:
        layer = self.layer(case)
        with torch.device("meta"):
            module, x = self.block().build(layer).eval(), torch.empty(1, *layer.input.shape)
        counter = FlopCounterMode(display=False)
        with counter:
            module(x)
        counted = counter.get_total_flops()
        with FlopCounterMode(display=False) as real, torch.inference_mode():
            self.block().build(layer).eval()(torch.zeros(1, *layer.input.shape))
        assert counted == real.get_total_flops()

    @inherited
    @given(specs())
    def test_every_weight_learns(self, case: Case) -> None:
        layer = self.layer(case)
        torch.manual_seed(0)
        module = self.block().build(layer).train()
        x = torch.randn(4, *layer.input.shape, requires_grad=True)  # what has no weights passes gradients on
        module(x).square().sum().backward()
        assert [name for name, weight in module.named_parameters() if weight.grad is None] == []

    @inherited
    @given(specs())
    def test_an_image_is_answered_alike_alone_and_in_a_batch(self, case: Case) -> None:
        layer = self.layer(case)
        torch.manual_seed(0)
        module, x = self.block().build(layer).eval(), torch.randn(3, *layer.input.shape)
        with torch.inference_mode():
            together, alone = module(x), torch.cat([module(image[None]) for image in x])
        assert torch.allclose(together, alone, atol=1e-4)
