"""``exits:``: policies, their options, targets; contradictions with their line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aebnas.config import SearchFile, parse, resolved, starter_file
from aebnas.config.sections.policies import POLICY_CONFIGS, POLICY_NAMES, policy_named
from aebnas.config.tagged import kind_names
from aebnas.errors import ConfigError

README = Path(__file__).parents[2] / "README.md"
PROFILE = "hardware=[hardware_profiles/board.yaml]"
SMALL = """\
name: small
data: {name: digits}
space: {stages: [{width: 8}, {width: 16}], exits: {after: [stage1]}}
"""
MANY = "{choices: [" + ", ".join(map(str, range(500))) + "]}"


def config(exits: str, *overrides: str) -> SearchFile:
    return parse(f"{SMALL}exits: {exits}\n".encode(), "f.yaml", overrides)


@pytest.mark.parametrize(
    "exits",
    [
        "{policy: pcee, accuracy: 0.95}",
        "{policy: eero, macs: 4e6}",
        "{policy: confidence, guarantee: {max_harm: 0.01, confidence: 0.9}}",
        "{policy: margin, guarantee: {max_harm: 0.01, confidence: null}}",
        "{policy: {name: window, coverage: 0.9, passed_on: 0.2, score: entropy}}",
        "{policy: {name: pcee_ws, lower_bound: 0.95}}",
        "{policy: {name: patience, patience: 2}}",
        "{policy: {name: jei, most_weight: 1}}",
        "{policy: eenet}",
        "{policy: {name: eenet}}",
        "{policy: {choices: [confidence, {name: pcee, bins: {choices: [10, 20]}}, patience]}, accuracy: 0.9}",
        "{policy: {name: pcee, score: {choices: [confidence, margin]}}}",
        "{policy: {choices: [{name: confidence, tuner: optuna}, {name: entropy, tuner: {name: optuna}}]}}",
        "{policy: {name: confidence, tuner: optuna}, accuracy: 0.9}",
        "{policy: {name: window, passed_on: {choices: [0.1, null]}}}",
        "{policy: {name: margin, tuner: {choices: [exact, {name: optuna, trials: 7}]}}}",
    ],
)
def test_a_section_loads_and_survives_being_resolved(exits: str) -> None:
    found = config(exits)
    assert parse(resolved(found).encode(), "config.yaml") == found


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        (
            "{policy: pcee, accuracy: 0.95, macs: 4e6}",
            "exits.macs: is a second target beside exits.accuracy; one at a time",
        ),
        ("{policy: eero, latency_ms: 3}", "exits.latency_ms: latency_ms is measured on a device"),
        ("{policy: eero, energy_mj: 3}", "exits.energy_mj: energy_mj is measured on a device"),
        (
            "{policy: {name: patience, patience: 2}, accuracy: 0.9}",
            "exits.accuracy: patience with patience: 2 is one policy: no target can choose",
        ),
        ("{policy: {name: window, passed_on: 0.2}, macs: 1e5}", "exits.macs: window with passed_on: 0.2"),
        ("{policy: {choices: []}}", "exits.policy.choices: must be a list with at least one value"),
        ("{policy: {choices: pcee}}", "exits.policy.choices: must be a list with at least one value"),
        (
            "{policy: {choice: [pcee]}}",
            "exits.policy.choice: unknown field 'choice'. Did you mean 'choices'?",
        ),
        ("{policy: [pcee, eero]}", "exits.policy: several are written as {choices: [pcee, eero]}"),
        ("{policy: null}", "exits.policy: must be a name, or a section such as {name: confidence}"),
        ("{policy: 3}", "exits.policy: must be a name, or a section such as {name: confidence}, but got 3"),
        ("{policy: {name: pce}}", "exits.policy.name: unknown value 'pce'. Did you mean 'pcee'?"),
        ("{policy: {name: [pcee]}}", "exits.policy.name: unknown value ['pcee']"),
        ("{policy: {name: pcee, bin: 3}}", "exits.policy.bin: unknown field 'bin'. Did you mean 'bins'?"),
        (
            "{policy: {name: eenet, cuts: 3}}",
            "exits.policy.cuts: unknown field 'cuts'. Fields of eenet: none.",
        ),
        ("{policy: {name: pcee, bins: null}}", "exits.policy.bins: must be a whole number, but got nothing"),
        ("{policy: {name: pcee, bins: 1.5}}", "exits.policy.bins: must be a whole number, but got 1.5"),
        ("{policy: {choices: [pcee], bins: 3}}", "exits.policy.bins: stands beside choices"),
        ("{policy: {choices: [{choices: [pcee]}]}}", "exits.policy.choices.0.choices: choices of choices"),
        (
            "{policy: {choices: [pcee, {name: pcee, bins: 20}]}}",
            "exits.policy.choices.1: the choice 'pcee' is",
        ),
        ("{policy: {name: margin, tuner: optun}}", "exits.policy.tuner: unknown value 'optun'. Did you mean"),
        (
            "{policy: {name: margin, tuner: {name: exact, trials: 3}}}",
            "exits.policy.tuner.trials: belongs to optuna, but the name is exact; remove it",
        ),
        ("{policy: {choices: [pcee, pcee]}}", "exits.policy.choices.1: the choice 'pcee' is listed twice"),
        (
            "{policy: {choices: [confidence, pce]}}",
            "exits.policy.choices.1: unknown value 'pce'. Did you mean 'pcee'? Choices: confidence, ",
        ),
        (
            "{policy: {choices: [{name: pcee, bins: {choices: [10, 0]}}, eero]}}",
            "exits.policy.choices.0.bins.choices.1: must be >= 1, but got 0",
        ),
        (
            "{policy: {choices: [confidence, {name: pcee, patience: 2}]}}",
            "exits.policy.choices.1.patience: belongs to patience, but the name is pcee; remove it",
        ),
        (
            "{policy: {choices: [confidence, pcee]}, accuracy: 0.9, macs: 3e6}",
            "exits.macs: is a second target beside exits.accuracy; one at a time",
        ),
        (
            "{policy: {name: pcee, bins: {choices: [" + ", ".join(map(str, range(1, 70))) + "]}}}",
            "exits.policy: 69 combinations of choices are more than 64",
        ),
        (
            "{policy: {name: window, coverage: %s, passed_on: %s, score: %s}}" % ((MANY,) * 3),
            "exits.policy: 125000000 combinations of choices are more than 64",
        ),
        (
            "{policy: {name: eero, bins: 30}}",
            "exits.policy.bins: belongs to pcee, but the name is eero; remove it",
        ),
        (
            "{policy: {name: jei, score: margin}}",
            "exits.policy.score: belongs to pcee, pcee_ws, eero or window, but the name is jei",
        ),
        (
            "{policy: {name: pcee, tuner: optuna}}",
            "exits.policy.tuner: belongs to confidence, entropy or margin",
        ),
        (
            "{policy: pcee, bins: 10}",
            "exits.bins: is an option of its policy now, as in policy: {name: pcee, bins: 10}",
        ),
        (
            "{score: margin}",
            "exits.score: is an option of its policy now, as in policy: {name: confidence, score",
        ),
        (
            "{policy: {choices: [pcee]}, bins: 10}",
            "exits.bins: is an option of its policy now, as in policy: {name: NAME",
        ),
        (
            "{tuner: optuna}",
            "exits.tuner: is an option of its policy now, as in policy: {name: confidence, tuner: optuna}",
        ),
        (
            "{trials: 9}",
            "exits.trials: is an option of its tuner now, as in policy: {name: confidence, tuner: {name: opt",
        ),
        ("{policy: eero, accuracy: 1.5}", "exits.accuracy: must be <= 1, but got 1.5"),
        ("{policy: eero, guarantee: {max_harm: 0}}", "exits.guarantee.max_harm: must be > 0, but got 0"),
        ("{policy: pce}", "exits.policy: unknown value 'pce'. Did you mean 'pcee'?"),
    ],
)
def test_a_contradiction_is_told_with_its_line(exits: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        config(exits)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"f.yaml:4: {message}")


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


def test_with_a_target_the_budget_fraction_has_one_choice() -> None:
    assert config("{policy: pcee, accuracy: 0.9}").budget_fractions == (1.0,)
    assert len(config("{policy: pcee}").budget_fractions) > 1


def test_the_starter_shows_a_guarantee() -> None:
    assert "{max_harm: 0.01, confidence: 0.9}" in starter_file()


def test_the_readmes_targets_load() -> None:
    lines = [line for line in README.read_text().splitlines() if line.startswith("exits: {")]
    assert len(lines) >= 3
    for line in lines:
        config(line.removeprefix("exits: ").partition("#")[0].strip(), PROFILE)


def test_every_combination_of_choices_is_a_setting_with_its_own_options_alone() -> None:
    found = config(
        "{policy: {choices: [confidence, {name: pcee, bins: {choices: [10, 30]}}]}, accuracy: 0.9}"
    ).exits
    assert list(found.settings) == ["confidence", "pcee bins=10", "pcee bins=30"]
    assert [(one.only, one.accuracy) for one in found.settings.values()] == [
        (policy_named("confidence"), 0.9),
        (policy_named("pcee", bins=10), 0.9),
        (policy_named("pcee", bins=30), 0.9),
    ]
    assert found.policy == tuple(one.only for one in found.settings.values())
    assert found.policy_names == ("confidence", "pcee")


def test_without_choices_there_is_one_setting_without_a_name() -> None:
    found = config("{policy: pcee}").exits
    assert found.settings == {"": found}


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_a_name_is_short_for_a_section_with_that_name_alone(name: str) -> None:
    short, full = (config(f"{{policy: {policy}}}") for policy in (name, f"{{name: {name}}}"))
    assert short == full
    assert short.exits.only.name == name


def test_settings_are_named_by_what_tells_them_apart() -> None:
    genes = "{choices: [eero, {name: pcee, score: {choices: [margin, entropy]}, bins: {choices: [5, 9]}}]}"
    assert list(config(f"{{policy: {genes}}}").exits.settings) == [
        "eero",
        "pcee score=margin bins=5",
        "pcee score=margin bins=9",
        "pcee score=entropy bins=5",
        "pcee score=entropy bins=9",
    ]
    tuners = "{name: margin, tuner: {choices: [exact, {name: optuna, trials: 7}]}}"
    named = list(config(f"{{policy: {tuners}}}").exits.settings)
    assert named == ["margin tuner=exact", "margin tuner=optuna/trials=7"]


def test_a_single_choice_is_no_gene() -> None:
    single = config("{policy: {choices: [{name: pcee, bins: {choices: [7]}}]}}")
    assert single == config("{policy: {name: pcee, bins: 7}}")


@pytest.mark.parametrize(
    ("exits", "overrides", "same"),
    [
        ("{policy: eero}", ["exits.policy=pcee"], "{policy: pcee}"),
        ("{policy: {name: pcee, bins: 3}}", ["exits.policy=eero"], "{policy: eero}"),
        ("{policy: pcee}", ["exits.policy.bins=10"], "{policy: {name: pcee, bins: 10}}"),
        ("{}", ["exits.policy=pcee", "exits.policy.bins=10"], "{policy: {name: pcee, bins: 10}}"),
        ("{}", ["exits.policy.tuner=optuna"], "{policy: {name: confidence, tuner: optuna}}"),
        (
            "{policy: {name: margin, tuner: optuna}}",
            ["exits.policy.tuner.trials=7"],
            "{policy: {name: margin, tuner: {name: optuna, trials: 7}}}",
        ),
        (
            "{policy: {choices: [pcee, eero]}}",
            ["exits.policy.choices.0.bins=7"],
            "{policy: {choices: [{name: pcee, bins: 7}, eero]}}",
        ),
        ("{policy: {name: pcee, bins: 3}}", ["exits.policy.name=pcee"], "{policy: {name: pcee, bins: 3}}"),
    ],
)
def test_options_of_a_policy_are_set_from_the_command_line(
    exits: str, overrides: list[str], same: str
) -> None:
    assert config(exits, *overrides) == config(same)


@pytest.mark.parametrize(
    ("exits", "override", "message"),
    [
        (
            "{}",
            "exits.policy.bins=10",
            "exits.policy.bins: belongs to pcee, but the name is confidence; remove it",
        ),
        (
            "{policy: pcee}",
            "exits.bins=10",
            "exits.bins: is an option of its policy now, as in policy: {name: pcee",
        ),
        ("{policy: pcee}", "exits.policy.bins=0", "exits.policy.bins: must be >= 1, but got 0"),
    ],
)
def test_a_wrong_option_of_a_policy_is_told_with_the_override(
    exits: str, override: str, message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        config(exits, override)
    assert str(error.value).startswith(f"--set {override}: {message}")


def test_the_starter_explains_every_option_of_every_policy() -> None:
    text = starter_file()
    for policy in POLICY_CONFIGS:
        for option, field in policy.model_fields.items():
            assert option == "name" or f"{{{option}: " in text
            assert option == "name" or f"#   {field.description}" in text


def _values(option: str) -> st.SearchStrategy[Any]:
    return {
        "score": st.sampled_from(["confidence", "entropy", "margin"]),
        "patience": st.none() | st.integers(1, 1000),
        "bins": st.integers(1, 10_000),
        "lower_bound": st.none() | st.floats(0.01, 0.99),
        "most_weight": st.floats(0.1, 1000.0),
        "coverage": st.floats(0.0, 1.0),
        "passed_on": st.none() | st.floats(0.0, 1.0),
        "tuner": st.sampled_from(["exact", "optuna", {"name": "optuna", "trials": 7}]),
    }[option]


@st.composite
def sections(draw: st.DrawFn) -> tuple[Any, int]:
    """Return a policy as a file may hold it, some options as genes, and the number of its settings."""
    kind = draw(st.sampled_from(POLICY_CONFIGS))
    name = draw(st.sampled_from(kind_names(kind)))
    section, count = {"name": name}, 1
    for option in draw(st.lists(st.sampled_from([*kind.model_fields]), unique=True, max_size=3)):
        if option == "name":
            continue
        choices = draw(st.lists(_values(option), min_size=1, max_size=3, unique_by=repr))
        section[option] = {"choices": choices} if len(choices) > 1 else choices[0]
        count *= len(choices)
    return (name if len(section) == 1 and draw(st.booleans()) else section), count


def _name(drawn: tuple[Any, int]) -> str:
    section = drawn[0]
    return section if isinstance(section, str) else section["name"]


@settings(max_examples=60, deadline=None)
@given(policies=st.lists(sections(), min_size=1, max_size=3, unique_by=_name))
def test_any_choices_are_a_list_of_settings_that_survives_being_resolved(policies: list[Any]) -> None:
    written = [section for section, _ in policies]
    policy = written[0] if len(written) == 1 else {"choices": written}
    found = config(json.dumps({"policy": policy}))
    assert len(found.exits.policy) == len(found.exits.settings) == sum(count for _, count in policies)
    assert parse(resolved(found).encode(), "config.yaml") == found
    for name, section in found.exits.settings.items():
        assert section.settings == {"": section}
        assert name.startswith(section.only.name) or len(found.exits.policy) == 1
