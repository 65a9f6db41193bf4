"""What a dry run tries is what the profiling will do."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from space.tiny_spaces import space

from aebnas.blocks.layer import Layer
from aebnas.hardware.devices.energy import LOOP_SECONDS, MEASURED_LAYERS
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import estimate
from aebnas.hardware.measure.open_device import OpenDevice
from aebnas.hardware.measure.profile_session import ProfileRequest
from aebnas.space.architecture import StagedArchitecture
from aebnas.task.task import Task, classification

TASK = classification(1, 10)


def test_networks_that_will_be_measured_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = space(8, stages=[{"width": [8, 16], "block": {"kernel": [3, 5]}}, {"width": [12, 24]}])
    request = ProfileRequest(some, "tiny", TASK, Target(), tmp_path / "new.yaml", "test", 2, 2)
    tried: list[StagedArchitecture] = []

    def network_seconds(architecture: StagedArchitecture, _task: Task, _target: Target) -> float:
        tried.append(architecture)
        return 2.0

    opened = OpenDevice(SimpleNamespace(close=lambda: None), None)  # type: ignore[arg-type]
    monkeypatch.setattr(estimate, "open_device", lambda _target: opened)
    monkeypatch.setattr(estimate, "_layer_seconds", lambda _layer, _target: 1.0)
    monkeypatch.setattr(estimate, "_network_seconds", network_seconds)
    found = estimate.estimate(request)
    assert tried == request.architectures()[: estimate.NETWORKS]
    assert found.seconds == found.missing + 2 * found.networks


class Counter:
    def __init__(self, mj: float | None) -> None:
        self.mj = mj
        self.is_open = True

    def read_mj(self) -> float | None:
        assert self.is_open, "the counter is closed with its device"
        return self.mj


@pytest.mark.parametrize(("mj", "has_energy"), [(3.0, True), (None, False)])
def test_energies_count_where_a_counter_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mj: float | None, has_energy: bool
) -> None:
    request = ProfileRequest(space(8), "tiny", TASK, Target(), tmp_path / "new.yaml", "test", 2, 2)
    counter = Counter(mj)
    opened = OpenDevice(SimpleNamespace(close=lambda: setattr(counter, "is_open", False)), counter)  # type: ignore[arg-type]
    monkeypatch.setattr(estimate, "open_device", lambda _target: opened)
    monkeypatch.setattr(estimate, "_layer_seconds", lambda _layer, _target: 0.0)
    monkeypatch.setattr(estimate, "_network_seconds", lambda _one, _data, _target: 0.0)
    assert len(request.layers()) < MEASURED_LAYERS
    assert estimate.estimate(request).seconds == has_energy * len(request.layers()) * LOOP_SECONDS


def test_only_the_first_call_pays_for_finding_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, which compares kernels at the first call of a shape."""
    clock = FirstCallSlow()
    monkeypatch.setattr(estimate, "layer_clock", lambda _layer, _target: clock)
    monkeypatch.setattr(estimate.time, "perf_counter", lambda: clock.now)
    found = estimate._layer_seconds(some_layer(tmp_path), Target())
    rounds = estimate.MIN_ROUNDS * estimate.MORE_ROUNDS
    assert found == pytest.approx(FIRST + SAMPLE * (1 + rounds))


FIRST, SAMPLE = 100.0, 1.0


class FirstCallSlow:
    def __init__(self) -> None:
        self.now = 0.0
        self.samples = 0

    def __call__(self, calls: int) -> np.ndarray:
        if calls == 3:  # the probe of a sample
            self.now += SAMPLE + (0 if self.samples else FIRST)
            self.samples += 1
        return np.ones(calls)


def some_layer(tmp_path: Path) -> Layer:
    one = ProfileRequest(space(8), "tiny", TASK, Target(), tmp_path / "new.yaml", "test", 2, 2)
    return one.layers()[0]
