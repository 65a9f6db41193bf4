"""Heads: trained once, found again by anybody, the same bit for bit whatever happened meanwhile."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from frozen_cases import (
    PLENTY_MB,
    SIZES,
    bank,
    contents,
    filled,
    images,
    network,
    request,
    store,
    training,
)
from test_feature_store import child

from aebnas.errors import RunError, ShapeError, TrainingError
from aebnas.files.waiting_lock import held
from aebnas.heads.bank import head_bank, head_file
from aebnas.heads.bank.head_bank import HeadBank
from aebnas.heads.bank.request import HeadTraining
from aebnas.heads.bank.training import FeatureBatches, head_logits
from aebnas.heads.features.features import Features
from aebnas.heads.features.parts import CALIBRATE, SELECT, Part
from aebnas.training.losses.teacher import Distillation


def heads_of(directory: Path) -> dict[str, bytes]:
    return contents(directory / "heads")


def test_a_head_learns_what_its_features_say(tmp_path: Path) -> None:
    head = bank(tmp_path, epochs=10, learning_rate=0.2).head(request())
    assert head.record["select_accuracy"] > 0.8
    assert head.select.shape == (SIZES["select"], 3)
    right = (head.select.argmax(1) == images().select.labels).mean()
    assert right == pytest.approx(head.record["select_accuracy"])


def test_its_weights_give_its_logits(tmp_path: Path) -> None:
    features = filled(tmp_path)
    head = bank(tmp_path, features).head(request())
    logits = head_logits(head.branch(features), features, "body", CALIBRATE)
    np.testing.assert_array_equal(logits, head.calibrate)


def test_a_head_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bank(tmp_path).head(request())
    monkeypatch.setattr(head_bank, "train_head", lambda *given: pytest.fail("trained again"))
    assert bank(tmp_path).has(request())
    np.testing.assert_array_equal(bank(tmp_path).head(request()).select, first.select)


@pytest.mark.parametrize(
    "other",
    [
        lambda: training(epochs=3),
        lambda: training(learning_rate=0.04),
        lambda: HeadTraining(training().config, Distillation(0.2, 2.0), run_seed=0),
        lambda: HeadTraining(training().config, Distillation(0.5, 2.0), run_seed=1),
    ],
)
def test_other_settings_are_another_head(tmp_path: Path, other: Any) -> None:
    features = filled(tmp_path)
    keys = {HeadBank(tmp_path, features, one).key(request()) for one in (training(), other())}
    assert len(keys) == 2


def test_other_layers_cuts_views_and_networks_are_other_heads(tmp_path: Path) -> None:
    other = store(tmp_path, network(scale=2.0))
    keys = [
        bank(tmp_path).key(request()),
        bank(tmp_path).key(request(convs=2)),
        bank(tmp_path).key(request("stem")),
        bank(tmp_path, filled(tmp_path, views=1)).key(request()),
        bank(tmp_path, Features(other, other.plan(PLENTY_MB, 2))).key(request()),
        bank(tmp_path, filled(tmp_path, limit_mb=0.2)).key(request()),
    ]
    assert len(set(keys)) == len(keys)


def test_settings_that_change_no_head_change_no_key(tmp_path: Path) -> None:
    keys = {bank(tmp_path, **more).key(request()) for more in ({}, {"augment": {"flip": True}})}
    assert len(keys) == 1


def test_the_order_in_which_heads_are_asked_for_changes_none(tmp_path: Path) -> None:
    features = filled(tmp_path)
    requests = [request("stem", 0), request("body", 1), request("body", 0)]
    for name, asked in (("one", requests), ("other", requests[::-1])):
        own = HeadBank(tmp_path / name / "heads", features, training())
        for request_ in asked:
            own.head(request_)
    assert heads_of(tmp_path / "one") == heads_of(tmp_path / "other")


def test_training_a_head_leaves_the_random_numbers_of_others_alone(tmp_path: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    bank(tmp_path).head(request())
    assert torch.equal(torch.rand(3), expected)


def test_heads_learn_from_the_networks_own_answers(tmp_path: Path) -> None:
    features = filled(tmp_path)
    far = {}
    for share in (0.0, 1.0):
        own = HeadBank(
            tmp_path, features, HeadTraining(training(epochs=4).config, Distillation(share, 2.0), 0)
        )
        answers = torch.from_numpy(features.answers(SELECT)).log_softmax(1)
        head = torch.from_numpy(own.head(request()).select).log_softmax(1)
        far[share] = float((answers.exp() * (answers - head)).sum(1).mean())
    assert far[1.0] < 0.2 * far[0.0]


def test_with_a_new_head_the_others_learn_from_it(tmp_path: Path) -> None:
    own = store(tmp_path, network(has_answers=False))
    plan = own.plan(PLENTY_MB, 2)
    own.fill(plan)
    first = HeadBank(tmp_path / "heads", Features(own, plan), training(epochs=10, learning_rate=0.2))
    last = first.last_head(request("body"))
    distilled = first.distilled_from(last)
    assert last.answers(Part("train", 1)).shape == (SIZES["train"], 3)
    assert distilled.key(request("stem")) != first.key(request("stem"))
    assert distilled.head(request("stem")).record["select_accuracy"] > 0.7


def test_every_epoch_shows_each_image_in_another_view(tmp_path: Path) -> None:
    features = filled(tmp_path)
    seen: list[set[tuple[int, int]]] = []
    rows = Features.rows

    def noted(own: Features, part: Part, cut: str, places: Any) -> Any:
        seen[-1] |= {(part.view, place) for place in places.tolist()}
        return rows(own, part, cut, places)

    batches = FeatureBatches(features, "body", batch_size=60, seed=0, teacher=None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Features, "rows", noted)
        for _ in range(2):
            seen.append(set())
            list(batches)
    assert len(seen[0]) == len(seen[1]) == SIZES["train"]
    assert seen[0].isdisjoint(seen[1])
    assert {view for view, _ in seen[0]} == {0, 1}


def test_features_labels_and_answers_of_a_batch_belong_together(tmp_path: Path) -> None:
    features = filled(tmp_path)
    weights = network().pieces[2]
    for x, targets in FeatureBatches(features, "body", 32, 0, features.answers):
        with torch.no_grad():
            torch.testing.assert_close(weights(x), targets[:, 1:], rtol=1e-2, atol=1e-2)
        assert targets[:, 0].max() <= 2


def test_a_head_that_diverges_is_told_and_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(*given: Any) -> None:
        raise TrainingError("training diverged")

    with monkeypatch.context() as patched:
        patched.setattr(head_bank, "train_head", diverged)
        with pytest.raises(TrainingError, match="training diverged"):
            bank(tmp_path).head(request())
    with pytest.raises(TrainingError, match="training diverged"):
        bank(tmp_path).head(request())


def test_a_branch_for_other_features_is_refused(tmp_path: Path) -> None:
    wrong = request("stem")
    with pytest.raises(ShapeError, match="the branch begins with"):
        bank(tmp_path).head(type(wrong)("body", wrong.layers))


@pytest.mark.parametrize("name", ["weights.safetensors", "select.npy", "record.json"])
def test_a_damaged_head_is_trained_again_to_the_same_bytes(tmp_path: Path, name: str) -> None:
    key = bank(tmp_path).head(request()).key
    whole = heads_of(tmp_path)
    file = tmp_path / "heads" / key / name
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    bank(tmp_path).head(request())
    assert heads_of(tmp_path) == whole


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_loses_no_other_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    bank(tmp_path).head(request("stem"))
    before = heads_of(tmp_path)

    def full(files: Any) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patched:
        patched.setattr(head_file, "write_together", full)
        with pytest.raises(RunError, match=r"more are needed in .*heads, but: .*(space|quota).*are kept"):
            bank(tmp_path).head(request())
    assert heads_of(tmp_path) == before
    assert bank(tmp_path).head(request()).record["precision"] in ("fp32", "bf16")


@pytest.mark.parametrize("what", ["die_in_training", "die_in_writing"])
def test_a_process_killed_at_a_head_changes_nothing(tmp_path: Path, what: str) -> None:
    bank(tmp_path / "whole").head(request())
    filled(tmp_path / "own")
    process = child(what, tmp_path / "own")
    process.communicate()
    assert process.returncode == -9
    assert not bank(tmp_path / "own").has(request())
    bank(tmp_path / "own").head(request())
    assert heads_of(tmp_path / "own") == heads_of(tmp_path / "whole")
    assert not list((tmp_path / "own" / "heads").glob(".*.draft-*"))


def test_of_two_processes_that_want_a_head_one_trains_it(tmp_path: Path) -> None:
    bank(tmp_path / "whole").head(request())
    filled(tmp_path / "own")
    processes = [child("train_together", tmp_path / "own") for _ in range(2)]
    while len(list((tmp_path / "own").glob("ready-*"))) < 2:
        assert all(process.poll() is None for process in processes)
    (tmp_path / "own" / "go").touch()
    keys = {process.communicate()[0].strip() for process in processes}
    assert len(keys) == 1
    assert len(list((tmp_path / "own").glob("trained-*"))) == 1
    assert heads_of(tmp_path / "own") == heads_of(tmp_path / "whole")


def test_a_lock_falls_with_its_process(tmp_path: Path) -> None:
    process = child("hold_and_die", tmp_path)
    process.communicate()
    assert process.returncode == -9
    with held(tmp_path / "lock", wait=False) as is_held:
        assert is_held


def test_a_lock_that_is_taken_is_not_waited_for_unless_asked(tmp_path: Path) -> None:
    with held(tmp_path / "lock"), held(tmp_path / "lock", wait=False) as is_held:
        assert not is_held
