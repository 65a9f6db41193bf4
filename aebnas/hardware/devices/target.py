"""What is profiled: a device, a runtime and how it is used.

Must not import torch before ``torch_dtype`` is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, Wrong, reject

if TYPE_CHECKING:
    import torch

RuntimeName = Literal["onnxruntime", "torch"]
DtypeName = Literal["fp32", "bf16", "fp16"]


class Target(Frozen):
    """A device and the way in which networks run on it."""

    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:\d+)?)$")] = "cpu"
    """cpu, or cuda:N."""
    runtime: RuntimeName = "onnxruntime"
    """onnxruntime (CPU), or eager torch."""
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 1
    """Images of one call; latencies and energies are those of the whole call."""
    dtype: DtypeName = "fp32"
    """Number format of weights and activations."""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads inside one operator."""
    cuda_graphs: bool = False
    """Replay segments as CUDA graphs (and layers while profiling): kernels are not launched one by one."""

    @model_validator(mode="after")
    def _can_run(self) -> Target:
        wrong: list[Wrong] = []
        is_cuda = self.device != "cpu"
        if self.runtime == "onnxruntime" and is_cuda:
            wrong.append((("runtime",), f"onnxruntime runs on the CPU; for {self.device} take torch"))
        if self.runtime == "onnxruntime" and self.dtype != "fp32":
            wrong.append((("dtype",), f"onnxruntime is measured in fp32 alone, but got {self.dtype}"))
        if self.cuda_graphs and not is_cuda:
            wrong.append((("cuda_graphs",), f"goes with a CUDA device, but got {self.device}"))
        if self.dtype == "fp16" and not is_cuda:
            wrong.append((("dtype",), "fp16 goes with a CUDA device; on the CPU take fp32 or bf16"))
        reject(wrong)
        return self

    @property
    def torch_dtype(self) -> torch.dtype:
        """Return torch's name of the number format."""
        import torch

        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.dtype]

    def __str__(self) -> str:
        """Return ``cpu, onnxruntime, fp32, batch 1, 1 thread``."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        graphs = ", CUDA graphs" if self.cuda_graphs else ""
        return f"{self.device}, {self.runtime}, {self.dtype}, batch {self.batch_size}, {threads}{graphs}"
