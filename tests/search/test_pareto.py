"""Fronts and hypervolumes against slow definitions."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymoo.indicators.hv import HV

from aebnas.errors import ShapeError
from aebnas.runs.fronts.pareto import hypervolume, non_dominated

points = st.integers(2, 3).flatmap(
    lambda d: st.lists(
        st.lists(st.integers(0, 6).map(float), min_size=d, max_size=d), min_size=1, max_size=20
    )
)


@given(points)
def test_the_front_is_what_nothing_dominates(cloud: list[list[float]]) -> None:
    mask = non_dominated(cloud)
    for i, point in enumerate(cloud):
        dominated = any(
            all(a <= b for a, b in zip(other, point, strict=True)) and other != point for other in cloud
        )
        repeated = point in cloud[:i]
        assert mask[i] == (not dominated and not repeated)


def test_no_points_have_no_front() -> None:
    assert non_dominated(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize("objectives", [2, 3])
def test_a_large_cloud_takes_no_time(objectives: int) -> None:
    cloud = np.random.default_rng(0).random((20_000, objectives))
    began = time.process_time()
    mask = non_dominated(cloud)
    assert time.process_time() - began < 1  # a comparison of all pairs takes several seconds
    front = cloud[mask]
    assert all((front <= point).all(axis=1).any() for point in cloud[::97])


@given(points)
def test_hypervolume_equals_pymoos(cloud: list[list[float]]) -> None:
    reference = [5.0, 5.5, 4.5][: len(cloud[0])]
    expected = float(HV(ref_point=np.array(reference))(np.array(cloud)))
    assert hypervolume(cloud, reference) == pytest.approx(expected)


def test_points_beyond_the_reference_count_nothing() -> None:
    assert hypervolume([[6.0, 0.0], [0.0, 6.0]], [5.0, 5.0]) == 0


def test_four_objectives_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 or 3"):
        hypervolume([[1.0] * 4], [2.0] * 4)
