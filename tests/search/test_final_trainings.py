"""The final trainings of a search by inheritance: who is trained, who holds the front, what a resume does."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from search.fake_searches import Finished, PlanPool, fake_search, opened, subnet_skill
from search.fakes import FakePool, fake_config, fake_failure, fake_outcome, kept, rows, weight_files

from aebnas.config import SearchFile
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Outcome, Status
from aebnas.evaluation.settings import goals_of
from aebnas.report.text.notes import reading_notes, warnings
from aebnas.report.text.run_status import time_is_up
from aebnas.report.text.summary import progress_summary
from aebnas.report.text.terminal import contents_table
from aebnas.report.text.training_formatting import FINALS_ALONE
from aebnas.runs.fronts.pareto import hypervolume
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.search.events import (
    CandidateFinished,
    Event,
    FinalsChosen,
    Generation,
    SearchStarted,
    Warned,
)
from aebnas.search.fidelity.promotion import keys_best_first
from aebnas.search.tracking import numbers_to
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.train.select.selection import selected


def best(number: int, *overrides: str) -> SearchFile:
    """Return the settings of a search that trains so many of its inherited candidates in the end."""
    final = f", {{trained: 9, keep: {number}}}" if number else ""
    return fake_config(f"evaluation.fidelities=[inherited{final}]", "training.epochs=9", *overrides)


SUBNETS = best(0)
CONFIG = best(5)
LONGER = best(5, "search.generations=6")
Fails = Callable[[str], Status | None]
"""From a top-k candidate's key to how its training fails."""


class SubnetPool(PlanPool):
    """Inherited subnets are less skilled than what is trained from them."""

    def __init__(
        self, interrupt_after: int | None = None, fails: Fails = lambda key: None, skilled: float = 1.0
    ) -> None:
        super().__init__(
            CONFIG,
            subnet_skill(skilled),
            interrupt_after,
            lambda key, epochs: fails(key) if epochs else None,
        )


def run(
    path: Path,
    config: SearchFile = CONFIG,
    pool: FakePool | None = None,
    listener: Callable[[Event], None] = lambda event: None,
    late: bool = False,
) -> list[Generation]:
    """Search, or continue; ``late``: the time is up when top-k candidates are chosen."""

    def listen(event: Event) -> None:
        listener(event)
        if late and isinstance(event, FinalsChosen):
            search._clock._began -= 3600

    with opened(path, config) as store:
        search = fake_search(store, config, pool or SubnetPool(), listen)
        return list(search.run())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("final") / "whole"
    return Finished(path, run(path))


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("final") / "longer"
    return Finished(path, run(path, LONGER))


@pytest.fixture(scope="module")
def subnets(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("final") / "subnets"
    return Finished(path, run(path, SUBNETS))


def final(generation: Generation) -> tuple[int, int, int, bool]:
    """Return how many were chosen, trained and failed, and whether they alone hold the front."""
    (one,) = generation.finals
    return one.chosen, len(one.trained), len(one.failed), one.hold_front


def top_candidates(path: Path) -> set[str]:
    return {key for key, one in kept(path).items() if one.epochs == 9}


def test_the_best_subnets_of_the_whole_search_are_trained_and_the_front_is_theirs(
    tmp_path: Path, subnets: Finished
) -> None:
    events: list[Event] = []
    generations = run(tmp_path / "run", listener=events.append)
    assert [one.proposed for one in generations[:-1]] == [one.proposed for one in subnets.generations]
    *_, before, last = generations
    assert (last.number, last.trainings) == (before.number, before.trainings)
    assert final(last) == (5, 5, 0, True)
    assert last.hypervolume > before.hypervolume
    known, space = kept(subnets.path), StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)
    genomes = [space.encode(known[key].architecture) for one in subnets.generations for key in one.proposed]
    assert top_candidates(tmp_path / "run") == set(
        keys_best_first(space, genomes, known, goals_of(CONFIG))[:5]
    )
    assert {point.key for point in last.front} & top_candidates(tmp_path / "run")
    (chosen,) = [one for one in events if isinstance(one, FinalsChosen)]
    assert (chosen.candidates, chosen.unknown, chosen.epochs) == (5, 5, 9)
    (started,) = [one for one in events if isinstance(one, SearchStarted)]
    assert (started.planned - started.finals, started.finals) == (last.trainings, 5)


def test_subnets_that_would_be_too_large_to_train_take_no_top_candidates_place(
    tmp_path: Path, whole: Finished
) -> None:
    known = kept(whole.path)
    largest = max((known[key] for key in top_candidates(whole.path)), key=lambda one: one.reach_macs[-1])
    limit = f"evaluation.max_training_macs={largest.reach_macs[-1] * 100 * 9 - 1}"
    config, path = best(5, limit), tmp_path / "run"
    store = RunStore.create(path, config, {})
    store.put_metadata("train_images", 100)
    store.close()
    assert final(run(path, config)[-1]) == (5, 5, 0, True)
    trained = [kept(path)[key].reach_macs[-1] for key in top_candidates(path)]
    assert max(trained) < largest.reach_macs[-1]


def test_where_too_few_subnets_may_be_trained_a_person_is_told(tmp_path: Path) -> None:
    config = best(5, "evaluation.max_training_macs=1")
    store = RunStore.create(tmp_path / "run", config, {})
    store.put_metadata("train_images", 100)
    store.close()
    events: list[Event] = []
    run(tmp_path / "run", config, listener=events.append)
    (warned,) = [one.text for one in events if isinstance(one, Warned)]
    assert warned.startswith("only 0 of ")
    assert "evaluation.max_training_macs = 1 in 9 epochs" in warned


def test_what_is_kept_are_the_weights_of_all_top_candidates_each_as_it_was_scored(tmp_path: Path) -> None:
    *_, before, last = run(tmp_path / "run")
    trained = top_candidates(tmp_path / "run")
    assert {point.key for point in last.front} <= trained
    inherited = {f"{point.key}-inherited.pt": point.key.encode() for point in before.front}
    final = {f"{key}-inherited-trained9.pt": f"{key}-9".encode() for key in trained}
    assert weight_files(tmp_path / "run") == inherited | final, "of the front, before and after"
    store = RunStore(tmp_path / "run")
    assert store.generations()[-1]["front"] == [point.name() for point in last.front]
    store.close()


def test_once_top_candidates_are_trained_no_luckier_subnet_keeps_them_off_the_front(tmp_path: Path) -> None:
    few, longer = (best(2, f"search.generations={number}") for number in (4, 6))
    *_, before, last = run(tmp_path / "run", few, SubnetPool(skilled=0.55))
    trained = top_candidates(tmp_path / "run")
    assert {point.key for point in last.front} <= trained
    left = [point.metrics for point in before.front if point.key not in trained]
    now = [point.metrics for point in last.front]
    assert any(
        all(subnet["error"] < one["error"] or subnet["macs"] < one["macs"] for one in now) for subnet in left
    ), "an inherited subnet that no top-k candidate dominates"
    store = RunStore(tmp_path / "run")
    output = store.generations()[-1]
    store.close()
    objectives = [[one[name] for name in few.objectives] for one in now]
    share = hypervolume(objectives, output["reference"]) / np.prod(output["reference"])
    assert last.hypervolume == pytest.approx(share)
    assert output["finals"][0]["hold_front"]
    again = SubnetPool()
    assert run(tmp_path / "run", few, again)[-1] == last
    assert again.trained == []
    whole = run(tmp_path / "whole", longer, SubnetPool(skilled=0.55))[-1]
    assert run(tmp_path / "run", longer, SubnetPool(skilled=0.55))[-1] == whole
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert weight_files(tmp_path / "run") == weight_files(tmp_path / "whole")


def test_where_no_top_candidate_is_feasible_or_not_all_are_trained_subnets_hold_the_front(
    tmp_path: Path,
) -> None:
    limit = "constraints.accuracy.min=0.2"
    config = best(5, limit)
    last = run(tmp_path / "poor", config, SubnetPool(skilled=0.1))[-1]
    assert last.front
    assert not {point.key for point in last.front} & top_candidates(tmp_path / "poor")
    subnets = len(kept(tmp_path / "poor"))
    limited = best(5, "search.max_minutes=30")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "late", limited, SubnetPool(interrupt_after=subnets + 2, skilled=0.5))
    cut = run(tmp_path / "late", limited, late=True)[-1]
    assert final(cut) == (5, 2, 0, False)
    assert {point.key for point in cut.front} - top_candidates(tmp_path / "late"), (
        "three are inherited subnets still"
    )
    whole = run(tmp_path / "whole", pool=SubnetPool(skilled=0.5))[-1]
    assert run(tmp_path / "late", pool=SubnetPool(skilled=0.5))[-1] == whole
    assert rows(tmp_path / "late") == rows(tmp_path / "whole")
    assert weight_files(tmp_path / "late") == weight_files(tmp_path / "whole")


@pytest.mark.parametrize(("reason", "holds"), [(Status.WORKER_DIED, False), (Status.FAILED, True)])
def test_top_candidates_hold_the_front_unless_another_try_could_add_some(
    tmp_path: Path, whole: Finished, reason: Status, holds: bool
) -> None:
    lucky = min(top_candidates(whole.path))
    pool = SubnetPool(fails=lambda key: None if key == lucky else reason)
    last = run(tmp_path / "run", pool=pool)[-1]
    assert final(last) == (5, 1, 4, holds)
    assert ({point.key for point in last.front} == {lucky}) == holds


def test_weights_that_were_lost_are_made_again_and_change_nothing_else(tmp_path: Path) -> None:
    last = run(tmp_path / "run")[-1]
    before, files = rows(tmp_path / "run"), weight_files(tmp_path / "run")
    store = RunStore(tmp_path / "run")
    times = dict(store.finished())
    store.close()
    lost = sorted(top_candidates(tmp_path / "run"))[:2]
    for key in lost:
        (tmp_path / "run" / "checkpoints" / f"{key}-inherited-trained9.pt").unlink()
    again = RoundingPool()
    assert run(tmp_path / "run", pool=again)[-1] == last
    assert set(again.trained) == {f"{key}-9" for key in lost}
    assert (rows(tmp_path / "run"), weight_files(tmp_path / "run")) == (before, files)
    store = RunStore(tmp_path / "run")
    assert dict(store.finished()) == times
    store.close()


@pytest.mark.parametrize(
    "limit", [0.0, 0.2], ids=["top_candidates", "inherited subnets: no top-k candidate is feasible"]
)
def test_whoever_holds_the_front_holds_it_rescored_and_in_text_and_is_selected(
    tmp_path: Path, limit: float
) -> None:
    few = best(2, f"constraints.accuracy.min={limit}")
    last = run(tmp_path / "run", few, SubnetPool(skilled=0.1))[-1]
    store, trained = RunStore(tmp_path / "run"), top_candidates(tmp_path / "run")
    contents = read_run(store)
    scored_anew = read_run(store, rescored=(store.config, store.evaluations()))
    store.close()
    keys = {point.key for point in last.front}
    assert keys <= trained if limit == 0 else not keys & trained
    assert {point.key for point in contents.front} == {point.key for point in scored_anew.front} == keys
    assert contents.is_front_of_finals == (limit == 0)
    assert (FINALS_ALONE in reading_notes([contents])) == (limit == 0)
    assert (selected(contents, "macs:1e9").key in trained) == (limit == 0)
    console = Console(width=200, file=io.StringIO())
    console.print(contents_table(contents, width=200))
    said = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]
    assert ("the best of 2 top-k candidates, 22 inherited subnets left out" in said) == (limit == 0)


def test_a_finished_search_is_continued_without_training_anything(tmp_path: Path) -> None:
    first = run(tmp_path / "run")
    before, pool = (rows(tmp_path / "run"), weight_files(tmp_path / "run")), SubnetPool()
    assert run(tmp_path / "run", pool=pool)[-1] == first[-1]
    assert pool.trained == []
    assert (rows(tmp_path / "run"), weight_files(tmp_path / "run")) == before


@pytest.mark.parametrize("after", [3, 24, 26, 28])
def test_interrupted_anywhere_it_ends_as_if_it_had_not_been(
    tmp_path: Path, whole: Finished, after: int
) -> None:
    first, second = SubnetPool(interrupt_after=after), SubnetPool()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", pool=first)
    assert run(tmp_path / "parts", pool=second)[-1] == whole.generations[-1]
    assert not set(first.trained) & set(second.trained)
    assert rows(tmp_path / "parts") == rows(whole.path)
    assert weight_files(tmp_path / "parts") == weight_files(whole.path)


@pytest.mark.parametrize("before", [CONFIG, SUBNETS], ids=["with top-k candidates", "without"])
def test_a_longer_search_ends_as_one_that_was_as_long_from_its_start(
    tmp_path: Path, longer: Finished, before: SearchFile
) -> None:
    run(tmp_path / "parts", before)
    pool = SubnetPool()
    assert run(tmp_path / "parts", LONGER, pool)[-1] == longer.generations[-1]
    assert rows(tmp_path / "parts") == rows(longer.path)
    assert weight_files(tmp_path / "parts") == weight_files(longer.path)
    assert len([name for name in pool.trained if name.endswith("-9")]) <= 5


def test_fewer_top_candidates_or_none_leave_subnets_behind(tmp_path: Path, subnets: Finished) -> None:
    run(tmp_path / "run")
    assert run(tmp_path / "run", SUBNETS)[-1].front == subnets.generations[-1].front
    assert rows(tmp_path / "run") == rows(subnets.path)
    assert weight_files(tmp_path / "run") == weight_files(subnets.path)


def test_a_top_candidate_that_fails_stays_the_subnet_that_it_was(tmp_path: Path, whole: Finished) -> None:
    unlucky = min(top_candidates(whole.path))
    events: list[Event] = []
    pool = SubnetPool(fails=lambda key: Status.FAILED if key == unlucky else None)
    last = run(tmp_path / "run", pool=pool, listener=events.append)[-1]
    assert top_candidates(tmp_path / "run") == top_candidates(whole.path) - {unlucky}
    assert kept(tmp_path / "run")[unlucky].is_done
    assert final(last) == (5, 4, 1, True)
    assert fact(tmp_path / "run", "Top-k candidates") == (
        "4 of 5 trained",
        "1 failed, and stay inherited subnets; the reasons are below",
    )
    assert reported_failures(tmp_path / "run") == {unlucky: "failed: diverged"}
    output = [one.evaluation for one in events if isinstance(one, CandidateFinished)]
    assert [one.status_text for one in output if one.key == unlucky] == ["done", "failed: diverged"]
    again = SubnetPool()
    run(tmp_path / "run", pool=again)
    assert again.trained == [], "it would fail again"


def test_a_top_candidate_lost_with_its_worker_is_tried_again_where_that_is_asked_for(
    tmp_path: Path, whole: Finished
) -> None:
    unlucky = min(top_candidates(whole.path))
    run(tmp_path / "run", pool=SubnetPool(fails=lambda key: Status.WORKER_DIED if key == unlucky else None))
    store = RunStore(tmp_path / "run")
    assert "worker died" in str(store.metadata("not_repeatable"))
    store.forget_machine_failures()
    store.close()
    again = SubnetPool()
    run(tmp_path / "run", pool=again)
    assert again.trained == [f"{unlucky}-9"]
    assert rows(tmp_path / "run") == rows(whole.path)


def test_where_the_time_is_up_subnets_stay_and_a_continued_run_trains_them(
    tmp_path: Path, whole: Finished
) -> None:
    limited = best(5, "search.max_minutes=30")
    last = run(tmp_path / "run", limited, late=True)[-1]
    assert final(last) == (5, 0, 0, False)
    assert top_candidates(tmp_path / "run") == set()
    store = RunStore(tmp_path / "run")
    assert "max_minutes" in str(store.metadata("not_repeatable"))
    store.close()
    assert run(tmp_path / "run")[-1] == whole.generations[-1]
    assert rows(tmp_path / "run") == rows(whole.path)


@pytest.mark.parametrize(
    ("before", "trained"), [(0, "0 of 5 top-k candidates are"), (1, "1 of 5 top-k candidates is")]
)
def test_a_report_says_how_many_top_candidates_the_time_allowed_and_that_the_limit_has_to_be_raised(
    tmp_path: Path, subnets: Finished, before: int, trained: str
) -> None:
    limited = best(5, "search.max_minutes=30")
    path = tmp_path / "run"
    inherited = subnets.generations[-1].trainings
    with pytest.raises(KeyboardInterrupt):
        run(path, limited, SubnetPool(interrupt_after=inherited + before))
    run(path, limited, late=True)
    store = RunStore(path)
    output = warnings(read_run(store))
    assert time_is_up(read_run(store)) in output
    store.close()
    spent = RunStore(path).metadata("elapsed_seconds") / 60
    allowed = float(output[0].rpartition("=")[2])
    assert spent + 30 <= allowed <= spent + 30.1, "as much time again, behind what was spent"
    resume = f"aebnas resume {path} --set search.max_minutes={allowed:g}"
    assert output[:2] == [
        f"The time is up (search.max_minutes: 30); {trained} trained. Continue: {resume}",
        f"{5 - before} of 5 top-k candidates are not trained yet, and count as inherited subnets. Continue "
        f"it: {resume}",
    ]
    run(path)
    store = RunStore(path)
    assert not any("top_candidate" in words or "time is up" in words for words in warnings(read_run(store)))
    store.close()


def test_a_report_counts_the_time_of_subnets_and_of_top_candidates_once(tmp_path: Path) -> None:
    run(tmp_path / "run")
    store = RunStore(tmp_path / "run")
    timing = read_run(store).timing
    store.close()
    assert timing.core_s == pytest.approx(24 + 5)
    assert timing.lost_attempts == 0
    assert {one.seconds for key, one in kept(tmp_path / "run").items()} == {1.0, 2.0}


class RoundingPool(SubnetPool):
    """Another machine: what inherits here answers a little differently."""

    def answer(self, architecture: StagedArchitecture, step: Step) -> Outcome:
        outcome = super().answer(architecture, step)
        other = fake_outcome(architecture, skilled=0.5)
        return replace(outcome, evaluation=replace(other.evaluation, epochs=outcome.evaluation.epochs))


class LosingPool(SubnetPool):
    """The worker dies of some inherited subnets."""

    def __init__(self, lost: Callable[[str], bool]) -> None:
        super().__init__()
        self._lost = lost

    def answer(self, architecture: StagedArchitecture, step: Step) -> Outcome:
        if self._lost(architecture.key()):
            return fake_failure(architecture, Status.WORKER_DIED)
        return super().answer(architecture, step)


@pytest.mark.parametrize("pool", [SubnetPool, RoundingPool])
def test_what_candidates_were_before_is_never_overwritten_so_nothing_is_put_back(
    tmp_path: Path, subnets: Finished, pool: type[SubnetPool]
) -> None:
    run(tmp_path / "run")
    store = RunStore(tmp_path / "run")
    times = dict(store.finished())
    store.close()
    again = pool()
    run(tmp_path / "run", SUBNETS, again)
    assert again.trained == []
    assert rows(tmp_path / "run") == rows(subnets.path)
    assert weight_files(tmp_path / "run") == weight_files(subnets.path)
    store = RunStore(tmp_path / "run")
    assert dict(store.finished()) == times, "when it was trained is not forged either"
    store.close()


def test_candidates_that_are_chosen_again_are_known_but_for_their_weights(tmp_path: Path) -> None:
    whole = run(tmp_path / "run")
    files = weight_files(tmp_path / "run")
    run(tmp_path / "run", SUBNETS)
    again = SubnetPool()
    assert run(tmp_path / "run", pool=again)[-1] == whole[-1]
    assert set(again.trained) == {f"{key}-9" for key in top_candidates(tmp_path / "run")}
    assert weight_files(tmp_path / "run") == files


def test_weights_that_cannot_be_made_again_leave_a_run_that_says_so(tmp_path: Path) -> None:
    run(tmp_path / "run")
    before = rows(tmp_path / "run")
    lost = min(top_candidates(tmp_path / "run"))
    (tmp_path / "run" / "checkpoints" / f"{lost}-inherited-trained9.pt").unlink()
    run(tmp_path / "run", pool=LosingPool(lambda key: True))
    store = RunStore(tmp_path / "run")
    assert "worker died" in str(store.metadata("not_repeatable"))
    assert len(read_run(store).front) == len(store.generations()[-1]["front"])
    store.close()
    assert rows(tmp_path / "run") == before


def test_another_path_of_the_search_leaves_no_top_candidate_of_the_first_behind(
    tmp_path: Path, whole: Finished
) -> None:
    for unlucky in sorted(whole.generations[0].proposed)[:2]:
        path = tmp_path / unlucky
        run(path, pool=LosingPool(lambda key: key == unlucky))  # noqa: B023
        store = RunStore(path)
        store.forget_machine_failures()
        store.close()
        assert run(path)[-1] == whole.generations[-1]
        known = rows(path)
        assert {key: known[key] for key in rows(whole.path)} == rows(whole.path)
        assert top_candidates(path) == top_candidates(whole.path)


def test_while_a_run_is_made_longer_its_report_is_one_of_subnets(tmp_path: Path, longer: Finished) -> None:
    run(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", LONGER, SubnetPool(interrupt_after=3))
    store = RunStore(tmp_path / "run")
    contents = read_run(store)
    store.close()
    assert {point.evaluation.epochs for point in contents.front} == {0}
    assert any("top-k candidates are not trained yet" in words for words in warnings(contents))
    assert run(tmp_path / "run", LONGER)[-1] == longer.generations[-1]
    assert weight_files(tmp_path / "run") == weight_files(longer.path)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_finished_run_keeps_the_weights_of_subnets_that_only_the_final_training_put_on_the_front(
    tmp_path: Path, count: int
) -> None:
    # training does these no good: others, never on the front of inherited subnets, are on the last one
    config = best(count, "constraints.accuracy.min=0.2")
    *_, subnets, last = run(tmp_path / "run", config, SubnetPool(skilled=0.1))
    trained = top_candidates(tmp_path / "run")
    assert {point.key for point in last.front} - {point.key for point in subnets.front}
    assert not {point.key for point in last.front} & trained
    before, again = weight_files(tmp_path / "run"), SubnetPool(skilled=0.1)
    assert {f"{key}-inherited-trained9.pt" for key in trained} < before.keys()
    assert {f"{point.key}-inherited.pt" for point in last.front} < before.keys()
    assert run(tmp_path / "run", config, again)[-1] == last
    assert again.trained == []
    assert weight_files(tmp_path / "run") == before


def test_a_kill_in_the_final_training_leaves_no_weights_behind_when_others_are_chosen_later(
    tmp_path: Path,
    longer: Finished,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", pool=SubnetPool(interrupt_after=27))
    run(tmp_path / "run", LONGER)
    assert weight_files(tmp_path / "run") == weight_files(longer.path)


def test_a_longer_run_has_no_trainings_that_were_cut_off(tmp_path: Path) -> None:
    run(tmp_path / "run")
    run(tmp_path / "run", LONGER)
    assert fact(tmp_path / "run", "Candidates") == ("36 done, 0 failed", "5 trained, 31 as inherited")


def reported_failures(path: Path) -> dict[str, str]:
    """Return why top-k candidates failed, by key, as the report says it."""
    store = RunStore(path)
    try:
        return {one.key: one.status_text for one in read_run(store).failed_finals}
    finally:
        store.close()


def fact(path: Path, name: str) -> tuple[str, str]:
    """Return the value and the note of a fact of the report."""
    store = RunStore(path)
    try:
        found = next(one for one in progress_summary(read_run(store)) if one.name == name)
    finally:
        store.close()
    return found.value, found.note


def test_a_listener_of_numbers_never_steps_back(tmp_path: Path) -> None:
    steps: list[int] = []
    run(tmp_path / "run", listener=numbers_to(lambda numbers, step: steps.append(step)))
    assert steps == sorted(steps)
    assert steps[-1] == 24 + 5
