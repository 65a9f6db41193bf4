"""A configuration as text and back, and what two of them do not share."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from aebnas.config import SearchFile, config_differences, load, parse, resolved, starter_file

SHIPPED = sorted((Path(__file__).parents[2] / "search_spaces").glob("*.yaml"))


def starter(*overrides: str) -> SearchFile:
    return parse(starter_file().encode(), "a.yaml", overrides)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_loads_and_survives_the_round_trip(path: Path) -> None:
    config = load(path)
    assert parse(resolved(config).encode(), "config.yaml") == config


@pytest.mark.parametrize(
    "override",
    [
        "search.seed=7",
        "data={folder: '3e6'}",
        "data={npz: 'true'}",
        'data={folder: "a: b #c\\t\u00e9"}',
        "training.learning_rate=1e-7",
        "evaluation.max_training_macs=1e17",
        "workers.count=3",
        "space.resolution=null",
        "constraints={}",
    ],
)
def test_a_resolved_configuration_loads_to_an_equal_one(override: str) -> None:
    config = starter(override)
    assert parse(resolved(config).encode(), "config.yaml") == config


def test_a_resolved_configuration_holds_every_default() -> None:
    tree = yaml.safe_load(
        resolved(parse(b"{name: x, data: {name: digits}, space: {stages: [{width: 8}]}}", "a"))
    )
    assert set(tree) == set(SearchFile.model_fields)
    assert tree["training"]["epochs"] == 8


def test_other_yaml_readers_see_the_same_numbers() -> None:
    assert yaml.safe_load(resolved(starter()))["constraints"]["macs"]["max"] == 3e6


def test_a_fixed_choice_is_written_as_a_scalar_and_a_gene_as_a_list() -> None:
    space = yaml.safe_load(resolved(starter()))["space"]
    assert (space["resolution"], space["stem"]["width"]) == (28, [8, 12, 16])


def test_equal_configurations_do_not_differ() -> None:
    assert config_differences(starter(), starter()) == []


def test_a_difference_names_the_path_and_both_values() -> None:
    found = config_differences(starter(), starter("search.seed=3", "space.stages.1.width=[8, 16]"))
    assert [str(difference) for difference in found] == [
        "space.stages.1.width: [16, 24, 32] -> [8, 16]",
        "search.seed: 0 -> 3",
    ]


def test_an_entry_of_one_side_alone_is_absent_on_the_other() -> None:
    found = config_differences(starter(), starter("constraints.params.max=5"))
    assert [str(difference) for difference in found] == [
        "constraints.params.min: absent -> null",
        "constraints.params.max: absent -> 5.0",
    ]


def test_another_kind_of_policy_is_one_difference_and_another_option_names_its_path() -> None:
    eero, pcee, fine = (
        starter(f"exits.policy={words}") for words in ("eero", "pcee", "{name: pcee, bins: 9}")
    )
    assert [str(one) for one in config_differences(eero, pcee)] == [
        "exits.policy: {name: eero, score: confidence} -> "
        "{name: pcee, score: confidence, bins: 20, lower_bound: null}"
    ]
    assert [str(one) for one in config_differences(pcee, fine)] == ["exits.policy.bins: 20 -> 9"]
    genes = [
        starter(f"exits.policy={{choices: [eero, {words}]}}") for words in ("pcee", "{name: pcee, bins: 9}")
    ]
    assert [str(one) for one in config_differences(*genes)] == ["exits.policy.choices.1.bins: 20 -> 9"]
    assert [one.path for one in config_differences(eero, genes[0])] == ["exits.policy"]
