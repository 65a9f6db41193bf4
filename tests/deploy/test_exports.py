"""An export is checked against torch, complete, and there whole or not at all."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli.conftest import aebnas
from training.small_training import digits

from aebnas.deploy import EarlyExitSession
from aebnas.deploy.exporting import parity, quantize
from aebnas.deploy.exporting.export import export
from aebnas.deploy.folder import read_samples
from aebnas.deploy.manifest import read_manifest
from aebnas.errors import DataError, RunError
from aebnas.train.full.checkpoint import read_checkpoint


def test_the_folder_holds_graphs_policy_labels_samples_and_card(exported: Path, checkpoint: Path) -> None:
    names = {path.name for path in exported.iterdir()}
    assert names == {
        "segment1.onnx", "segment2.onnx", "segment3.onnx", "policy.json", "labels.json", "samples.npz",
        "model.json", "README.md", "int8",
    }  # fmt: skip
    trained = read_checkpoint(checkpoint)
    assert json.loads((exported / "policy.json").read_text()) == trained.policy
    assert json.loads((exported / "labels.json").read_text()) == list(trained.classes)
    manifest = read_manifest(exported)
    assert manifest.architecture == trained.architecture
    assert manifest.exits == ("stage1", "stage2", "final")


def test_graphs_take_batches_of_any_size(exported: Path) -> None:
    graph = onnx.load(exported / "segment1.onnx").graph
    dims = [value.type.tensor_type.shape.dim[0].dim_param for value in (*graph.input, *graph.output)]
    assert dims == ["batch"] * 3


def test_the_check_against_torch_is_recorded(exported: Path) -> None:
    found = read_manifest(exported).parity
    assert found is not None
    assert found.images == len(digits().calibrate)
    assert 0 < found.max_difference <= 1e-4


def test_graphs_that_differ_from_torch_are_refused_with_the_number(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_torch = parity.torch_logits
    monkeypatch.setattr(parity, "torch_logits", lambda *given: in_torch(*given) + np.float32(0.01))
    with pytest.raises(
        RunError, match=r"refused: .* differ from torch by up to 0\.01 .* at most 0\.00\d+ is allowed"
    ):
        export(checkpoint, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_large_logits_may_differ_by_more_since_rounding_is_a_share_of_them() -> None:
    small, large = np.full((2, 1, 3), -0.5, np.float32), np.full((2, 1, 3), -20, np.float32)
    assert parity.allowed_difference(small) == pytest.approx(1e-4)
    assert parity.allowed_difference(large) == pytest.approx(2e-3)


def test_samples_are_calibrate_images_with_the_answers_of_the_export(exported: Path) -> None:
    manifest = read_manifest(exported)
    stored = read_samples(exported, manifest)
    known = {image.tobytes() for image in digits().calibrate.pixels}
    assert all(image.tobytes() in known for image in stored["images"])
    session = EarlyExitSession(exported)
    found = session.predict_batch(stored["images"])
    assert [one.class_index for one in found] == stored["classes"].tolist()
    assert [one.exit for one in found] == stored["exits"].tolist()


def test_no_image_leaves_the_machine_if_none_is_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    folder = export(checkpoint, tmp_path / "model", samples=0).folder
    assert not (folder / "samples.npz").exists()
    with pytest.raises(RunError, match="no stored images; name image files"):
        read_samples(folder, read_manifest(folder))


def test_the_card_says_what_where_from_and_how_to_run_it(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    for words in (
        "aebnas run DIR",
        "float32 `(batch, 1, 12, 12)`",
        "| fp32 |",
        "| int8 |",
        "runs/digits",
        "stage2",
    ):
        assert words in card
    assert "has not been scored on test images" in card


def test_the_card_has_the_test_metrics_of_an_evaluated_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    evaluated = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    assert aebnas("evaluate", evaluated, "--images", 0).code == 0
    accuracy = json.loads((evaluated / "evaluation.json").read_text())["network"]["policy"]["accuracy"][
        "value"
    ]
    card = (export(evaluated, tmp_path / "model").folder / "README.md").read_text()
    assert f"| exit policy | {accuracy:.2%} (" in card
    assert "| exit stage1, all images | " in card


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"network": 3}'])
def test_a_damaged_evaluation_does_not_stop_an_export(checkpoint: Path, tmp_path: Path, content: str) -> None:
    evaluated = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    (evaluated / "evaluation.json").write_text(content)
    card = (export(evaluated, tmp_path / "model").folder / "README.md").read_text()
    assert "`evaluation.json` of the checkpoint could not be read" in card


def test_a_static_network_is_one_graph_that_always_answers(static_export: Path) -> None:
    session = EarlyExitSession(static_export)
    assert session.manifest.is_static
    assert session.exits == 1
    assert {one.exit for one in session.predict_batch(digits().select.pixels[:20])} == {0}


def test_another_data_set_than_the_training_s_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    other = shutil.copytree(checkpoint, tmp_path / "checkpoint")
    text = (other / "checkpoint.yaml").read_text()
    (other / "checkpoint.yaml").write_text(text.replace(digits().fingerprint, "f" * 64))
    with pytest.raises(DataError, match="the data are not those of the training"):
        export(other, tmp_path / "model")


def test_an_existing_folder_is_replaced_on_request_alone(checkpoint: Path, tmp_path: Path) -> None:
    folder = export(checkpoint, tmp_path / "model").folder
    with pytest.raises(RunError, match="exists already; replace it with --force"):
        export(checkpoint, folder)
    (folder / "labels.json").write_text("damaged")
    export(checkpoint, folder, force=True)
    assert EarlyExitSession(folder).labels == tuple("0123456789")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["notes.txt", "int8/notes.txt"])
def test_files_of_others_are_never_deleted(copied: Callable[[], Path], checkpoint: Path, name: str) -> None:
    folder = copied()
    (folder / name).write_text("mine")
    with pytest.raises(RunError, match=r"notes\.txt was not written by aebnas export"):
        export(checkpoint, folder, force=True)
    assert (folder / name).read_text() == "mine"


def test_a_folder_that_is_no_export_is_never_replaced(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match="is no export folder"):
        export(checkpoint, tmp_path, force=True)


@pytest.mark.parametrize("existed", [False, True])
def test_an_interrupted_export_leaves_what_was_there(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existed: bool
) -> None:
    folder = tmp_path / "model"
    if existed:
        export(checkpoint, folder)
    before = {path.name: path.read_bytes() for path in folder.glob("*")}
    written: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 4:
            raise KeyboardInterrupt
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr("aebnas.deploy.exporting.staging._write", write)
    with pytest.raises(KeyboardInterrupt):
        export(checkpoint, folder, force=True)
    assert len(written) == 4
    assert {path.name: path.read_bytes() for path in folder.glob("*")} == before
    assert [path.name for path in tmp_path.iterdir()] == (["model"] if existed else [])


def test_a_draft_that_a_killed_export_left_is_replaced(checkpoint: Path, tmp_path: Path) -> None:
    left = tmp_path / ".model.draft-1-0123abcd"  # process 1 lives, but did not write this
    left.mkdir()
    (left / "segment1.onnx").write_bytes(b"half")
    export(checkpoint, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_int8_is_an_export_of_its_own_with_its_own_policy(exported: Path) -> None:
    session = EarlyExitSession(exported / "int8")
    assert session.manifest.precision == "int8"
    assert session.policy != EarlyExitSession(exported).policy
    operators = {node.op_type for node in onnx.load(exported / "int8/segment1.onnx").graph.node}
    assert "QuantizeLinear" in operators


def test_int8_answers_nearly_as_fp32_does(exported: Path) -> None:
    images = digits().select.pixels
    fp32, int8 = (EarlyExitSession(folder).predict_batch(images) for folder in (exported, exported / "int8"))
    assert np.mean([a.class_index == b.class_index for a, b in zip(fp32, int8, strict=True)]) > 0.95


def test_int8_weights_are_bytes(exported: Path) -> None:
    weights = {one.name: one for one in onnx.load(exported / "int8/segment2.onnx").graph.initializer}
    kinds = {onnx.TensorProto.DataType.Name(one.data_type) for one in weights.values() if len(one.dims) == 4}
    assert kinds == {"INT8"}


def test_quantising_is_quiet(checkpoint: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    export(checkpoint, tmp_path / "model", int8=True)
    assert capfd.readouterr() == ("", "")


def test_int8_without_room_for_temporary_files_is_told(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(quantize, "quant_pre_process", full)
    with pytest.raises(RunError, match=r"temporary files to .*No space left on device.*TMPDIR=DIR"):
        export(checkpoint, tmp_path / "model", int8=True)
    assert list(tmp_path.iterdir()) == []
