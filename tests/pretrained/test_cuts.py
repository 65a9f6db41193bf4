"""Where networks can be cut, what the places are called and what they cost."""

import pytest
import torch
from cut_once import SHAPE, cut, cut_module, pretrained
from torch.utils.flop_counter import FlopCounterMode
from user_networks import NETWORKS, IfOnData, network

from aebnas.blocks.tensor_spec import TensorSpec, image, tokens
from aebnas.errors import NetworkError
from aebnas.pretrained.cuts import Cut, named_cuts, worthwhile

WORTHWHILE = {
    "resnet": ["layer1.0", "layer1", "layer2.0", "layer2", "layer3.0"],
    "mobilenet_v2": ["features.0", "features.1", "features.2", "features.3"],
    "mobilenet_v3": ["features.0", "features.1", "features.2", "features.3"],
    "efficientnet": ["stem", "blocks.0", "blocks.1"],
    "densenet": ["stem", "dense1.0", "dense1.1", "dense1", "transition"],
    "unet_encoder": ["stem", "up1+add", "merge"],
    "inception": ["stem", "mixed1+max_pool2d"],
    "convnext": ["stem", "stages.0.0", "stages.0"],
    "vit": ["patch+add", "blocks.0.proj+add", "blocks.0", "blocks.1.proj+add", "blocks.1"],
    "channels_last": ["patch+permute", "stage1.0", "stage1+cat", "merge", "stage2.0"],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_cuts_that_are_worth_an_exit_are_the_ends_of_blocks(name: str) -> None:
    assert [place.name for place in cut(name).worthwhile()] == WORTHWHILE[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_place_has_a_name_of_its_own(name: str) -> None:
    names = [place.name for place in cut(name).cuts]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", NETWORKS)
def test_macs_are_half_of_what_torch_counts(name: str) -> None:
    module = network(name).eval().to("meta")
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(1, *SHAPE, device="meta"))
    assert cut(name).macs == counter.get_total_flops() // 2


@pytest.mark.parametrize("name", NETWORKS)
def test_macs_rise_from_cut_to_cut(name: str) -> None:
    macs = [place.macs for place in cut(name).cuts]
    assert macs == sorted(macs)
    assert macs[-1] <= cut(name).macs


def test_macs_to_a_cut_are_those_of_the_modules_before_it() -> None:
    module = network("resnet").eval().to("meta")
    stem = torch.nn.Sequential(module.conv1, module.layer1)
    with FlopCounterMode(display=False) as counter:
        stem(torch.empty(1, *SHAPE, device="meta"))
    assert place("resnet", "layer1").macs == counter.get_total_flops() // 2


def place(network_name: str, name: str) -> Cut:
    (found,) = named_cuts(cut(network_name).cuts, [name], network_name)
    return found


def test_inside_a_u_there_is_no_cut() -> None:
    names = [place.name for place in cut("unet_encoder").cuts]
    assert not [name for name in names if name.startswith(("down", "up2"))]


def test_branches_side_by_side_are_not_cut() -> None:
    assert not [place.name for place in cut("inception").cuts if ".b" in place.name]


def test_features_are_maps_tokens_and_vectors() -> None:
    assert place("resnet", "layer2").features == image(16, 16)
    assert place("vit", "blocks.0").features == tokens(17, 16)
    assert place("convnext", "stages.1+mean").features == TensorSpec(16)


def test_where_channels_lie_is_read_off_the_operations_where_sizes_do_not_tell() -> None:
    assert place("channels_last", "stage1").features == TensorSpec(8, (8, 8), channels_last=True)
    assert place("resnet", "layer2").features == TensorSpec(16, (16, 16))


def test_features_are_cached_in_two_bytes_a_value() -> None:
    assert place("resnet", "layer2").cached_bytes == 2 * 16 * 16 * 16


def test_an_inner_module_that_ends_there_is_a_name_of_the_cut_too() -> None:
    assert place("resnet", "layer1.1") == place("resnet", "layer1")


def test_a_place_behind_a_functional_activation_is_named_after_both() -> None:
    assert place("resnet", "bn1+relu").macs == place("resnet", "conv1").macs


def test_a_module_that_runs_twice_has_two_places() -> None:
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = torch.nn.Conv2d(3, 8, 3, 2, 1)
            self.same = torch.nn.Conv2d(8, 8, 3, padding=1)
            self.head = torch.nn.Linear(8, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.same(self.same(self.stem(x))).mean((2, 3)))

    names = [place.name for place in cut_module(Twice()).cuts]
    assert names == ["stem", "same", "same#2", "same#2+mean"]


def test_an_unknown_cut_is_told_with_the_nearest() -> None:
    with pytest.raises(NetworkError, match=r"cannot be cut behind 'layer4'\. Did you mean 'layer"):
        cut("resnet").pieces(["layer4"])


def test_one_place_under_two_names_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"'layer1\.1' and 'layer1' are the same place"):
        cut("resnet").pieces(["layer1", "layer1.1"])


def test_other_resolutions_have_the_same_cuts_at_other_costs() -> None:
    larger = pretrained("mobilenet_v2").at((3, 48, 64))
    assert [place.name for place in larger.cuts] == [place.name for place in cut("mobilenet_v2").cuts]
    assert larger.macs > 2 * cut("mobilenet_v2").macs


def test_a_network_that_decides_by_data_is_refused_with_line_and_cure() -> None:
    with pytest.raises(NetworkError) as caught:
        cut_module(IfOnData())
    assert "networks.py" in str(caught.value)
    assert "(if out.mean() > 0.5:)" in str(caught.value)
    assert "torch.where" in str(caught.value)


def cuts_at(*places: tuple[str, int, int, int]) -> list[Cut]:
    return [Cut(name, level, macs, image(channels, 8)) for name, level, macs, channels in places]


def names_of(cuts: tuple[Cut, ...]) -> list[str]:
    return [cut.name for cut in cuts]


def test_of_cuts_at_one_cost_the_last_of_the_outermost_stays() -> None:
    cuts = cuts_at(("a", 0, 50, 8), ("a+relu", 0, 50, 8), ("b.norm", 1, 50, 8))
    assert names_of(worthwhile(cuts, 100)) == ["a+relu"]


def test_the_end_of_an_outer_module_comes_before_nearer_ones() -> None:
    cuts = cuts_at(("a.0", 1, 48, 8), ("a", 0, 50, 8))
    assert names_of(worthwhile(cuts, 100, distance=0.05)) == ["a"]


def test_cuts_too_early_or_too_late_are_left_out() -> None:
    cuts = cuts_at(("early", 0, 4, 8), ("middle", 0, 50, 8), ("late", 0, 91, 8))
    assert names_of(worthwhile(cuts, 100, distance=0.05, last=0.9)) == ["middle"]


def test_the_wide_middle_of_a_bottleneck_is_left_out() -> None:
    cuts = cuts_at(("a", 0, 20, 8), ("b.expand", 1, 40, 48), ("b", 0, 60, 8))
    assert names_of(worthwhile(cuts, 100)) == ["a", "b"]
