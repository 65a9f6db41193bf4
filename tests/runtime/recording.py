"""CUDA graphs on the CPU: what a capture records is replayed into the tensors that the capture returned."""

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class RecordedGraph:
    """As ``torch.cuda.CUDAGraph``: a replay reads and writes the tensors of the capture, no others."""

    def __init__(self) -> None:
        self.kernels: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def replay(self) -> None:
        with torch.inference_mode():
            for kernel, args, kwargs, found in self.kernels:
                again = kernel(*args, **kwargs)
                tree_map(_overwrite, found, again)


class Capture(TorchDispatchMode):
    def __init__(self, graph: RecordedGraph) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.graph.kernels.append((func, args, kwargs or {}, found))
        return found


def _overwrite(old: Any, new: Any) -> None:
    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
        old.copy_(new)


def install(monkeypatch: pytest.MonkeyPatch) -> list[RecordedGraph]:
    """Let torch.cuda capture on the CPU; return the graphs that will be captured."""
    made: list[RecordedGraph] = []
    waiting = SimpleNamespace(wait_stream=lambda _other: None)

    @contextlib.contextmanager
    def graph(recorded: RecordedGraph, stream: Any = None) -> Iterator[None]:
        assert stream is waiting
        with Capture(recorded):
            yield
        assert recorded.kernels, "torch warns of empty graphs"
        made.append(recorded)

    parts = {
        "CUDAGraph": RecordedGraph, "graph": graph, "stream": lambda _stream: contextlib.nullcontext(),
        "Stream": lambda _device: waiting, "current_stream": lambda _device: waiting,
        "device": lambda _device: contextlib.nullcontext(),
    }  # fmt: skip
    for name, part in parts.items():
        monkeypatch.setattr(torch.cuda, name, part)
    return made
