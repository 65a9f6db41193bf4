"""Clocks on CUDA: against a faithful fake of torch.cuda here, and on a real GPU where there is one."""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from runtime.recording import Capture, RecordedGraph
from space.tiny_spaces import space
from torch import Tensor, nn

from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.cuda_clock import GROUP, event_clock, graph_clock
from aebnas.hardware.measure.profile_session import ProfileRequest, profile_space
from aebnas.hardware.profile.profile import read_profile
from aebnas.task.task import classification

CALL_MS, REPLAY_MS = 0.02, 0.005


class FakeCuda:
    """torch.cuda with one queue whose time moves with every call."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self.synchronised = True
        self.capturing: Any = None
        self.log: list[str] = []
        self.current = "default stream"

    def work(self, name: str, ms: float) -> None:
        if self.capturing is not None:
            self.capturing.calls += 1
            return
        self.synchronised = False
        self.now_ms += ms
        self.log.append(name)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cuda = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                assert enable_timing, "an event without timing cannot be asked"
                self.at_ms: float | None = None

            def record(self) -> None:
                self.at_ms = cuda.now_ms

            def synchronize(self) -> None:
                assert self.at_ms == cuda.now_ms, "the last event must be waited for"
                cuda.synchronised = True

            def elapsed_time(self, other: "Event") -> float:
                if not cuda.synchronised:
                    raise RuntimeError("CUDA error: device not ready")
                assert self.at_ms is not None
                assert other.at_ms is not None
                return other.at_ms - self.at_ms

        class CUDAGraph:
            def __init__(self) -> None:
                self.calls = 0
                self.recorded = RecordedGraph()

            def replay(self) -> None:
                cuda.work("replay", REPLAY_MS * self.calls)
                self.recorded.replay()

        @contextlib.contextmanager
        def graph(made: CUDAGraph, stream: Any = None) -> Iterator[None]:
            assert "warmed" in cuda.log, "a capture needs a warm-up on a side stream"
            assert stream is not None, "the default capture stream is on the current device"
            cuda.capturing = made
            with Capture(made.recorded):
                yield
            cuda.capturing = None
            assert made.recorded.kernels, "torch warns of empty graphs"

        @contextlib.contextmanager
        def stream(_stream: Any) -> Iterator[None]:
            cuda.current = "side stream"
            yield
            cuda.current = "default stream"
            cuda.log.append("warmed")

        waiting = SimpleNamespace(wait_stream=lambda _other: None)
        parts = {
            "Event": Event, "CUDAGraph": CUDAGraph, "graph": graph, "stream": stream,
            "Stream": lambda _device: waiting, "current_stream": lambda _device: waiting,
            "device": lambda _device: contextlib.nullcontext(),
        }  # fmt: skip
        for name, part in parts.items():
            monkeypatch.setattr(torch.cuda, name, part)


class Layer(nn.Module):
    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__()
        self.cuda = cuda

    def forward(self, x: Tensor) -> Tensor:
        assert torch.is_inference_mode_enabled()
        self.cuda.work("call", CALL_MS)
        return x


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    found = FakeCuda()
    found.install(monkeypatch)
    return found


@pytest.mark.parametrize(("asked", "made"), [(1, GROUP), (3, GROUP), (GROUP, GROUP), (25, 3 * GROUP)])
def test_events_time_whole_groups_of_calls(cuda: FakeCuda, asked: int, made: int) -> None:
    samples = event_clock(Layer(cuda), torch.zeros(1))(asked)
    np.testing.assert_allclose(samples, np.full(made, CALL_MS * 1e6))
    assert cuda.log == ["call"] * made


def test_a_graph_is_captured_once_and_then_replayed(cuda: FakeCuda) -> None:
    clock = graph_clock(Layer(cuda), torch.zeros(1))
    cuda.log.clear()
    np.testing.assert_allclose(clock(GROUP), np.full(GROUP, REPLAY_MS * 1e6))
    assert cuda.log == ["replay"] * GROUP


def test_a_clock_of_replays_keeps_what_the_graph_reads_and_writes(cuda: FakeCuda) -> None:
    clock = graph_clock(nn.Conv2d(2, 3, 1), torch.zeros(1, 2, 4, 4))
    gc.collect()
    clock(1)
    assert cuda.log[-1] == "replay"


def test_an_empty_call_has_a_graph_too(cuda: FakeCuda) -> None:
    assert graph_clock(nn.Identity(), torch.zeros(1))(1).shape == (GROUP,)
    assert cuda.log[-1] == "replay"


def test_a_slow_group_stands_apart(cuda: FakeCuda) -> None:
    layer = Layer(cuda)
    clock = event_clock(layer, torch.zeros(1))
    clock(1)
    before = cuda.work

    def slow(name: str, ms: float) -> None:
        before(name, ms * (2 if len(cuda.log) >= 2 * GROUP else 1))

    cuda.work = slow  # type: ignore[method-assign]
    samples = clock(2 * GROUP) / 1e6
    np.testing.assert_allclose(samples, [CALL_MS] * GROUP + [2 * CALL_MS] * GROUP)


# ---------------------------------------------------------------- on a real GPU
@pytest.mark.gpu
@pytest.mark.parametrize("graphs", [False, True])
def test_a_tiny_space_is_profiled_on_a_gpu(tmp_path: Path, graphs: bool) -> None:
    exits = {"after": ["stage1"], "optional": False, "branch": {"modules": 0}}
    some = space(8, stages=[{"width": 8, "block": {"kernel": [3, 5]}}, {"width": [8, 12]}], exits=exits)
    target = Target(device="cuda:0", runtime="torch", cuda_graphs=graphs)
    request = ProfileRequest(some, "tiny", classification(1, 10), target, tmp_path / "gpu.yaml", "test", 2, 2)
    profile_space(request, lambda _stage, _done, _total: None)
    found = read_profile(request.path)
    assert {row.layer for row in found.rows.values()} == {layer.signature() for layer in request.layers()}
    assert found.metadata.device.driver
    assert found.metadata.device.name == torch.cuda.get_device_name(0)
    assert all(row.latency_ms > 0 for row in found.rows.values())
    assert found.has_energy is (found.metadata.energy.note.startswith("everything"))
    if found.has_energy:
        assert all(row.energy_mj is not None and row.energy_mj > 0 for row in found.rows.values())
