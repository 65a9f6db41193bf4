"""CUDA graphs on the CPU: what a capture records is replayed into the tensors that the capture returned."""

import contextlib
import weakref
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class RecordedGraph:
    """As ``torch.cuda.CUDAGraph``: a replay reads and writes the tensors of the capture, no others.

    It owns what its kernels return, and knows the address alone of what they are given from outside.
    """

    def __init__(self) -> None:
        self.kernels: list[tuple[Callable[..., Any], Any, Any, Any]] = []
        self.own: dict[int, torch.Tensor] = {}

    def replay(self) -> None:
        with torch.inference_mode():
            for kernel, args, kwargs, found in self.kernels:
                again = kernel(*tree_map(_read, args), **tree_map(_read, kwargs))
                tree_map(_overwrite, found, again)


class Address:
    """Of a tensor that does not belong to the graph."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = weakref.ref(tensor)


class Capture(TorchDispatchMode):
    def __init__(self, graph: RecordedGraph) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        kept = tree_map(self._kept, args), tree_map(self._kept, kwargs or {})
        if not any(found is one for one in args):  # in place: what it returns is what it was given
            tree_map(self._own, found)
        self.graph.kernels.append((func, *kept, tree_map(self._kept, found)))
        return found

    def _own(self, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            self.graph.own[id(value)] = value

    def _kept(self, value: Any) -> Any:
        is_foreign = isinstance(value, torch.Tensor) and id(value) not in self.graph.own
        return Address(value) if is_foreign else value


def _read(value: Any) -> Any:
    if not isinstance(value, Address):
        return value
    tensor = value.tensor()
    assert tensor is not None, "the graph reads memory that was given back"
    return tensor


def _overwrite(old: Any, new: Any) -> None:
    old = _read(old)
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
