"""Runners: they answer as the network does, really stop at the exit, and take any batch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aebnas.blocks.block import BlockSpec
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Runner, confidence, stays
from aebnas.runtime.torch_segments import network_graphs, torch_runner
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification

ARCHITECTURE = StagedArchitecture(
    resolution=8,
    stem=StemSpec(3, 1, 8, "relu"),
    stages=(
        StageSpec("stage1", (BlockSpec("residual", 3, 8),)),
        StageSpec("stage2", (BlockSpec("mbconv", 5, 12, 2, 2.0, se=True, activation="hswish"),)),
        StageSpec("stage3", (BlockSpec("dwconv", 3, 16),)),
    ),
    exits=(ExitSpec("stage1", (BlockSpec("pool", 3, 8, 2), BlockSpec("conv", 3, 8))), ExitSpec("stage2", ())),
    final=FinalSpec(24, 16, "hswish"),
)
EXITS = 3
Made = tuple[Runner, list[int]]


@pytest.fixture(scope="module")
def network() -> EarlyExitNetwork:
    torch.manual_seed(0)
    return EarlyExitNetwork(ARCHITECTURE, classification(1, 10)).eval()


class CountedSession:
    """An onnxruntime session that notes each of its runs."""

    def __init__(self, session: Any, index: int, calls: list[int]) -> None:
        self._session, self._index, self._calls = session, index, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run_with_iobinding(self, binding: Any) -> None:
        self._calls.append(self._index)
        self._session.run_with_iobinding(binding)


@pytest.fixture(scope="module")
def sessions(network: EarlyExitNetwork) -> list[Any]:
    return [open_session(graph) for graph in network_graphs(network)]


@pytest.fixture(params=["onnxruntime", "torch"])
def made(request: pytest.FixtureRequest, network: EarlyExitNetwork, sessions: list[Any]) -> Any:
    """A runner, and the index of every segment that it called."""
    calls: list[int] = []
    if request.param == "onnxruntime":
        yield onnx_runner([CountedSession(one, i, calls) for i, one in enumerate(sessions)]), calls
        return
    handles = [
        segment.register_forward_hook(lambda *_arguments, i=i: calls.append(i))  # type: ignore[misc]
        for i, segment in enumerate(network.segments())
    ]
    yield torch_runner(network, torch.device("cpu")), calls
    for handle in handles:
        handle.remove()


def images(batch: int = 1, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((batch, 1, 8, 8), np.float32)


def whole(network: EarlyExitNetwork, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    with torch.inference_mode():
        return [logits.numpy() for logits in network(torch.from_numpy(x))]


def leave_at(exit_: int) -> Callable[[int, Any], bool]:
    return lambda i, _logits: i == exit_


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("exit_", range(EXITS))
def test_an_answer_is_the_networks_own_at_that_exit(
    made: Made, network: EarlyExitNetwork, exit_: int, batch: int
) -> None:
    answer = made[0].run(images(batch), leave_at(exit_))
    assert answer.exit == exit_
    assert answer.logits.shape == (batch, 10)
    np.testing.assert_allclose(answer.logits, whole(network, images(batch))[exit_], atol=1e-4)


@pytest.mark.parametrize("exit_", range(EXITS))
def test_segments_behind_the_exit_are_never_called(made: Made, exit_: int) -> None:
    runner, calls = made
    runner.run(images(), leave_at(exit_))
    assert calls == list(range(exit_ + 1))


def test_the_last_exit_answers_without_being_asked(made: Made) -> None:
    asked: list[int] = []

    def never(exit_: int, _logits: Any) -> bool:
        asked.append(exit_)
        return False

    assert made[0].run(images(), never).exit == EXITS - 1
    assert asked == list(range(EXITS - 1))


def test_a_runner_takes_batches_of_different_sizes(made: Made, network: EarlyExitNetwork) -> None:
    for batch in (1, 4, 2, 1):
        answer = made[0].run(images(batch, seed=batch), leave_at(-1))
        np.testing.assert_allclose(answer.logits, whole(network, images(batch, seed=batch))[-1], atol=1e-4)


def test_an_answer_outlives_the_next_run(made: Made) -> None:
    answer = made[0].run(images(seed=1), leave_at(0))
    before = answer.logits.copy()
    made[0].run(images(seed=2), leave_at(0))
    assert np.array_equal(answer.logits, before)


@pytest.mark.parametrize("exit_", range(EXITS))
def test_a_timed_run_really_stops_at_its_exit(made: Made, exit_: int) -> None:
    runner, calls = made
    assert runner.exits == EXITS
    assert runner.stop_ns(images(), exit_) > 0
    assert calls == list(range(exit_ + 1))


def test_a_runner_without_parts_cannot_answer() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        Runner([], lambda x: x).run(images(), leave_at(0))


def test_confidence_is_the_largest_softmax_probability() -> None:
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]], np.float32))
    np.testing.assert_allclose(confidence(logits), [0.7, 0.5], rtol=1e-6)
    assert stays(logits)
