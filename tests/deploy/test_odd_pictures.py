"""`aebnas run` on odd files: each is answered or told, the others go on; 16 bits as in the training."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.conftest import aebnas
from data.damaged_files import cases
from data.picture_seeds import SEEDS
from PIL import Image
from training.small_training import digits

from aebnas.deploy import EarlyExitSession
from aebnas.deploy.exporting.export import export
from aebnas.deploy.manifest import MANIFEST, Manifest, checksum_of, read_manifest
from aebnas.errors import DataError, RunError


def answers(folder: Path, *words: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code, and what is said of each file, in order."""
    answer = aebnas("run", folder, *words, "--json")
    return answer.code, {Path(line["file"]).name: line for line in map(json.loads, answer.out.splitlines())}


def with_depth(folder: Path, depth: int | None) -> Path:
    """Write into an export's manifest how the training's 16-bit files were read."""
    fields = json.loads((folder / MANIFEST).read_text())
    fields.pop("checksum")
    fields.pop("sixteen_bit_depth", None)
    if depth is not None:
        fields["sixteen_bit_depth"] = depth
    (folder / MANIFEST).write_text(json.dumps({**fields, "checksum": checksum_of(fields)}))
    return folder


@pytest.mark.parametrize("batch_size", [1, 64])
def test_files_of_every_kind_and_damage_are_answered_or_told_in_order(
    exported: Path, tmp_path: Path, batch_size: int
) -> None:
    for i, name in enumerate(SEEDS):
        (tmp_path / f"{i:03d}").write_bytes(SEEDS[name]())
    for i, (_, content) in enumerate(cases(40)):
        (tmp_path / f"x{i:03d}").write_bytes(content)
    code, said = answers(exported, tmp_path, "--batch-size", batch_size)
    assert (code, list(said)) == (3, sorted(os.listdir(tmp_path)))
    output = [line["error"].startswith(f"{line['file']}: ") for line in said.values() if "error" in line]
    assert all(output)
    assert len(said) / 2 < len(said) - len(output) < len(said)


def test_what_is_no_plain_file_is_told_and_waits_for_nothing(exported: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    Image.fromarray(digits().select.pixels[0, :, :, 0]).save(tmp_path / "picture.png")
    code, said = answers(exported, tmp_path, "/dev/zero")
    assert code == 3
    assert {name for name, line in said.items() if "error" in line} == {"pipe", "link", "loop", "zero"}


@pytest.mark.parametrize("place", ["", "inner"])
def test_a_folder_that_may_not_be_read_is_told_and_the_others_go_on(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    Image.fromarray(digits().select.pixels[0, :, :, 0]).save(tmp_path / "picture.png")
    locked, scan = tmp_path / "folder" / place, os.scandir

    def refusing(path: str) -> Any:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    code, said = answers(exported, tmp_path / "folder", tmp_path / "picture.png")
    assert code == 3
    assert "Permission denied" in said[locked.name]["error"]
    assert "error" not in said["picture.png"]


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
def test_16_bit_files_are_read_as_in_the_training(copied: Any, tmp_path: Path, depth: int) -> None:
    digit, folder = digits().select.pixels[0, :, :, 0], tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(digit.astype(np.uint16) << (depth - 8)).save(folder / "sixteen.png")
    Image.fromarray(digit).save(folder / "eight.png")
    code, said = answers(with_depth(copied(), depth), folder)
    assert code == 0
    assert said["sixteen.png"]["confidence"] == said["eight.png"]["confidence"]


@pytest.mark.parametrize(("depth", "highest"), [(None, 255), (None, 4095), (8, 256), (12, 65_535)])
def test_16_bit_files_that_the_training_does_not_explain_are_refused(
    copied: Any, tmp_path: Path, depth: int | None, highest: int
) -> None:
    folder = with_depth(copied(), depth)
    values = np.linspace(0, highest, 64).astype(np.uint16).reshape(8, 8)
    with pytest.raises(DataError, match="16-bit values"):
        EarlyExitSession(folder).predict(Image.fromarray(values))
    Image.fromarray(values).save(tmp_path / "sixteen.png")
    assert answers(folder, tmp_path)[0] == 3


def test_an_export_and_its_card_keep_the_depth_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"caf\xe9")  # the card names it
    shutil.copytree(checkpoint, place)
    text = (
        (checkpoint / "checkpoint.yaml")
        .read_text()
        .replace("sixteen_bit_depth: null", "sixteen_bit_depth: 12")
    )
    (place / "checkpoint.yaml").write_text(text)
    exported = export(place, tmp_path / "model", samples=0)
    assert exported.manifest.sixteen_bit_depth == 12
    assert (
        "16-bit grey files have 12 bits here: `value / 16`" in (tmp_path / "model" / "README.md").read_text()
    )


def test_a_depth_that_was_edited_is_refused(copied: Any) -> None:
    folder = with_depth(copied(), 12)
    assert read_manifest(folder).sixteen_bit_depth == 12
    fields = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(fields | {"sixteen_bit_depth": 14}))
    with pytest.raises(RunError, match="edited or damaged"):
        read_manifest(folder)


def test_exports_of_before_there_was_a_depth_are_read(copied: Any) -> None:
    fields = json.loads((with_depth(copied(), None) / MANIFEST).read_text())
    assert "sixteen_bit_depth" not in fields
    assert Manifest.model_validate_json(json.dumps(fields)).sixteen_bit_depth is None


@pytest.mark.parametrize(
    "kind", ["png turned", "tiff turned", "dds unknown letters", "jpeg turned, other tags"]
)
def test_pillow_images_are_decoded_late_and_told_without_a_name(
    exported: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "1").write_bytes(SEEDS[kind]())
    session = EarlyExitSession(exported)
    try:
        image = Image.open(tmp_path / "1")
    except NotImplementedError:
        with pytest.raises(DataError, match="Unimplemented"):
            session.predict(tmp_path / "1")
        return
    with image:
        assert session.predict(image).label == session.predict(tmp_path / "1").label


def test_whatever_a_pillow_image_raises_is_an_error_of_the_data(exported: Path) -> None:
    class Odd(Image.Image):
        def load(self) -> None:
            raise OverflowError("odd")

    image = Odd()
    image._mode, image._size = "L", (4, 4)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="not a readable image \\(odd\\)"):
        EarlyExitSession(exported).predict(image)
