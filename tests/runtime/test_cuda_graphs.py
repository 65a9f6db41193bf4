"""Segments as CUDA graphs: against recorded ones on the CPU, and on a real GPU where there is one."""

import gc

import numpy as np
import pytest
import torch
from runtime import recording

from aebnas.blocks.block import BlockSpec
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runtime.cuda_graphs import graph_segments_runner
from aebnas.runtime.runner import Runner
from aebnas.runtime.torch_segments import torch_runner
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification

EXITS = 3
SHAPE = (2, 3, 8, 8)


def network(boosting_coefficient: float = 0.0) -> EarlyExitNetwork:
    torch.manual_seed(3)
    stages = (
        StageSpec("stage1", (BlockSpec("residual", 3, 8),)),
        StageSpec("stage2", (BlockSpec("mbconv", 3, 12, 2, 2.0, se=True),)),
        StageSpec("stage3", (BlockSpec("conv", 3, 16),)),
    )
    exits = (ExitSpec("stage1", (BlockSpec("conv", 3, 8),)), ExitSpec("stage2", ()))
    made = StagedArchitecture(8, StemSpec(3, 1, 8, "relu"), stages, exits, FinalSpec(0, 0, "relu"))
    return EarlyExitNetwork(made, classification(3, 10), boosting_coefficient).eval()


def images(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(SHAPE, np.float32)


def check(runner: Runner, eager: Runner, rtol: float = 1e-4) -> None:
    """New images change what every exit says; earlier ones come back as they were."""
    for seed in (0, 1, 0):
        for exit_ in range(EXITS):
            answer = runner.run(images(seed), lambda i, _, exit_=exit_: i == exit_)
            expected = eager.run(images(seed), lambda i, _, exit_=exit_: i == exit_)
            assert answer.exit == expected.exit == exit_
            np.testing.assert_allclose(answer.logits, expected.logits, rtol=rtol, atol=rtol)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[recording.RecordedGraph]:
    return recording.install(monkeypatch)


@pytest.mark.parametrize("boosting_coefficient", [0.0, 0.5])
def test_replayed_segments_answer_as_the_network_does(
    graphs: list[recording.RecordedGraph], boosting_coefficient: float
) -> None:
    cpu = torch.device("cpu")
    runner = graph_segments_runner(network(boosting_coefficient).segments(), cpu, torch.float32, SHAPE)
    assert len(graphs) == runner.exits == EXITS
    gc.collect()
    check(runner, torch_runner(network(boosting_coefficient), cpu), rtol=1e-5)


def test_a_run_that_leaves_early_replays_no_later_segment(
    graphs: list[recording.RecordedGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = graph_segments_runner(network().segments(), torch.device("cpu"), torch.float32, SHAPE)
    replayed = []
    replay = recording.RecordedGraph.replay
    monkeypatch.setattr(
        recording.RecordedGraph, "replay", lambda self: (replayed.append(graphs.index(self)), replay(self))
    )
    assert runner.run(images(0), lambda i, _: i == 1).exit == 1
    assert replayed == [0, 1]


def test_images_of_another_shape_are_refused(graphs: list[recording.RecordedGraph]) -> None:
    runner = graph_segments_runner(network().segments(), torch.device("cpu"), torch.float32, SHAPE)
    with pytest.raises(ValueError, match=r"of shape \(2, 3, 8, 8\), but got \(1, 3, 8, 8\)"):
        runner.run(images(0)[:1], lambda _i, _z: True)


@pytest.mark.gpu
@pytest.mark.parametrize("boosting_coefficient", [0.0, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_graphs_of_a_gpu_answer_as_eager_calls_do(boosting_coefficient: float, dtype: torch.dtype) -> None:
    device = torch.device("cuda:0")
    runner = graph_segments_runner(network(boosting_coefficient).segments(), device, dtype, SHAPE)
    torch.cuda.empty_cache()
    filled = torch.full((1 << 22,), 7.0, device=device)  # whatever was given back holds something else now
    check(
        runner,
        torch_runner(network(boosting_coefficient), device, dtype),
        rtol=1e-4 if dtype == torch.float32 else 0.05,
    )
    assert filled.min() == 7
