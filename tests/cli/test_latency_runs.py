"""A search by the latency of a device: what it keeps, resumes from, reports, and rescores for another one."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hardware.synthetic_profiles import by_macs, by_pixels, layers_of, profile_of, written

from aebnas.config import load
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.record import Evaluation
from aebnas.evaluation.rescoring import rescored_config
from aebnas.evaluation.settings import candidate_settings
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.hardware.profile.profile import read_profile
from aebnas.runs.store.store import RunStore
from aebnas.search import session
from aebnas.task.task import classification

Command = Callable[..., Any]
TINY = """\
name: tiny
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {kernel: 3, stride: 2, width: [8, 12]}
  stages:
    - {width: [8, 12], block: {type: [residual, conv]}}
    - {width: [16, 24], stride: 2}
  exits: {after: [stage1], optional: false, branch: {modules: [0, 1]}}
hardware: [HERE/board.yaml]
objectives: [error, latency_ms]
constraints: {worst_latency_ms@board: {max: 100}}
training: {epochs: 1, batch_size: 64}
search: {population: 3, generations: 2}
workers: {mode: serial}
"""


class Made:
    """A finished run whose original profile is gone, and another device's profile."""

    def __init__(self, folder: Path, command: Command) -> None:
        self.folder, self.run, self.file = folder, folder / "runs" / "tiny", folder / "tiny.yaml"
        self.file.write_text(TINY.replace("HERE", str(folder)))
        layers = layers_of(self.file)
        self.board = written(folder, profile_of(layers, "board"))
        self.profile = read_profile(self.board)
        self.other = written(folder, profile_of(layers, "other", by_pixels, energy_mj=by_macs))
        self.answer = command("search", self.file, "--runs", folder / "runs")
        for file in folder.glob("board.*"):
            file.rename(folder / f"gone-{file.name}")

    def evaluations(self) -> list[Evaluation]:
        store = RunStore(self.run)
        found = store.evaluations()
        store.close()
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Made:
    found = Made(tmp_path_factory.mktemp("latency"), run_command)
    assert found.answer.code == 0, found.answer.err
    return found


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Path:
    """A copy of the run that may be changed."""
    return Path(shutil.copytree(made.run, tmp_path / "tiny"))


def test_every_candidate_has_its_expected_and_worst_latency(made: Made) -> None:
    found = made.evaluations()
    assert len(found) == 6
    for one in found:
        metrics, point = one.metrics(0.8), one.point_index(0.8)
        reach = one.reach_costs["latency_ms@board"]
        assert one.curve is not None
        assert metrics["latency_ms@board"] == metrics["latency_ms"]
        assert metrics["latency_ms"] == pytest.approx(float(one.curve.exit_rates[point] @ np.asarray(reach)))
        assert metrics["worst_latency_ms"] == metrics["worst_latency_ms@board"] == reach[-1]
        assert 0.6 < metrics["latency_ms"] <= reach[-1]
        assert metrics["macs"] > 1000, "MACs are still expected MACs"


def test_exits_trade_milliseconds_for_accuracy(made: Made) -> None:
    for one in made.evaluations():
        assert one.curve is not None
        assert one.cost_metric == "latency_ms@board"
        assert tuple(one.curve.reach_cost) == one.reach_costs["latency_ms@board"]
        index = one.point_index(0.8)
        assert index == 0 or one.curve.calibrate_cost[index] <= 0.8 * one.reach_costs["latency_ms@board"][
            -1
        ] * (1 + 1e-9)


def test_the_latencies_are_those_of_the_profile(made: Made) -> None:
    for one in made.evaluations():
        assert (
            DeviceCosts((made.profile,)).reach_costs(one.architecture, classification(1, 10))
            == one.reach_costs
        )


def test_the_run_keeps_the_profile_to_the_last_digit(made: Made) -> None:
    kept = read_profile(made.run / "hardware" / "board.yaml")
    assert kept.fingerprint() == made.profile.fingerprint()


def test_a_run_resumes_without_the_original_profile_and_trains_nothing_again(
    run_command: Command, made: Made, copied: Path
) -> None:
    assert not made.board.exists()
    answer = run_command("resume", copied, "--json")
    assert answer.code == 0, answer.err
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert [event["cached"] for event in events if event["event"] == "candidate_finished"] == [True] * 6


def test_a_run_whose_profile_was_edited_is_not_continued(run_command: Command, copied: Path) -> None:
    table = copied / "hardware" / "board.csv"
    lines = table.read_text().splitlines()
    cells = lines[1].split(",")
    table.write_text("\n".join([lines[0], ",".join([cells[0], "0.5", *cells[2:]]), *lines[2:]]) + "\n")
    answer = run_command("resume", copied)
    assert answer.code == 4
    assert f"the hardware profiles in {copied / 'hardware'} have changed since the run began" in answer.err


def test_a_run_whose_profile_is_gone_is_damaged(run_command: Command, copied: Path) -> None:
    (copied / "hardware" / "board.csv").unlink()
    answer = run_command("resume", copied)
    assert answer.code == 4
    assert f"{copied} is damaged: {copied / 'hardware' / 'board.csv'}:1: No such file" in answer.err


def test_the_report_and_its_table_have_latencies(run_command: Command, copied: Path) -> None:
    assert run_command("report", copied).code == 0
    table = pd.read_csv(copied / "pareto.csv")
    assert {"latency_ms@board", "worst_latency_ms@board", "macs"} <= set(table.columns)
    assert table["latency_ms@board"].is_monotonic_increasing
    assert (table["latency_ms@board"] <= table["worst_latency_ms@board"] + 1e-9).all()
    page = (copied / "report.html").read_text()
    assert "expected latency" in page
    assert 'id="latency"' not in page  # this profile was not checked on networks


def test_the_final_table_shows_milliseconds(made: Made) -> None:
    head = next(line for line in made.answer.out.splitlines() if "accuracy" in line and "MACs" in line)
    assert " ms " in head


def test_two_profiles_are_two_objectives(made: Made, tmp_path: Path) -> None:
    second = written(tmp_path, profile_of(layers_of(made.file), "board"))
    overrides = [
        f"hardware=[{second},{made.other}]", "objectives=[error,latency_ms@other,latency_ms@board]",
        "search.generations=1", "search.population=2",
    ]  # fmt: skip
    with session.new_session(load(made.file, overrides), tmp_path / "run") as search:
        (generation,) = search.run()
    one, *_ = generation.front
    assert {"latency_ms@board", "latency_ms@other", "energy_mj@other"} <= set(one.metrics)
    assert "latency_ms" not in one.metrics
    store = RunStore(tmp_path / "run")
    assert {found.cost_metric for found in store.evaluations()} == {"latency_ms@other"}
    assert len(store.generations()[0]["reference"]) == 3
    store.close()


def test_a_profile_that_lacks_a_layer_is_refused_before_there_is_a_run(
    run_command: Command, made: Made, tmp_path: Path
) -> None:
    lacking = written(tmp_path, profile_of(layers_of(made.file)[:-1], "board"))
    answer = run_command("search", made.file, "--runs", tmp_path / "runs", "--set", f"hardware=[{lacking}]")
    assert answer.code == 6
    assert "profile 'board' has no layer 'classifier-" in answer.err
    assert "aebnas profile SPACE.yaml --device cpu" in answer.err
    assert not (tmp_path / "runs").exists()


def test_energies_that_the_profile_has_not_are_refused_before_there_is_a_run(
    run_command: Command, made: Made, tmp_path: Path
) -> None:
    board = written(tmp_path, profile_of(layers_of(made.file), "board"))
    answer = run_command(
        "search", made.file, "--runs", tmp_path / "runs", "--set", f"hardware=[{board}]",
        "--set", "objectives=[error,energy_mj]",
    )  # fmt: skip
    assert (answer.code, (tmp_path / "runs").exists()) == (6, False)
    assert "energy_mj: profile 'board' has no energies (the device has no counter)" in answer.err


# ---------------------------------------------------------------- rescore
def test_a_rescored_front_is_that_of_a_fresh_evaluation_on_the_other_device(
    run_command: Command, made: Made
) -> None:
    answer = run_command("rescore", made.run, "--hardware", made.other, "--json")
    assert answer.code == 0, answer.err
    message = json.loads(answer.out)
    assert message["objectives"] == ["error", "latency_ms@other"]
    config = rescored_config(load(made.run / "config.yaml"), [str(made.other)], None)
    splits = make_splits(load_dataset(config.data), config.data)
    evaluator = Evaluator(candidate_settings(config), splits, costs=DeviceCosts.read([made.other]))
    architectures = {one.key: one.architecture for one in made.evaluations()}
    fresh = {
        key: evaluator.evaluate(architectures[key]).evaluation for key in {p["key"] for p in message["front"]}
    }
    assert message["front"]
    for point in message["front"]:
        assert point["metrics"] == pytest.approx(fresh[point["key"]].metrics(point["budget_fraction"]))


def test_rescoring_changes_nothing_in_the_run(run_command: Command, made: Made, copied: Path) -> None:
    def contents() -> dict[str, bytes]:
        files = (file for file in copied.rglob("*") if file.is_file() and "sqlite" not in file.name)
        return {str(file): file.read_bytes() for file in files}

    store = RunStore(copied)
    before, rows = contents(), [one.to_dict() for one in store.evaluations()]
    assert run_command("rescore", copied, "--hardware", made.other).code == 0
    assert json.dumps([one.to_dict() for one in store.evaluations()], default=str) == json.dumps(
        rows, default=str
    )
    store.close()
    assert contents() == before


def test_a_rescored_front_is_written_as_csv(run_command: Command, made: Made, tmp_path: Path) -> None:
    table = tmp_path / "front.csv"
    answer = run_command("rescore", made.run, "--hardware", made.other, "-o", table)
    assert answer.code == 0, answer.err
    frame = pd.read_csv(io.StringIO(table.read_text()))
    assert {"latency_ms@other", "energy_mj@other"} <= set(frame.columns)
    assert "latency_ms@board" not in frame.columns
    assert frame["latency_ms@other"].is_monotonic_increasing
    assert all(key in answer.out for key in frame["key"])


def test_objectives_of_a_rescoring_can_be_named(run_command: Command, made: Made) -> None:
    answer = run_command(
        "rescore", made.run, "--hardware", made.other, "--objectives", "error", "energy_mj", "--json"
    )
    assert json.loads(answer.out)["objectives"] == ["error", "energy_mj"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--objectives", "error", "latency_ms@none"], 2, "unknown profile 'none'"),
        (["--objectives", "error", "speed"], 2, "speed"),
        (["--objectives", "error"], 2, "at least 2"),
        (["--hardware", "none.yaml"], 2, "none.yaml"),
        ([], 2, ""),
    ],
)
def test_a_wrong_rescoring_is_refused(
    run_command: Command, made: Made, words: list[str], code: int, message: str
) -> None:
    hardware = ["--hardware", made.other] if words and "none.yaml" not in words else []
    answer = run_command("rescore", made.run, *hardware, *words)
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert "defect" not in answer.err


def test_a_rescoring_without_a_layer_names_it(run_command: Command, made: Made, tmp_path: Path) -> None:
    lacking = written(tmp_path, profile_of(layers_of(made.file)[1:3], "lacking"))
    answer = run_command("rescore", made.run, "--hardware", lacking)
    assert answer.code == 6
    assert "profile 'lacking' has no layer" in answer.err


def test_runs_with_and_without_a_device_share_a_report(
    made: Made, run_command: Command, tmp_path: Path
) -> None:
    text = TINY.replace("hardware: [HERE/board.yaml]\n", "").replace("latency_ms]", "macs]")
    file = tmp_path / "plain.yaml"
    file.write_text(text.replace("constraints: {worst_latency_ms@board: {max: 100}}\n", ""))
    assert run_command("search", file, "--runs", tmp_path).code == 0
    for runs in ((made.run, tmp_path / "tiny"), (tmp_path / "tiny", made.run)):
        answer = run_command("report", *runs, "-o", tmp_path / "both")
        assert answer.code == 0, answer.err
        page = (tmp_path / "both" / "report.html").read_text()
        runs_data = json.loads(page.split('id="data">')[1].split("</script>")[0])["runs"]
        scored = ["latency_ms@board" in one["metrics"] for one in runs_data]
        assert sorted(scored) == [False, True]


def test_energies_that_a_profile_lacks_are_refused_before_rescoring(
    made: Made, run_command: Command, tmp_path: Path
) -> None:
    layers = layers_of(made.file)
    bare = written(tmp_path, profile_of(layers, "bare", by_pixels))
    answer = run_command("rescore", made.run, "--hardware", bare, "--objectives", "error", "energy_mj")
    assert (answer.code, "has no energies" in answer.err) == (6, True)
