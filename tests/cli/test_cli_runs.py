"""Whole runs through the command line: search, resume, report, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tiny_search: tuple[Path, Any]) -> Path:
    path, answer = tiny_search
    assert answer.code == 0, answer.err
    return path


@pytest.fixture(scope="module")
def json_lines(run_command: Command, run: Path) -> list[dict[str, Any]]:
    """What a second run of the same file tells a program."""
    answer = run_command(
        "search", run.parent.parent / "tiny.yaml", "--runs", run.parent, "--name", "json", "--json"
    )
    assert answer.code == 0, answer.err

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in answer.out.splitlines()]


def test_a_search_ends_with_its_front_and_its_report(tiny_search: tuple[Path, Any]) -> None:
    path, answer = tiny_search
    assert answer.code == 0
    assert answer.out.splitlines()[-1] == f"Report: {path / 'report.html'}"
    assert (path / "report.html").is_file()
    front = RunStore(path).generations()[-1]["front"]
    table = answer.out[answer.out.index("generation 2 of 2") :].split("\n", 1)[1]
    assert front
    assert all(key in table for key, _ in front)


def test_every_candidate_and_generation_has_a_plain_line(tiny_search: tuple[Path, Any]) -> None:
    path, answer = tiny_search
    progress = answer.out.split("writing the report")[0]
    keys = [evaluation.key for evaluation in RunStore(path).evaluations()]
    assert len(keys) == 6
    assert all(progress.count(key) == 1 for key in keys)
    assert [f"generation {n} of 2: " in progress for n in (1, 2)] == [True, True]


def test_json_lines_name_every_event_in_order(json_lines: list[dict[str, Any]]) -> None:
    names = [line["event"] for line in json_lines]
    one = ["candidate_started", "candidate_finished"]
    generation = [*one * 3, "generation"]
    assert names == ["search_started", "workers_started", *generation, *generation, "finished"]


def test_json_lines_carry_the_documented_fields(json_lines: list[dict[str, Any]], run: Path) -> None:
    by_name = {line["event"]: line for line in json_lines}
    assert by_name["search_started"]["planned"] == 6
    assert by_name["workers_started"]["count"] == 1
    finished = by_name["candidate_finished"]
    assert set(finished) == {
        "event", "key", "status", "cached", "busy", "seconds", "epochs", "reach_macs", "params",
        "peak_activation_bytes", "metrics", "target", "message", "fidelity",
    }  # fmt: skip
    assert finished["status"] == "done"
    assert 0 <= finished["metrics"]["accuracy"] <= 1
    assert by_name["generation"]["front"][0].keys() == {"key", "budget_fraction", "setting", "metrics"}
    assert by_name["finished"]["report"] == str(run.parent / "json" / "report.html")


def test_a_second_search_is_refused_with_the_command_that_continues(run_command: Command, run: Path) -> None:
    answer = run_command("search", run.parent.parent / "tiny.yaml", "--runs", run.parent)
    assert answer.code == 4
    assert answer.out == ""
    assert f"aebnas resume {run}" in answer.err


def test_resume_refuses_changed_training_and_names_it(run_command: Command, run: Path) -> None:
    before = (run / "config.yaml").read_text()
    answer = run_command("resume", run, "--set", "training.epochs=5")
    assert answer.code == 4
    assert "training.epochs: 1 -> 5" in answer.err
    assert (run / "config.yaml").read_text() == before


def test_resume_of_a_finished_run_trains_nothing_again(run_command: Command, run: Path) -> None:
    attempts = len(RunStore(run).attempts())
    answer = run_command("resume", run)
    assert answer.code == 0
    assert "3 known already" in answer.out
    assert len(RunStore(run).attempts()) == attempts


def test_a_search_whose_time_is_up_names_the_command_that_goes_on(
    run_command: Command, tiny_file: Path, tmp_path: Path
) -> None:
    answer = run_command("search", tiny_file, "--runs", tmp_path, "--set", "search.max_minutes=0.0001")
    output = (
        "The time is up (search.max_minutes: 0.0001); generation 1 of 2 was stopped in its middle. "
        f"Continue: aebnas resume {tmp_path / 'tiny'} --set search.max_minutes=0.1"
    )
    assert answer.code == 0
    assert answer.out.splitlines()[-2] == output
    assert output in (tmp_path / "tiny" / "report.html").read_text(encoding="utf-8")
    words = output.split("aebnas ")[1].replace("=0.1", "=10").split()
    assert "The time is up" not in run_command(*words).out


def test_resume_without_a_run_says_how_to_start_one(run_command: Command, tmp_path: Path) -> None:
    answer = run_command("resume", tmp_path / "none")
    assert answer.code == 4
    assert "holds no run. Start one: aebnas search FILE" in answer.err


def test_report_writes_the_page_where_it_is_told(run_command: Command, run: Path, tmp_path: Path) -> None:
    answer = run_command("report", run, "-o", tmp_path / "page")
    assert answer.code == 0, answer.err
    assert answer.out == f"{tmp_path / 'page' / 'report.html'}\n"
    assert (tmp_path / "page" / "report.html").is_file()


def test_ctrl_c_keeps_what_is_finished_and_resume_completes(run_command: Command, tiny_file: Path) -> None:
    path = tiny_file.parent / "runs" / "tiny"
    words = ["search", tiny_file, "--runs", path.parent, "--json", "--set", "search.generations=50"]
    with _process(words) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"candidate_finished"' in line:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
        assert process.stderr is not None
        errors = process.stderr.read()
    last = json.loads(rest.splitlines()[-1])
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert last == {
        "event": "interrupted", "run": str(path), "kept": RunStore(path).count(), "supernet": None,
        "resume": f"aebnas resume {path}",
    }  # fmt: skip
    assert last["kept"] >= 1
    answer = run_command("resume", path, "--json", "--set", "search.generations=2")
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.code == 0, answer.err
    assert sum(event.get("cached", False) for event in events) == min(6, last["kept"])
    assert events[-1]["event"] == "finished"


def test_impatience_while_stopping_prints_no_traceback(tiny_file: Path) -> None:
    words = ["search", tiny_file, "--runs", tiny_file.parent, "--set", "search.generations=50"]
    with _process(words) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "1 of 150" in line:
                process.send_signal(signal.SIGINT)
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert f"Continue: aebnas resume {tiny_file.parent / 'tiny'}" in rest


def _process(words: list[Any]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aebnas", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # a test run in the background would hand its ignored SIGINT down
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
