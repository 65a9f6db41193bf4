"""Activation memory of one layer, watched while the layer runs once.

Two sums: the largest sum of tensors that are alive at one time (what a device
needs), and the sum of what autograd keeps for the backward pass (what training
needs).  Both are in fp32 bytes for one image.
"""

from __future__ import annotations

from torch import Tensor, nn

from aebnas.blocks.parts import SamePadding, Skip, SqueezeExcitation

BYTES_PER_ACTIVATION = 4
KEEPS_NO_OUTPUT = (nn.ReLU, nn.Identity)
"""In place and differentiable from its own result, or no operation at all.  (Hard swish and SiLU
are in place too, but autograd copies their input.)"""


class ActivationWatch:
    """Hooks on a layer's module that add up what is alive and what is kept.

    Alive at one operation are its input, its output and what an enclosing skip or gate still
    needs: a skip holds its input until the sum, a gate until the product.
    """

    def __init__(self, module: nn.Module, x: Tensor) -> None:
        """Watch ``module``, which will be called with ``x`` once."""
        self.peak_bytes = 0
        self.peak_bytes_input_kept = 0
        """The peak where ``x`` is needed afterwards too, so that it stays alive throughout."""
        self.saved_bytes = 0
        self._input = x
        self._held: list[Tensor] = []
        self._needs_output = True
        """Whether the backward pass of the last operation needs its output; of what was before: who knows."""
        for part in module.modules():
            if isinstance(part, Skip):
                self._watch(part, [part.body, part.shortcut], keeps_operands=False)
            elif isinstance(part, SqueezeExcitation):
                self._watch(part, [part.gate], keeps_operands=True)
            elif not list(part.children()):
                part.register_forward_hook(self._leaf)

    def _watch(self, whole: nn.Module, operands: list[nn.Module], keeps_operands: bool) -> None:
        """Hold the whole's input and its operands' outputs until the whole has returned.

        The backward pass of a product needs its operands, that of a sum does not.
        """
        whole.register_forward_pre_hook(lambda _module, inputs: self._held.append(inputs[0]))
        for operand in operands:
            operand.register_forward_hook(lambda _module, _inputs, output: self._held.append(output))

        def release(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._see(output)
            results = self._held[-len(operands) :]
            unkept = [] if keeps_operands else [tensor for tensor in results if tensor is not inputs[0]]
            elements = output.numel() - sum(tensor.numel() for tensor in unkept)
            self.saved_bytes += elements * BYTES_PER_ACTIVATION
            del self._held[-1 - len(operands) :]

        whole.register_forward_hook(release)

    def _leaf(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._see(inputs[0], output)
        if isinstance(module, SamePadding) and not self._needs_output:
            # the convolution behind it keeps the copy, and nobody what was copied
            self.saved_bytes -= inputs[0].numel() * BYTES_PER_ACTIVATION
        if not isinstance(module, KEEPS_NO_OUTPUT):
            self.saved_bytes += output.numel() * BYTES_PER_ACTIVATION
        self._needs_output = isinstance(module, nn.ReLU)

    def _see(self, *tensors: Tensor) -> None:
        # by identity: in-place operations return their input, and a skip holds its first layer's
        alive = {id(tensor): tensor.numel() for tensor in (*self._held, *tensors)}
        with_input = alive | {id(self._input): self._input.numel()}
        self.peak_bytes = max(self.peak_bytes, sum(alive.values()) * BYTES_PER_ACTIVATION)
        self.peak_bytes_input_kept = max(
            self.peak_bytes_input_kept, sum(with_input.values()) * BYTES_PER_ACTIVATION
        )
