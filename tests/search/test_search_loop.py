"""The search loop on a pool that answers at once."""

from pathlib import Path

import pytest
from search.fake_searches import Finished, fake_search, searched
from search.fakes import FakePool, fake_config, fake_failure, fake_outcome

from aebnas.config import SearchFile
from aebnas.errors import WorkerError
from aebnas.evaluation.plan import first_step
from aebnas.evaluation.record import Outcome, Status
from aebnas.runs.store.store import RunStore
from aebnas.search.events import CandidateFinished, Event, Generation
from aebnas.search.workers.cluster.contract import ClusterLostError
from aebnas.space.architecture import StagedArchitecture


def run(path: Path, config: SearchFile, pool: FakePool | None = None) -> list[Generation]:
    return searched(path, config, pool or FakePool())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    path = tmp_path_factory.mktemp("search") / "whole"
    return Finished(path, run(path, fake_config()))


def not_repeatable(path: Path) -> object:
    store = RunStore(path)
    try:
        return store.metadata("not_repeatable")
    finally:
        store.close()


def test_the_front_of_a_seed_is_golden(tmp_path: Path) -> None:
    last = run(tmp_path / "run", fake_config())[-1]
    assert last.trainings == 24
    assert [(point.key, point.budget_fraction) for point in last.front] == [
        ("52bfb65ba2ff052b", 1.0),
        ("7afa9fb59ccaa3e4", 0.8),
        ("7afa9fb59ccaa3e4", 0.35),
    ]
    assert last.hypervolume == pytest.approx(0.5821719205516874, abs=1e-9)


def test_completion_order_does_not_change_the_search(tmp_path: Path) -> None:
    class Forward(FakePool):
        def evaluate(self, architectures, started, step_of=first_step):  # type: ignore[no-untyped-def]
            return super().evaluate(list(reversed(architectures)), started, step_of)

    assert run(tmp_path / "a", fake_config())[-1] == run(tmp_path / "b", fake_config(), Forward())[-1]


@pytest.mark.parametrize("after", [0, 1, 5, 6, 7, 13, 23])
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(
    tmp_path: Path, whole: Finished, after: int
) -> None:
    first, second = FakePool(interrupt_after=after), FakePool()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", fake_config(), first)
    assert first.is_closed
    assert run(tmp_path / "cut", fake_config(), second) == whole.generations
    assert not set(first.trained) & set(second.trained)
    assert len(first.trained) + len(second.trained) == whole.generations[-1].trainings


def test_extending_a_finished_run_equals_a_longer_run(tmp_path: Path) -> None:
    longer = fake_config("search.generations=7")
    run(tmp_path / "short", fake_config())
    pool = FakePool()
    assert run(tmp_path / "short", longer, pool) == run(tmp_path / "long", longer)
    assert len(pool.trained) == 18


def test_a_run_cut_by_max_trainings_can_be_extended(tmp_path: Path, whole: Finished) -> None:
    short = run(tmp_path / "run", fake_config("search.max_trainings=10"))
    assert short[-1].trainings == 10
    assert run(tmp_path / "run", fake_config()) == whole.generations


def test_every_operating_point_of_a_training_is_told_for_free(tmp_path: Path) -> None:
    config = fake_config("search.generations=1")
    store = RunStore.create(tmp_path / "run", config, {})
    search = fake_search(store, config, FakePool())
    list(search.run())
    output = {(one.key, one.budget_fraction) for one in search.history.individuals}
    distinct = {
        (evaluation.key, evaluation.point_index(budget_fraction))
        for evaluation in store.evaluations()
        for budget_fraction in config.search.budget_fractions
    }
    assert len(output) == len(distinct) > 6
    store.close()


def test_a_failed_candidate_is_a_row_and_never_told(tmp_path: Path) -> None:
    failed: list[str] = []

    def sometimes(architecture: StagedArchitecture) -> Outcome:
        if int(architecture.key(), 16) % 3 == 0:
            failed.append(architecture.key())
            return fake_failure(architecture)
        return fake_outcome(architecture)

    last = run(tmp_path / "run", fake_config(), FakePool(outcome=sometimes))[-1]
    assert last.failed == len(failed) > 0
    assert last.trainings == 24
    assert not {point.key for point in last.front} & set(failed)
    store = RunStore(tmp_path / "run")
    assert {e.key for e in store.evaluations() if e.status_text == "failed: diverged"} == set(failed)
    store.close()


def test_a_search_whose_first_generation_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"all 6 candidates of the first generation failed.*no such device"):
        run(
            tmp_path / "run",
            fake_config(),
            FakePool(outcome=lambda a: fake_failure(a, message="no such device")),
        )


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_a_lost_cluster_ends_a_search_with_what_is_kept_and_the_commands_that_continue(
    tmp_path: Path, whole: Finished, kept: int
) -> None:
    class Lost(FakePool):
        left = kept

        def evaluate(self, architectures, started, step_of=first_step):  # type: ignore[no-untyped-def]
            for outcome in super().evaluate(architectures, started, step_of):
                if self.left == 0:
                    raise ClusterLostError("Ray is gone (no answer)")
                self.left -= 1
                yield outcome

    path = tmp_path / "my run"
    with pytest.raises(ClusterLostError) as error:
        run(path, fake_config(), Lost())
    lines = str(error.value).splitlines()
    assert lines[0] == "Ray is gone (no answer)"
    count = "1 evaluation is" if kept == 1 else f"{kept} evaluations are"
    assert lines[1] == f"{count} kept. Once Ray is up again: aebnas resume '{path}'"
    assert lines[2] == f"Without it: aebnas resume '{path}' --set workers.mode=serial"
    assert error.value.exit_code == 5
    assert run(path, fake_config())[-1] == whole.generations[-1]


def test_random_search_has_the_same_budget_and_free_points(tmp_path: Path) -> None:
    generations = run(tmp_path / "run", fake_config("search.algorithm=random"))
    assert generations[-1].trainings == 24
    assert len({point.budget_fraction for g in generations for point in g.front}) > 1


def test_artefacts_are_kept_of_the_front_alone(tmp_path: Path) -> None:
    last = run(tmp_path / "run", fake_config())[-1]
    kept = {path.stem.partition("-")[0] for path in (tmp_path / "run" / "checkpoints").glob("*.pt")}
    assert kept == {point.key for point in last.front}


IMPOSSIBLE = "constraints={worst_macs: {max: 1e3}}"


def least_violating(path: Path, count: int) -> set[str]:
    """Return the cheapest networks of a run: with ``IMPOSSIBLE``, those that miss its limit least."""
    store = RunStore(path)
    try:
        return {one.key for one in sorted(store.evaluations(), key=lambda one: one.reach_macs[-1])[:count]}
    finally:
        store.close()


@pytest.mark.parametrize("suffix", [".pt", ".npz"])
def test_where_nothing_is_feasible_the_nearest_misses_keep_weights_and_logits(
    tmp_path: Path, suffix: str
) -> None:
    last = run(tmp_path / "run", fake_config(IMPOSSIBLE))[-1]
    kept = {path.stem.partition("-")[0] for path in (tmp_path / "run" / "checkpoints").glob(f"*{suffix}")}
    assert last.front == ()
    assert kept == least_violating(tmp_path / "run", 6)


def test_an_interruption_loses_no_nearest_miss(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", fake_config(IMPOSSIBLE), FakePool(interrupt_after=15))
    run(tmp_path / "run", fake_config(IMPOSSIBLE))
    kept = {path.stem.partition("-")[0] for path in (tmp_path / "run" / "checkpoints").glob("*.npz")}
    assert kept == least_violating(tmp_path / "run", 6)


def test_misses_go_once_something_is_feasible(tmp_path: Path) -> None:
    config = fake_config("constraints={params: {max: 1500}}")
    generations = run(tmp_path / "run", config)
    assert generations[0].front == () != generations[-1].front
    kept = {path.stem.partition("-")[0] for path in (tmp_path / "run" / "checkpoints").glob("*.pt")}
    assert kept == {point.key for point in generations[-1].front}


def test_constraints_hold_on_the_front(tmp_path: Path) -> None:
    last = run(tmp_path / "run", fake_config("constraints={worst_macs: {max: 1.5e5}}"))[-1]
    assert last.front
    assert all(point.metrics["worst_macs"] <= 1.5e5 for point in last.front)


def test_three_objectives_are_searched_together(tmp_path: Path) -> None:
    last = run(tmp_path / "run", fake_config("objectives=[error, macs, params]"))[-1]
    assert 0 < last.hypervolume < 1


def test_time_that_has_run_out_stops_and_marks_the_run(tmp_path: Path) -> None:
    config = fake_config("search.max_minutes=1e-9")
    assert [g.is_complete for g in run(tmp_path / "run", config)] == [False]
    assert "max_minutes" in str(not_repeatable(tmp_path / "run"))


def test_a_run_that_time_cut_and_that_reaches_its_end_is_as_if_uncut(
    tmp_path: Path, whole: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)

    def a_minute_each(architecture: StagedArchitecture) -> Outcome:
        nonlocal now
        now += 60
        return fake_outcome(architecture)

    cut = run(tmp_path / "run", fake_config("search.max_minutes=9"), FakePool(outcome=a_minute_each))
    assert [(g.trainings, g.is_complete) for g in cut] == [(6, True), (9, False)]
    assert not_repeatable(tmp_path / "run") == "search.max_minutes stopped the search"
    assert run(tmp_path / "run", fake_config()) == whole.generations
    assert not_repeatable(tmp_path / "run") is None


def test_a_failure_of_the_machine_marks_the_run_for_good(tmp_path: Path) -> None:
    def sometimes(architecture: StagedArchitecture) -> Outcome:
        if int(architecture.key(), 16) % 3 == 0:
            return fake_failure(architecture, Status.OUT_OF_MEMORY)
        return fake_outcome(architecture)

    run(tmp_path / "run", fake_config(), FakePool(outcome=sometimes))
    run(tmp_path / "run", fake_config("search.generations=5"))
    assert "failed: out of memory at 900 MB, and " in str(not_repeatable(tmp_path / "run"))


@pytest.mark.parametrize("algorithm", ["nsga2", "random"])
def test_early_rejection_bounds_the_first_generation_alone(tmp_path: Path, algorithm: str) -> None:
    config = fake_config("search.initial_max_params=4000", f"search.algorithm={algorithm}")
    first, *later = run(tmp_path / "run", config)
    store = RunStore(tmp_path / "run")
    params = {one.key: one.params for one in store.evaluations()}
    assert max(params[key] for key in first.proposed) <= 4000
    assert max(params[key] for generation in later for key in generation.proposed) > 4000
    store.close()


def test_cached_answers_are_told_as_such(tmp_path: Path) -> None:
    run(tmp_path / "run", fake_config())
    store, events = RunStore(tmp_path / "run"), list[Event]()
    list(fake_search(store, fake_config(), FakePool(), events.append).run())
    assert all(event.cached for event in events if isinstance(event, CandidateFinished))
    store.close()
