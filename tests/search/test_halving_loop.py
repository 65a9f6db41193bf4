"""Successive halving on a pool that answers at once: who goes on, what is kept, what a resume trains."""

from collections import Counter
from pathlib import Path

import pytest
from search.fake_searches import Fails, Finished, PlanPool, halving_skill, searched
from search.fakes import fake_config, kept, rows, weight_files

from aebnas.config import SearchFile
from aebnas.errors import RunError
from aebnas.evaluation.record import Evaluation, Status
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.search.continuing import check_end
from aebnas.search.events import CandidateFinished, Event, FidelityFinished, Generation
from aebnas.search.loop.clock import RunClock

HALVING = ("evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]",)
"""Fidelities of 1, 3 and 9 epochs; of a generation of 6 candidates 2 get to 3 epochs and 1 to 9."""
CONFIG = fake_config(*HALVING)


class FidelityPool(PlanPool):
    """Networks learn with their epochs."""

    def __init__(
        self,
        interrupt_after: int | None = None,
        fails: Fails = lambda key, epochs: None,
        forward: bool = False,
    ) -> None:
        super().__init__(CONFIG, halving_skill, interrupt_after, fails, forward)


def run(
    path: Path,
    config: SearchFile = CONFIG,
    pool: FidelityPool | None = None,
    events: list[Event] | None = None,
    retry: bool = False,
) -> list[Generation]:
    listener = (events if events is not None else []).append
    return searched(path, config, pool or FidelityPool(), listener, retry)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("search") / "whole"
    return Finished(path, run(path))


def test_of_each_generation_a_third_goes_on_at_each_fidelity(tmp_path: Path) -> None:
    pool, events = FidelityPool(), list[Event]()
    generations = run(tmp_path / "run", pool=pool, events=events)
    finished = [one for one in events if isinstance(one, FidelityFinished)]
    assert [(one.number, one.epochs, one.candidates, one.going_on) for one in finished] == [
        (1, 1, 6, 2),
        (2, 3, 2, 1),
        (3, 9, 1, 0),
    ] * 4
    assert Counter(one.epochs for one in kept(tmp_path / "run").values()) == {1: 16, 3: 4, 9: 4}
    assert generations[-1].trainings == 24
    assert generations[-1].full_trainings == pytest.approx(4 * (4 * 1 + 3 + 9) / 9)
    assert len(pool.trained) == len(set(pool.trained)) == 4 * 9


def test_every_candidate_is_told_once_with_the_epochs_it_had(tmp_path: Path) -> None:
    events: list[Event] = []
    run(tmp_path / "run", events=events)
    output = [one.evaluation for one in events if isinstance(one, CandidateFinished)]
    assert {one.key: one.epochs for one in output} == {
        key: one.epochs for key, one in kept(tmp_path / "run").items()
    }
    assert len(output) == 24


def test_a_candidate_is_on_the_front_with_the_weights_of_its_last_fidelity(tmp_path: Path) -> None:
    last = run(tmp_path / "run")[-1]
    evaluations = kept(tmp_path / "run")
    front = {point.key for point in last.front}
    assert weight_files(tmp_path / "run") == {
        f"{key}-{evaluations[key].fidelity}.pt": f"{key}-{evaluations[key].epochs}".encode() for key in front
    }, "what went on needs no more than its rows"


def test_the_time_of_a_candidate_is_that_of_all_its_fidelity_steps(tmp_path: Path) -> None:
    run(tmp_path / "run")
    seconds = {1: 1.0, 3: 2.0, 9: 3.0}
    assert all(one.seconds == seconds[one.epochs or 0] for one in kept(tmp_path / "run").values())
    store = RunStore(tmp_path / "run")
    timing = read_run(store).timing
    store.close()
    assert timing.core_s == 36.0
    assert timing.lost_attempts == 0


def test_the_order_of_completion_does_not_decide_who_goes_on(tmp_path: Path) -> None:
    assert run(tmp_path / "a") == run(tmp_path / "b", pool=FidelityPool(forward=True))


@pytest.mark.parametrize("after", [0, 1, 5, 6, 7, 8, 9, 10, 20, 35])
def test_a_killed_halving_equals_an_uninterrupted_one_and_repeats_no_fidelity(
    tmp_path: Path, whole: Finished, after: int
) -> None:
    first, second = FidelityPool(interrupt_after=after), FidelityPool()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", pool=first)
    assert run(tmp_path / "cut", pool=second) == whole.generations
    assert not set(first.trained) & set(second.trained)
    assert len(first.trained) + len(second.trained) == 36
    assert rows(tmp_path / "cut") == rows(whole.path)
    assert weight_files(tmp_path / "cut") == weight_files(whole.path)


def test_a_replay_trains_nothing(tmp_path: Path) -> None:
    pool = FidelityPool()
    assert run(tmp_path / "run") == run(tmp_path / "run", pool=pool)
    assert not pool.trained


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_max_trainings_counts_epochs_in_full_trainings(tmp_path: Path, limit: int) -> None:
    config, events = fake_config(*HALVING, f"search.max_trainings={limit}"), list[Event]()
    last = run(tmp_path / "run", config, events=events)[-1]
    assert last.full_trainings is not None
    assert limit - 1 < last.full_trainings <= limit
    planned = events[0].planned  # type: ignore[union-attr]
    assert planned == last.trainings > limit or limit == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_halving_cut_by_max_trainings_can_be_extended(tmp_path: Path, whole: Finished, limit: int) -> None:
    run(tmp_path / "run", fake_config(*HALVING, f"search.max_trainings={limit}"))
    assert run(tmp_path / "run") == whole.generations
    assert rows(tmp_path / "run") == rows(whole.path)
    assert weight_files(tmp_path / "run") == weight_files(whole.path)


def test_an_end_before_what_is_finished_is_refused_in_full_trainings(tmp_path: Path) -> None:
    run(tmp_path / "run")
    store = RunStore(tmp_path / "run")
    check_end(store, fake_config(*HALVING, "search.max_trainings=8"))
    with pytest.raises(RunError, match=r"search\.max_trainings must be >= 8, but got 7"):
        check_end(store, fake_config(*HALVING, "search.max_trainings=7"))
    store.close()


def test_a_training_that_diverges_at_a_fidelity_is_a_failure_with_its_epochs(tmp_path: Path) -> None:
    def at_the_second(key: str, epochs: int) -> Status | None:
        return Status.FAILED if epochs == 3 else None

    last = run(tmp_path / "run", pool=FidelityPool(fails=at_the_second))[-1]
    failed = [one for one in kept(tmp_path / "run").values() if not one.is_done]
    assert last.failed == len(failed) == 8
    assert {(one.status_text, one.epochs) for one in failed} == {("failed: diverged", 3)}
    assert last.full_trainings == pytest.approx(4 * (4 * 1 + 2 * 3) / 9)


def test_others_go_on_in_place_of_a_candidate_that_fails_at_the_first_fidelity(tmp_path: Path) -> None:
    going = {one.key for one in kept_after_one(tmp_path / "plain").values() if one.epochs != 1}
    instead = kept_after_one(
        tmp_path / "failing", lambda key, epochs: Status.FAILED if key in going else None
    ).values()
    assert sum(one.epochs == 3 or one.epochs == 9 for one in instead) == 2
    assert not going & {one.key for one in instead if one.is_done}


def kept_after_one(path: Path, fails: Fails = lambda key, epochs: None) -> dict[str, Evaluation]:
    run(path, fake_config(*HALVING, "search.generations=1"), FidelityPool(fails=fails))
    return kept(path)


def test_failures_of_the_machine_can_be_tried_again(tmp_path: Path, whole: Finished) -> None:
    def dies(key: str, epochs: int) -> Status | None:
        return Status.WORKER_DIED if epochs == 1 and int(key, 16) % 3 == 0 else None

    run(tmp_path / "run", pool=FidelityPool(fails=dies))
    assert any(one.is_machine_failure for one in kept(tmp_path / "run").values())
    assert run(tmp_path / "run", retry=True) == whole.generations
    front = {point.key for point in whole.generations[-1].front}
    again, undisturbed = rows(tmp_path / "run"), rows(whole.path)
    assert {key: again[key] for key in front} == {key: undisturbed[key] for key in front}


def test_the_end_of_the_time_keeps_each_candidate_as_far_as_it_came(
    tmp_path: Path, whole: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = FidelityPool()
    with monkeypatch.context() as patched:
        patched.setattr(RunClock, "is_late", lambda clock: len(pool.trained) >= 7)
        generations = run(tmp_path / "run", pool=pool)
    assert [one.is_complete for one in generations] == [False]
    assert Counter(one.epochs for one in kept(tmp_path / "run").values()) == {1: 5, 3: 1}
    second = FidelityPool()
    assert run(tmp_path / "run", pool=second) == whole.generations
    assert rows(tmp_path / "run") == rows(whole.path)
    assert len(second.trained) == 36 - 7
