"""``--set FIELD=VALUE``."""

from __future__ import annotations

import pytest

from aebnas.config import SearchFile, parse, starter_file
from aebnas.errors import ConfigError


def starter(*overrides: str) -> SearchFile:
    return parse(starter_file().encode(), "a.yaml", overrides)


def minimal(*overrides: str) -> SearchFile:
    text = b"name: x\ndata: {name: digits}\nspace: {stages: [{width: 8}]}\n"
    return parse(text, "a.yaml", overrides)


def test_a_value_replaces_the_one_of_the_file() -> None:
    assert starter("search.generations=20").search.generations == 20


def test_the_last_of_two_settings_wins() -> None:
    assert starter("search.seed=1", "search.seed=2").search.seed == 2


def test_a_list_replaces_the_list_of_the_file() -> None:
    assert starter("objectives=[error, params]").objectives == ("error", "params")


def test_an_element_of_a_list_is_reached_by_its_index() -> None:
    assert starter("space.stages.0.width=[8,16]").space.stages[0].width == (8, 16)


def test_a_section_that_the_file_leaves_out_is_made() -> None:
    assert minimal("training.augment.flip=true").training.augment.flip


def test_a_setting_cures_a_mistake_of_the_file() -> None:
    content = starter_file().replace("epochs: 8 ", "epochs: .inf ").encode()
    assert parse(content, "a.yaml", ["training.epochs=3"]).training.epochs == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.seed=-1", "search.seed: must be >= 0, but got -1"),
        (
            "search.generatons=20",
            "search: unknown field 'generatons'. Did you mean 'generations'? Fields: algorithm,",
        ),
        ("serch.seed=1", "unknown field 'serch'. Did you mean 'search'? Fields: name,"),
        ("space.stages.7.width=3", "space.stages has 3 elements, counted from 0, but got '7'"),
        ("name.first=3", "name is a value, not a section: it has no 'first'"),
        ("space.exits.branch.modules=[1, 4]", "space.exits.branch.modules.1: must be <= 3, but got 4"),
        ("search.seed=.nan", "search.seed: must be a finite number of sane size, but got .nan"),
        ("search.seed=[1", "not valid YAML: expected ',' or ']', but got 'end of file'"),
        ("search.seed", "must look like search.generations=20 (field, equals sign, value)"),
        ("=1", "must look like search.generations=20 (field, equals sign, value)"),
        ("search..seed=1", "must look like search.generations=20 (field, equals sign, value)"),
    ],
)
def test_a_wrong_setting_is_named_instead_of_a_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        starter(override)
    assert str(caught.value).startswith(f"--set {override}: {message}")
    assert caught.value.exit_code == 2


def test_an_element_of_a_list_that_the_file_leaves_out_cannot_be_set() -> None:
    with pytest.raises(
        ConfigError, match=r"search\.budget_fractions is not written as a list: set it as a whole"
    ):
        minimal("search.budget_fractions.0=0.5")


def test_mistakes_of_the_file_come_before_those_of_settings() -> None:
    content = starter_file().replace("epochs: 8 ", "epochs: 0 ").encode()
    with pytest.raises(ConfigError) as caught:
        parse(content, "a.yaml", ["search.seed=-1"])
    assert [line.split(":")[0] for line in str(caught.value).split("\n")] == [
        "a.yaml",
        "--set search.seed=-1",
    ]
