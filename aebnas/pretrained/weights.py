"""Weights from files into networks, every mismatch told; and what identifies them.

Only tensors are read: safetensors, or what ``torch.save`` wrote, with ``weights_only``,
so that no file runs code.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from aebnas.errors import NetworkError

INNER = ("state_dict", "model_state_dict", "model", "network", "net", "weights")
"""Where checkpoints of trainings keep the weights beside other things."""
PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "net.", "backbone.")
"""What wrappers put in front of names."""
COUNTER = "num_batches_tracked"
"""A buffer of batch norms that old files lack, and that decides nothing."""
SHOWN = 4


def load_weights(module: nn.Module, path: str | Path) -> tuple[str, ...]:
    """Read weights into a network, and return what was done on the way, in words that users read.

    Args:
        module: Every weight and saved buffer of it gets a value.
        path: A safetensors file, or one of ``torch.save``: a state dict, or a checkpoint that holds one.

    Raises:
        NetworkError: The file cannot be read, or is one of another network.
    """
    where = str(path)
    state, notes = _state(_read(Path(path)), where)
    state, renamed = _without_prefixes(state, module)
    notes += [f"{where}: names begin with {prefix!r}, which was left out" for prefix in renamed]
    own = module.state_dict()
    counters = [name for name in own if name.endswith(COUNTER) and name not in state]
    if counters:
        notes.append(f"{where}: {len(counters)} counters of batch norms ({COUNTER}) are missing, and stay 0")
        state |= {name: own[name] for name in counters}
    problems = _problems(own, state)
    if problems:
        raise NetworkError(f"{where} holds the weights of another network: {'; '.join(problems)}")
    module.load_state_dict(state)
    return tuple(notes)


def weights_digest(module: nn.Module) -> str:
    """Return a hash of all weights and saved buffers with their names, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> Any:
    """Return what a file holds.

    Raises:
        NetworkError: It is missing, damaged, or holds more than tensors.
    """
    if not path.is_file():
        raise NetworkError(f"{path}: there is no such file")
    if path.suffix == ".onnx":
        raise NetworkError(f"{path} is an ONNX graph: weights are safetensors or a state dict of torch")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is a TorchScript archive is told below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise NetworkError(
            f"{path} holds more than tensors ({_first_line(error)}), and is not read, because that could run "
            "code. Save its weights alone where you trust it: torch.save(network.state_dict(), FILE)"
        ) from error
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError) as error:
        if "torchscript" in str(error).lower():
            raise NetworkError(
                f"{path} is a TorchScript archive: save the weights of the module it was made of, "
                "torch.save(network.state_dict(), FILE)"
            ) from error
        raise NetworkError(f"{path} cannot be read: {_first_line(error)}") from error


def _state(content: Any, where: str) -> tuple[dict[str, Tensor], list[str]]:
    """Return the state dict in a file, and notes.

    Raises:
        NetworkError: There is none.
    """
    notes: list[str] = []
    while isinstance(content, Mapping):
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return {str(name): value for name, value in content.items()}, notes
        inner = next((key for key in INNER if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        notes.append(f"{where}: the weights are those under {inner!r}")
        content = content[inner]
    held = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
    raise NetworkError(
        f"{where} holds no weights by name, but {held or 'nothing'}: save them with "
        "torch.save(network.state_dict(), FILE)"
    )


def _without_prefixes(state: dict[str, Tensor], module: nn.Module) -> tuple[dict[str, Tensor], list[str]]:
    """Return a state without what wrappers put in front of every name, and that."""
    own = module.state_dict().keys()
    removed = []
    for _ in PREFIXES:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in state)), None)
        if prefix is None or any(name.startswith(prefix) for name in own):
            break
        state = {name.removeprefix(prefix): value for name, value in state.items()}
        removed.append(prefix)
    return state, removed


def _problems(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """Return what does not fit, kind by kind."""
    missing = [name for name in own if name not in state]
    left_over = [name for name in state if name not in own]
    shapes = [
        f"{name} has shape {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
        for name in own
        if name in state and not isinstance(own[name], UninitializedParameter | UninitializedBuffer)
        if state[name].shape != own[name].shape
    ]
    kinds = (("missing", missing), ("not in the network", left_over), ("of another shape", shapes))
    return [f"{len(names)} {kind}: {_some(names)}" for kind, names in kinds if names]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
