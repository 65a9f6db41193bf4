"""What is profiled: a device, a runtime and how it is used.

Must not import torch before ``torch_dtype`` is asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from aebnas.config.choices import Frozen, Wrong, reject
from aebnas.errors import ConfigError
from aebnas.hardware.devices.devices import gpus, processor

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


def target_of(
    device: str = "cpu",
    runtime: str | None = None,
    batch_size: int = 1,
    dtype: str = "fp32",
    threads: int = 1,
    cuda_graphs: bool = False,
) -> Target:
    """Return what options name.

    Args:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        runtime: ``onnxruntime`` or ``torch``; default: onnxruntime on CPUs, torch on GPUs.
        batch_size: Images of one call.
        dtype: ``fp32``, ``bf16`` or ``fp16``.
        threads: Of a CPU, per operator.
        cuda_graphs: Replay segments as CUDA graphs.

    Raises:
        ConfigError: They do not fit together; names the option.
    """
    device = "cuda:0" if device == "cuda" else device
    try:
        return Target(
            device=device,
            runtime=runtime or ("onnxruntime" if device == "cpu" else "torch"),  # type: ignore[arg-type]
            batch_size=batch_size,
            dtype=dtype,  # type: ignore[arg-type]  # pydantic checks the words
            threads=threads,
            cuda_graphs=cuda_graphs,
        )
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise ConfigError("; ".join(_option(detail) for detail in details)) from error


def _option(detail: Any) -> str:
    wrong = detail.get("ctx", {}).get("wrong")
    if wrong:
        return "; ".join(f"--{'-'.join(map(str, path)).replace('_', '-')}: {text}" for path, text in wrong)
    name = "-".join(map(str, detail["loc"])).replace("_", "-")
    if name == "device":
        return f"--device: must be cpu, cuda or cuda:N, but got {detail['input']!r}"
    return f"--{name}: {detail['msg'].replace('Input should be', 'must be')}, but got {detail['input']!r}"


def default_name(target: Target) -> str:
    """Return a file name from the device's own name: ``intel-xeon-processor-onnxruntime``."""
    name = processor()
    if target.device != "cpu":
        index = int(target.device.partition(":")[2] or 0)
        name = next((gpu.name for gpu in gpus() if gpu.index == index), "gpu")
    plain = re.sub(r"\((r|tm)\)", "", name.lower())
    parts = [re.sub(r"[^a-z0-9]+", "-", plain).strip("-"), target.runtime]
    parts += [target.dtype] if target.dtype != "fp32" else []
    parts += [f"batch{target.batch_size}"] if target.batch_size != 1 else []
    parts += [f"{target.threads}threads"] if target.threads != 1 else []
    parts += ["graphs"] if target.cuda_graphs else []
    return "-".join(parts)
