"""Wrong arguments of the front door are told in words, before anything is read."""

from collections.abc import Callable
from pathlib import Path

import pytest

import aebnas
from aebnas.errors import ConfigError

NONE = "no/such/place"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: aebnas.check_file(NONE, samples=0),
            "samples must be a whole number of at least 1",
        ),
        (lambda: aebnas.check_file(NONE, samples=1.5), "samples must be a whole number .* got 1.5"),
        (lambda: aebnas.check_file(NONE, samples=True), "samples must be a whole number .* got True"),
        (lambda: aebnas.export_network(NONE, NONE, samples=-1), "samples .* at least 0, but got -1"),
        (lambda: aebnas.bench_network(NONE, "a.png"), r"images must be a list, as in images=\['a.png'\]"),
        (lambda: aebnas.bench_network(NONE, rounds=0), "rounds must be a whole number of at least 1"),
        (lambda: aebnas.bench_network(NONE, threads=0), "threads must be a whole number of at least 1"),
        (lambda: aebnas.train_winner(NONE, tune=-1), "tune must be a whole number of at least 0"),
        (lambda: aebnas.train_winner(NONE, distill_share=2), "distill_share .* above 0 and at most 1, .* 2"),
        (lambda: aebnas.train_winner(NONE, distill_share=float("nan")), "distill_share .* got nan"),
        (
            lambda: aebnas.train_winner(NONE, distill_temperature=0),
            "distill_temperature .* above 0, .* 0",
        ),
        (
            lambda: aebnas.train_winner(NONE, distill=True, teacher="winner"),
            "distill and teacher both say who teaches: give one of them",
        ),
        (lambda: aebnas.evaluate_network(NONE, hardware="b.yaml"), "hardware must be a list"),
        (lambda: aebnas.evaluate_network(NONE, images=-1), "images must be a whole number of at least 0"),
        (lambda: aebnas.rescore_run(NONE, "b.yaml"), "hardware must be a list"),
        (lambda: aebnas.rescore_run(NONE, ["b.yaml"], "error"), "objectives must be a list"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        call()


@pytest.mark.parametrize("overrides", ["search.seed=1", [1]])
def test_overrides_are_a_list_of_texts(tmp_path: Path, overrides: object) -> None:
    file = aebnas.write_starter_file(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="overrides must be a list of texts, as in"):
        aebnas.load_search_file(file, overrides)  # type: ignore[arg-type]
