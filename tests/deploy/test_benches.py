"""`aebnas bench` measures all networks on the same images, beside the prediction."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from cli.conftest import aebnas
from PIL import Image
from training.small_training import digits

from aebnas.deploy.bench import EARLY, FULL, INT8, STATIC, Bench, bench
from aebnas.deploy.speed import CHUNK, TimedNetwork, mean_ms, rounds_ns
from aebnas.errors import AebnasError, DataError, HardwareError

SHIPPED = Path(__file__).parents[2] / "hardware_profiles"


@pytest.fixture(scope="module")
def measured(exported: Path, static_export: Path) -> Bench:
    return bench(exported, static=static_export, rounds=2)


def test_all_networks_are_measured(measured: Bench) -> None:
    assert [one.name for one in measured.results] == [EARLY, FULL, STATIC, INT8]
    for one in measured.results:
        assert 0 < one.median_ms <= one.p95_ms <= one.p99_ms
        assert one.mean_ms > 0
        assert one.images_per_second > 0


def test_exit_rates_are_those_of_the_policy(measured: Bench, exported: Path) -> None:
    early, full, static, _ = measured.results
    with np.load(exported / "samples.npz") as stored:
        rates = np.bincount(stored["exits"], minlength=3) / len(stored["exits"])
    assert early.exit_rates == pytest.approx(rates)
    assert full.exit_rates == (0, 0, 1)
    assert static.exit_rates == (1,)


def test_stored_images_are_scored_and_answered_as_while_exporting(measured: Bench) -> None:
    assert measured.images == len(digits().calibrate)
    assert measured.unchanged == 1
    assert all(one.accuracy is not None and one.accuracy > 0.8 for one in measured.results)


def test_images_of_your_own_are_measured_without_accuracy(exported: Path, tmp_path: Path) -> None:
    for i in range(3):
        Image.fromarray(digits().select.pixels[i, :, :, 0]).save(tmp_path / f"{i}.png")
    answer = aebnas("bench", exported, tmp_path, "--rounds", 1, "--json")
    found = json.loads(answer.out)
    assert answer.code == 0
    assert found["images"] == 3
    assert found["results"][0]["accuracy"] is None
    assert found["unchanged"] is None


def test_the_table_names_everything(exported: Path, static_export: Path) -> None:
    answer = aebnas("bench", exported, "--static", static_export, "--rounds", 1)
    assert "fitted on calibrate" in answer.out
    assert (answer.code, answer.err) == (0, "")
    for words in (EARLY, FULL, STATIC, INT8, "p99", "Left at each exit"):
        assert words in answer.out


def test_a_profile_without_the_layers_says_what_to_measure(exported: Path) -> None:
    with pytest.raises(HardwareError, match="aebnas profile"):
        bench(exported, hardware=SHIPPED / "xeon-onnxruntime-mnist5k.yaml", rounds=1)


@pytest.mark.parametrize(
    ("name", "threads", "message"),
    [("xeon-torch-mnist5k", 1, "profile of torch"), ("xeon-onnxruntime-mnist5k", 2, "profile of 1 threads")],
)
def test_a_profile_of_something_else_is_refused(
    exported: Path, name: str, threads: int, message: str
) -> None:
    with pytest.raises(HardwareError, match=message):
        bench(exported, hardware=SHIPPED / f"{name}.yaml", threads=threads, rounds=1)


def test_only_a_network_without_exits_is_static(exported: Path) -> None:
    with pytest.raises(DataError, match="has 3 exits; --static needs"):
        bench(exported, static=exported, rounds=1)


def test_a_broken_image_ends_the_bench(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no image")
    with pytest.raises(AebnasError, match=r"x\.png"):
        bench(exported, images=[tmp_path / "x.png"], rounds=1)


def test_networks_take_turns_and_each_round_begins_with_another() -> None:
    order: list[str] = []
    inputs = np.zeros((CHUNK + 1, 1, 2, 2), np.float32)
    timed = [TimedNetwork(lambda x, name=name: order.append(name), inputs) for name in "ab"]
    spent = rounds_ns(timed, rounds=2)
    turns = [name for i, name in enumerate(order) if not i or order[i - 1] != name]
    assert spent.shape == (2, 2, CHUNK + 1)
    assert (spent > 0).all()
    assert turns == ["a", "b", "a", "b", "a", "b", "a"]


def test_one_interrupted_call_does_not_move_the_mean() -> None:
    spent = np.full((1, 3, 10), 1_000_000)
    spent[0, 1, 4] = 900_000_000
    assert mean_ms(spent) == [1.0]


def test_a_prediction_where_torch_is_missing_is_refused_in_words(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "aebnas.hardware.measure.network_clock", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(HardwareError, match="by a network that torch builds, and it is not installed here"):
        bench(exported, hardware=SHIPPED / "xeon-onnxruntime-mnist5k.yaml", rounds=1)
