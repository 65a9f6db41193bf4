"""Whole networks in interleaved rounds: what a kill leaves is continued, whatever the machine's level."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import network_clock
from aebnas.hardware.measure.network_clock import ROUNDS, measure_networks
from aebnas.hardware.measure.samples import SampleFile, exit_name

TRUE_NS = {"aaa": (1e5, 3e5), "bbb": (2e5, 4e5, 5e5)}
ANCHOR_MS = 0.5


class Machine:
    """Clocks of fixed times on a machine of some slowness, which is cut off after some samples."""

    def __init__(self, slowness: float = 1.0, lasts: float = np.inf) -> None:
        self.slowness, self.lasts = slowness, lasts

    def full_ns(self) -> float:
        return ANCHOR_MS * 1e6 * self.slowness

    def clocks(self) -> dict[str, Any]:
        return {key: Clock(self, times) for key, times in TRUE_NS.items()}


class Clock:
    def __init__(self, machine: Machine, times: tuple[float, ...]) -> None:
        self.machine, self.times, self.exits = machine, np.array(times), len(times)

    def sample_ns(self) -> Any:
        self.machine.lasts -= 1
        if self.machine.lasts < 0:
            raise KeyboardInterrupt
        return self.times * self.machine.slowness


def measured(
    machine: Machine, samples: SampleFile, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Any], list[tuple[int, int]]]:
    monkeypatch.setattr(network_clock, "anchor_clock", lambda _target: machine)
    output: list[tuple[int, int]] = []
    return measure_networks(
        machine.clocks(), "tiny", Target(), ANCHOR_MS, samples, lambda *now: output.append(now)
    ), output


def check(times: list[Any]) -> None:
    for halves, true in zip(times, TRUE_NS.values(), strict=True):
        for half in halves:
            np.testing.assert_allclose(half, np.array(true) / 1e6)


def test_times_are_told_on_the_anchors_scale_and_every_round_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = SampleFile()
    times, output = measured(Machine(slowness=1.25), samples, monkeypatch)
    check(times)
    assert output == [(done, ROUNDS) for done in range(ROUNDS + 1)]
    assert len(samples.samples[exit_name("tiny", "bbb", 2)]) == ROUNDS


@pytest.mark.parametrize("lasts", [0, 1, 7, 2 * ROUNDS - 1])
def test_an_interrupted_measurement_repeats_no_round_that_was_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasts: int
) -> None:
    file = tmp_path / "here.samples.csv"
    with pytest.raises(KeyboardInterrupt):
        measured(Machine(lasts=lasts), SampleFile.open(file, Target()), monkeypatch)
    again = Machine(slowness=1.5, lasts=1e6)
    samples = SampleFile.open(file, Target())
    times, output = measured(again, samples, monkeypatch)
    check(times)
    assert 1e6 - again.lasts == 2 * (ROUNDS - lasts // 2)
    assert output[0] == (lasts // 2, ROUNDS)
    assert [len(samples.samples[exit_name("tiny", "aaa", i)]) for i in (0, 1)] == [ROUNDS, ROUNDS]


def test_a_torn_round_is_finished_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "here.samples.csv"
    measured(Machine(), SampleFile.open(file, Target()), monkeypatch)
    text = file.read_text()
    file.write_text(text[: int(0.6 * len(text))])
    again = SampleFile.open(file, Target())
    check(measured(Machine(slowness=0.8), again, monkeypatch)[0])
    lengths = {len(values) for what, values in again.samples.items() if what.startswith("*network")}
    assert min(lengths) == ROUNDS
    assert max(lengths) <= ROUNDS + 1
