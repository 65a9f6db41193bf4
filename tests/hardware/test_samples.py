"""Raw samples on disk, and when a layer has been measured often enough."""

from pathlib import Path

import numpy as np
import pytest

from aebnas.blocks.tensor_spec import image
from aebnas.errors import HardwareError
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.rounds import MAX_ROUNDS, MIN_ROUNDS, is_stable, sample_ns, standard_error
from aebnas.hardware.measure.samples import ANCHOR_NAME, Sample, SampleFile, empty_name

EMPTY = empty_name(image(1, 8))
ROUND = [
    Sample(0, 0, ANCHOR_NAME, 1000), Sample(0, 0, EMPTY, 10), Sample(0, 0, "conv-in1@8", 250),
    Sample(0, 0, ANCHOR_NAME, 1100),
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "board.samples.csv"
    SampleFile.open(path, Target()).append(ROUND)
    return path


def reopened(path: Path) -> SampleFile:
    return SampleFile.open(path, Target())


def test_samples_are_there_again_after_a_restart(path: Path) -> None:
    found = reopened(path)
    assert dict(found.samples) == {
        ANCHOR_NAME: [ROUND[0], ROUND[3]],
        EMPTY: [ROUND[1]],
        "conv-in1@8": [ROUND[2]],
    }
    assert found.batches == 1
    assert found.batch_medians(ANCHOR_NAME) == {0: 1050.0}


def test_the_file_begins_with_its_target_and_has_a_line_per_sample(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == f"# {Target()}"
    assert lines[1:] == [
        "0,0,*anchor,1000,",
        "0,0,*empty-in1@8,10,",
        "0,0,conv-in1@8,250,",
        "0,0,*anchor,1100,",
    ]


def test_what_disturbed_a_round_is_kept(path: Path) -> None:
    reopened(path).append([Sample(1, 0, "conv-in1@8", 300, "busy")])
    assert reopened(path).samples["conv-in1@8"][-1] == Sample(1, 0, "conv-in1@8", 300, "busy")


def test_a_file_torn_at_any_byte_gives_every_whole_line_back(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        found = reopened(path)
        kept = max(whole[:end].count(b"\n") - 1, 0)
        assert sum(map(len, found.samples.values())) == kept
        assert path.read_bytes() == (whole[: whole[:end].rfind(b"\n") + 1] or whole[: whole.index(b"\n") + 1])


def test_rounds_behind_a_torn_line_stand_on_lines_of_their_own(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])
    reopened(path).append([Sample(1, 0, ANCHOR_NAME, 900)])
    assert [one.value for one in reopened(path).samples[ANCHOR_NAME]] == [1000, 900]


def test_samples_of_another_target_are_refused_by_both_names(path: Path) -> None:
    with pytest.raises(HardwareError) as caught:
        SampleFile.open(path, Target(threads=2))
    output = str(caught.value)
    assert "of another target (cpu, onnxruntime, fp32, batch 1, 1 thread)" in output
    assert "not of cpu, onnxruntime, fp32, batch 1, 2 threads. Name another profile with -o" in output


@pytest.mark.parametrize("line", ["0,0,conv", "0,0,conv,fast,", "zero,0,conv,5,", "0,0,conv,5,,"])
def test_a_line_that_is_no_sample_is_refused(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(HardwareError, match=f"'{line}' is no sample"):
        reopened(path)


def test_samples_that_are_not_text_are_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(HardwareError, match=str(path)):
        reopened(path)


# ---------------------------------------------------------------- stability
def test_few_rounds_are_never_stable_however_equal() -> None:
    assert not is_stable([1e5] * (MIN_ROUNDS - 1))
    assert is_stable([1e5] * MIN_ROUNDS)


def test_scattered_rounds_are_stable_only_once_there_are_enough() -> None:
    scattered = [1e5 * (1 + 0.2 * (i % 2)) for i in range(MAX_ROUNDS)]
    assert not is_stable(scattered[: MAX_ROUNDS - 1])
    assert is_stable(scattered)


def test_more_rounds_of_the_same_scatter_become_stable() -> None:
    one = [1e5 * (1 + 0.006 * i) for i in (-3, -2, -1, 0, 1, 2, 3)]
    assert not is_stable(one)
    assert is_stable(one * 3)


def test_a_scatter_below_the_clocks_resolution_is_stable() -> None:
    assert is_stable([1000.0, 1030.0] * 5)


def test_one_outlier_does_not_unsettle_a_layer() -> None:
    assert is_stable([1e5] * MIN_ROUNDS + [9e5])


def test_the_standard_error_is_that_of_a_normal_median() -> None:
    rng = np.random.default_rng(0)
    medians = [np.median(rng.normal(1000, 50, 25)) for _ in range(2000)]
    estimates = [standard_error(list(rng.normal(1000, 50, 25))) for _ in range(2000)]
    assert np.mean(estimates) == pytest.approx(np.std(medians), rel=0.1)


@pytest.mark.parametrize(("call_ns", "calls"), [(1e3, 80), (2e4, 60), (1e6, 7)])
def test_a_sample_is_a_chunk_of_bounded_length(call_ns: float, calls: int) -> None:
    asked: list[int] = []

    def clock(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        asked.append(count)
        return np.full(count, call_ns)

    assert sample_ns(clock) == call_ns
    assert asked == [3, calls]
