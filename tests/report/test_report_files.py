"""pareto.csv, the winners' files, and where they are written."""

import io
from pathlib import Path

import pandas
import pytest
from synthetic_runs import evaluations, search_file, store_of

from aebnas.errors import ConfigError, RunError
from aebnas.report import load_winner, write_report
from aebnas.report.files.winners import winner_text, winners
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    config = search_file()
    return store_of(tmp_path / "run", config, evaluations(config, 12), [12])


def test_the_csv_lists_the_front_by_rising_cost(store: RunStore) -> None:
    table = pandas.read_csv(write_report([store]).table)
    front = store.generations()[-1]["front"]
    assert sorted(zip(table["key"], table["budget_fraction"], strict=True)) == sorted(map(tuple, front))
    assert table["macs"].is_monotonic_increasing
    assert table["accuracy"].is_monotonic_increasing


@pytest.mark.parametrize("step", [1, -1])
def test_the_csv_does_not_depend_on_the_stores_order(store: RunStore, step: int) -> None:
    summary = store.generations()[-1]
    store.put_generation(1, {**summary, "front": summary["front"][::step]})
    table = pandas.read_csv(write_report([store]).table)
    assert len(table) > 2
    assert table["macs"].is_monotonic_increasing


def test_the_csv_holds_what_the_evaluations_say(store: RunStore) -> None:
    table = pandas.read_csv(write_report([store]).table)
    known = {one.key: one for one in store.evaluations()}
    for row in table.to_dict("records"):
        evaluation = known[row["key"]]
        for name, value in evaluation.metrics(row["budget_fraction"]).items():
            assert row[name] == pytest.approx(value)
        assert row["accuracy_low_95"] < row["accuracy"] < row["accuracy_high_95"]
        assert row["macs_share"] == pytest.approx(row["macs"] / row["worst_macs"])


def test_the_csv_files_rates_thresholds_and_accuracies_under_the_exits_name(store: RunStore) -> None:
    table = pandas.read_csv(write_report([store]).table)
    known = {one.key: one for one in store.evaluations()}
    with_exit = table[table["exits"] == 2].to_dict("records")
    assert with_exit
    for row in with_exit:
        evaluation = known[row["key"]]
        curve, i = evaluation.curve, evaluation.point_index(row["budget_fraction"])
        assert curve is not None
        assert row["exit_rate[stage1]"] == pytest.approx(curve.exit_rates[i, 0])
        assert row["exit_rate[final classifier]"] == pytest.approx(curve.exit_rates[i, 1])
        assert row["threshold[stage1]"] == pytest.approx(curve.policies[i].thresholds[0])
        assert row["exit_accuracy[final classifier]"] == pytest.approx(curve.exit_accuracy[1])
    without = table[table["exits"] == 1]
    assert without["exit_rate[stage1]"].isna().all()


def test_an_empty_front_gives_a_csv_with_heads_alone(tmp_path: Path) -> None:
    store = store_of(tmp_path / "run", search_file(), [])
    text = write_report([store]).table.read_text()
    assert pandas.read_csv(io.StringIO(text)).empty
    assert text.startswith("run,key,budget_fraction,exit_policy,accuracy")


def test_the_csv_names_the_winners_files(store: RunStore) -> None:
    files = write_report([store])
    named = {files.table.parent / name for name in pandas.read_csv(files.table)["winner"]}
    assert named == set(files.winners)
    assert all(path.is_file() for path in named)


def test_a_winner_comes_back_as_it_was_written(store: RunStore) -> None:
    files = write_report([store])
    written = winners(read_run(store))
    assert [load_winner(path) for path in files.winners] == written
    known = {one.key: one for one in store.evaluations()}
    for winner, path in zip(written, files.winners, strict=True):
        assert winner.architecture == known[winner.key].architecture
        assert winner.architecture.key() == winner.key == path.stem
        assert winner.training == store.config.training
        assert winner.data_fingerprint == "fingerprint-of-the-data"


def test_a_winner_has_its_points_of_the_front_with_exact_thresholds(store: RunStore) -> None:
    front = store.generations()[-1]["front"]
    known = {one.key: one for one in store.evaluations()}
    loaded = [load_winner(path) for path in write_report([store]).winners]
    assert sorted((w.key, p.budget_fraction) for w in loaded for p in w.points) == sorted(map(tuple, front))
    for winner in loaded:
        curve = known[winner.key].curve
        assert curve is not None
        for point in winner.points:
            i = known[winner.key].point_index(point.budget_fraction)
            assert list(point.thresholds) == list(curve.policies[i].thresholds)


def test_infinite_thresholds_survive_the_file(store: RunStore, tmp_path: Path) -> None:
    winner = next(one for one in winners(read_run(store)) if one.architecture.exits)
    points = tuple(
        winner.points[0].model_copy(update={"thresholds": (value,)})
        for value in (float("inf"), float("-inf"))
    )
    path = tmp_path / "winner.yaml"
    path.write_text(winner_text(winner.model_copy(update={"points": points})))
    assert [point.thresholds for point in load_winner(path).points] == [(float("inf"),), (float("-inf"),)]


def test_a_run_whose_name_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    config = search_file()
    store = store_of(tmp_path / "1e5", config, evaluations(config, 2), [2])
    assert {load_winner(path).run for path in write_report([store]).winners} == {"1e5"}


def test_winners_of_an_earlier_front_are_deleted_and_other_files_kept(store: RunStore) -> None:
    folder = store.path / "winners"
    folder.mkdir()
    (folder / "0123456789abcdef.yaml").write_text("stale")
    (folder / "notes.yaml").write_text("mine")
    files = write_report([store])
    assert {path.name for path in folder.iterdir()} == {"notes.yaml", *(path.name for path in files.winners)}


def edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_an_edited_architecture_is_refused(store: RunStore) -> None:
    path = write_report([store]).winners[0]
    edited(path, "resolution: 8", "resolution: 16")
    with pytest.raises(ConfigError, match=r"belongs to another architecture.*aebnas report RUN"):
        load_winner(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("resolution: 8", "resolution: eight", r"architecture\.resolution: .*integer"),
        ("epochs: 8", "epochs: 0", r"training\.epochs: .*greater than or equal to 1"),
        ("budget_fraction: ", "budgetfraction: ", r"points\.0\.budgetfraction"),
        ("format: 2", "format: 99", r"format 99 is newer"),
    ],
)
def test_a_damaged_winner_is_refused_with_its_line(store: RunStore, old: str, new: str, message: str) -> None:
    path = edited(write_report([store]).winners[0], old, new)
    with pytest.raises(ConfigError, match=message) as caught:
        load_winner(path)
    assert str(caught.value).startswith(f"{path}:")


def test_a_winner_with_too_few_thresholds_is_refused(store: RunStore, tmp_path: Path) -> None:
    winner = next(one for one in winners(read_run(store)) if one.architecture.exits)
    point = winner.points[0].model_copy(update={"thresholds": ()})
    path = tmp_path / "winner.yaml"
    path.write_text(winner_text(winner.model_copy(update={"points": (point,)})))
    with pytest.raises(
        ConfigError, match="0 thresholds and 2 exit rates, but the architecture needs 1 and 2"
    ):
        load_winner(path)


def test_a_missing_winner_says_where_winners_lie(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="runs/NAME/winners"):
        load_winner(tmp_path / "none.yaml")


def test_another_file_is_no_winner(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("[1, 2]\n")
    with pytest.raises(ConfigError, match="no winner file"):
        load_winner(path)


def test_a_comparison_leaves_the_runs_own_reports_alone(tmp_path: Path) -> None:
    config = search_file()
    stores = [store_of(tmp_path / name, config, evaluations(config, 5), [5]) for name in ("a", "b")]
    own = write_report(stores[:1])
    before = {path: path.read_bytes() for path in (own.page, own.table, *own.winners)}
    files = write_report(stores)
    assert files.page == tmp_path / "a" / "compare" / "report.html"
    assert {path: path.read_bytes() for path in before} == before
    # the same architectures, but each run's own winners
    assert {path.parent.name for path in files.winners} == {"a", "b"}
    assert set(pandas.read_csv(files.table)["run"]) == {"a", "b"}


def test_a_folder_that_cannot_be_written_is_named(store: RunStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*file.*aebnas report RUN"):
        write_report([store], tmp_path / "file")


def test_a_report_needs_a_run() -> None:
    with pytest.raises(RunError, match="at least one run"):
        write_report([])


def test_a_front_that_names_an_unknown_candidate_is_damage(store: RunStore) -> None:
    summary = store.generations()[-1]
    store.put_generation(1, {**summary, "front": [["0123456789abcdef", 1.0]]})
    with pytest.raises(RunError, match=r"is damaged: its front names 0123456789abcdef"):
        write_report([store])
