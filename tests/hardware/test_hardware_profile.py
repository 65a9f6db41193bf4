"""What a profile answers: the cost to each exit by hand, and never a guess."""

from dataclasses import replace

import numpy as np
import pytest
from hardware.synthetic_profiles import by_macs, profile_of
from layers import square
from space.tiny_spaces import space

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import classifier
from aebnas.blocks.tensor_spec import image
from aebnas.errors import HardwareError
from aebnas.hardware.devices.target import Target
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.hardware.profile.latency_terms import LatencyTerms, SegmentTerms
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import Correction, Overhead
from aebnas.hardware.profile.profile_table import COLUMNS
from aebnas.space.api import Segment
from aebnas.task.task import classification

CONV = square(BlockSpec("conv", 3, 8), 1, 8)
BLOCK = square(BlockSpec("residual", 3, 8), 8, 8)
HEAD = classifier(image(8, 8), 10)
COSTS = {CONV: 2.0, BLOCK: 3.0, HEAD: 0.25}
PLAN = (Segment((CONV,), (HEAD,)), Segment((BLOCK, BLOCK), (HEAD,)))


def hand_made(**metadata: object) -> HardwareProfile:
    return profile_of(COSTS, latency_ms=COSTS.__getitem__, **metadata)


def test_latency_is_the_corrected_sum_of_layers_and_overhead() -> None:
    profile = hand_made(
        correction=Correction(layers=1.1, entry=0.8, segment=0.9, decision=0.5),
        overhead=Overhead(entry_ms=0.5, segment_ms=0.1, decision_ms=0.04),
    )
    first = 1.1 * (2 + 0.25) + 0.8 * 0.5 + 0.9 * 0.1 + 0.5 * 0.04
    # the last exit answers without being asked
    second = 1.1 * (2 + 0.25 + 3 + 3 + 0.25) + 0.8 * 0.5 + 0.9 * 2 * 0.1 + 0.5 * 0.04
    np.testing.assert_allclose(profile.reach_latency_ms(PLAN), [first, second])


def test_a_network_larger_than_the_cache_pays_for_what_it_pushes_out() -> None:
    terms = LatencyTerms.of(
        [
            SegmentTerms(("conv",), np.array([1.0]), np.array([0.5]), np.array([0.5])),
            SegmentTerms(
                ("conv", "residual"), np.array([2.0, 4.0]), np.array([3.0, 0.25]), np.array([1.0, 0.75])
            ),
        ],
        Overhead(entry_ms=0, segment_ms=0, decision_ms=0),
        2.0,
    )
    correction = Correction(
        by_type={"residual": 2.0},
        cold_layers=0.5,
        cold_weights_ms_per_mb=10.0,
        cold_weights_by_type={"residual": 4.0},
        cache_mb=2.0,
    )
    # a run to the first exit goes through 1 MB, a quarter of the way from a third of the cache to all of it
    first = 1 + 0.5 * (0.25 * 1) + 10 * (0.25 * 0.5)
    # one to the end goes through 0.5 + 0.5 + 3.25 + 1 = 5.25 MB and finds nothing in the cache; the layer
    # of 4 MB misses 1 - 0.6 * 2 / 4 = 0.7 when it is measured alone, the two of 1 MB nothing
    cold_ms = 1 * 1 + 0.3 * 2 + 1 * 4
    second = (1 + 2 + 2 * 4) + 0.5 * cold_ms + 10 * (1 * 0.5 + 0.3 * 3) + 4 * (1 * 0.25)
    np.testing.assert_allclose(terms.reach_ms(correction), [first, second])


def test_a_network_within_a_third_of_the_cache_pays_nothing() -> None:
    small = SegmentTerms(("conv",), np.array([1.0]), np.array([0.25]), np.array([0.25]))
    terms = LatencyTerms.of([small], Overhead(entry_ms=0, segment_ms=0, decision_ms=0), 1.5)
    expensive = Correction(cold_layers=100.0, cold_weights_ms_per_mb=100.0, cache_mb=1.5)
    np.testing.assert_allclose(terms.reach_ms(expensive), [1])


def test_features_are_paid_for_where_a_segment_hands_them_on() -> None:
    pair = Segment((CONV, BLOCK), (HEAD,)), Segment((BLOCK,), (HEAD,))
    free = hand_made().reach_latency_ms(pair)
    expensive = hand_made(correction=Correction(handover_ms_per_mb=1000.0)).reach_latency_ms(pair)
    mb = 8 * 8 * 8 * 4 / 1e6  # 8 channels of 8 x 8 pixels in fp32
    # a run that stops at the first exit hands nothing on, and nothing comes behind the last
    np.testing.assert_allclose(expensive - free, [0, 1000 * mb])
    batch = Target(batch_size=4, dtype="fp32")
    four = hand_made(correction=Correction(handover_ms_per_mb=1000.0), target=batch).reach_latency_ms(pair)
    np.testing.assert_allclose(four - free, [0, 4000 * mb])


def test_energy_is_the_sum_of_layers_and_of_each_segments_share() -> None:
    profile = profile_of(COSTS, energy_mj=lambda layer: 10 * COSTS[layer])
    np.testing.assert_allclose(profile.reach_energy_mj(PLAN), [22.5 + 0.25, 85 + 2 * 0.25])


def test_a_device_that_tells_no_energy_is_asked_in_vain() -> None:
    words = "profile 'board' has no energies: the device has no counter. Leave energy_mj out"
    with pytest.raises(HardwareError, match=words):
        hand_made().reach_energy_mj(PLAN)
    assert not hand_made().has_energy


def test_a_missing_layer_names_itself_the_nearest_one_and_the_command() -> None:
    missing = square(BlockSpec("residual", 5, 8), 8, 8)
    profile = hand_made(target=Target(runtime="torch", threads=2, batch_size=4))
    with pytest.raises(HardwareError) as caught:
        profile.reach_latency_ms((Segment((missing,), (HEAD,)),))
    assert str(caught.value) == (
        "profile 'board' has no layer 'residual-in8-out8-k5-s1-relu@8'. The nearest measured one is "
        "'residual-in8-out8-k3-s1-relu@8'. Measure what is missing: aebnas profile SPACE.yaml --device cpu "
        "--runtime torch --batch-size 4 --threads 2 -o hardware_profiles/board.yaml"
    )


def test_the_nearest_layer_is_of_the_same_type() -> None:
    missing = square(BlockSpec("mbconv", 3, 8, expansion=2.0), 8, 8)
    with pytest.raises(HardwareError) as caught:
        hand_made().row(missing)
    assert "nearest" not in str(caught.value)


def test_several_missing_layers_are_counted_once_each() -> None:
    missing = [square(BlockSpec("dwconv", kernel, 8), 8, 8) for kernel in (3, 5, 7, 3)]
    assert len(hand_made().missing([*missing, CONV])) == 3
    with pytest.raises(HardwareError, match=r"no layer 'dwconv-in8-out8-k3-s1-relu@8' \(and 2 others\)"):
        hand_made().require([*missing, CONV])


def test_a_complete_table_misses_nothing() -> None:
    hand_made().require(COSTS)
    assert hand_made().missing(COSTS) == []


def test_the_frame_has_a_row_per_layer_and_the_tables_columns() -> None:
    frame = hand_made().to_frame()
    assert tuple(frame.columns) == COLUMNS
    assert dict(zip(frame["layer"], frame["latency_ms"], strict=True)) == {
        layer.signature(): cost for layer, cost in COSTS.items()
    }
    assert frame["energy_mj"].isna().all()


def test_a_layer_is_found_by_its_signature_alone() -> None:
    profile = hand_made()
    rows = {**profile.rows, HEAD.signature(): replace(profile.rows[HEAD.signature()], latency_ms=9.0)}
    assert replace(profile, rows=rows).row(classifier(image(8, 8), 10)).latency_ms == 9.0


# ---------------------------------------------------------------- several devices
def test_costs_are_filed_under_each_profiles_name() -> None:
    some = space(8, exits={"after": ["stage1"], "optional": False, "branch": {"modules": 0}})
    layers = some.layers(classification(1, 10))
    fast = profile_of(layers, "fast", energy_mj=by_macs)
    slow = profile_of(layers, "slow", lambda layer: 5 * by_macs(layer))
    architecture = some.decode((0,) * len(some.genes))
    found = DeviceCosts((fast, slow)).reach_costs(architecture, classification(1, 10))
    assert set(found) == {"latency_ms@fast", "energy_mj@fast", "latency_ms@slow"}
    plan = architecture.segments(classification(1, 10))
    assert found["latency_ms@slow"] == tuple(slow.reach_latency_ms(plan))
    assert found["energy_mj@fast"] == tuple(fast.reach_energy_mj(plan))


def test_no_profiles_cost_nothing_to_ask() -> None:
    assert DeviceCosts().reach_costs(space(8).decode(()), classification(1, 10)) == {}


@pytest.mark.parametrize("metric", ["energy_mj", "worst_energy_mj", "energy_mj@board"])
def test_energies_that_a_device_does_not_tell_are_refused_in_advance(metric: str) -> None:
    with pytest.raises(HardwareError, match=f"{metric}: profile 'board' has no energies.*take latency_ms"):
        DeviceCosts((hand_made(),)).require(list(COSTS), ["error", metric])


def test_energies_of_another_device_are_no_reason_to_refuse_this_one() -> None:
    DeviceCosts((hand_made(),)).require(list(COSTS), ["error", "latency_ms@board", "energy_mj@other"])
