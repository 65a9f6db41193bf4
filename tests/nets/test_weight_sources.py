"""What networks begin with: weights of a pretrained network where it has them, drawn ones elsewhere."""

from dataclasses import replace

import pytest
import torch
from space.tiny_spaces import genome, space

from aebnas.errors import ConfigError
from aebnas.nets.named_weights import named_tensors
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import Drawn, Pretrained, placed
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.supernet.supernet import Supernet
from aebnas.task.task import Task, classification

OWN = {"mean": 0.5, "std": 0.25}


def small_space(
    depth: object = (1, 2, 3), kernel: object = 3, exits: bool = True, normalisation: object = OWN
) -> StagedSpace:
    block = {"type": "mbconv", "kernel": kernel, "expansion": 2}
    stages = [{"depth": 1, "width": 4}, {"depth": list(depth), "width": 6, "stride": 2, "block": block}]  # type: ignore[call-overload]
    return space(
        8,
        stages=stages,
        exits={"after": ["stage1"] if exits else []},
        final={"expand": 10},
        normalisation=normalisation,
        resolution=[8, 12],
    )


def described() -> StagedArchitecture:
    """The pretrained network: the largest of the space, without exits."""
    whole = small_space(depth=(3,), exits=False)
    return whole.decode(genome(whole))


def pretrained(task: Task) -> Pretrained:
    """A network of random weights and statistics, by name."""
    torch.manual_seed(5)
    network = EarlyExitNetwork(described(), task)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5)
    return Pretrained("small", network.architecture, task, tensors(network))  # type: ignore[arg-type]


def tensors(network: EarlyExitNetwork) -> dict[str, torch.Tensor]:
    return {
        f"{slot}.{name}": tensor
        for slot, layer, module in placed(network)
        for name, tensor in named_tensors(module, layer)
    }


TEN = classification(3, 10)
SOURCE = pretrained(TEN)


def begun(architecture: StagedArchitecture, task: Task = TEN) -> tuple[EarlyExitNetwork, list[str]]:
    torch.manual_seed(0)
    network = EarlyExitNetwork(architecture, task)
    return network, SOURCE.load(network)


def test_the_whole_network_answers_as_the_pretrained_one() -> None:
    network, drawn = begun(described())
    assert drawn == []
    assert all(torch.equal(tensor, SOURCE.tensors[name]) for name, tensor in tensors(network).items())


@pytest.mark.parametrize("depth", [1, 2])
def test_a_shorter_stage_keeps_its_first_blocks(depth: int) -> None:
    of = small_space()
    network, drawn = begun(of.decode(genome(of, stage2__depth=depth, exit__stage1__modules=-1)))
    names = tensors(network)
    assert drawn == []
    assert {name.split(".")[1] for name in names if name.startswith("stage2")} == {
        f"block{i + 1}" for i in range(depth)
    }
    assert all(torch.equal(tensor, SOURCE.tensors[name]) for name, tensor in names.items())


def test_branches_of_exits_stay_as_they_are_drawn() -> None:
    of = small_space()
    architecture = of.decode(genome(of, exit__stage1__modules=1))
    network, drawn = begun(architecture)
    torch.manual_seed(0)
    plain = EarlyExitNetwork(architecture, TEN)
    assert drawn == ["exit.stage1.module", "exit.stage1.classifier"]
    for name, tensor in tensors(network).items():
        expected = tensors(plain)[name] if name.startswith("exit") else SOURCE.tensors[name]
        assert torch.equal(tensor, expected)


def test_a_classifier_of_other_classes_is_new() -> None:
    network, drawn = begun(described(), classification(3, 5))
    assert drawn == ["final.classifier"]
    assert tensors(network)["final.classifier.classifier.linear.weight"].shape == (5, 10)


def test_weights_know_no_resolution() -> None:
    assert begun(replace(described(), resolution=12))[1] == []


def test_a_space_is_told_what_it_draws() -> None:
    assert SOURCE.check(small_space(), classification(3, 5)) == [
        "exit.stage1.classifier",
        "exit.stage1.module",
        "final.classifier",
    ]


@pytest.mark.parametrize("kernel", [5, [3, 5]])
def test_a_space_of_other_blocks_is_refused_and_they_are_named(kernel: object) -> None:
    with pytest.raises(ConfigError, match=r"stage2\.block1.*stage2\.block2.*stage2\.block3"):
        SOURCE.check(small_space(kernel=kernel), TEN)


def test_a_network_of_other_blocks_is_refused() -> None:
    of = small_space(kernel=5)
    with pytest.raises(ConfigError, match=r"block1 is mbconv-in4-out6-k5.*, not mbconv-in4-out6-k3"):
        begun(of.decode(genome(of)))


def test_blocks_beyond_the_pretrained_ones_are_drawn() -> None:
    assert "stage2.block4" in SOURCE.check(small_space(depth=(1, 4)), TEN)


@pytest.mark.parametrize("other", [None, {"mean": 0.5, "std": 0.5}])
def test_other_inputs_are_refused_with_what_to_write(other: object) -> None:
    with pytest.raises(ConfigError, match=r"normalisation: \{mean: 0\.5000000, std: 0\.2500000\}"):
        SOURCE.check(small_space(normalisation=other), TEN)


def test_grey_images_do_not_fit_a_network_of_colours() -> None:
    with pytest.raises(ConfigError, match=r"stem is conv-in1-.*, not conv-in3-"):
        SOURCE.check(small_space(), classification(1, 10))


def test_a_space_without_any_of_its_slots_is_refused() -> None:
    stages = [{"name": "first", "width": 4}, {"name": "second", "width": 4}]
    other = space(8, stages=stages, normalisation=OWN, stem={"width": 9})
    with pytest.raises(ConfigError, match="stem is conv"):
        SOURCE.check(other, classification(3, 7))


def test_a_supernet_begins_with_them_where_shapes_agree() -> None:
    supernet = Supernet(small_space(), classification(3, 5))
    drawn = {name: tensor.clone() for name, tensor in supernet.weights.tensors.items()}
    SOURCE.fill(supernet.weights.tensors)
    for name, tensor in supernet.weights.tensors.items():
        is_new = name.startswith(("exit", "final.classifier"))
        assert torch.equal(tensor, drawn[name] if is_new else SOURCE.tensors[name])


def test_random_weights_stay_random() -> None:
    network = EarlyExitNetwork(described(), TEN)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert "stem" in Drawn().load(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_loading_draws_no_random_numbers() -> None:
    network = EarlyExitNetwork(described(), TEN)
    before = torch.get_rng_state()
    SOURCE.load(network)
    assert torch.equal(torch.get_rng_state(), before)
