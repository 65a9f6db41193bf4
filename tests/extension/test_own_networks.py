"""A network of one's own, from a search file to a folder that runs; reading never runs its code."""

import copy
import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import aebnas
from aebnas.extensions.consent import look_in
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runs.store.store import RunStore
from aebnas.space.spaces import space_of

Command = Callable[..., Any]
PACKAGE = Path(__file__).parent / "package"


@pytest.fixture(scope="module")
def given_once(tmp_path_factory: pytest.TempPathFactory, run_command: Command) -> Path:
    """A folder with a finished search around one's own network, and a network of it trained and exported."""
    folder = tmp_path_factory.mktemp("given")
    shutil.copytree(PACKAGE, folder, dirs_exist_ok=True)
    assert run_command("search", folder / "given.yaml", "--runs", folder / "runs").code == 0
    answer = run_command("train", folder / "runs/given", "--epochs", 1)
    assert answer.code == 0, answer.err
    checkpoint = next((folder / "runs/given/trained").iterdir())
    answer = run_command("export", checkpoint, folder / "exported", "--allow-code")
    assert answer.code == 0, answer.err
    return folder


@pytest.fixture
def given(given_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the current folder."""
    place = tmp_path / "given"
    shutil.copytree(given_once, place)
    config = place / "runs/given/config.yaml"
    config.write_text(config.read_text().replace(str(given_once), str(place)))
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def network(given: Path) -> Iterator[EarlyExitNetwork]:
    """A network of the run's space, untrained."""
    with aebnas.allow_code():
        look_in(given)
        space = space_of(RunStore(given / "runs/given").config, (8, 8, 1))
        architecture = space.decode(space.sample(np.random.default_rng(0)))
        yield EarlyExitNetwork(architecture, aebnas_task()).eval()


def aebnas_task() -> Any:
    from aebnas.task.task import classification

    return classification(1, 10, 8)


def test_every_candidate_is_trained_and_the_page_names_the_network(given: Path) -> None:
    store = RunStore(given / "runs/given")
    assert [one.is_done for one in store.evaluations()] == [True] * 4
    assert "my_networks:plain" in (given / "runs/given/report.html").read_text()


def test_the_exported_folder_runs_without_the_network(given: Path) -> None:
    (given / "my_networks.py").unlink()
    session = aebnas.EarlyExitSession(given / "exported")
    answer = session.predict(np.zeros((8, 8, 1), np.uint8))
    assert answer.exit in range(3)


@pytest.mark.slow
def test_two_workers_find_the_front_of_one(given: Path, run_command: Command) -> None:
    words = ("--name", "aside", "--set", "workers.mode=ray", "--set", "workers.count=2")
    answer = run_command("search", "given.yaml", *words)
    assert answer.code == 0, answer.err
    fronts = [(given / "runs" / name / "pareto.csv").read_text() for name in ("given", "aside")]
    assert fronts[1].replace("aside,", "given,") == fronts[0]


def test_a_run_is_read_without_running_code(
    given: Path, run_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = given / "my_networks.py"
    file.write_text(f"{file.read_text()}\nopen({str(given / 'ran')!r}, 'w').close()\n")
    answer = run_command("report", "runs/given")
    assert answer.code == 0, answer.err
    assert "my_networks:plain" in answer.err
    assert not (given / "ran").exists()


def test_check_without_consent_says_what_it_left_out(given: Path, run_command: Command) -> None:
    answer = run_command("check", "given.yaml")
    assert answer.code == 0
    assert "code from outside was not loaded: my_networks:plain" in answer.out


def test_check_names_the_places_of_exits(given: Path, run_command: Command) -> None:
    answer = run_command("check", "given.yaml", "--allow-code", "--json")
    places = json.loads(answer.out)["cut_places"]
    own = [place for place in places if place["may_have_exit"] and place["resolution"] == 8]
    assert [place["name"] for place in own] == ["blocks.0", "blocks.1", "blocks.2"]
    assert own[0]["features"] == [12, 4, 4]
    assert own[0]["cached_bytes"] == 2 * 12 * 4 * 4
    assert own[0]["macs"] == 8 * 8 * 8 * 9 + 4 * 4 * 12 * 8 * 9


def test_a_network_of_pieces_is_pickled_by_name(network: EarlyExitNetwork) -> None:
    images = torch.rand(2, 1, *network.input.size)
    sent = pickle.dumps(network)
    assert b"GraphModule" not in sent
    with torch.no_grad():
        for before, after in zip(network(images), pickle.loads(sent)(images), strict=True):
            assert torch.equal(before, after)


def test_a_copy_of_a_network_of_pieces_has_weights_of_its_own(network: EarlyExitNetwork) -> None:
    copied = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert all(parameter.abs().sum() > 0 for parameter in network.parameters() if parameter.ndim > 1)


def test_another_network_under_the_name_is_refused(given: Path, run_command: Command) -> None:
    file = given / "my_networks.py"
    file.write_text(file.read_text().replace("manual_seed(3)", "manual_seed(4)"))
    answer = run_command("resume", "runs/given", "--set", "search.generations=2")
    assert answer.code == 4
    assert "the code of my_networks:plain" in answer.err


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("space.network=efficientnet_lite", "Did you mean 'efficientnet_lite0'?"),
        ("space.network=my_networks:plane", "Did you mean 'my_networks:plain'?"),
        ("space.network=net.onnx", "is an ONNX graph"),
        ("space.network=net.safetensors", "is a file of weights, not a network"),
        ("space.network=net.pt2", "net.pt2: there is no such file"),
        ("space.exits.after=[block.2]", "Did you mean 'blocks.2'?"),
        ("space.exits.after=[blocks.0, blocks.0]", "'blocks.0' is listed twice"),
        ("space.exits.after=everywhere", "must be auto, or a list of places"),
        ("space.head=kepp", "Did you mean 'keep'?"),
        ("space.kind=pretraned", "Did you mean 'pretrained'?"),
        ("space.weights=nowhere.safetensors", "nowhere.safetensors: there is no such file"),
        ("space.normalisation={mean: [0.5, 0.5], std: 0.5}", "space.normalisation.mean has 2 values"),
        ("space.colours=rbg", "Did you mean 'rgb'?"),
        (
            "space.stages=[{width: 8}]",
            "unknown field 'stages'. Another kind of this section has it.",
        ),
        ("training.initial_weights=efficientnet_lite0", "space.network brings weights of its own"),
    ],
)
def test_a_wrong_section_is_told_with_its_cure(
    given: Path, run_command: Command, setting: str, message: str
) -> None:
    answer = run_command("check", "given.yaml", "--allow-code", "--set", setting)
    assert answer.code in (1, 2, 3)
    assert message in answer.err
    assert "defect" not in answer.err


def test_a_staged_section_does_not_offer_fields_of_the_other_kind(given: Path, run_command: Command) -> None:
    answer = run_command("check", "space.yaml", "--allow-code", "--set", "space.exits.mosst=2")
    assert "Fields: after, optional, branch." in answer.err


@pytest.mark.parametrize("pixels", [4, 5])
def test_features_of_one_pixel_are_costed(given: Path, run_command: Command, pixels: int) -> None:
    answer = run_command("check", "given.yaml", "--allow-code", "--set", f"space.resolution={pixels}")
    assert answer.code == 0, answer.err
