"""``evaluation: {fidelities: [...]}``: how plans are written, what is refused, where, and with which cure."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.fakes import SPACE, fake_config

from aebnas.config import load, resolved
from aebnas.config.schema import SearchFile
from aebnas.config.sections.fidelities.plan import short_plan
from aebnas.config.source import parse
from aebnas.errors import ConfigError

PLAN = "evaluation.fidelities"


def items(config: SearchFile) -> list[tuple[Any, ...]]:
    """Return kind, epochs and keep of every item."""
    return [
        (one.kind, one.total_epochs(config.training.epochs), one.keep) for one in config.evaluation.fidelities
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("[trained]", [("trained", 8, None)]),
        ("[inherited]", [("inherited", 0, None)]),
        ("[{kind: trained, epochs: 3}]", [("trained", 3, None)]),
        ("[{trained: 3}]", [("trained", 3, None)]),
        ("[{trained: null}]", [("trained", 8, None)]),
        ("[inherited, {trained: 27, keep: 10}]", [("inherited", 0, None), ("trained", 27, 10)]),
        (
            "[{kind: inherited, finetune_epochs: 2}, {kind: trained, keep: 10}]",
            [("inherited", 2, None), ("trained", 8, 10)],
        ),
        ("[{trained: 1}, {trained: 3, keep: 1/3}]", [("trained", 1, None), ("trained", 3, Fraction(1, 3))]),
        ("[{trained: 1}, {trained: 3, keep: 0.25}]", [("trained", 1, None), ("trained", 3, Fraction(1, 4))]),
        (
            "[inherited, {trained: 3, keep: 1/3}, {trained: 9, keep: 5}, {trained: 27, keep: 2}]",
            [("inherited", 0, None), ("trained", 3, Fraction(1, 3)), ("trained", 9, 5), ("trained", 27, 2)],
        ),
    ],
)
def test_a_plan_may_be_written_short_or_long_and_comes_back_from_its_run(
    written: str, meant: list[Any], tmp_path: Path
) -> None:
    config = fake_config(f"{PLAN}={written}")
    assert items(config) == meant
    file = tmp_path / "config.yaml"
    file.write_text(resolved(config))
    assert load(file) == config
    assert items(fake_config(f"{PLAN}={short_plan(config.evaluation.fidelities)}")) == meant


def test_without_a_plan_every_candidate_is_trained() -> None:
    assert items(fake_config()) == [("trained", 8, None)]


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(1, 30), st.integers(2, 9)), max_size=4))
def test_any_rising_plan_of_shares_comes_back_as_it_was(first: int, steps: list[tuple[int, int]]) -> None:
    epochs, plan = first, [f"{{trained: {first}}}"]
    for more, share in steps:
        epochs += more
        plan.append(f"{{trained: {epochs}, keep: 1/{share}}}")
    config = fake_config(f"{PLAN}=[{', '.join(plan)}]")
    assert parse(resolved(config).encode(), "again.yaml") == config


@pytest.mark.parametrize("first", ["trained", "{trained: 3}", "inherited", "{kind: inherited}"])
def test_an_option_is_set_by_its_index_however_its_item_is_written(first: str, tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(f"{SPACE}evaluation: {{fidelities: [{first}, {{trained: 27, keep: 10}}]}}\n")
    config = load(file, [f"{PLAN}.1.keep=24"])
    assert config.evaluation.fidelities[1].keep == 24
    if "trained" in first:
        assert items(load(file, [f"{PLAN}.0.epochs=5"]))[0] == ("trained", 5, None)
    else:
        assert items(load(file, [f"{PLAN}.0.finetune_epochs=5"]))[0] == ("inherited", 5, None)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("[trainde]",),
            r"fidelities\.0: unknown kind 'trainde'\. Did you mean 'trained'\? Kinds: trained",
        ),
        (("[{kind: 7}]",), r"fidelities\.0\.kind: unknown kind 7\. Kinds"),
        (("[{}]",), r"fidelities\.0: needs a kind"),
        (("[3]",), r"fidelities\.0: unknown kind 3"),
        (("[null]",), r"fidelities\.0: needs a kind"),
        (("[[trained]]",), r"fidelities\.0: unknown kind \['trained'\]"),
        (("[]",), r"fidelities: needs at least 1 value"),
        (("trained",), r"fidelities: must be a list, but got 'trained'"),
        (
            ("[{trained: 1, keeep: 3}]",),
            r"0: unknown field 'keeep'\. Did you mean 'keep'\? Fields: kind",
        ),
        (
            ("[{kind: trained, finetune: all}]",),
            r"0: unknown field 'finetune'\..* Fields: kind, epo",
        ),
        (
            ("[{kind: inherited, epochs: 3}]",),
            r"0: unknown field 'epochs'\..* Fields: kind, recal",
        ),
        (("[{trained: 0}]",), r"fidelities\.0\.epochs: must be >= 1, but got 0"),
        (("[{trained: many}]",), r"fidelities\.0\.epochs: must be a whole number, but got 'many'"),
        (("[{kind: inherited, finetune: some}]",), r"finetune: unknown value 'some'.*Choices: all, exits"),
        (("[{trained: 3, keep: 5}]",), r"0\.keep: goes with later fidelities"),
        (("[trained, {trained: 9}]",), r"fidelities\.1: needs keep: .* a share of every generation \(1/3\)"),
        (("[trained, {trained: 9, keep: 0}]",), r"1\.keep: must be >= 1 .* but got 0"),
        (("[trained, {trained: 9, keep: -1/3}]",), r"1\.keep: must be > 0 and < 1 .* but got -1/3"),
        (("[trained, {trained: 9, keep: 1.0}]",), r"1\.keep: must be > 0 and < 1 .* but got 1\.0"),
        (("[trained, {trained: 9, keep: 1/0}]",), r"1\.keep: must be a share .* or a number .* got '1/0'"),
        (("[trained, {trained: 9, keep: true}]",), r"1\.keep: must be a share of each generation"),
        (("[trained, {trained: 9, keep: [3]}]",), r"1\.keep: must be a share of each generation"),
        (("[trained, {trained: 8, keep: 5}]",), r"1\.epochs: must be > 8, the epochs of the fidelity before"),
        (("[{kind: inherited, finetune_epochs: 8}, {kind: trained, keep: 5}]",), r"1\.epochs: must be > 8"),
        (("[trained, {kind: inherited, keep: 5}]",), r"fidelities\.1: inherited must be the first fidelity"),
        (
            ("[inherited, {trained: 3, keep: 5}, {trained: 9, keep: 1/3}]",),
            r"2\.keep: a share of every generation cannot follow a number of the whole search",
        ),
        (
            ("[{trained: 2}, {trained: 4, keep: 1/2}]", "training.loss=jei"),
            r"training\.loss: .*must not be jei, which has phases",
        ),
        (("[inherited]", "training.loss=jei"), r"training\.loss: .*must be one of gradient_equil.*, not jei"),
        (
            ("[{trained: 2}, {trained: 4, keep: 1/2}]", "search.surrogate=auto"),
            r"search\.surrogate: learns the error after one and the same",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_cure(overrides: tuple[str, ...], words: str) -> None:
    plan, *others = overrides
    with pytest.raises(ConfigError, match=words):
        fake_config(f"{PLAN}={plan}", *others)


def test_a_surrogate_goes_with_a_plan_whose_best_are_trained_in_the_end() -> None:
    fake_config(f"{PLAN}=[{{trained: 2}}, {{trained: 4, keep: 5}}]", "search.surrogate=auto")


def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        f"{SPACE}evaluation:\n  fidelities:\n    - {{trained: 3}}\n    - {{trained: 3, keep: 5}}\n"
    )
    line = file.read_text().splitlines().index("    - {trained: 3, keep: 5}") + 1
    with pytest.raises(
        ConfigError, match=rf"space\.yaml:{line}: evaluation\.fidelities\.1\.epochs: must be > 3"
    ):
        load(file)


# ---------------------------------------------------------------- fields of before
@pytest.mark.parametrize(
    ("written", "training", "plan"),
    [
        ("mode: scratch", 8, "[trained]"),
        ("mode: supernet", 8, "[inherited]"),
        ("mode: supernet, finalists: 20", 27, "[inherited, {trained: 27, keep: 20}]"),
        ("mode: supernet, recalibration_images: 250", 8, "[{kind: inherited, recalibration_images: 250}]"),
        (
            "mode: supernet, finetune_epochs: 2, finetune: exits",
            8,
            "[{kind: inherited, finetune_epochs: 2, finetune: exits}]",
        ),
        ("mode: successive_halving", 9, "[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]"),
        (
            "mode: successive_halving, eta: 2, min_epochs: 2",
            8,
            "[{trained: 2}, {trained: 4, keep: 1/2}, {trained: 8, keep: 1/2}]",
        ),
        ("mode: successive_halving, eta: 0, min_epochs: x", 2, "[{trained: 1}, {trained: 2, keep: 1/3}]"),
        ("mode: successive_halving, min_epochs: 9", 3, "[{trained: 3}]"),
        ("finalists: 3", 8, "[inherited, {trained: 8, keep: 3}]"),
        ("mode: 7", 8, "[trained]"),
    ],
)
def test_a_field_of_before_is_refused_with_the_plan_that_equals_it(
    written: str, training: int, plan: str, tmp_path: Path
) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(f"{SPACE}training: {{epochs: {training}}}\nevaluation: {{{written}}}\n")
    with pytest.raises(ConfigError) as refused:
        load(file)
    lines = str(refused.value).split("\n")
    assert len(lines) == written.count(":")
    for line in lines:
        assert line.endswith(f"is said by evaluation.fidelities now; the same is fidelities: {plan}")
    file.write_text(f"{SPACE}training: {{epochs: {training}}}\nevaluation: {{fidelities: {plan}}}\n")
    assert load(file)


def test_a_field_of_before_beside_a_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"finalists: is said by evaluation\.fidelities now, .* remove it"):
        fake_config(f"{PLAN}=[inherited]", "evaluation.finalists=3")
