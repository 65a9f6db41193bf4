"""``exits:``: policies, their options, targets; contradictions with their line."""

from pathlib import Path

import pytest

from aebnas.config import SearchFile, parse, resolved, starter_file
from aebnas.errors import ConfigError

README = Path(__file__).parents[2] / "README.md"
PROFILE = "hardware=[hardware_profiles/board.yaml]"
SMALL = """\
name: small
data: {name: digits}
space: {stages: [{width: 8}, {width: 16}], exits: {after: [stage1]}}
"""


def config(exits: str, *overrides: str) -> SearchFile:
    return parse(f"{SMALL}exits: {exits}\n".encode(), "f.yaml", overrides)


@pytest.mark.parametrize(
    "exits",
    [
        "{policy: pcee, accuracy: 0.95}",
        "{policy: eero, macs: 4e6}",
        "{policy: confidence, guarantee: {max_harm: 0.01, confidence: 0.9}}",
        "{policy: margin, guarantee: {max_harm: 0.01, confidence: null}}",
        "{policy: window, coverage: 0.9, passed_on: 0.2, score: entropy}",
        "{policy: pcee_ws, lower_bound: 0.95}",
        "{policy: patience, patience: 2}",
        "{policy: jei, most_weight: 1}",
        "{policy: eenet}",
        "{policy: {choices: [confidence, pcee, patience]}, bins: {choices: [10, 20]}, accuracy: 0.9}",
        "{policy: pcee, score: {choices: [confidence, margin]}}",
        "{policy: {choices: [confidence, entropy]}, tuner: optuna}",
        "{policy: confidence, tuner: optuna, accuracy: 0.9}",
    ],
)
def test_a_section_loads_and_survives_being_resolved(exits: str) -> None:
    found = config(exits)
    assert parse(resolved(found).encode(), "config.yaml") == found


@pytest.mark.parametrize(
    ("exits", "told"),
    [
        (
            "{policy: pcee, accuracy: 0.95, macs: 4e6}",
            "exits.macs: is a second target beside exits.accuracy; one at a time",
        ),
        ("{policy: eero, latency_ms: 3}", "exits.latency_ms: latency_ms is measured on a device"),
        ("{policy: eero, energy_mj: 3}", "exits.energy_mj: energy_mj is measured on a device"),
        (
            "{policy: patience, patience: 2, accuracy: 0.9}",
            "exits.accuracy: policy: patience with patience: 2 is one policy: no target can choose",
        ),
        ("{policy: window, passed_on: 0.2, macs: 1e5}", "exits.macs: policy: window with passed_on: 0.2"),
        ("{policy: {choices: []}}", "exits.policy: must be a value, or {choices: [...]}"),
        ("{policy: {choice: [pcee]}}", "exits.policy: must be a value, or {choices: [...]}"),
        ("{policy: {choices: [pcee, pcee]}}", "exits.policy.choices.1: the choice 'pcee' is listed twice"),
        (
            "{policy: {choices: [confidence, pce]}}",
            "exits.policy.choices.1: unknown value 'pce'. Did you mean 'pcee'? Choices: confidence, ",
        ),
        (
            "{policy: {choices: [pcee, eero]}, bins: {choices: [10, 0]}}",
            "exits.bins.choices.1: must be greater than or equal to 1, but got 0",
        ),
        (
            "{policy: {choices: [confidence, pcee]}, patience: 2}",
            "exits.patience: goes with policy: patience, but policy is confidence or pcee; remove it",
        ),
        (
            "{policy: {choices: [confidence, pcee]}, accuracy: 0.9, macs: 3e6}",
            "exits.macs: is a second target beside exits.accuracy; one at a time",
        ),
        (
            "{policy: pcee, bins: {choices: [" + ", ".join(map(str, range(1, 70))) + "]}}",
            "exits.policy: 69 combinations of choices are more than 64",
        ),
        (
            "{policy: eero, bins: 30}",
            "exits.bins: goes with policy: pcee, but policy is eero; remove it",
        ),
        (
            "{policy: jei, score: margin}",
            "exits.score: goes with policy: pcee, pcee_ws, eero or window",
        ),
        ("{policy: pcee, tuner: optuna}", "exits.tuner: goes with policy: confidence"),
        ("{policy: eero, accuracy: 1.5}", "exits.accuracy: must be <= 1, but got 1.5"),
        ("{policy: eero, guarantee: {max_harm: 0}}", "exits.guarantee.max_harm: must be > 0, but got 0"),
        ("{policy: pce}", "exits.policy: unknown value 'pce'. Did you mean 'pcee'?"),
    ],
)
def test_a_contradiction_is_told_with_its_line(exits: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(exits)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"f.yaml:4: {told}")


def test_a_latency_target_makes_latency_the_cost() -> None:
    assert config("{policy: eero, latency_ms: 3}", PROFILE).cost_metric == "latency_ms@board"
    other = config("{policy: eero, macs: 1e6}", PROFILE, "objectives=[error, latency_ms]")
    assert other.cost_metric == "macs"


def test_with_two_devices_an_objective_says_which_one_the_target_means() -> None:
    two = "hardware=[a.yaml, b.yaml]"
    with pytest.raises(ConfigError, match=r"several profiles an objective must name .*latency_ms@a"):
        config("{policy: eero, latency_ms: 3}", two)
    named = config("{policy: eero, latency_ms: 3}", two, "objectives=[error, latency_ms@b]")
    assert named.cost_metric == "latency_ms@b"


def test_an_accuracy_saves_the_first_objectives_cost() -> None:
    found = config("{policy: pcee, accuracy: 0.9}", PROFILE, "objectives=[error, latency_ms]")
    assert found.cost_metric == "latency_ms@board"


def test_with_a_target_the_trade_off_has_one_choice() -> None:
    assert config("{policy: pcee, accuracy: 0.9}").trade_offs == (1.0,)
    assert len(config("{policy: pcee}").trade_offs) > 1


def test_the_starter_shows_a_guarantee() -> None:
    assert "{max_harm: 0.01, confidence: 0.9}" in starter_file()


def test_the_readmes_targets_load() -> None:
    lines = [line for line in README.read_text().splitlines() if line.startswith("exits: {")]
    assert len(lines) >= 3
    for line in lines:
        config(line.removeprefix("exits: ").partition("#")[0].strip(), PROFILE)


def test_every_combination_of_choices_is_a_setting_with_its_own_options_alone() -> None:
    found = config("{policy: {choices: [confidence, pcee]}, bins: {choices: [10, 30]}, accuracy: 0.9}").exits
    assert list(found.settings) == ["confidence", "pcee bins=10", "pcee bins=30"]
    assert [(one.policy, one.bins, one.accuracy) for one in found.settings.values()] == [
        ("confidence", 20, 0.9),
        ("pcee", 10, 0.9),
        ("pcee", 30, 0.9),
    ]


def test_without_choices_there_is_one_setting_without_a_name() -> None:
    found = config("{policy: pcee}").exits
    assert found.settings == {"": found}
