"""From layers to networks: the fit finds the factors that are there, and judges on networks it never saw."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hardware.synthetic_profiles import profile_of
from space.tiny_spaces import genomes, space

from aebnas.hardware.measure.profile_session import reach_macs, validated
from aebnas.hardware.profile.agreement import agreements, fit_correction, kendall_tau
from aebnas.hardware.profile.measured_network import MeasuredNetwork
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import Agreement, Correction
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.task.task import classification


@functools.cache
def some_space() -> StagedSpace:
    first = {"width": [8, 16], "block": {"kernel": [3, 5]}}
    exits = {"after": ["stage1"], "optional": True, "branch": {"modules": 0}}
    return space(8, stages=[first, {"width": [12, 24]}], exits=exits)


@functools.cache
def profile() -> HardwareProfile:
    return profile_of(some_space().layers(classification(1, 10)))


@functools.cache
def architectures() -> tuple[StagedArchitecture, ...]:
    return tuple({one.key(): one for one in map(some_space().decode, genomes(some_space()))}.values())


def network(
    architecture: StagedArchitecture, layers: float, overhead: float, role: str = "fit", noise: float = 0.0
) -> MeasuredNetwork:
    """A network that takes exactly these factors of its layers and its overhead."""
    correction = Correction(layers=layers, entry=overhead, segment=overhead)
    exact = replace(profile(), metadata=profile().metadata.model_copy(update={"correction": correction}))
    times = exact.reach_latency_ms(architecture.segments(classification(1, 10)))
    first, second = times * (1 + noise), times * (1 - noise)
    return MeasuredNetwork("tiny", role, 1, 10, architecture, tuple(first), tuple(second))  # type: ignore[arg-type]


def networks(layers: float, overhead: float, role: str = "fit", noise: float = 0.0) -> list[MeasuredNetwork]:
    return [network(one, layers, overhead, role, noise) for one in architectures()]


def factors(found: Correction) -> tuple[float, float]:
    simplest = (found.by_type, found.cache_mb, found.handover_ms_per_mb) == ({}, 0, 0)
    assert simplest, "it explains these networks"
    return found.layers, found.segment


def test_a_factor_of_the_layers_is_found() -> None:
    found = fit_correction(profile(), networks(1.25, 1.0))
    assert factors(found) == pytest.approx((1.25, 1.0), rel=1e-3)
    assert found.networks == len(architectures()) == 16


def test_a_factor_of_the_overhead_is_found_where_it_is_needed() -> None:
    assert factors(fit_correction(profile(), networks(0.8, 1.5))) == pytest.approx((0.8, 1.5), rel=1e-3)


def test_layer_types_get_factors_of_their_own_where_one_for_all_is_wrong() -> None:
    true = Correction(by_type={"classifier": 3.0, "conv": 1.2, "residual": 0.7}, segment=1.0)
    exact = replace(profile(), metadata=profile().metadata.model_copy(update={"correction": true}))
    times = {one: exact.reach_latency_ms(one.segments(classification(1, 10))) for one in architectures()}
    some = [MeasuredNetwork("tiny", "fit", 1, 10, one, tuple(t), tuple(t)) for one, t in times.items()]
    assert fit_correction(profile(), some).by_type["residual"] == pytest.approx(0.7, rel=0.02)
    others = [replace(one, role="validate") for one in some]
    (validation,) = validated(replace(profile(), networks=(*some, *others))).metadata.validation
    assert validation.agreement[0].mape < 0.01


def test_weights_from_behind_the_cache_get_a_price_of_their_own_where_types_differ() -> None:
    cache_mb = 0.25
    free = Correction(layers=1.0, segment=1.0, entry=1.0, cache_mb=cache_mb)
    # what the layers of these tiny networks weigh, a thousandfold: they are large against the cache
    heavy = {name: replace(row, read_params=1000 * row.read_params) for name, row in profile().rows.items()}
    large = replace(
        profile(), rows=heavy, metadata=profile().metadata.model_copy(update={"correction": free})
    )
    true = free.model_copy(update={"cold_weights_by_type": {"conv": 0.2, "residual": 3.0, "classifier": 0.0}})
    exact = replace(large, metadata=large.metadata.model_copy(update={"correction": true}))
    times = {one: exact.reach_latency_ms(one.segments(classification(1, 10))) for one in architectures()}
    some = [MeasuredNetwork("tiny", "fit", 1, 10, one, tuple(t), tuple(t)) for one, t in times.items()]
    found = fit_correction(large, some)
    assert found.cold_weights_by_type["residual"] == pytest.approx(3.0, rel=0.05)
    others = [replace(one, role="validate") for one in some]
    (validation,) = validated(replace(large, networks=(*some, *others))).metadata.validation
    assert validation.agreement[0].mape < 0.01


def test_more_factors_have_to_be_worth_it() -> None:
    rng = np.random.default_rng(0)
    plain = networks(1.25, 1.0)
    noisy = [
        replace(
            one,
            first_ms=tuple(t := np.array(one.first_ms) * rng.normal(1, 0.02, len(one.first_ms))),
            second_ms=tuple(t),
        )
        for one in plain
    ]
    found = fit_correction(profile(), noisy)
    assert (found.by_type, found.cold_weights_by_type, found.cache_mb) == ({}, {}, 0)


def test_handing_features_on_gets_a_price_where_networks_pay_it() -> None:
    true = Correction(layers=1.1, segment=1.0, handover_ms_per_mb=200.0)
    exact = replace(profile(), metadata=profile().metadata.model_copy(update={"correction": true}))
    times = {one: exact.reach_latency_ms(one.segments(classification(1, 10))) for one in architectures()}
    some = [MeasuredNetwork("tiny", "fit", 1, 10, one, tuple(t), tuple(t)) for one, t in times.items()]
    found = fit_correction(profile(), some)
    assert found.handover_ms_per_mb == pytest.approx(200, rel=0.05)
    assert found.layers == pytest.approx(1.1, rel=0.02)


def test_no_networks_correct_nothing() -> None:
    assert fit_correction(profile(), []) == Correction(networks=0)


def test_the_fit_does_not_depend_on_an_earlier_correction() -> None:
    metadata = profile().metadata.model_copy(update={"correction": Correction(layers=9.0, segment=7.0)})
    found = fit_correction(replace(profile(), metadata=metadata), networks(1.25, 1.0))
    assert found == fit_correction(profile(), networks(1.25, 1.0))


def test_validation_networks_never_enter_the_fit() -> None:
    fit = networks(1.25, 1.0)[:4]
    absurd = networks(50.0, 1.0, "validate")[4:]
    found = validated(replace(profile(), networks=(*absurd, *fit))).metadata.correction
    assert found == fit_correction(profile(), fit)
    assert (found.layers, found.networks) == (pytest.approx(1.25, rel=1e-3), 4)


def test_networks_of_the_fit_are_never_judged() -> None:
    fit, others = networks(1.25, 1.0)[:4], networks(1.25, 1.0, "validate")[4:]
    (validation,) = validated(replace(profile(), networks=(*fit, *others))).metadata.validation
    assert validation.space == "tiny"
    assert validation.agreement[0].networks == len(others)
    assert validation.agreement[0].mape == pytest.approx(0, abs=1e-4)


def test_each_space_is_judged_for_itself() -> None:
    others = networks(1.0, 1.0, "validate")
    two = [replace(one, space="second") for one in others]
    found = validated(replace(profile(), networks=(*others, *two))).metadata.validation
    assert [one.space for one in found] == ["tiny", "second"]


def by_exit(found: tuple[Agreement, ...]) -> dict[object, Agreement]:
    return {one.exit: one for one in found}


def test_errors_are_shares_of_the_measured_time() -> None:
    slow = agreements(profile(), networks(1.0, 1.0), reach_macs)
    assert (slow[0].mape, slow[0].bias) == (0, 0)
    chosen = architectures()[:2]
    times = [profile().reach_latency_ms(one.segments(classification(1, 10))) for one in chosen]
    one, two = (
        MeasuredNetwork("tiny", "validate", 1, 10, architecture, tuple(t), tuple(t))
        for architecture, t in zip(chosen, (times[0] / 1.1, times[1] / 0.8), strict=True)
    )
    exits = [len(t) for t in times]
    found = by_exit(agreements(profile(), [one, two], reach_macs))
    total = sum(exits)
    assert found["all"].mape == pytest.approx((0.1 * exits[0] + 0.2 * exits[1]) / total, abs=1e-5)
    assert found["all"].bias == pytest.approx((0.1 * exits[0] - 0.2 * exits[1]) / total, abs=1e-5)
    assert found["last"].mape == pytest.approx(0.15, abs=1e-5)
    assert found["last"].bias == pytest.approx(-0.05, abs=1e-5)
    assert (found["all"].networks, found["last"].networks) == (2, 2)


def test_exits_are_counted_from_one_and_with_the_networks_that_have_them() -> None:
    found = by_exit(agreements(profile(), networks(1.0, 1.0), reach_macs))
    assert set(found) == {"all", "last", 1, 2}
    assert (found[1].networks, found[2].networks) == (16, 8), "half of them have no early exit"


def test_the_noise_floor_is_the_difference_between_the_two_measurements() -> None:
    found = agreements(profile(), networks(1.0, 1.0, noise=0.05), reach_macs)[0]
    assert found.noise_mape == pytest.approx(1.05 / 0.95 - 1, abs=1e-5)
    assert found.noise_tau == 1.0
    assert found.mape == pytest.approx(0, abs=1e-5), "judged against the mean of both"


def test_macs_are_ranked_beside_the_prediction() -> None:
    inverse = lambda architecture, task: -reach_macs(architecture, task)  # noqa: E731
    assert agreements(profile(), networks(1.0, 1.0), reach_macs)[1].macs_tau == pytest.approx(1, abs=0.05)
    assert agreements(profile(), networks(1.0, 1.0), inverse)[1].macs_tau == pytest.approx(-1, abs=0.05)


def test_tau_counts_pairs_in_the_right_order() -> None:
    a = np.array([1.0, 2, 3, 4, 5])
    assert kendall_tau(a, a) == 1
    assert kendall_tau(a, -a) == -1
    assert kendall_tau(a, np.array([1.0, 2, 3, 5, 4])) == pytest.approx(0.8)


@pytest.mark.parametrize("values", [[1.0, 2, 3, 4], [1.0] * 6])
def test_tau_of_too_few_or_of_equal_values_is_unknown(values: list[float]) -> None:
    assert kendall_tau(np.array(values), np.arange(len(values), dtype=float)) is None
