"""Whole networks: what forward returns, gradient equilibrium, independence of the segments."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from aebnas.nets.gradient import scale_gradient
from aebnas.nets.network import EarlyExitNetwork
from aebnas.space.architecture import Architecture, BlockSpec, ExitSpec, FinalSpec, StageSpec, StemSpec

CLASSES = 5


def architecture(exits: int = 3, size: int = 8) -> Architecture:
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
    return Architecture(size, StemSpec(3, 1, 8, "hswish"), stages, branches, FinalSpec(12, 16, "hswish"))


def network(exits: int = 3) -> EarlyExitNetwork:
    """In float64, every weight random: fresh networks have zeros in their skips."""
    torch.manual_seed(3)
    made = EarlyExitNetwork(architecture(exits), 3, CLASSES).double().train()
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return made


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(4)
    return torch.randn(6, 3, 8, 8, dtype=torch.float64), torch.randint(CLASSES, (6,))


def gradients(made: EarlyExitNetwork, exits: list[int], equilibrium: bool) -> dict[str, Tensor]:
    """Every parameter's gradient of the sum of some exits' losses."""
    made = copy.deepcopy(made)
    x, labels = batch()
    logits = made(x, equilibrium)
    torch.stack([cross_entropy(logits[i], labels) for i in exits]).sum().backward()
    return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in made.named_parameters()}


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
        states.append(EarlyExitNetwork(architecture(), 3, CLASSES).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


# ---------------------------------------------------------------- gradient equilibrium
def test_equilibrium_does_not_change_the_outputs() -> None:
    plain, balanced = network(), network()
    x, _ = batch()
    assert all(torch.equal(a, b) for a, b in zip(plain(x), balanced(x, equilibrium=True), strict=True))


def test_a_scaled_gradient_is_exact_and_its_forward_the_identity() -> None:
    x = torch.tensor([1.0, -2.0], requires_grad=True)
    y = scale_gradient(x, 0.25)
    (y * torch.tensor([4.0, 8.0])).sum().backward()
    assert torch.equal(y, x)
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("exits", [1, 2, 3, 4])
def test_shared_weights_get_the_mean_gradient_of_the_exits_behind_them(exits: int) -> None:
    """Head share 1 / (E - i), later share (E - i - 1) / (E - i): from segment s on, the product of
    the factors on the way from exit j is 1 / (E - s) for every j >= s.
    """
    made = network(exits)
    each = [gradients(made, [j], equilibrium=False) for j in range(exits)]
    balanced = gradients(made, list(range(exits)), equilibrium=True)
    for s in range(exits):
        for name in (n for n in balanced if n.startswith(f"parts.{s}.backbone")):
            expected = sum((each[j][name] for j in range(s, exits)), torch.zeros(())) / (exits - s)
            torch.testing.assert_close(balanced[name], expected, rtol=1e-9, atol=1e-12)
            assert exits - s == 1 or not torch.allclose(balanced[name], expected * (exits - s), atol=1e-9)


def test_an_exits_own_weights_keep_their_whole_gradient() -> None:
    made = network()
    plain, balanced = (gradients(made, [0, 1, 2], equilibrium=on) for on in (False, True))
    heads = [name for name in plain if ".exit." in name]
    assert len(heads) > 6
    for name in heads:
        torch.testing.assert_close(balanced[name], plain[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("i", [0, 1])
def test_each_exit_divides_the_gradient_as_specified(i: int) -> None:
    made, (x, labels) = network(), batch()
    seen: dict[str, Tensor] = {}
    made.segments()[i].backbone.register_forward_hook(
        lambda _module, _inputs, output: output.register_hook(lambda g: seen.update(features=g)) and None
    )
    for name, part in (("head", made.segments()[i].exit), ("later", made.segments()[i + 1].backbone)):
        part.register_forward_pre_hook(
            lambda _module, inputs, name=name: (
                inputs[0].register_hook(lambda g: seen.update({name: g})) and None
            )
        )
    logits = made(x, equilibrium=True)
    torch.stack([cross_entropy(z, labels) for z in logits]).sum().backward()
    expected = seen["head"] / (3 - i) + seen["later"] * (3 - i - 1) / (3 - i)
    torch.testing.assert_close(seen["features"], expected, rtol=1e-12, atol=1e-15)
