"""What is kept of features: decided from sizes, within the limit, in the order that is promised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aebnas.errors import ConfigError
from aebnas.heads.features.cache_plan import IMAGES, CachePlan, CutSize, plan_cache

MB = 1_000_000
cuts = st.lists(st.integers(1, 200_000), min_size=1, max_size=8).map(
    lambda sizes: [CutSize(f"cut{i}", size, macs=float(i + 1)) for i, size in enumerate(sizes)]
)
cases = st.tuples(
    cuts, st.integers(1, 50_000), st.integers(1, 10_000), st.integers(0, 2 * 10**10), st.integers(1, 4)
)


def planned(case: tuple[list[CutSize], int, int, int, int], more: int = 0) -> CachePlan:
    sizes, train, held_out, limit, views = case
    return plan_cache(sizes, train, held_out, limit + more, views)


def size_of(plan: CachePlan, name: str) -> int:
    return next(cut.image_bytes for cut in plan.cuts if cut.name == name)


def test_all_is_kept_where_there_is_room() -> None:
    plan = plan_cache([CutSize("a", 1000), CutSize("b", 500)], 100, 50, MB, views=3)
    assert (plan.views, plan.kept, plan.total_bytes) == (3, ("a", "b"), plan.full_bytes)


def test_views_go_before_cuts() -> None:
    plan = plan_cache([CutSize("a", 1000), CutSize("b", 500)], 100, 50, 400_000, views=3)
    assert (plan.views, plan.kept) == (2, ("a", "b"))


def test_the_cut_with_the_largest_features_goes_first() -> None:
    plan = plan_cache([CutSize("a", 1000), CutSize("b", 4000), CutSize("c", 500)], 100, 50, 300_000, views=2)
    assert (plan.views, plan.kept, plan.source("b")) == (1, ("a", "c"), "a")


def test_of_equally_large_ones_whatever_is_cheapest_to_compute_again_goes_first() -> None:
    sizes = [CutSize("a", 1000, macs=50.0), CutSize("b", 1000, macs=60.0), CutSize("c", 1000, macs=90.0)]
    plan = plan_cache(sizes, 1000, 10, 2_100_000, views=1)
    assert (plan.kept, plan.source("b")) == (("a", "c"), "a")


def test_features_before_every_kept_cut_come_from_images() -> None:
    plan = plan_cache([CutSize("a", 5000), CutSize("b", 500)], 1000, 10, 700_000, views=1)
    assert (plan.kept, plan.source("a")) == (("b",), IMAGES)


def test_a_limit_below_the_networks_own_answers_is_refused_with_the_smallest_that_serves() -> None:
    with pytest.raises(ConfigError, match=r"limit of 0.1 MB is too small.*smallest valid limit is 4\.\d MB"):
        plan_cache([CutSize("a", 5000)], 1000, 10, 100_000, answer_bytes=4000)


def test_the_decision_is_told_in_words() -> None:
    plan = plan_cache([CutSize("a", 1000), CutSize("b", 4000), CutSize("c", 500)], 100, 50, 300_000, views=2)
    assert plan.sentence() == (
        "Features of all cuts and 2 views would take 1.4 MB, more than 0.3 MB; one view is kept instead; "
        "computed whenever needed: b from a (0.2 MB)."
    )


@given(cases)
def test_no_plan_takes_more_than_the_limit(case: tuple[list[CutSize], int, int, int, int]) -> None:
    try:
        plan = planned(case)
    except ConfigError:
        return
    assert plan.total_bytes <= plan.limit_bytes


@given(cases)
def test_a_cut_is_given_up_only_with_one_view_and_for_being_largest(
    case: tuple[list[CutSize], int, int, int, int],
) -> None:
    try:
        plan = planned(case)
    except ConfigError:
        return
    dropped = [cut.image_bytes for cut in plan.cuts if not cut.is_kept]
    if dropped:
        assert plan.views == 1
        assert min(dropped) >= max((size_of(plan, name) for name in plan.kept), default=0)


@given(cases)
def test_features_are_computed_from_the_nearest_earlier_cut_that_is_kept(
    case: tuple[list[CutSize], int, int, int, int],
) -> None:
    try:
        plan = planned(case)
    except ConfigError:
        return
    nearest = IMAGES
    for cut in plan.cuts:
        nearest = cut.name if cut.name in plan.kept else nearest
        assert cut.source == nearest


@given(cases, st.integers(0, 10**10))
def test_more_room_never_keeps_less(case: tuple[list[CutSize], int, int, int, int], more: int) -> None:
    try:
        plan = planned(case)
    except ConfigError:
        return
    larger = planned(case, more)
    assert larger.views >= plan.views
    assert set(larger.kept) >= set(plan.kept)
