"""Boosted networks: every consumer sees the ensembled logits, and only the newest exit learns from them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from aebnas.blocks.block import BlockSpec
from aebnas.nets.network import BoostedSegment, EarlyExitNetwork, ExitSegment
from aebnas.runtime.onnx_session import onnx_runner, open_session
from aebnas.runtime.runner import Runner
from aebnas.runtime.torch_segments import network_graphs, onnx_network_runner, torch_runner
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification

COEFFICIENT, CLASSES = 0.5, 5


def architecture(exits: int = 3) -> StagedArchitecture:
    stages = tuple(StageSpec(f"stage{i + 1}", (BlockSpec("conv", 3, 6 + 2 * i),)) for i in range(exits))
    branches = tuple(ExitSpec(stage.name, (BlockSpec("conv", 3, 4),)) for stage in stages[:-1])
    return StagedArchitecture(6, StemSpec(3, 1, 6, "relu"), stages, branches, FinalSpec(0, 0, "relu"))


def network(boosting_coefficient: float = COEFFICIENT, exits: int = 3) -> EarlyExitNetwork:
    torch.manual_seed(2)
    return EarlyExitNetwork(architecture(exits), classification(3, CLASSES), boosting_coefficient).eval()


def images(count: int = 4) -> Tensor:
    return torch.randn(count, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def ensembled(own: list[Tensor]) -> list[Tensor]:
    """The formula, from what the branches say alone."""
    sums = [own[0]]
    for one in own[1:]:
        sums.append(one + COEFFICIENT * sums[-1])
    return sums


def test_forward_returns_the_ensembled_logits() -> None:
    with torch.no_grad():
        for boosted, expected in zip(network()(images()), ensembled(network(0.0)(images())), strict=True):
            assert torch.equal(boosted, expected)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
@pytest.mark.parametrize("exits", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("boosting_coefficient", [0.0, COEFFICIENT])
def test_the_runner_answers_with_the_networks_logits_at_every_exit(
    runtime: str, exits: int, count: int, boosting_coefficient: float
) -> None:
    made = network(boosting_coefficient, exits)
    with torch.no_grad():
        expected = made(images(count))
    is_torch = runtime == "torch"
    runner = torch_runner(made, torch.device("cpu")) if is_torch else onnx_network_runner(made)
    check(runner, images(count).numpy(), expected)


def check(runner: Runner, x: np.ndarray, expected: list[Tensor]) -> None:
    for stop, logits in enumerate(expected):
        answer = runner.run(x, lambda i, _, stop=stop: i == stop)
        assert answer.exit == stop
        np.testing.assert_allclose(answer.logits, logits.numpy(), rtol=1e-5, atol=1e-6)
    assert runner.stop_ns(x, len(expected) - 1) > 0


def test_exported_segments_need_no_word_about_boosting() -> None:
    """The graphs alone tell: their input, and the share in their weights."""
    made = network()
    with torch.no_grad():
        expected = made(images())
    sessions = [open_session(graph) for graph in network_graphs(made)]
    names = [[one.name for one in session.get_inputs()] for session in sessions]
    assert names == [["x"], ["x", "earlier"], ["x", "earlier"]]
    check(onnx_runner(sessions), images().numpy(), expected)


def test_no_exit_learns_from_a_later_one() -> None:
    made = network().train()
    logits = made(images())
    logits[2].sum().backward()
    early = [p.grad for part in made.segments()[:2] for p in part.exit.parameters()]
    assert all(gradient is None for gradient in early)
    assert all(p.grad is not None for p in made.segments()[2].exit.parameters())


def test_only_segments_behind_an_exit_are_boosted() -> None:
    assert [type(part) for part in network().segments()] == [ExitSegment, BoostedSegment, BoostedSegment]
    assert [type(part) for part in network(0.0).segments()] == [ExitSegment] * 3


def test_a_boosted_segment_alone_refuses_to_answer() -> None:
    first, second, _ = network().segments()
    features, _ = first(images())
    with pytest.raises(ValueError, match="needs the logits of the exit before it"):
        second(features)


def test_the_weights_of_a_boosted_network_do_not_load_into_a_plain_one() -> None:
    with pytest.raises(RuntimeError, match="boosting_coefficient"):
        network(0.0).load_state_dict(network().state_dict())


def test_boosting_changes_no_initial_weight() -> None:
    plain, boosted = network(0.0).state_dict(), network().state_dict()
    assert all(torch.equal(value, boosted[name]) for name, value in plain.items())
