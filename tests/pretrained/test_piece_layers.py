"""Pieces as layers: named, compared, built, counted, measured, put into early-exit networks."""

import dataclasses

import pytest
import torch
from cut_once import SHAPE, cut, cut_module, pretrained
from user_networks import CLASSES, NETWORKS, network

from aebnas.blocks.layer import classifier
from aebnas.blocks.tensor_spec import TensorSpec, image, tokens
from aebnas.hardware.cost.cost import layer_cost, plan_cost
from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure.layer_clock import layer_clock
from aebnas.nets.network import ExitSegment
from aebnas.pretrained.layer import PieceLayer
from aebnas.pretrained.network import PretrainedNetwork
from aebnas.runtime.onnx_session import open_session
from aebnas.runtime.torch_segments import segment_graph
from aebnas.space.api import Segment


def layers(name: str) -> tuple[PieceLayer, ...]:
    return cut(name).layers([place.name for place in cut(name).worthwhile()])


def test_a_signature_says_network_places_graph_and_resolution() -> None:
    first, second, *_ = layers("resnet")
    assert first.signature() == f"piece-resnet-input..layer1.0-{first.digest}@32"
    assert second.signature() == f"piece-resnet-layer1.0..layer1-{second.digest}@32"


def test_a_name_with_odd_characters_is_made_plain() -> None:
    network = PretrainedNetwork(pretrained("resnet").module, "my net@home").at(SHAPE)
    assert network.layer("input", "layer1").signature().startswith("piece-my_net_home-input..layer1-")


def test_equal_pieces_are_equal_layers_of_one_hash() -> None:
    again = cut("resnet").layers(["layer1"])
    assert again == cut("resnet").layers(["layer1"])
    assert len({*again, *cut("resnet").layers(["layer1"])}) == 2


def test_another_graph_under_the_same_name_is_another_layer() -> None:
    wider = network("resnet")
    wider.linear = torch.nn.Linear(32, CLASSES + 1)
    ours, theirs = cut_module(network("resnet")), cut_module(wider)
    assert ours.layers(["layer1"])[0].signature() == theirs.layers(["layer1"])[0].signature()
    assert ours.layers(["layer1"])[1].signature() != theirs.layers(["layer1"])[1].signature()


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_join_and_build_what_they_say(name: str) -> None:
    x = torch.randn(2, *SHAPE)
    for layer in layers(name):
        assert x.shape[1:] == layer.input.shape
        x = layer.build().eval()(x)
        assert x.shape[1:] == layer.output.shape
    assert layers(name)[-1].output == TensorSpec(CLASSES)


def test_what_a_layer_builds_can_be_changed_without_the_network() -> None:
    first, *_ = layers("resnet")
    built = first.build().to(torch.float64)
    with torch.no_grad():
        built.get_parameter("conv1.weight").zero_()
    weight = first.build().get_parameter("conv1.weight")
    assert weight.dtype is torch.float32
    assert bool(weight.any())


@pytest.mark.parametrize("name", NETWORKS)
def test_costs_of_the_pieces_sum_to_those_of_the_network(name: str) -> None:
    costs = [layer_cost(layer) for layer in layers(name)]
    (whole,) = (layer_cost(layer) for layer in cut(name).layers())
    assert sum(cost.macs for cost in costs) == whole.macs == cut(name).macs
    weights = network(name).eval().parameters()
    unused = {"inception": 20 * CLASSES + CLASSES}.get(name, 0)  # the branch of training
    assert sum(cost.params for cost in costs) == sum(weight.numel() for weight in weights) - unused
    assert max(cost.activation_bytes for cost in costs) == whole.activation_bytes


def test_live_memory_is_that_of_the_widest_operation() -> None:
    (first, *_) = cut("resnet").layers(["conv1"])
    assert layer_cost(first).activation_bytes == 4 * (3 + 8) * 32 * 32
    (_, second, _) = cut("resnet").layers(["bn1+relu", "layer1.0"])
    # the block's input waits for the sum while a batch norm reads what a convolution wrote
    assert layer_cost(second).activation_bytes == 4 * 3 * 8 * 32 * 32


def test_training_keeps_what_the_backward_pass_reads() -> None:
    (_, second, _) = cut("resnet").layers(["conv1", "bn1+relu"])
    statistics = 2 * 8  # mean and deviation of each channel
    # input of the batch norm and output of the activation
    assert layer_cost(second).saved_activation_bytes == 4 * (2 * 8 * 32 * 32 + statistics)


def plan(name: str, after: str) -> list[Segment]:
    first, rest = cut(name).layers([after])
    return [Segment((first,), (classifier(first.output, CLASSES),), "early"), Segment((), (rest,))]


def test_an_exit_between_two_pieces_is_counted_on_the_way() -> None:
    segments = plan("resnet", "layer2")
    cost = plan_cost(segments)
    first, rest = (layer_cost(layer).macs for layer in (segments[0].backbone[0], segments[1].exit[0]))
    assert list(cost.reach_macs) == [first + 16 * CLASSES, first + 16 * CLASSES + rest]


def test_the_last_exit_of_a_network_in_pieces_answers_as_the_network() -> None:
    module = network("resnet").eval()
    segments = [ExitSegment(segment).eval() for segment in plan("resnet", "layer2")]
    images = torch.randn(3, *SHAPE)
    with torch.no_grad():
        features, early = segments[0](images)
        _, last = segments[1](features)
        assert early.shape == (3, CLASSES)
        assert torch.equal(last, module(images))


def test_a_segment_of_pieces_becomes_an_onnx_graph_for_any_batch() -> None:
    (first, _) = plan("mobilenet_v3", "features.2")
    segment = ExitSegment(first).eval()
    session = open_session(segment_graph(segment, (1, *SHAPE), is_read=True))
    images = torch.randn(5, *SHAPE)
    features, logits = session.run(None, {"x": images.numpy()})
    with torch.no_grad():
        expected = segment(images)
    torch.testing.assert_close(torch.from_numpy(features), expected[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.from_numpy(logits), expected[1], atol=1e-4, rtol=0)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize("name", ["mobilenet_v2", "vit"])
def test_pieces_can_be_timed(name: str, runtime: str) -> None:
    target = Target(device="cpu", runtime=runtime)
    for layer in layers(name):
        assert layer_clock(layer, target)(2).min() > 0


def test_a_layer_of_tokens_says_so() -> None:
    layer = layers("vit")[1]
    assert layer.input == tokens(17, 16)
    assert layer.in_channels == 16


def test_the_resolution_is_part_of_a_layer() -> None:
    first, *_ = layers("resnet")
    assert dataclasses.replace(first, image=image(3, 64)) != first
