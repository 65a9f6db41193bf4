"""What may stand in one table, and what is told of the sessions that made it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hardware.synthetic_profiles import by_macs, profile_of
from layers import square

from aebnas.blocks.block import BlockSpec
from aebnas.errors import HardwareError
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.samples import ANCHOR_NAME, Sample, SampleFile
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import Conditions, DeviceMetadata, method_of
from aebnas.hardware.profile.profile_table import LayerRow
from aebnas.hardware.profile.provenance import merged_conditions, refuse_mixture, versions

LAYERS = (square(BlockSpec("conv", 3, 8), 1, 8),)
PATH = Path("board.yaml")


def made_here(**metadata: object) -> HardwareProfile:
    profile = profile_of(LAYERS, "board")
    return replace(profile, metadata=profile.metadata.model_copy(update={"versions": versions(), **metadata}))


def here(profile: HardwareProfile) -> DeviceMetadata:
    return profile.metadata.device


def test_a_table_is_extended_on_its_own_device() -> None:
    refuse_mixture(made_here(), here(made_here()), False, PATH)


@pytest.mark.parametrize("change", [{"name": "another board"}, {"driver": "999.1"}])
def test_rows_of_two_devices_are_not_mixed(change: dict[str, str]) -> None:
    profile = made_here()
    with pytest.raises(HardwareError, match=r"another (device|driver).*--again"):
        refuse_mixture(profile, here(profile).model_copy(update=change), False, PATH)


def test_rows_of_two_versions_of_the_runtime_are_not_mixed() -> None:
    profile = made_here(versions={**versions(), "onnxruntime": "1.10.0"})
    with pytest.raises(HardwareError, match=r"another onnxruntime \(1\.10\.0"):
        refuse_mixture(profile, here(profile), False, PATH)


def test_rows_of_two_ways_of_measuring_are_not_mixed() -> None:
    profile = made_here(method=2)
    assert profile.metadata.target.runtime == "onnxruntime"
    with pytest.raises(HardwareError, match=r"another method \(2, here 3\).*--again"):
        refuse_mixture(profile, here(profile), False, PATH)


def test_graphs_are_another_way_of_measuring_than_calls() -> None:
    target = Target(device="cuda:0", runtime="torch", cuda_graphs=True)
    profile = made_here(target=target, method=method_of(target.model_copy(update={"cuda_graphs": False})))
    with pytest.raises(HardwareError, match=r"another method \(2, here 3\)"):
        refuse_mixture(profile, here(profile), False, PATH)


def test_energies_are_not_dropped_where_the_counter_cannot_be_read() -> None:
    with_energies = profile_of(LAYERS, "board", energy_mj=by_macs)
    metadata = with_energies.metadata.model_copy(update={"versions": versions()})
    with pytest.raises(HardwareError, match="counter cannot be read"):
        refuse_mixture(replace(with_energies, metadata=metadata), here(with_energies), False, PATH)


def test_a_session_adds_to_what_earlier_ones_saw() -> None:
    earlier = Conditions(clock_mhz=(900, 1000, 1100), throttled=("power cap",))
    now = Conditions(clock_mhz=(950, 1050, 1200), others_cores=(0, 0, 1), unknown=("temperature",))
    marked = replace(next(iter(made_here().rows.values())), note="busy")
    rows: dict[str, LayerRow] = {marked.layer: marked}
    found = merged_conditions(earlier, now, replace(made_here(), rows=rows))
    assert found.clock_mhz == (900, 1050, 1200)
    assert (found.others_cores, found.throttled, found.unknown) == (
        (0, 0, 1),
        ("power cap",),
        ("temperature",),
    )
    assert found.marked_rows == 1


def test_samples_that_became_a_profile_are_never_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "board.samples.csv"
    first = SampleFile.open(path, Target())
    first.append([Sample(0, 0, ANCHOR_NAME, 1000), Sample(0, 0, "conv", 250)])
    first.finish()
    again = SampleFile.open(path, Target())
    assert (dict(again.samples), again.batches) == ({}, 1)
    again.append([Sample(1, 0, "conv", 300)])
    assert [one.value for one in SampleFile.open(path, Target()).samples["conv"]] == [300]


def test_samples_of_another_runtime_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "board.samples.csv"
    SampleFile.open(path, Target(), "a board; onnxruntime 1.10.0")
    with pytest.raises(HardwareError, match="--again"):
        SampleFile.open(path, Target(), "a board; onnxruntime 1.31.1")
