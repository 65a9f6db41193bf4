"""What the page computes beside the front: reliability, preferred choices, busy workers, latencies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hardware.synthetic_profiles import profile_of
from synthetic_runs import SELECT_IMAGES, artefacts, evaluations, search_file, store_of

from aebnas.evaluation.record import Evaluation
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.hardware.profile.measured_network import MeasuredNetwork
from aebnas.report.page.gene_shares import gene_shares
from aebnas.report.page.latency_check import latency_checks
from aebnas.report.page.packing import FINEST, kept_points, packed, point_limit, scale_of, short
from aebnas.report.page.page_data import page_data
from aebnas.report.page.reliability import reliabilities
from aebnas.report.text.notes import comparison_warnings, reading_notes
from aebnas.report.text.summary import provenance
from aebnas.runs.kept_profiles import keep_profiles
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.runs.timing import PAUSE_S, workload
from aebnas.task.task import classification


@pytest.fixture
def found() -> list[Evaluation]:
    return evaluations(search_file(), 12)


@pytest.fixture
def store(tmp_path: Path, found: list[Evaluation]) -> RunStore:
    return store_of(tmp_path / "run", search_file(), found, [12], with_scores=True)


def test_reliability_counts_every_select_image_and_its_right_answers(
    store: RunStore, found: list[Evaluation]
) -> None:
    one = found[0]
    labels = np.arange(SELECT_IMAGES) % 10
    predictions = artefacts(one).select.predictions
    for i, exit_ in enumerate(reliabilities(store, store.evaluations()[:1])[one.key]):
        bins = exit_.select
        right = sum(n * share for n, share in zip(bins.count, bins.accuracy, strict=True) if n)
        assert sum(bins.count) == SELECT_IMAGES
        assert right == pytest.approx((predictions[:, i] == labels).sum())


def test_a_run_without_scores_or_labels_has_no_reliability(tmp_path: Path, store: RunStore) -> None:
    bare = store_of(tmp_path / "bare", search_file(), evaluations(search_file(), 2))
    assert reliabilities(bare, bare.evaluations()) == {}
    (store.path / "labels.npz").unlink()
    assert reliabilities(store, store.evaluations()) == {}


def test_gene_shares_count_networks_of_the_front_and_all_trained_ones(
    store: RunStore, found: list[Evaluation]
) -> None:
    run = read_run(store)
    shares = {one.name: one for one in gene_shares(run)}
    width = shares["stem.width"]
    for choice, front, everywhere in zip(width.choices, width.front, width.everywhere, strict=True):
        having = {one.key for one in found if one.architecture.stem.width == int(choice)}
        assert everywhere == len(having)
        assert front == len(having & set(run.front_keys))


def test_genes_count_only_where_they_act(store: RunStore, found: list[Evaluation]) -> None:
    shares = {one.name: one for one in gene_shares(read_run(store))}
    deep = sum(len(one.architecture.stages[0].blocks) == 2 for one in found)
    assert sum(shares["stage1.block2.type"].everywhere) == deep
    assert shares["exit.stage1.modules"].choices == ("no exit", "0", "1")


def test_the_strongest_preference_comes_first(store: RunStore) -> None:
    preferences = [one.preference for one in gene_shares(read_run(store))]
    assert preferences == sorted(preferences, reverse=True)
    assert 0 < preferences[0] <= 1


def at(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"2025-01-01T{int(minutes) // 60:02d}:{int(minutes) % 60:02d}:{rest:06.3f}Z"


def test_two_workers_of_which_one_rests_half_the_time_are_busy_for_three_quarters() -> None:
    attempts = [("a", at(0)), ("b", at(0))]
    work = workload(attempts, [("a", at(10)), ("b", at(5))], steps=4)
    assert work is not None
    assert work.workers == 2
    assert work.share == pytest.approx(0.75)
    assert work.busy == pytest.approx((2, 2, 1, 1))


def test_a_worker_that_takes_its_next_candidate_at_once_is_one_worker() -> None:
    work = workload([("a", at(0)), ("b", at(5))], [("a", at(5)), ("b", at(9))])
    assert work is not None
    assert (work.workers, work.share) == (1, pytest.approx(1))


def test_a_pause_is_no_idle_time() -> None:
    late = PAUSE_S * 10
    work = workload([("a", at(0)), ("b", at(late))], [("a", at(5)), ("b", at(late + 5))])
    assert work is not None
    assert work.seconds == pytest.approx(10)
    assert work.share == pytest.approx(1)


def test_without_an_outcome_there_is_no_workload() -> None:
    assert workload([("a", at(0))], []) is None


def test_predictions_are_held_against_measured_networks(tmp_path: Path) -> None:
    config = search_file()
    done = evaluations(config, 4)
    plans = [one.architecture.segments(classification(1, 10)) for one in done]
    profile = profile_of({layer for plan in plans for segment in plan for layer in segment.layers()})
    networks = [
        _measured(one, profile.reach_latency_ms(plan) / 1.25, "validate" if i else "fit")
        for i, (one, plan) in enumerate(zip(done, plans, strict=True))
    ]
    checked = replace(profile, networks=tuple(networks))
    store = store_of(tmp_path / "run", config, done, [4])
    keep_profiles(store, DeviceCosts((checked,)))
    output = search_file("hardware=[board.yaml]", "objectives=[error, latency_ms]")
    run = replace(read_run(store), config=output)
    store.rewrite_config(output)
    (check,) = latency_checks(run, store)
    assert check.mean_error == pytest.approx(0.25, abs=1e-3)
    assert len(check.points) == sum(len(plan) for plan in plans)
    (store.path / "hardware" / "board.csv").unlink()
    assert latency_checks(run, store) == ()  # damaged: the report does without


def _measured(one: Evaluation, times: np.ndarray, role: str) -> MeasuredNetwork:
    reach = tuple(times.tolist())
    return MeasuredNetwork("synthetic", role, 1, 10, one.architecture, reach, reach)  # type: ignore[arg-type]


def test_a_thinned_curve_keeps_its_ends_and_its_operating_points(found: list[Evaluation]) -> None:
    kept = kept_points(found[0], {7, 13}, 5).tolist()
    assert {0, 7, 13, 29} <= set(kept)
    assert len(kept) <= 7
    assert kept_points(found[0], set(), 1000).tolist() == list(range(30))


def test_curves_off_the_front_share_what_the_front_leaves(found: list[Evaluation]) -> None:
    assert point_limit(found[:2], found[2:], 10_000_000) > 400
    assert point_limit(found[:2], found[2:], 1) == 40


def test_shares_are_exact_counts_of_the_images() -> None:
    assert scale_of(700) == 700
    assert scale_of(None) == scale_of(100_000) == FINEST
    assert packed(np.array([0.0, 1 / 700, 1.0]), 700) == "AAABALwC"


@pytest.mark.parametrize(("value", "text"), [(0.1 + 0.2, "0.3"), (2e6, "2000000"), (1234567.8, "1234570")])
def test_numbers_are_short(value: float, text: str) -> None:
    assert str(short(value)) == text


def test_the_data_of_a_thousand_candidates_would_fit(store: RunStore) -> None:
    run = read_run(store)
    each = len(str(page_data([run], [store], {}, [None])["runs"][0]["candidates"])) / 12
    assert each < 4000


@pytest.mark.parametrize(
    ("overrides", "value", "note"),
    [
        ([], "9 epochs, batches of 64", ""),
        (["evaluation.fidelities=[inherited]"], "inherited from a supernet of 30 epochs", ""),
        (
            ["evaluation.fidelities=[{kind: inherited, finetune_epochs: 1}]"],
            "inherited from a supernet of 30 epochs",
            "every inherited subnet trained 1 epoch further",
        ),
        (
            [
                "evaluation.fidelities=[{kind: inherited, finetune_epochs: 2, finetune: exits}, "
                "{trained: 9, keep: 6}]",
            ],
            "inherited from a supernet of 30 epochs",
            "every inherited subnet trained 2 epochs further, its early exits alone; in the end the best 6 "
            "trained 9 epochs from what they inherited",
        ),
        (
            ["evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/3}, {trained: 9, keep: 1/3}]"],
            "1, 3 or 9 epochs, batches of 64",
            "successive halving: of each generation 1/3 goes on at each step",
        ),
        (
            ["evaluation.fidelities=[{trained: 1}, {trained: 3, keep: 1/2}, {trained: 9, keep: 6}]"],
            "1 or 3 epochs, batches of 64",
            "successive halving: of each generation 1/2 goes on at each step; in the end the best 6 trained "
            "9 epochs from there",
        ),
    ],
)
def test_a_report_says_how_candidates_came_by_their_weights(
    tmp_path: Path, overrides: list[str], value: str, note: str
) -> None:
    config = search_file("training.epochs=9", "training.batch_size=64", *overrides)
    run = read_run(store_of(tmp_path / "run", config, evaluations(config, 4), [4]))
    fact = next(one for one in provenance(run) if one.name == "Training")
    assert (fact.value, fact.note) == (value, note)
    words = " ".join(reading_notes([run]))
    assert ("trained once" in words) == (not overrides)
    assert ("inherited their weights" in words) == value.startswith("inherited")
    assert ("successive halving" in words) == ("successive halving" in note)


INHERITS = "evaluation.fidelities=[inherited]"


@pytest.mark.parametrize(
    ("first", "second", "is_reported"),
    [
        ([], ["evaluation.max_memory_mb=100"], False),
        ([], ["supernet.epochs=3"], False),
        ([], [INHERITS], True),
        ([INHERITS], [INHERITS, "supernet.epochs=3"], True),
        ([INHERITS], ["evaluation.fidelities=[inherited, {trained: 9, keep: 3}]"], True),
    ],
)
def test_runs_whose_weights_came_about_otherwise_are_named(
    tmp_path: Path, first: list[str], second: list[str], is_reported: bool
) -> None:
    configs = [search_file("training.epochs=9", *overrides) for overrides in (first, second)]
    runs = [read_run(store_of(tmp_path / str(i), c, evaluations(c, 4), [4])) for i, c in enumerate(configs)]
    assert any("different settings" in words for words in comparison_warnings(runs)) == is_reported
