"""Latency and energy in a search-space file: which device, and what fits together."""

import pytest

from aebnas.config import SearchFile, parse
from aebnas.errors import ConfigError

FILE = """\
name: tiny
data: {name: digits}
space: {stages: [{width: 8}, {width: 8}], exits: {after: [stage1]}}
"""
ONE = "hardware=[profiles/rpi4.yaml]"
TWO = "hardware=[profiles/rpi4.yaml, other/xeon.yaml]"


def read(*overrides: str) -> SearchFile:
    return parse(FILE.encode(), "tiny.yaml", overrides)


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(*overrides)
    return str(caught.value)


@pytest.mark.parametrize("metric", ["latency_ms", "worst_latency_ms", "energy_mj", "worst_energy_mj"])
def test_a_quantity_of_a_device_needs_a_device(metric: str) -> None:
    words = f"{metric} is measured on a device: name it, as in hardware: [hardware_profiles/NAME.yaml]"
    assert words in refused(f"objectives=[error, {metric}]")
    assert words in refused(f"constraints={{{metric}: {{max: 1}}}}")


def test_a_missing_device_is_told_at_the_line_of_the_objective() -> None:
    with pytest.raises(ConfigError, match=r"tiny\.yaml:4: objectives\.1: latency_ms is measured on a device"):
        parse(f"{FILE}objectives: [error, latency_ms]\n".encode(), "tiny.yaml", [])


def test_with_several_profiles_the_device_must_be_named() -> None:
    message = refused(TWO, "objectives=[error, latency_ms]")
    assert (
        "with several profiles the device must be named. Choices: latency_ms@rpi4, latency_ms@xeon."
        in message
    )


def test_an_unknown_profile_is_refused_with_the_nearest_name() -> None:
    message = refused(TWO, "objectives=[error, latency_ms@rpi3]")
    assert (
        "unknown profile 'rpi3'. Did you mean 'rpi4'? Choices: latency_ms@rpi4, latency_ms@xeon." in message
    )


def test_two_profiles_of_one_name_are_refused() -> None:
    assert "another profile is named 'rpi4' already" in refused("hardware=[a/rpi4.yaml, b/rpi4.yaml]")


def test_a_profile_is_a_yaml_file() -> None:
    assert "a profile is a .yaml file, but got 'rpi4.csv'" in refused("hardware=[rpi4.csv]")


@pytest.mark.parametrize("metric", ["macs@rpi4", "latency@rpi4", "latency_s", "energy_mj@"])
def test_a_quantity_that_does_not_exist_is_refused(metric: str) -> None:
    assert "objectives.1" in refused(ONE, f"objectives=[error, '{metric}']")


@pytest.mark.parametrize(
    ("hardware", "objectives", "expected"),
    [
        (ONE, "[error, macs]", "macs"),
        (ONE, "[error, params]", "macs"),
        (ONE, "[error, worst_latency_ms]", "macs"),
        (ONE, "[error, latency_ms]", "latency_ms@rpi4"),
        (ONE, "[error, latency_ms@rpi4]", "latency_ms@rpi4"),
        (ONE, "[error, params, energy_mj]", "energy_mj@rpi4"),
        (TWO, "[error, latency_ms@xeon, latency_ms@rpi4]", "latency_ms@xeon"),
        (TWO, "[error, macs, latency_ms@rpi4]", "macs"),
    ],
)
def test_exits_trade_the_first_objective_that_thresholds_can_change(
    hardware: str, objectives: str, expected: str
) -> None:
    assert read(hardware, f"objectives={objectives}").cost_metric == expected


def test_a_profile_is_named_by_the_stem_of_its_file() -> None:
    assert read(TWO).profiles == ("rpi4", "xeon")


def limits(smallest: str, largest: str) -> list[str]:
    bounds = f"constraints={{'{smallest}': {{min: 5}}, '{largest}': {{max: 3}}}}"
    return [ONE, bounds]


@pytest.mark.parametrize(
    ("smallest", "largest"),
    [
        ("latency_ms", "worst_latency_ms"),
        ("latency_ms@rpi4", "worst_latency_ms@rpi4"),
        ("latency_ms", "worst_latency_ms@rpi4"),
        ("energy_mj@rpi4", "worst_energy_mj"),
    ],
)
def test_a_mean_that_must_exceed_the_worst_case_is_a_contradiction(smallest: str, largest: str) -> None:
    assert "must be <= 3, but got 5" in refused(*limits(smallest, largest))


def test_limits_on_two_devices_do_not_contradict() -> None:
    bounds = "constraints={'latency_ms@rpi4': {min: 5}, 'worst_latency_ms@xeon': {max: 3}}"
    assert len(read(TWO, bounds).constraints) == 2


def test_a_quantity_listed_under_both_its_names_is_listed_twice() -> None:
    assert "is listed twice" in refused(ONE, "objectives=[error, latency_ms, latency_ms@rpi4]")


@pytest.mark.parametrize("limit", ["{max: 0}", "{max: -1}", "{min: -1}"])
def test_an_impossible_limit_of_latency_is_refused(limit: str) -> None:
    assert "must be >" in refused(ONE, f"constraints={{latency_ms: {limit}}}")
