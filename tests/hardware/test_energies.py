"""Energies: from a counter around loops, by a model in between, and never a zero for what is not told."""

import functools
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from hardware.synthetic_profiles import profile_of
from numpy.typing import NDArray
from space.tiny_spaces import space

from aebnas.blocks.layer import Layer
from aebnas.hardware.cost.cost import layer_cost
from aebnas.hardware.devices import energy
from aebnas.hardware.devices.energy import NoEnergyError, fit_energy, measure_energy_mj, stratified
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import energies
from aebnas.hardware.measure.energies import with_energies
from aebnas.hardware.measure.samples import SampleFile
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.task.task import classification

Floats = NDArray[np.float64]


class World:
    """Time and a counter that move with every call, the counter in steps as NVML's does."""

    name = "a counter"

    def __init__(self, step_seconds: float = 0.05) -> None:
        self.now, self.energy_mj, self.step, self.reported = 50.0, 9e5, step_seconds, 9e5
        self.refreshed = 50.0
        self.is_there, self.moves = True, True
        self.calls = 0

    def perf_counter(self) -> float:
        return self.now

    def clock(self, seconds: float, energy_mj: float, group: int = 1) -> Callable[[int], Floats]:
        def run(calls: int) -> Floats:
            made = -(-calls // group) * group
            self.calls += made
            self.now += made * seconds
            self.energy_mj += made * energy_mj
            if self.now - self.refreshed >= self.step:
                self.refreshed, self.reported = self.now, self.energy_mj
            return np.full(made, seconds * 1e9)

        return run

    def read_mj(self) -> float | None:
        return (self.reported if self.moves else 9e5) if self.is_there else None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(energy, "time", SimpleNamespace(perf_counter=found.perf_counter))
    return found


# ---------------------------------------------------------------- one layer
@pytest.mark.parametrize(("seconds", "mj"), [(1e-5, 0.002), (1e-3, 0.3), (0.02, 9.0)])
def test_the_energy_of_a_call_is_that_of_the_loop_by_its_calls(
    world: World, seconds: float, mj: float
) -> None:
    assert measure_energy_mj(world.clock(seconds, mj), world) == pytest.approx(mj, rel=0.11)
    assert world.now - 50 >= 1.0
    assert world.now - 50 <= 1.5


def test_calls_that_come_in_groups_are_counted_as_made(world: World) -> None:
    world.step = 0
    assert measure_energy_mj(world.clock(1e-3, 0.3, group=32), world) == pytest.approx(0.3)


def test_the_warm_up_is_not_booked(world: World) -> None:
    world.step = 0
    clock = world.clock(1e-3, 0.3)

    def cold(calls: int) -> Floats:
        world.energy_mj += 1e6 if world.calls == 0 else 0
        return clock(calls)

    assert measure_energy_mj(cold, world) == pytest.approx(0.3)


def test_a_counter_that_is_not_supported_is_said(world: World) -> None:
    world.is_there = False
    with pytest.raises(NoEnergyError, match="a counter: not supported"):
        measure_energy_mj(world.clock(1e-3, 0.3), world)


def test_a_counter_that_does_not_move_is_said(world: World) -> None:
    world.moves = False
    with pytest.raises(NoEnergyError, match="a counter: did not move in 1 s"):
        measure_energy_mj(world.clock(1e-3, 0.3), world)


# ---------------------------------------------------------------- which layers
@functools.cache
def layers() -> tuple[Layer, ...]:
    block = {"type": ["conv", "residual", "mbconv"], "kernel": [3, 5], "expansion": [2, 3]}
    exits = {"after": ["stage1"], "branch": {"modules": [0, 1], "module": {"type": ["pool", "conv"]}}}
    stages = [{"width": [8, 16, 24], "block": block}, {"width": [16, 32], "stride": 2, "block": block}]
    return space(8, stages=stages, exits=exits).layers(classification(1, 10))


def macs() -> dict[Layer, int]:
    return {layer: layer_cost(layer).macs for layer in layers()}


def test_the_measured_layers_are_of_every_type_from_the_smallest_to_the_largest() -> None:
    chosen = stratified(layers(), macs(), 20, 0)
    assert len(set(chosen)) == len(chosen) <= 26 < len(layers())
    for kind in {layer.spec.type for layer in layers()}:
        all_macs = sorted(macs()[layer] for layer in layers() if layer.spec.type == kind)
        some = [macs()[layer] for layer in chosen if layer.spec.type == kind]
        assert (min(some), max(some)) == (all_macs[0], all_macs[-1])


def test_few_layers_are_all_measured() -> None:
    assert stratified(layers()[:5], macs(), 5, 0) == list(layers()[:5])


def test_the_choice_of_layers_is_repeatable() -> None:
    assert stratified(layers(), macs(), 20, 0) == stratified(layers(), macs(), 20, 0)


# ---------------------------------------------------------------- model
def table(count: int = 60) -> Floats:
    rng = np.random.default_rng(0)
    return np.stack(
        [rng.uniform(0.01, 1, count), rng.uniform(1e3, 1e7, count), rng.uniform(1e3, 1e6, count)], 1
    )


def test_the_model_finds_the_weights_that_are_there() -> None:
    weights = np.array([40.0, 3e-6, 2e-5])
    found = fit_energy(table(), table() @ weights)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-6)
    assert found.mape == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.energy_mj(table()), table() @ weights)


def test_weights_are_never_negative() -> None:
    found = fit_energy(table(), table() @ np.array([40.0, 3e-6, -5e-6]) + 1)
    assert (found.weights >= 0).all()


def test_the_models_error_is_that_of_layers_it_had_not_seen() -> None:
    rng = np.random.default_rng(1)
    noisy = table() @ np.array([40.0, 3e-6, 2e-5]) * rng.choice([0.9, 1.1], 60)
    assert fit_energy(table(), noisy).mape == pytest.approx(0.1, abs=0.03)


# ---------------------------------------------------------------- the table
@functools.cache
def profile() -> HardwareProfile:
    return profile_of(layers())


def energies_of(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int, some: tuple[Layer, ...] = layers()
) -> HardwareProfile:
    """Measure ``count`` layers of a device that takes 50 W."""
    world.step = 0
    monkeypatch.setattr(energies, "MEASURED_LAYERS", count)

    def clock(layer: Layer, _target: Target) -> Callable[[int], Floats]:
        ms = profile().row(layer).latency_ms
        return world.clock(ms / 1e3, 50 * ms)

    monkeypatch.setattr(energies, "layer_clock", clock)
    return with_energies(profile(), some, Target(), world, SampleFile(), lambda _done, _total: None)


def test_some_layers_are_measured_and_the_others_modelled_and_marked_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = energies_of(world, monkeypatch, 20)
    sources = [row.energy_source for row in found.rows.values()]
    assert (
        sources.count("measured")
        == found.metadata.energy.measured_layers
        == len(stratified(layers(), macs(), 20, 0))
    )
    assert set(sources) == {"measured", "modelled"}
    for row in found.rows.values():
        assert row.energy_mj == pytest.approx(50 * row.latency_ms, rel=1e-3)
    assert found.metadata.energy.source == "a counter"
    assert found.metadata.energy.model_mape == pytest.approx(0, abs=1e-3)
    assert found.metadata.energy.segment_mj == pytest.approx(
        50 * profile().metadata.overhead.segment_ms, rel=1e-3
    )


def test_a_small_space_is_measured_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = energies_of(world, monkeypatch, 10_000)
    assert {row.energy_source for row in found.rows.values()} == {"measured"}


def test_energies_of_earlier_layers_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    half = len(layers()) // 2
    monkeypatch.setattr(energies, "MEASURED_LAYERS", 10_000)
    energies_of(world, monkeypatch, 10_000)
    first = with_energies(profile(), layers()[:half], Target(), world, SampleFile(), lambda _d, _t: None)
    second = with_energies(first, layers()[half:], Target(), world, SampleFile(), lambda _d, _t: None)
    for layer in layers()[:half]:
        assert second.row(layer) == first.row(layer)
    assert second.metadata.energy.measured_layers == len(layers())


def silent_device(found: HardwareProfile) -> bool:
    return all(row.energy_mj is None and row.energy_source == "" for row in found.rows.values())


def test_without_a_counter_no_row_has_an_energy_and_the_note_says_why() -> None:
    found = with_energies(profile(), layers(), Target(), None, SampleFile(), lambda _done, _total: None)
    assert silent_device(found)
    assert (found.metadata.energy.source, found.metadata.energy.note) == (None, energies.NO_COUNTER)


def test_a_counter_that_stands_still_leaves_no_energy_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.moves = False
    found = energies_of(world, monkeypatch, 20)
    assert silent_device(found)
    assert found.metadata.energy.note == "a counter: did not move in 1 s"
    assert not found.has_energy


def test_too_few_measured_layers_carry_no_model(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = energies_of(world, monkeypatch, 2, layers()[:2])
    assert silent_device(found)
    assert found.metadata.energy.note == "a counter: only 2 layers could be measured"


def test_energies_measured_before_an_interruption_are_not_measured_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(energies, "MEASURED_LAYERS", 10_000)
    energies_of(world, monkeypatch, 10_000)  # sets the clocks
    samples, stop = SampleFile(), 5

    def interrupt(done: int, _total: int) -> None:
        if done == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_energies(profile(), layers(), Target(), world, samples, interrupt)
    clock, asked = energies.layer_clock, []
    monkeypatch.setattr(
        energies, "layer_clock", lambda layer, target: asked.append(layer) or clock(layer, target)
    )
    found = with_energies(profile(), layers(), Target(), world, samples, lambda _d, _t: None)
    assert len(asked) == len(layers()) - stop
    assert {row.energy_source for row in found.rows.values()} == {"measured"}
