"""Searches with a target: one point per candidate, and what is told when nothing reaches it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from search.fake_searches import fake_search, opened
from search.fakes import FakePool, fake_config, fake_problem, fitted_outcome

from aebnas.config import SearchFile
from aebnas.report.text.terminal import contents_table
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.search.loop.search import Search

Start = Callable[[Path, SearchFile, FakePool], tuple[Search, RunStore]]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(path: Path, config: SearchFile, pool: FakePool) -> tuple[Search, RunStore]:
            store = stack.enter_context(opened(path, config))
            return fake_search(store, config, pool), store

        yield begin


@pytest.mark.parametrize("policy", ["confidence", "pcee"])
def test_with_a_target_every_candidate_is_one_point_and_the_front_meets_it(
    tmp_path: Path, policy: str, start: Start
) -> None:
    config = fake_config(f"exits.policy={policy}", "exits.accuracy=0.6")
    search, store = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    last = list(search.run())[-1]
    known = {one.key: one for one in store.evaluations()}
    assert len(search.history.individuals) == len(known)
    assert last.front
    assert all((known[point.key].target_check or {})["is_met"] for point in last.front)
    assert {point.budget_fraction for point in last.front} == {1.0}


CHOICES = "exits.policy={choices: [confidence, pcee]}"


def test_one_training_serves_every_choice_of_the_exit_policy(tmp_path: Path, start: Start) -> None:
    config = fake_config(CHOICES)
    space = fake_problem(config).space
    search, store = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    last = list(search.run())[-1]
    for one in store.evaluations():
        own = [point for point in search.history.individuals if point.key == one.key]
        assert {point.setting for point in own} == {"confidence", "pcee"}
        for point in own:
            assert one.curve is not None
            assert (one.curve.settings or ())[
                one.point_index(point.budget_fraction, point.setting)
            ] == point.setting
            assert space.setting(point.genome) == point.setting
    assert store.count() == last.trainings == len({point.key for point in search.history.individuals})
    run = read_run(store)
    assert [(p.key, p.budget_fraction, p.setting) for p in run.front] == [
        (p.key, p.budget_fraction, p.setting) for p in sorted(last.front, key=lambda p: p.metrics["macs"])
    ]


def test_with_a_target_each_choice_of_the_policy_is_judged_for_itself(tmp_path: Path, start: Start) -> None:
    config = fake_config(CHOICES, "exits.accuracy=0.6")
    search, store = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    last = list(search.run())[-1]
    known = {one.key: one for one in store.evaluations()}
    assert len(search.history.individuals) <= 2 * len(known)
    for point in search.history.individuals:
        target_check = (known[point.key].target_check or {})["settings"][point.setting]
        assert point.violations[-1] == target_check["violation"]
    assert all((known[p.key].target_check or {})["settings"][p.setting]["is_met"] for p in last.front)


def test_a_search_over_policies_is_resumed_to_the_same_front(tmp_path: Path, start: Start) -> None:
    config = fake_config(CHOICES)
    whole, _ = start(tmp_path / "whole", config, FakePool(outcome=fitted_outcome(config)))
    expected = list(whole.run())[-1].front
    first, _ = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    next(first.run())
    again, _ = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    assert list(again.run())[-1].front == expected


def test_a_target_that_nothing_reaches_ends_with_the_nearest_miss(tmp_path: Path, start: Start) -> None:
    config = fake_config("exits.accuracy=1.0", "search.generations=2")
    search, store = start(tmp_path / "run", config, FakePool(outcome=fitted_outcome(config)))
    assert list(search.run())[-1].front == ()
    run = read_run(store)
    assert run.nearest_miss is not None
    least = min((one.target_check or {})["violation"] for one in run.done)
    assert (run.nearest_miss.target_check or {})["violation"] == least > 0
    caption = str(contents_table(run).caption)
    assert run.nearest_miss.key in caption
    assert "missed by" in caption
    assert "What can be reached: an accuracy of" in caption


def test_a_resumed_search_has_the_front_of_an_uninterrupted_one(tmp_path: Path, start: Start) -> None:
    config = fake_config("exits.policy=eero", "exits.macs=2e5")
    whole, _ = start(tmp_path / "whole", config, FakePool(outcome=fitted_outcome(config)))
    expected = list(whole.run())[-1].front
    cut, store = start(tmp_path / "cut", config, FakePool(8, fitted_outcome(config)))
    with pytest.raises(KeyboardInterrupt):
        list(cut.run())
    store.close()
    again, _ = start(tmp_path / "cut", config, FakePool(outcome=fitted_outcome(config)))
    assert list(again.run())[-1].front == expected
