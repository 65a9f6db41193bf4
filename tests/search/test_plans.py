"""Any plan of fidelities is one mechanism: interrupted, extended and replayed as an uninterrupted run."""

from collections import Counter
from pathlib import Path

import pytest
from search.fake_searches import Fails, PlanPool, searched
from search.fakes import fake_config, kept, rows, weight_files

from aebnas.config import SearchFile
from aebnas.errors import RunError
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Status
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.search.continuing import check_settings
from aebnas.search.events import Event, FinalsChosen, Generation

PLANS = {
    "trained": "[trained]",
    "inherited": "[inherited]",
    "one final": "[inherited, {trained: 9, keep: 4}]",
    "trained, then one final": "[{trained: 3}, {trained: 9, keep: 4}]",
    "two finals": "[inherited, {trained: 3, keep: 5}, {trained: 9, keep: 2}]",
    "three trainings, two finals": "[{trained: 1}, {trained: 3, keep: 5}, {trained: 9, keep: 2}]",
    "a share": "[{trained: 1}, {trained: 3, keep: 1/3}]",
    "a share of inherited ones": "[inherited, {trained: 3, keep: 1/2}]",
    "a share and a final": "[inherited, {trained: 3, keep: 1/3}, {trained: 9, keep: 3}]",
    "shares and a final": (
        "[{trained: 1}, {trained: 2, keep: 1/2}, {trained: 4, keep: 1/2}, {trained: 9, keep: 2}]"
    ),
}
SIZE = ("search.population=6", "search.generations=3")


def settings(plan: str, *overrides: str) -> SearchFile:
    return fake_config(
        f"evaluation.fidelities={plan}", "search.population=4", "search.generations=2", *overrides
    )


def make_pool(
    config: SearchFile,
    interrupt_after: int | None = None,
    forward: bool = False,
    fails: Fails = lambda key, epochs: None,
) -> PlanPool:
    """Return a pool on which networks learn from fidelity to fidelity."""
    return PlanPool(config, lambda fidelity: 1 - 0.4 / (1 + fidelity.level), interrupt_after, fails, forward)


def run(
    path: Path, config: SearchFile, pool: PlanPool | None = None, events: list[Event] | None = None
) -> list[Generation]:
    listener = (events if events is not None else []).append
    return searched(path, config, pool or make_pool(config), listener)


@pytest.mark.parametrize("name", ["trained, then one final", "two finals", "shares and a final"])
def test_a_plan_that_is_interrupted_ends_as_one_that_was_not(tmp_path: Path, name: str) -> None:
    interrupted(tmp_path, settings(PLANS[name]), every=7)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANS)
def test_a_plan_interrupted_anywhere_ends_as_one_that_was_not(tmp_path: Path, name: str) -> None:
    interrupted(tmp_path, settings(PLANS[name], *SIZE), every=1)


def interrupted(tmp_path: Path, config: SearchFile, every: int) -> None:
    """Interrupt a run at some places, and hold each continued one against the uninterrupted one."""
    pool = make_pool(config)
    whole = run(tmp_path / "whole", config, pool)
    assert len(pool.trained) == len(set(pool.trained)) or plan_of(config).finals[0].continues
    for after in range(1, len(pool.trained), every):
        path = tmp_path / f"cut {after}"
        first, second = make_pool(config, after), make_pool(config)
        with pytest.raises(KeyboardInterrupt):
            run(path, config, first)
        assert run(path, config, second) == whole
        assert rows(path) == rows(tmp_path / "whole")
        assert weight_files(path) == weight_files(tmp_path / "whole")


@pytest.mark.parametrize("name", PLANS)
def test_a_replay_of_any_plan_trains_nothing_and_the_order_of_completion_decides_nothing(
    tmp_path: Path, name: str
) -> None:
    config = settings(PLANS[name])
    whole, again = run(tmp_path / "run", config), make_pool(config)
    assert run(tmp_path / "run", config, again) == whole
    assert again.trained == []
    assert run(tmp_path / "other", config, make_pool(config, forward=True)) == whole
    assert rows(tmp_path / "other") == rows(tmp_path / "run")
    assert weight_files(tmp_path / "other") == weight_files(tmp_path / "run")


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_made_longer_ends_as_one_that_was_as_long(tmp_path: Path, name: str) -> None:
    short, long = settings(PLANS[name]), settings(PLANS[name], "search.generations=3")
    whole = run(tmp_path / "whole", long)
    run(tmp_path / "run", short)
    assert run(tmp_path / "run", long) == whole
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert weight_files(tmp_path / "run") == weight_files(tmp_path / "whole")


@pytest.mark.parametrize("first", ["{trained: 3}", "inherited, {trained: 3, keep: 1/3}"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ", {trained: 9, keep: 3}"),
        (", {trained: 9, keep: 2}", ", {trained: 9, keep: 4}"),
        (", {trained: 9, keep: 4}", ", {trained: 9, keep: 2}"),
        (", {trained: 9, keep: 4}", ""),
        (", {trained: 9, keep: 4}", ", {trained: 9, keep: 4}, {trained: 27, keep: 2}"),
        (", {trained: 9, keep: 3}", ", {trained: 27, keep: 3}"),
    ],
)
def test_who_is_trained_in_the_end_may_change_when_a_run_is_continued(
    tmp_path: Path, first: str, before: str, after: str
) -> None:
    old, new = settings(f"[{first}{before}]"), settings(f"[{first}{after}]")
    check_settings(old, new)
    run(tmp_path / "run", old)
    assert run(tmp_path / "run", new)[-1] == run(tmp_path / "whole", new)[-1]
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert weight_files(tmp_path / "run") == weight_files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[trained]", "[inherited]"),
        ("[{trained: 3}]", "[{trained: 4}]"),
        ("[{trained: 1}, {trained: 3, keep: 1/3}]", "[{trained: 1}, {trained: 3, keep: 1/2}]"),
        ("[{trained: 1}, {trained: 3, keep: 1/3}]", "[{trained: 1}]"),
        ("[inherited]", "[{kind: inherited, finetune_epochs: 1}]"),
    ],
)
def test_what_generations_go_through_may_not_change(old: str, new: str) -> None:
    with pytest.raises(RunError, match=r"evaluation\.fidelities.* that keep a number of candidates"):
        check_settings(settings(old), settings(new))


def test_each_final_takes_the_best_of_those_before_it(tmp_path: Path) -> None:
    config, events = settings(PLANS["two finals"], *SIZE), list[Event]()
    last = run(tmp_path / "run", config, events=events)[-1]
    chosen = [one for one in events if isinstance(one, FinalsChosen)]
    assert [(one.candidates, one.epochs, one.fidelity) for one in chosen] == [
        (5, 3, "inherited"),
        (2, 9, "inherited-trained3"),
    ]
    first, second = last.finals
    assert set(second.trained) < set(first.trained)
    assert {point.key for point in last.front} <= set(second.trained), "they alone hold the front"
    assert Counter(one.epochs for one in kept(tmp_path / "run").values()) == {0: 13, 3: 3, 9: 2}
    store = RunStore(tmp_path / "run")
    contents = read_run(store)
    store.close()
    assert {point.key for point in contents.front} == {point.key for point in last.front}
    assert {one.evaluation.fidelity for one in contents.eligible_points} == {"inherited-trained3-trained9"}


def test_a_final_is_chosen_from_those_that_a_share_left_last(tmp_path: Path) -> None:
    config = settings(PLANS["a share and a final"], *SIZE)
    last = run(tmp_path / "run", config)[-1]
    store = RunStore(tmp_path / "run")
    filed = {(one.key, one.fidelity) for one in store.filed()}
    store.close()
    (final,) = last.finals
    assert len(final.trained) == 3
    assert all((key, "inherited-trained3") in filed for key in final.trained)
    assert Counter(one.epochs for one in kept(tmp_path / "run").values()) == {0: 12, 3: 3, 9: 3}


def test_until_the_last_final_is_whole_the_one_before_holds_the_front(tmp_path: Path) -> None:
    config = settings(PLANS["two finals"], *SIZE)
    whole = run(tmp_path / "whole", config)[-1]
    lost = whole.finals[1].trained[0]
    dying = make_pool(
        config, fails=lambda key, epochs: Status.WORKER_DIED if (key, epochs) == (lost, 9) else None
    )
    last = run(tmp_path / "run", config, dying)[-1]
    assert [one.hold_front for one in last.finals] == [True, False]
    assert {point.key for point in last.front} <= set(last.finals[0].trained)
