"""The profiler on a machine that exists only here: its speed, its noise and who else uses it are known."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from layers import square
from numpy.typing import NDArray

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import profiler
from aebnas.hardware.measure.layer_clock import End, ends
from aebnas.hardware.measure.profiler import LayerProfiler
from aebnas.hardware.measure.rounds import MAX_ROUNDS, MIN_ROUNDS
from aebnas.hardware.measure.samples import ANCHOR_NAME, SampleFile, empty_name
from aebnas.hardware.profile.profile_schema import Conditions, DeviceMetadata
from aebnas.hardware.profile.profile_table import LayerRow

LAYERS = [square(BlockSpec("conv", 3, width), 4, 8) for width in (4, 8, 12, 16)]
ANCHOR_NS = 500_000.0
Floats = NDArray[np.float64]


def true_ns(layer: Layer) -> float:
    return 10_000.0 * layer.spec.width


def empty_ns(end: End) -> float:
    return 4_000.0 + 100.0 * end.channels


class Machine:
    """A machine whose clocks answer from what is written here."""

    def __init__(self) -> None:
        self.speeds: list[float] = [1.0]
        """How much slower everything is in each batch; the last holds on."""
        self.noise: Callable[[Layer, int], float] = lambda _layer, _chunk: 1.0
        self.built: list[Layer] = []
        self._batch = -1
        self._chunks: dict[Layer, int] = {}

    @property
    def slowness(self) -> float:
        return self.speeds[min(max(self._batch, 0), len(self.speeds) - 1)]

    def layer_clock(self, layer: Layer, target: Target) -> Callable[[int], Floats]:
        self.built.append(layer)
        before, after = ends(layer, target)
        empty = (empty_ns(before) + empty_ns(after)) / 2

        def clock(calls: int) -> Floats:
            chunk = self._chunks[layer] = self._chunks.get(layer, 0) + (calls > 3)
            return np.full(calls, (true_ns(layer) * self.noise(layer, chunk) + empty) * self.slowness)

        return clock

    def empty_clock(self, end: End, _target: Target) -> Callable[[int], Floats]:
        return lambda calls: np.full(calls, empty_ns(end) * self.slowness)

    def anchor_clock(self, _target: Target) -> "Machine":
        self._batch += 1
        return self

    def full_ns(self) -> float:
        return ANCHOR_NS * self.slowness


class FakeMonitor:
    """Tells notes in turn, then nothing."""

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self.notes = ["", *notes]  # the first look is before the first round

    def look(self) -> str:
        return self.notes.pop(0) if self.notes else ""

    def device(self) -> DeviceMetadata:
        return DeviceMetadata(name="fake", system="none")

    def conditions(self) -> Conditions:
        return Conditions()

    def close(self) -> None:
        pass


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    for name in ("layer_clock", "empty_clock", "anchor_clock"):
        monkeypatch.setattr(profiler, name, getattr(found, name))
    return found


def made(path: Path, notes: Sequence[str] = (), known: float | None = ANCHOR_NS) -> LayerProfiler:
    samples = SampleFile.open(path / "board.samples.csv", Target())
    return LayerProfiler(Target(), samples, FakeMonitor(notes), known, batch_size=2)


def measured(path: Path, notes: Sequence[str] = (), known: float | None = ANCHOR_NS) -> list[LayerRow]:
    one = made(path, notes, known)
    one.measure(LAYERS, lambda _done, _total: None)
    return one.rows(LAYERS)


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.mark.usefixtures("machine")
def test_half_the_empty_call_of_each_end_is_subtracted(tmp_path: Path) -> None:
    assert [row.latency_ms for row in measured(tmp_path)] == pytest.approx([true_ns(x) / 1e6 for x in LAYERS])


def test_a_batch_on_a_slower_machine_gets_the_same_latencies(tmp_path: Path, machine: Machine) -> None:
    machine.speeds = [1.0, 1.1]
    rows = measured(tmp_path)
    assert {sample.batch for row in rows for sample in made(tmp_path).samples.samples[row.layer]} == {0, 1}
    assert [row.latency_ms for row in rows] == pytest.approx([true_ns(x) / 1e6 for x in LAYERS], rel=1e-4)


def test_without_a_table_to_extend_the_level_is_the_median_of_the_batches(
    tmp_path: Path, machine: Machine
) -> None:
    machine.speeds = [1.0, 1.1]
    rows = measured(tmp_path, known=None)
    assert made(tmp_path, known=None).anchor_ms() == pytest.approx(1.05 * ANCHOR_NS / 1e6)
    assert [row.latency_ms for row in rows] == pytest.approx(
        [1.05 * true_ns(x) / 1e6 for x in LAYERS], rel=1e-4
    )


def test_an_extension_is_put_on_the_scale_of_the_table(tmp_path: Path, machine: Machine) -> None:
    machine.speeds = [2.0]
    rows = measured(tmp_path)
    assert [row.latency_ms for row in rows] == pytest.approx([true_ns(x) / 1e6 for x in LAYERS], rel=1e-4)


@pytest.mark.usefixtures("machine")
def test_a_steady_machine_needs_the_fewest_rounds(tmp_path: Path) -> None:
    rows = measured(tmp_path)
    assert [(row.samples, row.iqr_ms, row.note) for row in rows] == [(MIN_ROUNDS, 0, "")] * len(LAYERS)


@pytest.mark.usefixtures("machine")
def test_every_layer_runs_once_in_every_round_between_two_anchors(tmp_path: Path) -> None:
    measured(tmp_path)
    lines = [line.split(",") for line in (tmp_path / "board.samples.csv").read_text().splitlines()[1:]]
    rounds: dict[tuple[str, str], list[str]] = {}
    by_name = {layer.signature(): ends(layer, Target()) for layer in LAYERS}
    for batch, round_, what, *_ in lines:
        rounds.setdefault((batch, round_), []).append(what)
    assert len(rounds) == 2 * MIN_ROUNDS
    for found in rounds.values():
        assert (found[0], found[-1]) == ("*anchor", "*anchor")
        layers = [what for what in found if not what.startswith("*")]
        assert len(set(layers)) == len(layers) == 2
        places = {end for what in layers for end in by_name[what]}
        assert {what for what in found if what.startswith("*empty")} == {empty_name(one) for one in places}
    orders = {tuple(what for what in found if what[0] != "*") for found in rounds.values()}
    assert len(orders) > 2, "the order is drawn anew in each round"


@pytest.mark.usefixtures("machine")
def test_a_layer_that_was_disturbed_in_most_rounds_is_marked_with_the_commonest_reason(
    tmp_path: Path,
) -> None:
    rows = measured(tmp_path, ["busy", *["throttled"] * 5, "", "", ""])
    assert sorted(row.note for row in rows) == ["", "", "throttled", "throttled"]


@pytest.mark.usefixtures("machine")
def test_a_disturbed_minority_of_the_rounds_marks_nothing(tmp_path: Path) -> None:
    assert {row.note for row in measured(tmp_path, ["busy"] * (MIN_ROUNDS // 2))} == {""}


def test_a_layer_that_never_settles_is_marked_after_all_rounds(tmp_path: Path, machine: Machine) -> None:
    machine.noise = lambda layer, chunk: 1.0 + 0.5 * (chunk % 2) * (layer is LAYERS[1])
    rows = measured(tmp_path)
    assert [(row.samples, row.note) for row in rows] == [
        (MIN_ROUNDS, ""), (MAX_ROUNDS, "unstable"), (MIN_ROUNDS, ""), (MIN_ROUNDS, ""),
    ]  # fmt: skip


def test_a_layer_that_is_lost_in_the_empty_call_is_not_free(tmp_path: Path, machine: Machine) -> None:
    machine.noise = lambda _layer, _chunk: 0.0
    assert all(row.latency_ms > 0 for row in measured(tmp_path))


@pytest.mark.parametrize("rounds", [0, 1, 8, 14])
def test_an_interrupted_profiling_continues_and_measures_nothing_stable_again(
    tmp_path: Path, machine: Machine, rounds: int
) -> None:
    class StopNowError(Exception):
        pass

    output = 0

    def stop(_done: int, _total: int) -> None:
        nonlocal output
        output += 1
        if output > rounds:
            raise StopNowError

    with pytest.raises(StopNowError):
        made(tmp_path).measure(LAYERS, stop)
    before = (tmp_path / "board.samples.csv").read_text()
    stable = {layer for layer in LAYERS if made(tmp_path)._is_done(layer)}
    machine.built.clear()
    second = made(tmp_path)
    second.measure(LAYERS, nothing)
    assert (tmp_path / "board.samples.csv").read_text().startswith(before)
    assert set(machine.built) == set(LAYERS) - stable
    assert [row.latency_ms for row in second.rows(LAYERS)] == pytest.approx(
        [true_ns(x) / 1e6 for x in LAYERS]
    )
    assert {row.samples for row in second.rows(LAYERS)} == {MIN_ROUNDS}


def test_a_finished_profiling_measures_nothing(tmp_path: Path, machine: Machine) -> None:
    measured(tmp_path)
    machine.built.clear()
    output: list[tuple[int, int]] = []
    made(tmp_path).measure(LAYERS, lambda done, total: output.append((done, total)))
    assert (machine.built, output) == ([], [(4, 4)])


@pytest.mark.usefixtures("machine")
def test_progress_rises_from_none_to_all_layers(tmp_path: Path) -> None:
    output: list[int] = []
    made(tmp_path).measure(LAYERS, lambda done, _total: output.append(done))
    assert output == sorted(output)
    assert (output[0], output[-1]) == (0, len(LAYERS))


@pytest.mark.usefixtures("machine")
def test_a_torn_round_is_measured_with_an_anchor_of_its_own(tmp_path: Path) -> None:
    measured(tmp_path)
    file = tmp_path / "board.samples.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[: 3 * 5 + 4]) + "1,")  # in the middle of the fourth round
    one = made(tmp_path)
    one.measure(LAYERS, nothing)
    assert set(one.samples.batch_medians(ANCHOR_NAME)) == {0, 1, 2}
    assert [row.latency_ms for row in one.rows(LAYERS)] == pytest.approx([true_ns(x) / 1e6 for x in LAYERS])
