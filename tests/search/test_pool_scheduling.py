"""Who trains what where, as nodes and workers come and go: the pool on a pretended cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search.fake_cluster import FakeCluster
from search.fakes import fake_config

from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import WorkerError
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import candidate_settings
from aebnas.search.events import CandidateStarted, Event, Warned, WorkerLost, WorkersChanged
from aebnas.search.workers.cluster.contract import ClusterLostError, Lost
from aebnas.search.workers.cluster.nodes import Node, check_capacity, gpu_slots, worker_capacity
from aebnas.search.workers.ray_pool import RayPool
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace

T = TypeVar("T")
ADDRESS = "workers={mode: ray, address: '10.0.0.1:6379', gpus_per_worker: 0}"
CONFIG = fake_config()
SPLITS = make_splits(load_dataset(CONFIG.data), CONFIG.data)


def node(name: str, cpus: float = 1, gpus: float = 0) -> Node:
    return Node(name, f"{name}:1", cpus, gpus)


def candidates(number: int) -> list[StagedArchitecture]:
    space = StagedSpace(CONFIG.space, 8, CONFIG.search.budget_fractions)
    rng = np.random.default_rng(0)
    drawn: dict[str, StagedArchitecture] = {}
    while len(drawn) < number:
        architecture = space.decode(space.sample(rng))
        drawn[architecture.key()] = architecture
    return list(drawn.values())


class Trial:
    """A pool on a pretended cluster, and what it told."""

    def __init__(self, cluster: FakeCluster, *overrides: str, mode: str = ADDRESS) -> None:
        self.cluster = cluster
        self.events: list[Event] = []
        self.pool = RayPool(
            candidate_settings(fake_config(mode, *overrides)),
            fake_config(mode, *overrides).workers,
            SPLITS,
            self.events.append,
            open_cluster=lambda: cluster,
            now=cluster.now,
        )

    def run(self, number: int = 4) -> list[Outcome]:
        outcomes = list(self.pool.evaluate(candidates(number), lambda key: None))
        keys = sorted(outcome.evaluation.key for outcome in outcomes)
        assert keys == sorted(one.key() for one in candidates(number)), "each is answered once"
        return outcomes

    def done(self, number: int = 4) -> bool:
        return all(outcome.evaluation.is_done for outcome in self.run(number))

    def reported(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


# ---------------------------------------------------------------- nodes lost


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("retries", [0, 2])
def test_a_candidate_of_a_lost_node_goes_to_the_next_worker_that_is_alive(
    is_noticed: bool, retries: int
) -> None:
    cluster = FakeCluster(node("a"), node("b"), seconds=10)
    cluster.at(5, lambda: cluster.lose("b", is_noticed))
    trial = Trial(cluster, f"workers.retries={retries}")
    assert trial.done()
    lost = trial.reported(WorkerLost)
    assert [event.retry for event in lost] == [True], "whatever retries says: it is not to blame"
    again = [time for time, _, key in cluster.submitted if key == lost[0].key]
    assert len(again) == 2
    assert again[1] <= 12, "as soon as the healthy worker is free, before all that wait"
    assert cluster.time < 60


def test_those_who_idle_on_a_lost_node_get_nothing_more() -> None:
    cluster = FakeCluster(node("a"), node("b", cpus=4), seconds=10)
    trial = Trial(cluster, "workers.retries=0")
    assert trial.done(5)
    cluster.seconds = 30
    cluster.at(cluster.time + 5, lambda: cluster.lose("b"))
    assert trial.done(2)
    assert trial.pool.size == 1
    assert trial.reported(WorkersChanged) == [WorkersChanged(1)]


def test_a_candidate_that_fells_every_node_it_meets_is_given_up() -> None:
    cluster = FakeCluster(*[node(name) for name in "abcdefg"], seconds=10)
    victim = candidates(4)[1].key()

    def fell(worker: int, architecture: StagedArchitecture) -> Lost | None:
        if architecture.key() != victim:
            return None
        name = str(cluster.members[worker].node)
        cluster.notice(name)
        return Lost(worker, f"node {name} was lost", "node", name)

    cluster.fate = fell
    trial = Trial(cluster)
    failed = [outcome.evaluation for outcome in trial.run() if not outcome.evaluation.is_done]
    assert [evaluation.key for evaluation in failed] == [victim]
    assert failed[0].status_text.startswith("failed: its worker died with 3 nodes: node")
    assert failed[0].is_machine_failure
    assert len(cluster.nodes) == 4


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_candidate_that_kills_its_workers_is_tried_again_as_often_as_configured(retries: int) -> None:
    cluster = FakeCluster(node("a"))
    victim = candidates(4)[1].key()
    cluster.fate = lambda worker, one: Lost(worker, "boom", "candidate", "a") if one.key() == victim else None
    trial = Trial(cluster, f"workers.retries={retries}")
    failed = [outcome.evaluation for outcome in trial.run() if not outcome.evaluation.is_done]
    status = f"failed: its worker died {retries + 1} times: boom"
    assert [evaluation.status_text for evaluation in failed] == [status]
    assert [event.retry for event in trial.reported(WorkerLost)] == [True] * retries + [False]


# ---------------------------------------------------------------- places


def test_workers_that_find_no_place_hold_nothing_back() -> None:
    cluster = FakeCluster(node("a", cpus=4), taken=3)  # others use three of its cores
    trial = Trial(cluster, "workers.timeout_minutes=0.5")
    assert trial.done(8), "none of them is taken to hang"
    assert {worker for _, worker, _ in cluster.submitted} == {1}
    assert [event.busy for event in trial.reported(CandidateStarted)] == [1] * 8


def test_time_runs_from_the_training_not_from_the_wait_for_a_place() -> None:
    cluster = FakeCluster(node("a"), seconds=50, taken=1)
    cluster.at(50, lambda: setattr(cluster, "taken", 0))
    assert Trial(cluster, "workers.timeout_minutes=1").done(1)
    assert cluster.time > 60


def test_a_hanging_candidate_is_stopped_and_the_others_go_on() -> None:
    cluster = FakeCluster(node("a"), seconds=5)
    hanging = candidates(3)[0].key()
    cluster.seconds = 5
    original = cluster.submit

    def submit(worker: int, architecture: StagedArchitecture, step: Step) -> None:
        original(worker, architecture, step)
        if architecture.key() == hanging:
            cluster.members[worker].since = 1e9

    cluster.submit = submit  # type: ignore[method-assign]
    outcomes = Trial(cluster, "workers.timeout_minutes=1").run(3)
    failed = [outcome.evaluation.key for outcome in outcomes if not outcome.evaluation.is_done]
    assert failed == [hanging]


def test_a_full_cluster_is_told_and_waited_for_but_not_for_ever() -> None:
    cluster = FakeCluster(node("a"), taken=1)
    trial = Trial(cluster, "workers.timeout_minutes=10")
    with pytest.raises(ClusterLostError, match=r"no worker was ready within workers\.timeout_minutes = 10"):
        trial.run()
    assert [event.text for event in trial.reported(Warned)] == [
        "no worker has been ready for 60 seconds: others may use the cluster; waiting"
    ]


# ---------------------------------------------------------------- a cluster that changes


def test_a_node_that_joins_is_used_at_once() -> None:
    cluster = FakeCluster(node("a"), seconds=10)
    cluster.at(5, lambda: cluster.join(node("b", cpus=2)))
    trial = Trial(cluster)
    assert trial.done(6)
    assert trial.reported(WorkersChanged) == [WorkersChanged(3)]
    assert max(event.busy for event in trial.reported(CandidateStarted)) == 3
    assert min(time for time, worker, _ in cluster.submitted if worker > 1) <= 7


def test_a_given_number_of_workers_stays_a_limit_when_nodes_join() -> None:
    cluster = FakeCluster(node("a"))
    cluster.at(5, lambda: cluster.join(node("b", cpus=8)))
    trial = Trial(cluster, "workers.count=2")
    assert trial.done(6)
    assert max(event.busy for event in trial.reported(CandidateStarted)) == 2


def test_without_any_node_a_cluster_is_waited_for_and_used_when_one_joins() -> None:
    cluster = FakeCluster(node("a"), seconds=10)
    cluster.at(5, lambda: cluster.lose("a"))
    cluster.at(300, lambda: cluster.join(node("b")))
    trial = Trial(cluster)
    assert trial.done()
    assert trial.reported(WorkersChanged) == [WorkersChanged(0), WorkersChanged(1)]
    assert [event.text for event in trial.reported(Warned)] == [
        "no node of the cluster can hold a worker; waiting up to 10 minutes for one"
    ]


@pytest.mark.parametrize(
    ("mode", "words", "until"),
    [
        (ADDRESS, "no node that can hold a worker has joined", 620),
        ("workers={mode: ray, count: 1, gpus_per_worker: 0}", "Ray on this machine has died", 20),
    ],
)
def test_a_search_without_nodes_ends(mode: str, words: str, until: float) -> None:
    cluster = FakeCluster(node("a"), seconds=10)
    cluster.at(5, lambda: cluster.lose("a"))
    with pytest.raises(ClusterLostError, match=words):
        Trial(cluster, mode=mode).run()
    assert cluster.time < until


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.sampled_from("abcd"), st.sampled_from(["lose", "hide", "join"])),
        max_size=12,
    ),
    st.integers(0, 2),
)
def test_however_nodes_come_and_go_every_candidate_is_answered_once(
    steps: list[tuple[int, str, str]], taken: int
) -> None:
    cluster = FakeCluster(node("home", cpus=2), node("a", cpus=3), seconds=7)
    cluster.taken = min(taken, 1)
    cluster.fate = lambda worker, one: None
    acts: dict[str, Callable[[str], None]] = {
        "lose": cluster.lose,
        "hide": lambda name: cluster.lose(name, is_noticed=False),
        "join": lambda name: cluster.join(node(name + str(cluster.time), cpus=2)),
    }
    for time, name, act in steps:
        cluster.at(time, lambda name=name, act=act: acts[act](name))  # type: ignore[misc]
    trial = Trial(cluster, "workers.retries=0")
    assert trial.done(6)
    assert trial.done(6)
    assert trial.pool.size == worker_capacity(cluster.nodes.values(), 1, 0)


# ---------------------------------------------------------------- Ray itself is lost


class Again:
    """Opens a cluster that is lost, then others."""

    def __init__(self, *clusters: FakeCluster) -> None:
        self.clusters = list(clusters)

    def __call__(self) -> FakeCluster:
        return self.clusters.pop(0)


def lost_pool(*clusters: FakeCluster, mode: str = ADDRESS) -> tuple[RayPool, list[Event]]:
    events: list[Event] = []
    first = clusters[0]
    first.at(7, lambda: setattr(first, "is_gone", True))
    pool = RayPool(
        candidate_settings(fake_config(mode)),
        fake_config(mode).workers,
        SPLITS,
        events.append,
        open_cluster=Again(*clusters),
        now=clusters[-1].now,
    )
    return pool, events


def test_a_lost_connection_to_a_cluster_that_is_up_is_made_again_and_nothing_is_lost() -> None:
    pool, events = lost_pool(FakeCluster(node("a"), seconds=5), FakeCluster(node("b"), seconds=5))
    outcomes = list(pool.evaluate(candidates(4), lambda key: None))
    assert sorted(one.evaluation.key for one in outcomes) == sorted(one.key() for one in candidates(4))
    assert all(outcome.evaluation.is_done for outcome in outcomes)
    assert [event.text for event in events if isinstance(event, Warned)] == [
        "Ray is gone (no answer); connecting to the cluster again"
    ]


def gone() -> FakeCluster:
    cluster = FakeCluster(node("a"))
    cluster.is_gone = True
    return cluster


def test_a_dead_head_ends_the_search_with_what_had_finished() -> None:
    pool, _ = lost_pool(FakeCluster(node("a"), seconds=5), gone())
    outcomes = pool.evaluate(candidates(4), lambda key: None)
    assert next(outcomes).evaluation.is_done
    with pytest.raises(ClusterLostError, match=r"cluster at 10\.0\.0\.1:6379 does not answer any more"):
        list(outcomes)


def test_a_connection_that_is_lost_again_and_again_is_given_up() -> None:
    clusters = [FakeCluster(node("a"), seconds=50) for _ in range(9)]
    for cluster in clusters:
        cluster.at(3, lambda cluster=cluster: setattr(cluster, "is_gone", True))  # type: ignore[misc]
    pool, _ = lost_pool(*clusters)
    with pytest.raises(ClusterLostError, match="Ray is gone"):
        list(pool.evaluate(candidates(4), lambda key: None))
    assert sum(cluster.begun for cluster in clusters) == 4


def test_a_local_ray_is_not_started_again() -> None:
    clusters = FakeCluster(node("a")), FakeCluster(node("a"))
    pool, _ = lost_pool(*clusters, mode="workers={mode: ray, count: 1, gpus_per_worker: 0}")
    with pytest.raises(ClusterLostError, match="Ray is gone"):
        list(pool.evaluate(candidates(4), lambda key: None))
    assert clusters[1].begun == 0


# ---------------------------------------------------------------- workers that do not start


def test_workers_that_die_while_starting_end_a_search_that_has_no_others() -> None:
    cluster = FakeCluster(node("a"))
    cluster.breaks_at_start = lambda name: True
    with pytest.raises(WorkerError, match="3 workers in a row died while starting: no such module"):
        Trial(cluster).run()


def test_one_node_on_which_no_worker_starts_does_not_end_the_search_on_the_others() -> None:
    cluster = FakeCluster(node("a"), node("b", cpus=2), seconds=10)
    cluster.breaks_at_start = lambda name: name == "b"
    trial = Trial(cluster)
    assert trial.done(6)
    assert [event.text for event in trial.reported(Warned)] == [
        "3 workers in a row died while starting: no such module; going on with those that did start"
    ] * len(trial.reported(Warned))


# ---------------------------------------------------------------- arithmetic


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "room"),
    [
        ([(1.5, 0), (1.5, 0)], 1, 0, 2),  # 3 cores, but no third on one node
        ([(1, 0)], 0.1, 0, 10),
        ([(3, 0)], 0.3, 0, 10),
        ([(32, 4)], 1, 1, 4),
        ([(2, 4)], 1, 1, 2),
        ([(32, 2)], 1, 0.4, 4),  # two shares of 0.4 on each GPU, not five on both
        ([(32, 1)], 1, 1 / 3, 3),
        ([(32, 4), (32, 1)], 1, 2, 2),
        ([(0, 0), (4, 0)], 2, 0, 2),
        ([], 1, 0, 0),
    ],
)
def test_gpu_slots_are_counted_node_by_node(
    nodes: list[tuple[float, float]], cpus: float, gpus: float, room: int
) -> None:
    assert worker_capacity([node(str(i), *sizes) for i, sizes in enumerate(nodes)], cpus, gpus) == room


@given(st.integers(1, 64), st.integers(1, 20))
def test_equal_shares_of_a_gpu_fill_it(gpus: int, shares: int) -> None:
    assert gpu_slots(gpus, 1 / shares) == gpus * shares


@pytest.mark.parametrize(
    ("nodes", "cpus", "gpus", "words"),
    [
        ([], 1, 0, "the cluster has no node"),
        ([node("a", 1), node("b", 1)], 2, 0, r"one needs 2 cores and 0 GPUs.*have 1, 1 cores"),
        ([node("a", 8)], 1, 1, r"one needs 1 cores and 1 GPUs.*8 cores and 0 GPUs"),
        ([node("a", 8, 8)], 1, 1.5, r"gpus_per_worker above 1 must be whole, but got 1\.5.*1 and 2"),
    ],
)
def test_a_cluster_that_holds_no_worker_is_refused_with_its_sizes(
    nodes: list[Node], cpus: float, gpus: float, words: str
) -> None:
    with pytest.raises(WorkerError, match=words):
        check_capacity(nodes, cpus, gpus)
