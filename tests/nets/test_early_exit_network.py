"""Whole networks: what forward returns, independence of the segments."""

import torch
from torch import Tensor, nn

from aebnas.blocks.block import BlockSpec
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import ExitSpec, FinalSpec, StagedArchitecture, StageSpec, StemSpec
from aebnas.task.task import classification

CLASSES = 5


def architecture(exits: int = 3, size: int = 8) -> StagedArchitecture:
    """``exits`` stages of two blocks each, an exit after every one."""
    types = ["residual", "mbconv", "fused", "conv"]
    stages = tuple(
        StageSpec(
            f"stage{i + 1}",
            (
                BlockSpec(types[i], 3, 8 + 4 * i, stride=1 + i % 2, se=i == 1),
                BlockSpec("residual", 3, 8 + 4 * i),
            ),
        )
        for i in range(exits)
    )
    branches = tuple(
        ExitSpec(stage.name, (BlockSpec("conv", 3, 8, 2, pool="max2"),)) for stage in stages[:-1]
    )
    return StagedArchitecture(
        size, StemSpec(3, 1, 8, "hswish"), stages, branches, FinalSpec(12, 16, "hswish")
    )


def network(exits: int = 3) -> EarlyExitNetwork:
    """In float64, every weight random: fresh networks have zeros in their skips."""
    torch.manual_seed(3)
    made = EarlyExitNetwork(architecture(exits), classification(3, CLASSES)).double().train()
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return made


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(4)
    return torch.randn(6, 3, 8, 8, dtype=torch.float64), torch.randint(CLASSES, (6,))


# ---------------------------------------------------------------- forward
def test_forward_answers_at_every_exit() -> None:
    made = network()
    assert made.exits == len(made.segments()) == 3
    assert [tuple(z.shape) for z in made(batch()[0])] == [(6, CLASSES)] * 3


def test_one_image_can_be_classified() -> None:
    made = network().eval()
    x, _ = batch()
    for one, all_ in zip(made(x[:1]), made(x), strict=True):
        torch.testing.assert_close(one, all_[:1])


def test_an_exit_leaves_the_features_of_the_next_segment_alone() -> None:
    made = network().eval()
    x, _ = batch()
    for segment in made.segments():
        features = segment.backbone(x)
        before = features.clone()
        segment.exit(features)
        assert torch.equal(features, before), "an in-place activation wrote into the backbone"
        x = features


def test_a_backbone_leaves_the_image_alone() -> None:
    x, _ = batch()
    before = x.clone()
    network()(x)
    assert torch.equal(x, before)


def test_later_weights_do_not_touch_earlier_exits() -> None:
    made = network().eval()
    x, _ = batch()
    before = made(x)
    for parameter in made.segments()[1].parameters():
        nn.init.normal_(parameter)
    after = made(x)
    assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [True, False, False]


def test_a_seed_makes_the_same_network() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        states.append(EarlyExitNetwork(architecture(), classification(3, CLASSES)).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
