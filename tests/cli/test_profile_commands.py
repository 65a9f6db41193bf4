"""aebnas profile and aebnas devices, from the options to the files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardware.synthetic_profiles import layers_of, profile_of, written

from aebnas.hardware.devices.devices import processor
from aebnas.hardware.measure import profile_session, revalidation
from aebnas.hardware.profile.profile import read_profile
from aebnas.hardware.profile.profile_schema import DeviceMetadata

Command = Callable[..., Any]
TINY = """\
name: tiny
data: {name: digits}
space:
  stem: {width: 8, stride: 2}
  stages: [{width: [8, 12], block: {kernel: [1, 3]}}, {width: 12, stride: 2}]
  exits: {after: [stage1], branch: {modules: [0, 1]}}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("profile") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="module")
def made(file: Path, run_command: Command) -> tuple[Path, Any]:
    """A profile of this machine, and what its making printed."""
    path = file.parent / "here.yaml"
    return path, run_command("profile", file, "-o", path, "--networks", 6)


def test_a_profile_has_every_layer_of_the_space_and_was_checked(made: tuple[Path, Any], file: Path) -> None:
    path, answer = made
    assert answer.code == 0, answer.err
    found = read_profile(path)
    assert set(found.rows) == {layer.signature() for layer in layers_of(file)}
    assert all(row.latency_ms > 0 and row.samples >= 7 for row in found.rows.values())
    assert {one.role for one in found.networks} == {"fit", "validate"}
    assert [one.space for one in found.metadata.validation] == ["tiny"]
    assert found.metadata.correction.networks >= 1
    assert (found.metadata.device.name, found.metadata.spaces) == (processor(), ("tiny",))


def test_the_end_shows_a_table_the_notes_and_the_file(made: tuple[Path, Any]) -> None:
    path, answer = made
    for words in ("tiny: networks that the fit has not seen", "MAPE", "noise tau", "note: no energies: "):
        assert words in answer.out
    assert answer.out.splitlines()[-1] == str(path) or path.name in answer.out.splitlines()[-1]
    assert "measuring layers: " in answer.err


def test_profiling_again_measures_no_layer_again_and_tells_json(
    run_command: Command, made: tuple[Path, Any], file: Path
) -> None:
    path, _ = made
    table, samples = path.with_suffix(".csv"), path.with_suffix(".samples.csv")
    before, measured = table.read_bytes(), samples.read_text()
    answer = run_command("profile", file, "-o", path, "--networks", 4, "--json")
    assert answer.code == 0, answer.err
    events = [json.loads(line) for line in answer.out.splitlines()]
    assert {event["event"] for event in events[:-1]} == {"progress"}
    assert events[-1]["event"] == "profile"
    assert events[-1]["rows"] == len(read_profile(path).rows)
    assert table.read_bytes() == before
    added = samples.read_text().removeprefix(measured).splitlines()
    assert {line.split(",")[2].split("-")[0] for line in added[:-1]} == {"*anchor", "*network"}


def test_a_dry_run_counts_layers_and_writes_nothing(run_command: Command, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    answer = run_command("profile", file, "-o", path, "--networks", 4, "--dry-run")
    count = len(layers_of(file))
    assert answer.code == 0, answer.err
    assert f"{count} distinct layers, {count} of them not in {path} yet" in answer.out
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_counts_what_an_existing_profile_lacks(
    run_command: Command, file: Path, tmp_path: Path
) -> None:
    layers = layers_of(file)
    path = written(tmp_path, profile_of(layers[:-2]))
    answer = run_command("profile", file, "-o", path, "--networks", 4, "--dry-run", "--json")
    message = json.loads(answer.out)
    assert (message["layers"], message["missing"]) == (len(layers), 2)
    assert message["seconds"] > 0


@pytest.mark.parametrize(
    ("tolerance", "code", "words"),
    [(1e9, 0, "holds on this device"), (-1, 6, "does not hold: the device is")],
)
def test_a_validation_says_whether_the_profile_holds(
    run_command: Command, made: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch,
    tolerance: float, code: int, words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(revalidation, "LEVEL_TOLERANCE", tolerance)
    monkeypatch.setattr(revalidation, "WORST_MAPE", 1e9)
    answer = run_command("profile", "--validate", made[0])
    assert answer.code == code, answer.err
    assert words in answer.out
    assert "level now / then: " in answer.out


def test_a_profile_without_networks_cannot_be_validated(
    run_command: Command, file: Path, tmp_path: Path
) -> None:
    answer = run_command("profile", "--validate", written(tmp_path, profile_of(layers_of(file))))
    assert answer.code == 6
    assert "board.networks.jsonl is missing or empty" in answer.err


def test_an_interruption_names_the_command_that_continues(
    run_command: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(profile_session, "profile_space", interrupt)
    words = ["profile", str(file), "-o", str(tmp_path / "new.yaml")]
    answer = run_command(*words)
    assert answer.code == 130
    assert (
        answer.err == f"aebnas: interrupted; what was measured is kept. Continue: aebnas {' '.join(words)}\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--device", "tpu"], 2, "--device: must be cpu, cuda or cuda:N, but got 'tpu'"),
        (["--runtime", "tflite"], 2, "--runtime"),
        (["--device", "cuda:0", "--runtime", "onnxruntime"], 2, "--runtime: onnxruntime runs on the CPU"),
        (["--dtype", "bf16"], 2, "--dtype: onnxruntime is measured in fp32 alone"),
        (["--cuda-graphs"], 2, "--cuda-graphs: goes with a CUDA device"),
        (["--batch-size", "0"], 2, "--batch-size"),
        (["--threads", "2000"], 2, "--threads"),
        (["-o", "here.csv"], 2, "a profile is a .yaml file, as in here.yaml"),
        (["--set", "space.stem.width=x"], 2, "space.stem.width"),
        (["--networks", "none"], 2, "--networks"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    run_command: Command, file: Path, words: list[str], code: int, message: str
) -> None:
    answer = run_command("profile", file, *words)
    assert (answer.code, answer.out) == (code, "")
    assert message in answer.err
    assert "defect" not in answer.err


def test_a_profile_needs_a_space(run_command: Command) -> None:
    answer = run_command("profile")
    assert answer.code == 2
    assert "profile needs a search-space file, as in: aebnas profile search_spaces/" in answer.err


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_gpu_that_is_not_there_is_told_and_leaves_no_file(
    run_command: Command, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: list[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    answer = run_command("profile", file, "--device", "cuda:0", "-o", tmp_path / "new.yaml", *dry)
    assert answer.code == 6
    assert "torch sees no GPU here. List devices: aebnas devices" in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_a_profile_of_another_target_is_not_extended(
    run_command: Command, file: Path, tmp_path: Path, dry: list[str]
) -> None:
    path = written(tmp_path, profile_of(layers_of(file)))
    answer = run_command("profile", file, "-o", path, "--threads", 2, *dry)
    assert answer.code == 6
    assert f"{path} is a profile of cpu, onnxruntime, fp32, batch 1, 1 thread, not of " in answer.err
    assert "Name another one with -o" in answer.err


def test_a_damaged_profile_is_not_extended(run_command: Command, file: Path, tmp_path: Path) -> None:
    path = written(tmp_path, profile_of(layers_of(file)))
    path.with_suffix(".csv").write_text("layer\n")
    answer = run_command("profile", file, "-o", path)
    assert answer.code == 2
    assert f"{path.with_suffix('.csv')}:1: column" in answer.err


# ---------------------------------------------------------------- devices
@pytest.fixture
def folder(tmp_path: Path, file: Path) -> Path:
    """Three profiles: of this processor, of another one, and a damaged one."""
    layers = layers_of(file)
    written(
        tmp_path,
        profile_of(layers, "mine", device=DeviceMetadata(name=processor(), system="x"), spaces=("tiny",)),
    )
    written(tmp_path, profile_of(layers, "theirs"))
    (tmp_path / "broken.yaml").write_text("format: 1\n")
    return tmp_path


def test_devices_are_listed_with_the_profiles_that_fit(run_command: Command, folder: Path) -> None:
    answer = run_command("devices", "--folder", folder)
    out = " ".join(answer.out.split())
    assert answer.code == 0, answer.err
    assert f"cpu {' '.join(processor().split())}" in out
    assert "profile" in out
    assert "mine.yaml" in out
    assert "made on a theirs" in out
    assert "cannot be used" in out


def test_devices_as_json_name_their_profiles_and_the_others(run_command: Command, folder: Path) -> None:
    message = json.loads(run_command("devices", "--folder", folder, "--json").out)
    cpu = message["devices"][0]
    assert (cpu["device"], cpu["name"]) == ("cpu", processor())
    assert len(cpu["profiles"]) == 1
    assert cpu["profiles"][0].startswith(
        f"{folder / 'mine.yaml'} (cpu, onnxruntime, fp32, batch 1, 1 thread; "
    )
    others = {Path(path).stem: reason for path, reason in message["others"]}
    assert others["theirs"] == "made on a theirs"
    assert others["broken"].startswith("cannot be used: ")


def test_a_folder_without_profiles_names_the_command_that_makes_one(
    run_command: Command, tmp_path: Path
) -> None:
    answer = run_command("devices", "--folder", tmp_path / "none")
    assert answer.code == 0
    assert "Make one: aebnas profile SPACE.yaml --device cpu" in " ".join(answer.out.split())


# ---------------------------------------------------------------- kill -9
@pytest.mark.slow
@pytest.mark.parametrize("lines", [3, 60])
def test_a_profiling_that_was_killed_continues_where_it_was(
    run_command: Command, file: Path, tmp_path: Path, lines: int
) -> None:
    path = tmp_path / "killed.yaml"
    samples = path.with_suffix(".samples.csv")
    words = ["profile", str(file), "-o", str(path), "--networks", "4"]
    process = subprocess.Popen(
        [sys.executable, "-m", "aebnas", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        while process.poll() is None:
            if samples.exists() and samples.read_bytes().count(b"\n") >= lines:
                break
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait()
    assert not path.exists()
    before = samples.read_bytes()
    kept = before[: before.rfind(b"\n") + 1]
    answer = run_command(*words)
    assert answer.code == 0, answer.err
    assert samples.read_bytes().startswith(kept)
    assert len(read_profile(path).rows) == len(layers_of(file))
