"""``check`` and ``search`` refuse the same files with the same sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.conftest import TINY
from cli.generated_files import write_case

from aebnas.supernet.training_loop import train_supernet

Command = Callable[..., Any]
FEW = range(15)
MANY = range(15, 215)


class TrainingBegan(BaseException):
    """Raised in place of the first training."""


@pytest.fixture
def outcome_of_search(
    run_command: Command, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], tuple[int, str]]:
    """Return exit code and error of a search that is stopped before its first training."""

    def begin(*_arguments: object, **_options: object) -> None:
        raise TrainingBegan

    monkeypatch.setattr("aebnas.evaluation.evaluator.Evaluator.evaluate", begin)
    monkeypatch.setattr("aebnas.supernet.preparation.train_supernet", begin)

    def outcome(file: Path) -> tuple[int, str]:
        try:
            answer = run_command("search", file, "--runs", file.parent / "runs")
        except TrainingBegan:
            return 0, ""
        assert answer.code != 0, "it ended without any training"
        return answer.code, answer.err

    return outcome


def agreed(
    number: int, folder: Path, run_command: Command, outcome_of_search: Callable[[Path], tuple[int, str]]
) -> int:
    folder.mkdir()
    file = write_case(number, folder)
    answer = run_command("check", file, "--samples", 3)
    checked = (answer.code, answer.err)
    assert checked == outcome_of_search(file), f"case {number}"
    return int(answer.code)


def test_check_and_search_agree(
    tmp_path: Path, run_command: Command, outcome_of_search: Callable[[Path], tuple[int, str]]
) -> None:
    codes = {agreed(number, tmp_path / f"{number}", run_command, outcome_of_search) for number in FEW}
    assert {0, 3} <= codes  # valid and invalid ones were drawn


@pytest.mark.slow
def test_check_and_search_agree_on_many(
    tmp_path: Path, run_command: Command, outcome_of_search: Callable[[Path], tuple[int, str]]
) -> None:
    codes = [agreed(number, tmp_path / f"{number}", run_command, outcome_of_search) for number in MANY]
    assert {0, 2, 3, 4} <= set(codes)
    assert 40 <= codes.count(0) <= 160


@pytest.mark.slow
@pytest.mark.parametrize("data", ["{name: digits, limit: 400}", "{name: digits, limit: 500}"])
def test_they_agree_on_a_given_supernet(
    tmp_path: Path, run_command: Command, outcome_of_search: Callable[[Path], tuple[int, str]], data: str
) -> None:
    small = {"split": "{train: 0.6, calibrate: 0.2, select: 0.2}", "loss": "uniform"}
    file = tmp_path / "tiny.yaml"
    file.write_text(TINY.replace("data: {name: digits", "data: {name: digits, limit: 400"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aebnas.supernet.preparation.train_supernet", train_supernet)
        words = ("--runs", tmp_path / "given", "--set", f"training.loss={small['loss']}")
        assert run_command("supernet", file, *words).code == 0
    content = yaml.safe_load(file.read_text())
    content["data"] = yaml.safe_load(data) | {"split": yaml.safe_load(small["split"])}
    content |= {
        "evaluation": {"fidelities": ["inherited"]},
        "supernet": {"file": str(tmp_path / "given/tiny")},
    }
    content["training"]["loss"] = small["loss"]
    file.write_text(yaml.safe_dump(content))
    answer = run_command("check", file, "--samples", 3)
    assert (answer.code, answer.err) == outcome_of_search(file)
    assert answer.code == (0 if "400" in data else 4)
