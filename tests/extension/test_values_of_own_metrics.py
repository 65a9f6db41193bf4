"""What a metric of one's own returns: a finite number in its declared range, or the candidate fails."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aebnas.errors import CodeError
from aebnas.extensions.consent import allow_code, look_in
from aebnas.runs.store.store import RunStore
from aebnas.task.metrics.inputs import Answers, Costs, Point
from aebnas.task.metrics.metric import OfAnswers
from aebnas.task.metrics.table import metric_of
from aebnas.task.metrics.values import span_of, value_at, value_of_answers

FILE = """
import numpy as np
import torch
from aebnas.extending import OfAnswers, OfNetwork, OfPoint

def answers(value):
    return OfAnswers(word="odd", help="odd", highest=1.0, is_share=True, measure=lambda given: value)

NAN, INFINITE, TWICE, NOTHING = answers(float("nan")), answers(float("inf")), answers(2.0), answers(None)
LIST, TEXT, TRUE, TENSOR = answers([0.5]), answers("0.5"), answers(True), answers(torch.ones(1))
NEGATIVE, ROUNDED, SMALL = answers(-0.1), answers(1 + 1e-15), answers(np.float32(0.25))
WEIGHT = OfNetwork(word="odd", help="odd", count=lambda costs, profile: float("nan"))
READ = OfPoint(word="odd", help="odd", worst=0.0, highest=10.0, read=lambda point: 11)
"""
GIVEN = Answers(np.zeros(2, int), np.zeros(2, int), np.zeros(2, int), None)
COSTS = Costs({"macs": (1.0, 2.0)}, 10, 10)
POINT = Point(COSTS, 0.5, np.array([0.5, 0.5]))


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with such metrics, and the current one; their code is allowed."""
    (tmp_path / "odd_metrics.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    with allow_code():
        look_in(tmp_path)
        yield tmp_path


def of_answers(name: str) -> float:
    metric = metric_of(name)
    assert isinstance(metric, OfAnswers)
    return value_of_answers(metric, name, GIVEN)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NAN", r"returned nan, but a metric must return one finite number"),
        ("INFINITE", r"returned inf, but a metric must return one finite number"),
        ("NOTHING", r"returned None \(NoneType\), but a metric must"),
        ("LIST", r"returned \[0.5\] \(list\), but a metric must"),
        ("TEXT", r"returned '0.5' \(str\), but a metric must"),
        ("TRUE", r"returned True \(bool\), but a metric must"),
        ("TENSOR", r"returned tensor\(\[1.\]\) \(Tensor\), but a metric must"),
        (
            "TWICE",
            r"returned 2.0, but a share .* lies between 0 and 1, and its highest value is said to be 1",
        ),
        ("NEGATIVE", r"returned -0.1, but a share .* lies between 0 and 1"),
    ],
)
def test_what_is_no_number_of_the_range_is_refused_as_the_users(odd: Path, name: str, words: str) -> None:
    with pytest.raises(CodeError, match=f"odd_metrics:{name} {words}.*code from outside AEBNAS"):
        of_answers(f"odd_metrics:{name}")


def test_rounding_beyond_the_range_is_set_back_to_its_end(odd: Path) -> None:
    assert of_answers("odd_metrics:ROUNDED") == 1.0


def test_a_number_of_numpy_is_a_number(odd: Path) -> None:
    assert of_answers("odd_metrics:SMALL") == 0.25


def test_a_network_is_not_counted_by_what_is_no_number(odd: Path) -> None:
    with pytest.raises(CodeError, match="odd_metrics:WEIGHT returned nan"):
        span_of(COSTS, "odd_metrics:WEIGHT")


def test_a_point_is_not_above_the_highest_value(odd: Path) -> None:
    with pytest.raises(CodeError, match=r"odd_metrics:READ returned 11 \(int\), but its highest value .* 10"):
        value_at(POINT, "odd_metrics:READ")


SPACE = """
name: odd
data: {name: digits}
space:
  stem: {kernel: 3, stride: 1, width: 4}
  stages:
    - {depth: 1, width: 4, block: {type: conv, kernel: [1, 3]}}
    - {depth: 1, width: 4, stride: 2, block: {type: conv, kernel: 3}}
  exits: {after: [stage1], optional: false, branch: {modules: [0, 1], module: {type: conv, width: 1.0}}}
objectives: [error, "odd_metrics:SOMETIMES"]
training: {epochs: 1, batch_size: 64}
search: {population: 4, generations: 1, seed: 0}
workers: {mode: serial}
"""
SOMETIMES = """
from pathlib import Path
from aebnas.extending import {kind}

def _value(given):
    calls = Path("calls")
    calls.write_text("x" * (1 + len(calls.read_text() if calls.exists() else "")))
    return {value} if len(calls.read_text()) == 1 else 0.5

SOMETIMES = {kind}(word="odd", help="odd", highest=1.0, is_share=True, {field}=_value)
"""


@pytest.mark.parametrize(
    ("kind", "field", "value"), [("OfAnswers", "measure", 'float("nan")'), ("OfPoint", "read", "2.0")]
)
def test_a_search_goes_on_behind_such_a_candidate_and_its_run_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_command: Callable[..., Any],
    kind: str,
    field: str,
    value: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "odd_metrics.py").write_text(SOMETIMES.format(kind=kind, field=field, value=value))
    answer = run_command("search", "space.yaml", "--runs", "runs")
    assert answer.code == 0, answer.err
    with_failure = sorted(
        RunStore(tmp_path / "runs/odd").evaluations(), key=lambda evaluation: evaluation.is_done
    )
    assert [evaluation.is_done for evaluation in with_failure] == [False, True, True, True]
    assert "odd_metrics:SOMETIMES returned " in with_failure[0].message
    assert "code from outside AEBNAS" in with_failure[0].message
