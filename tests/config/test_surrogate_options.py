"""``search.surrogate``: what is refused, and that the default changes nothing."""

import pytest
from search.fakes import fake_config

from aebnas.errors import ConfigError
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.settings import candidate_settings


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("search.surrogate=gpp",), r"unknown value 'gpp'\. Did you mean 'gp'\? Choices: none, auto, gp"),
        (("search.surrogate=gp", "exits.policy={choices: [confidence, pcee]}"), "models one exit policy"),
        (("search.surrogate=gp", "search.algorithm=random"), "goes with algorithm: nsga2"),
        (("search.surrogate_options.window=9",), "surrogate is none; set surrogate: auto"),
        (
            ("search.surrogate=gp", "search.surrogate_options={control: 0.6, exploration: 0.5}"),
            r"control \+ exploration < 1 must hold, but got 0\.6 \+ 0\.5",
        ),
        (("search.surrogate=gp", "search.surrogate_options.control=0"), r"control: must be > 0, but got 0"),
    ],
)
def test_what_contradicts_is_refused_with_its_cure(overrides: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fake_config(*overrides)


def test_without_being_asked_for_there_is_no_surrogate() -> None:
    assert fake_config().search.surrogate == "none"


def test_a_surrogate_decides_what_is_trained_and_not_how() -> None:
    keys = {
        context_key(candidate_settings(fake_config(f"search.surrogate={name}")), "data")
        for name in ("none", "auto")
    }
    assert len(keys) == 1
