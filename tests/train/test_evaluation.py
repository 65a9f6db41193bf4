"""Scoring on test images: the numbers agree with each other, and nothing else reads that split."""

import json
import re
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import yaml
from final_cases import architecture, plan, task

from aebnas.data.datasets import load_dataset
from aebnas.errors import DataError, RunError
from aebnas.exits.core.threshold_policy import ThresholdPolicy, never_leave
from aebnas.train.full.checkpoint import load_trained
from aebnas.train.full.full_training import train_network
from aebnas.train.full.plan import TrainingJob
from aebnas.train.test.evaluate import evaluate
from aebnas.train.test.results import TestReport
from aebnas.train.test.stopping import StoppingNetwork

TestReport.__test__ = False  # type: ignore[attr-defined]  # pytest takes the name for a test
ROOT = Path(__file__).parents[2]


@cache
def trained() -> Path:
    """A network with its static twin; do not change it."""
    folder = Path(mkdtemp()) / "network"
    settings = plan(epochs=4, budget_fraction=0.7)
    train_network(task(folder), settings)
    train_network(TrainingJob("static", architecture().without_exits(), folder / "static"), settings)
    return folder


@cache
def report() -> TestReport:
    return evaluate(trained())


def test_every_test_image_is_answered_and_no_other() -> None:
    test = load_dataset(plan().images.data).test
    assert report().network.images == len(test)
    assert sum(exit_.leaving for exit_ in report().network.exits) == len(test)


def test_the_policy_answers_as_right_as_those_that_leave_at_each_exit() -> None:
    found = [exit_ for exit_ in report().network.exits if exit_.accuracy_of_leaving]
    right = sum(e.leaving * e.accuracy_of_leaving.value for e in found if e.accuracy_of_leaving)
    assert report().network.policy.accuracy.value == pytest.approx(right / report().network.images)


def test_networks_that_really_stop_leave_where_the_logits_say() -> None:
    stopped, network = report().stopped, report().network
    assert stopped is not None
    assert {0, 1} == set(network.chosen.tolist()), "the case must leave at both exits"
    assert np.mean(stopped.chosen == network.chosen) >= 0.999  # onnxruntime rounds otherwise


def test_the_macs_executed_are_those_of_the_segments_that_were_called() -> None:
    stopped, network = report().stopped, report().network
    assert stopped is not None
    assert stopped.calls[0] == network.images
    assert stopped.calls[1] == int((stopped.chosen == 1).sum())
    reach = [exit_.reach_macs for exit_ in network.exits]
    assert stopped.macs(reach) == pytest.approx(np.asarray(reach)[stopped.chosen].mean())


def test_the_time_of_deciding_is_part_of_an_images_time() -> None:
    stopped = report().stopped
    assert stopped is not None
    assert (stopped.deciding_ms > 0).all()
    assert (stopped.deciding_ms < stopped.ms).all()


def test_networks_that_really_stop_decide_as_exported_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by ``leave``, half of whose time is checks: it would make stopping look more expensive."""

    def never(*given: object) -> None:
        raise AssertionError

    network = load_trained(trained()).network
    stopping = StoppingNetwork(network, never_leave(2))
    monkeypatch.setattr(ThresholdPolicy, "leave", never)
    stopping.run(np.zeros((1, 1, 8, 8), np.float32))
    assert stopping.stopped().calls == (1, 1)


def test_the_gain_is_the_difference_of_the_accuracies_and_lies_in_its_interval() -> None:
    (baseline,) = report().baselines
    assert baseline.name == "the same network without early exits"
    apart = report().network.policy.accuracy.value - baseline.score.policy.accuracy.value
    assert baseline.gain.value == pytest.approx(apart)
    assert baseline.gain.low <= baseline.gain.value <= baseline.gain.high


def test_a_missing_baseline_is_named_with_its_reason() -> None:
    assert [(one.name, one.why) for one in report().missing] == [
        ("best static network of the run", "the run nowhere is not there")
    ]


def test_intervals_hold_their_values() -> None:
    policy = report().network.policy
    for one in (policy.accuracy, policy.macs, *(exit_.accuracy for exit_ in report().network.exits)):
        assert one.low <= one.value <= one.high


def test_the_record_lies_beside_the_checkpoint() -> None:
    written = json.loads((report().folder / "evaluation.json").read_text())
    assert written["test_images"] == report().network.images
    assert written["network"]["policy"]["accuracy"]["value"] == report().network.policy.accuracy.value
    assert written["baselines"][0]["stopped"]["calls"] == [report().network.images]


def test_other_data_than_those_of_the_training_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.yaml"
    for name in ("weights.pt", "logits.npz"):
        (tmp_path / name).write_bytes((trained() / name).read_bytes())
    plain = yaml.safe_load((trained() / "checkpoint.yaml").read_text())
    path.write_text(yaml.safe_dump(plain | {"data": plain["data"] | {"split_seed": 1}}))
    with pytest.raises(DataError, match="was trained on other data"):
        evaluate(tmp_path)
    assert not (tmp_path / "evaluation.json").exists()


def test_a_static_network_of_other_data_is_no_baseline(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for file in (trained() / "static").glob("*.*"):
        if file.is_file():
            (other / file.name).write_bytes(file.read_bytes())
    plain = yaml.safe_load((other / "checkpoint.yaml").read_text())
    (other / "checkpoint.yaml").write_text(yaml.safe_dump(plain | {"data_fingerprint": "0" * 64}))
    with pytest.raises(RunError, match="was trained on other data"):
        evaluate(trained(), static=other)


def test_a_folder_without_a_checkpoint_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="aebnas train"):
        evaluate(tmp_path)


def test_nothing_else_in_the_package_reads_the_test_split() -> None:
    package = ROOT / "aebnas"
    rooms = (path for path in package.rglob("*.py") if path.relative_to(package).parts[0] != "data")
    # the room train/test has the split's name
    readers = [path.name for path in rooms if re.search(r"(?<!aebnas\.train)\.test\b", path.read_text())]
    assert readers == ["evaluate.py"]
