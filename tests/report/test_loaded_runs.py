"""A run for other tools: a pandas frame, an Optuna study, numbers for TensorBoard and MLflow."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import optuna
import pandas
import pytest
from synthetic_runs import evaluations, search_file, store_of
from tensorboardX.proto import event_pb2

import aebnas
from aebnas.cli import main
from aebnas.evaluation.settings import goals_of
from aebnas.report.files.optuna_study import CONSTRAINTS
from aebnas.runs.frame import LoadedRun
from aebnas.runs.fronts.individuals import individual, pareto_front
from aebnas.search.events import CandidateFinished, Generation, SupernetProgress
from aebnas.search.tracking import numbers_to, tensorboard, together
from aebnas.space.search_space import StagedSpace

CONFIG = search_file("constraints={accuracy: {min: 0.7}}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    store_of(tmp_path / "run", CONFIG, evaluations(CONFIG, 4, ["out of memory"]), [5])
    return tmp_path / "run"


@pytest.fixture
def run(path: Path) -> LoadedRun:
    return aebnas.load_run(path)


def test_a_run_is_loaded_without_making_its_space(run: LoadedRun) -> None:
    assert run.contents.done
    assert run.front
    assert "space" not in vars(run.contents)  # around a network of a user's it takes seconds
    assert run.positions
    assert "space" in vars(run.contents)


# ---------------------------------------------------------------- pandas
def test_a_frame_has_one_row_per_operating_point_and_per_failure(run: LoadedRun) -> None:
    frame = run.to_frame()
    done = frame[frame["status"] == "done"]
    assert len(done) == len(run.contents.points)
    assert frame["on_front"].sum() == len(run.front) > 0
    (failed,) = frame[frame["status"] != "done"]["reason"]
    assert failed == "out of memory"
    point = run.front[0]
    row = done[(done["key"] == point.key) & (done["budget_fraction"] == point.budget_fraction)].iloc[0]
    assert (row["accuracy"], row["macs"]) == (point.metrics["accuracy"], point.metrics["macs"])
    assert row.filter(like="exit_rate[").sum() == pytest.approx(1)


def test_genes_are_the_architectures_own_and_encode_back(run: LoadedRun) -> None:
    space = StagedSpace(CONFIG.space, 8, CONFIG.budget_fractions)
    for one in run.contents.done:
        genes = run.genes(one.architecture)
        genome = [gene.choices.index(genes[gene.name]) if gene.name in genes else 0 for gene in space.genes]
        assert space.decode(tuple(genome)) == one.architecture


OF_DEVICES = ("objectives=[error, latency_ms]", "hardware=[board.yaml]")


@pytest.mark.parametrize("failures", [[], ["out of memory"]], ids=["empty", "failures alone"])
def test_a_frame_without_networks_has_all_columns(
    tmp_path: Path, run: LoadedRun, failures: list[str]
) -> None:
    store_of(tmp_path / "young", CONFIG, evaluations(CONFIG, 0, failures))
    frame, full = aebnas.load_run(tmp_path / "young").to_frame(), run.to_frame()
    assert list(frame.columns) == list(full.columns)
    assert len(frame) == len(failures)
    # the lines of docs/python.md
    front = frame[frame["on_front"]].sort_values("macs")
    columns = [
        "key",
        "budget_fraction",
        "accuracy",
        "macs",
        "exit_rate[final classifier]",
        "gene[stem.width]",
    ]
    assert front[columns].empty


def test_columns_of_an_empty_run_are_of_the_types_that_values_have(tmp_path: Path) -> None:
    config = search_file()
    found = [replace(one, epochs=3) for one in evaluations(config, 6)]
    store_of(tmp_path / "full", config, found, [6])
    store_of(tmp_path / "empty", config, [])
    full, empty = (aebnas.load_run(tmp_path / name).to_frame() for name in ("full", "empty"))
    inactive = full.columns[full.isna().any()]  # a gene that does nothing in some network
    assert dict(empty.dtypes.drop(inactive)) == dict(full.dtypes.drop(inactive))
    assert pandas.concat([full, empty]).dtypes.drop(inactive).equals(full.dtypes.drop(inactive))


def test_an_empty_run_on_a_device_has_the_columns_of_its_costs(tmp_path: Path) -> None:
    config = search_file(*OF_DEVICES)
    reach = {"latency_ms@board": (1.0,)}
    (found,) = [one for one in evaluations(config, 12) if len(one.reach_macs) == 1][:1]
    store_of(tmp_path / "full", config, [replace(found, reach_costs=reach)], [])
    store_of(tmp_path / "empty", config, [])
    full, empty = (aebnas.load_run(tmp_path / name).to_frame() for name in ("full", "empty"))
    names = ["latency_ms@board", "worst_latency_ms@board", "latency_ms", "worst_latency_ms"]
    assert list(empty.columns) == list(full.columns)
    assert [name for name in empty.columns if "latency" in name] == names


def test_an_empty_run_is_reported_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(tmp_path / "empty", CONFIG, [], status="running").close()
    assert main(["report", str(tmp_path / "empty")]) == 0
    assert "No candidate has finished" in (tmp_path / "empty" / "report.html").read_text()
    assert main(["export-study", str(tmp_path / "empty"), f"sqlite:///{tmp_path}/study.db"]) == 0
    assert "0 trials" in capsys.readouterr().out
    study = optuna.load_study(study_name="empty", storage=f"sqlite:///{tmp_path}/study.db")
    assert (study.trials, study.metric_names) == ([], ["error", "macs"])


# ---------------------------------------------------------------- Optuna
def test_a_study_holds_what_the_search_saw(path: Path, run: LoadedRun, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    assert main(["export-study", str(path), url]) == 0
    study = optuna.load_study(study_name="run", storage=url)
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    assert study.metric_names == ["error", "macs"]
    assert len(complete) == len(run.contents.points)
    assert [t.user_attrs["reason"] for t in study.trials if t.values is None] == ["out of memory"]
    for trial, point in zip(complete, run.contents.points, strict=True):
        assert trial.values == [point.metrics["error"], point.metrics["macs"]]
        assert trial.params["budget_fraction"] == point.budget_fraction
        assert all(v <= 0 for v in trial.system_attrs[CONSTRAINTS]) == point.is_feasible
    best = {(trial.user_attrs["key"], *trial.values) for trial in study.best_trials}
    assert {(p.key, p.metrics["error"], p.metrics["macs"]) for p in run.front} <= best


@pytest.mark.parametrize("url", ["sqlit:///study.db", "sqlite:////nowhere/at/all/study.db", "nonsense"])
def test_a_storage_that_cannot_be_written_is_told(
    path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export-study", str(path), url]) == 4
    assert capsys.readouterr().err.startswith(f"aebnas: cannot write to {url}: ")


def test_a_study_is_never_written_over(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    assert [main(["export-study", str(path), url]) for _ in range(2)] == [0, 4]
    assert "has a study 'run' already. Name another one with --name" in capsys.readouterr().err
    assert main(["export-study", str(path), url, "--name", "second"]) == 0


# ---------------------------------------------------------------- numbers
def events(run: LoadedRun) -> list[CandidateFinished | Generation]:
    found: list[CandidateFinished | Generation] = [
        CandidateFinished(one, cached=False, busy=1) for one in (*run.contents.done, *run.contents.failed)
    ]
    known = {one.key: one for one in run.contents.done}
    points = pareto_front([individual((), 1.0, one, goals_of(CONFIG)) for one in known.values()], known)
    return [*found, Generation(1, tuple(known), len(found), 1, 0.5, points)]


def test_numbers_of_candidates_and_of_the_front_are_told_with_their_step(run: LoadedRun) -> None:
    output: list[tuple[dict[str, float], int]] = []
    listen = numbers_to(lambda numbers, step: output.append((dict(numbers), step)))
    happened = events(run)
    for event in happened:
        listen(event)
    assert [step for _, step in output] == [1, 2, 3, 4, 5, 5]
    assert [numbers.get("failed") for numbers, _ in output] == [0, 0, 0, 0, 1, None]
    assert output[0][0]["candidate/macs"] == run.contents.done[0].reach_macs[-1]
    assert output[-1][0]["front/hypervolume"] == 0.5
    assert output[-1][0]["front/best_accuracy"] == max(
        point.metrics["accuracy"]
        for point in happened[-1].front  # type: ignore[union-attr]
    )


def test_the_training_of_a_supernet_is_told_by_its_own_steps() -> None:
    output: list[tuple[dict[str, float], int]] = []
    listen = numbers_to(lambda numbers, step: output.append((dict(numbers), step)))
    listen(SupernetProgress(7, 20, 1.5, 3.0))
    listen(SupernetProgress(20, 20, 1.0, 9.0, {"smallest": [0.5, 0.7], "largest": [0.6, 0.9]}))
    assert output[0] == ({"supernet/loss": 1.5}, 7)
    assert output[1] == ({"supernet/loss": 1.0, "supernet/smallest": 0.7, "supernet/largest": 0.9}, 20)


def test_tensorboard_files_hold_the_numbers(run: LoadedRun, tmp_path: Path) -> None:
    seen: list[Mapping[str, float]] = []
    with tensorboard(tmp_path / "tb") as log:
        listen = together(log, numbers_to(lambda numbers, _step: seen.append(numbers)))
        for event in events(run):
            listen(event)
    (file,) = (tmp_path / "tb").iterdir()
    tags = {value.tag for record in _records(file.read_bytes()) for value in record.summary.value}
    assert tags == {name for numbers in seen for name in numbers}


def _records(data: bytes) -> list[event_pb2.Event]:
    """Event files are length (8 bytes), its checksum (4), the record, its checksum (4)."""
    found = []
    while data:
        length = int.from_bytes(data[:8], "little")
        found.append(event_pb2.Event.FromString(data[12 : 12 + length]))
        data = data[16 + length :]
    return found
