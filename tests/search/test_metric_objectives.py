"""Metrics of answers as objectives and constraints: searched, stored, reported."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from rich.console import Console
from search.fake_searches import searched
from search.fakes import FakePool, fake_config, fake_outcome
from sklearn.metrics import balanced_accuracy_score

from aebnas.config import SearchFile
from aebnas.errors import ConfigError
from aebnas.evaluation.curves import fitted_curve
from aebnas.evaluation.identity import context_key
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import candidate_settings, exit_settings
from aebnas.exits.core.samples import ExitSamples
from aebnas.report import write_report
from aebnas.report.page.page_data import page_data
from aebnas.report.text.terminal import contents_table
from aebnas.runs.contents import RunContents
from aebnas.runs.frame import load_run
from aebnas.runs.fronts.pareto import non_dominated
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.space.architecture import StagedArchitecture

WORDS = ("objectives=[balanced_accuracy, macs]", "constraints.macro_f1.min=0.2")
CLASSES = 4


def samples(architecture: StagedArchitecture, seed: int) -> ExitSamples:
    """Logits of every exit, right more often for larger networks and later exits."""
    reach = fake_outcome(architecture).evaluation.reach_macs
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, 200, p=[0.6, 0.2, 0.15, 0.05])
    logits = rng.normal(size=(200, len(reach), CLASSES))
    logits[np.arange(200), :, labels] += np.log10(np.array(reach)) - 3.0
    return ExitSamples.of(logits, labels, reach)


def outcome(config: SearchFile, architecture: StagedArchitecture) -> Outcome:
    fake, seed = fake_outcome(architecture), int(architecture.key(), 16) % 2**32
    fitted = fitted_curve(exit_settings(config), samples(architecture, seed), samples(architecture, seed + 1))
    return replace(fake, evaluation=replace(fake.evaluation, curve=fitted.curve))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, config = tmp_path_factory.mktemp("runs") / "balanced", fake_config(*WORDS)
    pool = FakePool(outcome=lambda architecture: outcome(config, architecture))
    searched(path, config, pool)
    return path


@pytest.fixture
def contents(run: Path) -> RunContents:
    store = RunStore(run)
    try:
        return read_run(store)
    finally:
        store.close()


def test_the_metric_at_a_point_is_that_of_scikit_learn(contents: RunContents) -> None:
    for one in contents.front:
        architecture = one.evaluation.architecture
        assert isinstance(architecture, StagedArchitecture)
        select = samples(architecture, int(one.key, 16) % 2**32 + 1)
        chosen = one.curve.policies[one.index].decide(select.logits)
        answers = select.logits.predictions[np.arange(len(select)), chosen]
        expected = balanced_accuracy_score(select.labels, answers)
        assert one.metrics["balanced_accuracy"] == pytest.approx(expected)


def test_the_front_trades_the_objectives_that_were_asked_for(contents: RunContents) -> None:
    feasible = [one for one in contents.points if one.is_feasible]
    values = np.array([[1 - one.metrics["balanced_accuracy"], one.metrics["macs"]] for one in feasible])
    best = {(one.key, one.index) for one, is_on in zip(feasible, non_dominated(values), strict=True) if is_on}
    assert {(one.key, one.index) for one in contents.front} == best
    assert len(best) > 2


def test_the_constraint_holds_on_the_front_and_excludes_someone(contents: RunContents) -> None:
    assert all(one.metrics["macro_f1"] >= 0.2 for one in contents.front)
    assert all(one.is_feasible == (one.metrics["macro_f1"] >= 0.2) for one in contents.points)


def test_the_metrics_stand_in_every_view_of_a_run(run: Path, contents: RunContents) -> None:
    store = RunStore(run)
    data = page_data([contents], [store], {}, [None])
    table = pandas.read_csv(write_report([store]).table)
    store.close()
    first = contents.front[0].metrics["balanced_accuracy"]
    assert table["balanced_accuracy"][0] == pytest.approx(first)
    assert load_run(run).to_frame()["macro_f1"].notna().any()
    assert {"balanced_accuracy", "macro_f1"} <= set(data["runs"][0]["metrics"])
    assert data["metrics"]["balanced_accuracy"] == {
        "name": "balanced accuracy", "title": "Balanced accuracy", "unit": None, "axis": " on select",
        "share": True, "rises": True,
    }  # fmt: skip
    text = io.StringIO()
    Console(file=text, width=200).print(contents_table(contents))
    assert "balanced accuracy" in text.getvalue()
    assert f"{first:.2%}" in text.getvalue()


def test_a_run_that_does_not_ask_measures_no_more_than_before() -> None:
    plain = fake_config()
    assert not plain.measured
    assert context_key(candidate_settings(plain), "data") != context_key(
        candidate_settings(fake_config(*WORDS)), "data"
    )


@pytest.mark.parametrize("model", ["auto"])
def test_a_surrogate_predicts_metrics_of_answers(tmp_path: Path, model: str) -> None:
    config = fake_config(*WORDS, f"search.surrogate={model}")
    pool = FakePool(outcome=lambda architecture: outcome(config, architecture))
    last = searched(tmp_path / "run", config, pool)[-1]
    assert last.surrogate is not None
    assert "balanced_accuracy" in last.surrogate.models


def test_something_must_keep_networks_from_being_useless() -> None:
    with pytest.raises(ConfigError, match="nothing asks for accuracy"):
        fake_config("objectives=[macs, params]")
    with pytest.raises(ConfigError, match="nothing asks for accuracy"):
        fake_config("objectives=[macs, params]", "constraints.macro_f1.max=0.9")
    assert fake_config("objectives=[macs, params]", "constraints.macro_f1.min=0.2").measured == ("macro_f1",)
