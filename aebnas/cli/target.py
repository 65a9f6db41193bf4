"""The options of ``aebnas profile`` that say what is profiled."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.hardware.devices.target import Target


def target_of(arguments: argparse.Namespace) -> Target:
    """Return what the options name.

    Raises:
        ConfigError: They do not fit together; names the option.
    """
    from aebnas.hardware.devices.target import Target

    device = "cuda:0" if arguments.device == "cuda" else arguments.device
    runtime = arguments.runtime or ("onnxruntime" if device == "cpu" else "torch")
    try:
        return Target(
            device=device,
            runtime=runtime,  # type: ignore[arg-type]  # pydantic checks the word
            batch_size=arguments.batch_size,
            dtype=arguments.dtype,
            threads=arguments.threads,
            cuda_graphs=arguments.cuda_graphs,
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
    from aebnas.hardware.devices.devices import gpus, processor

    name = processor()
    if target.device != "cpu":
        index = int(target.device.partition(":")[2] or 0)
        name = next((gpu.name for gpu in gpus() if gpu.index == index), "gpu")
    plain = re.sub(r"\((r|tm)\)", "", name.lower())
    words = [re.sub(r"[^a-z0-9]+", "-", plain).strip("-"), target.runtime]
    words += [target.dtype] if target.dtype != "fp32" else []
    words += [f"batch{target.batch_size}"] if target.batch_size != 1 else []
    words += [f"{target.threads}threads"] if target.threads != 1 else []
    words += ["graphs"] if target.cuda_graphs else []
    return "-".join(words)
