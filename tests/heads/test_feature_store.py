"""Features on disk: what the network says, whoever asked, whatever happened meanwhile."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from frozen_cases import PLENTY_MB, SIZES, contents, filled, images, network, prepare, store
from torch import nn

from aebnas.blocks.tensor_spec import TensorSpec
from aebnas.errors import RunError, TrainingError
from aebnas.files import full_disk
from aebnas.heads.features import block_file
from aebnas.heads.features.cache_plan import BLOCK_IMAGES
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import CALIBRATE, SELECT, Part
from aebnas.heads.frozen_network import FrozenNetwork
from aebnas.pretrained.cuts import Cut

HERE = Path(__file__).parent
STEM = Cut("stem", 0, 100, TensorSpec(4, (8, 8)))


def child(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / "frozen_children.py"), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
    )


def test_kept_features_are_the_networks_to_eleven_bits(tmp_path: Path) -> None:
    features, rows = filled(tmp_path), np.array([129, 3, 64])
    x = prepare(torch.from_numpy(images().calibrate.pixels[rows]))
    with torch.no_grad():
        expected = dict(network().outputs(x))
    for cut in ("stem", "body"):
        torch.testing.assert_close(features.rows(CALIBRATE, cut, rows), expected[cut], rtol=2**-10, atol=1e-4)
    torch.testing.assert_close(torch.from_numpy(features.answers(CALIBRATE))[rows], expected["answers"])


def test_labels_and_answers_have_the_order_of_the_images(tmp_path: Path) -> None:
    features = filled(tmp_path)
    assert features.labels(SELECT).tolist() == images().select.labels.tolist()
    assert features.answers(Part("train", 1)).shape == (SIZES["train"], 3)


def test_augmented_views_differ_from_the_image_as_it_is(tmp_path: Path) -> None:
    features, rows = filled(tmp_path), np.arange(5)
    plain, augmented = (features.rows(Part("train", view), "stem", rows) for view in (0, 1))
    assert not torch.equal(plain, augmented)


def test_a_store_takes_no_more_than_was_planned(tmp_path: Path) -> None:
    features = filled(tmp_path)
    blocks = [
        path
        for path in features.store.root.rglob("*")
        if path.is_file() and path.parent.parent.parent == features.store.root
    ]
    assert (
        0.8 * features.plan.total_bytes
        < sum(path.stat().st_size for path in blocks)
        <= features.plan.total_bytes
    )


def test_features_that_are_not_kept_are_computed_the_same_up_to_rounding(tmp_path: Path) -> None:
    kept = filled(tmp_path, views=2)
    part, rows = Part("train", 0), np.array([200, 1])
    for limit_mb in (0.75, 0.2):
        fewer = Features(kept.store, kept.store.plan(limit_mb, 2))
        assert set(fewer.plan.kept) != {"stem", "body"}
        for cut in ("stem", "body"):
            torch.testing.assert_close(
                fewer.rows(part, cut, rows), kept.rows(part, cut, rows), rtol=2**-9, atol=1e-3
            )


def test_a_second_filling_computes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features = filled(tmp_path)
    monkeypatch.setattr(FrozenNetwork, "outputs", lambda *given: pytest.fail("the network ran"))
    features.store.fill(features.plan)


def test_further_cuts_are_added_to_the_blocks_that_are_there(tmp_path: Path) -> None:
    whole = contents(filled(tmp_path / "whole").store.root)
    own = store(tmp_path / "parts")
    own.fill(own.plan(PLENTY_MB, 2, cuts=["body"]))
    own.fill(own.plan(PLENTY_MB, 2))
    parts = contents(own.root)
    assert {name: parts[name] for name in whole if name.endswith(".npy")} == {
        name: content for name, content in whole.items() if name.endswith(".npy")
    }


def test_other_weights_preparation_or_images_are_another_store(tmp_path: Path) -> None:
    assert store(tmp_path).identity != store(tmp_path, network(scale=2.0)).identity


def test_features_beyond_fp16_are_scaled(tmp_path: Path) -> None:
    own = store(tmp_path, network(scale=1e6))
    plan = own.plan(PLENTY_MB, 1)
    own.fill(plan)
    rows = np.arange(SIZES["select"])
    with torch.no_grad():
        expected = dict(own.network.outputs(own.inputs(SELECT, rows)))["body"]
    assert expected.max() > 65504
    torch.testing.assert_close(
        Features(own, plan).rows(SELECT, "body", rows),
        expected,
        rtol=2**-9,
        atol=2**-10 * float(expected.max()),
    )


def test_features_that_are_no_numbers_are_told_with_their_cut(tmp_path: Path) -> None:
    own = store(tmp_path, network(scale=float("inf")))
    with pytest.raises(TrainingError, match="at body are NaN or infinite"):
        own.fill(own.plan(PLENTY_MB, 1))


@pytest.mark.parametrize(
    "kind", ["a flipped bit", "cut short", "gone", "no record", "nonsense in the record"]
)
def test_a_damaged_block_is_found_and_made_again(tmp_path: Path, kind: str) -> None:
    whole = contents(filled(tmp_path).store.root)
    block = store(tmp_path).root / "train.1" / "00001"
    file, record = block / "body.npy", block / "block.json"
    content = file.read_bytes()
    match kind:
        case "a flipped bit":
            file.write_bytes(content[:-5] + bytes([content[-5] ^ 64]) + content[-4:])
        case "cut short":
            file.write_bytes(content[:-5])
        case "gone":
            file.unlink()
        case "no record":
            record.unlink()
        case _:
            record.write_bytes(b'{"body": 7, "stem')
    features = filled(tmp_path)
    features.rows(Part("train", 1), "body", np.array([BLOCK_IMAGES + 2]))
    assert contents(features.store.root) == whole


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_told_with_what_is_needed_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    whole = contents(filled(tmp_path / "whole").store.root)
    write, calls = block_file.write_together, []

    def full(files: Any) -> None:
        calls.append(files)
        if len(calls) > 3:
            raise OSError(code, os.strerror(code))
        write(files)

    with monkeypatch.context() as patched:
        patched.setattr(block_file, "write_together", full)
        with pytest.raises(
            RunError, match=r"0\.9 MB more are needed in .*features/[0-9a-f]{16}, but: .*(space|quota)"
        ):
            filled(tmp_path / "own")
    done = contents(store(tmp_path / "own").root)
    assert len([name for name in done if name.endswith("block.json")]) == 3
    assert done.items() <= whole.items()
    assert contents(filled(tmp_path / "own").store.root) == whole


def test_too_little_room_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def little(folder: Path) -> Any:
        return type("Usage", (), {"free": 500_000})

    monkeypatch.setattr(full_disk.shutil, "disk_usage", little)
    with pytest.raises(
        RunError, match=r"1\.\d MB more are needed in .*, but only 0.5 MB are free\. .*smaller limit"
    ):
        filled(tmp_path)
    assert not list(store(tmp_path).root.glob("*/*"))


def test_a_limit_on_the_size_of_files_is_told(tmp_path: Path) -> None:
    process = child("fill_with_small_files", tmp_path, 20_000)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "RunError" in errors.splitlines()[-1]
    assert "File too large" in errors.splitlines()[-1]


@pytest.mark.parametrize("files", [0, 1, 4, 5, 9, 14])
def test_a_process_killed_while_writing_costs_one_block(tmp_path: Path, files: int) -> None:
    whole = contents(filled(tmp_path / "whole").store.root)
    process = child("fill_and_die", tmp_path / "own", files)
    process.communicate()
    assert process.returncode == -9
    assert contents(filled(tmp_path / "own").store.root) == whole


def test_two_processes_share_the_work_and_make_each_block_once(tmp_path: Path) -> None:
    whole = contents(filled(tmp_path / "whole").store.root)
    (tmp_path / "own").mkdir()
    processes = [child("fill_together", tmp_path / "own") for _ in range(2)]
    while len(list((tmp_path / "own").glob("ready-*"))) < 2:
        assert all(process.poll() is None for process in processes)
    (tmp_path / "own" / "go").touch()
    counts = [int(process.communicate()[0]) for process in processes]
    assert contents(store(tmp_path / "own").root) == whole
    blocks = len(list(store(tmp_path / "own").root.glob("*/*/block.json")))
    assert min(counts) >= 1
    assert sum(counts) == blocks


def test_a_network_in_training_mode_is_refused() -> None:
    pieces = [nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))]
    with pytest.raises(ValueError, match="the piece that ends in stem is in training mode"):
        FrozenNetwork("x", pieces, (STEM,), prepare, "none")


def test_a_piece_that_returns_no_single_tensor_is_named() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x

    frozen = FrozenNetwork("x", [Pair().eval()], (STEM,), prepare, "none")
    with pytest.raises(ValueError, match=r"stem must return a tensor \(2, 4, 8, 8\), but got tuple"):
        list(frozen.outputs(torch.zeros(2, 3)))
