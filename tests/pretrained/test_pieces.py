"""Pieces, run one after another, are the network: answers, gradients, statistics, names."""

import copy
import pickle

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from cut_once import SHAPE, cut, cut_module, pretrained
from torch import Tensor, nn
from user_networks import NETWORKS, network

from aebnas.pretrained.pieces import Piece
from aebnas.runtime.onnx_graph import onnx_graph


def images(batch: int = 4, seed: int = 1) -> Tensor:
    return torch.randn(batch, *SHAPE, generator=torch.Generator().manual_seed(seed))


def all_pieces(name: str, module: nn.Module | None = None) -> list[Piece]:
    return list(cut(name).pieces([place.name for place in cut(name).cuts], module))


def run(pieces: list[Piece], x: Tensor) -> Tensor:
    for piece in pieces:
        x = piece(x)
    return x


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", NETWORKS)
def test_in_evaluation_the_pieces_equal_the_network_bit_for_bit(name: str, batch: int) -> None:
    pieces = [piece.eval() for piece in all_pieces(name)]
    with torch.no_grad():
        assert torch.equal(run(pieces, images(batch)), pretrained(name).module.eval()(images(batch)))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_step_leaves_the_gradients_and_statistics_of_the_network(name: str) -> None:
    whole, parted = (copy.deepcopy(pretrained(name).module).train() for _ in range(2))
    pieces = [piece.train() for piece in all_pieces(name, parted)]
    for answer in (lambda x: logits_of(whole(x)), lambda x: run(pieces, x)):
        torch.manual_seed(3)
        answer(images()).square().sum().backward()
    used = {name for piece in pieces for name, _ in piece.named_parameters()}
    assert used
    for parameter_name in used:
        expected, given = whole.get_parameter(parameter_name).grad, parted.get_parameter(parameter_name).grad
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-5)
    for buffer_name, buffer in whole.named_buffers():
        torch.testing.assert_close(parted.get_buffer(buffer_name), buffer)


def logits_of(answer: Tensor | dict[str, Tensor]) -> Tensor:
    return answer["logits"] if isinstance(answer, dict) else answer


def test_pieces_hold_the_tensors_of_the_network_under_its_names() -> None:
    module = pretrained("resnet").module
    held = {name: tensor for piece in all_pieces("resnet") for name, tensor in piece.state_dict().items()}
    own = module.state_dict()
    assert held.keys() == own.keys()
    assert all(held[name].data_ptr() == own[name].data_ptr() for name in own)


def test_pieces_may_share_the_tensors_of_a_copy() -> None:
    other = copy.deepcopy(pretrained("resnet").module)
    first, *_ = cut("resnet").pieces(["layer1"], other)
    assert first.get_parameter("conv1.weight") is other.conv1.weight


def test_a_copied_piece_has_weights_of_its_own() -> None:
    first, *_ = cut("resnet").pieces(["layer1"])
    copied = copy.deepcopy(first)
    with torch.no_grad():
        copied.get_parameter("conv1.weight").zero_()
    assert bool(pretrained("resnet").module.conv1.weight.any())
    assert not bool(copied.eval()(images()).sub(copied(images(seed=2))).any())


def test_a_piece_survives_pickling() -> None:
    (piece,) = cut("vit").pieces()
    again = pickle.loads(pickle.dumps(piece.eval()))
    assert torch.equal(again(images()), piece(images()))


def test_a_piece_takes_features_with_the_channels_last_in_memory() -> None:
    _, last = (piece.eval() for piece in cut("resnet").pieces(["layer2"]))
    features = torch.randn(2, 16, 16, 16)
    laid_out = features.to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(laid_out), last(features))


def test_a_piece_computes_in_the_format_that_autocast_asks_for() -> None:
    (piece,) = cut("resnet").pieces()
    with torch.autocast("cpu", torch.bfloat16):
        assert piece.eval()(images()).dtype is torch.bfloat16


class InPlaceBehindACut(nn.Module):
    """What comes behind a cut writes to its features, once through another name."""

    def __init__(self, through_a_view: bool) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 4)
        self.through_a_view = through_a_view

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.through_a_view:
            x.flatten(1)[:, :100].mul_(2)
        else:
            x = torch.relu_(x)
        return self.head(self.body(x).mean((2, 3)))


@pytest.mark.parametrize("through_a_view", [False, True])
def test_features_stay_as_they_are_where_what_follows_works_in_place(through_a_view: bool) -> None:
    module = InPlaceBehindACut(through_a_view)
    first, second = (piece.eval() for piece in cut_module(module).pieces(["stem"]))
    with torch.no_grad():
        features = first(images())
        before = features.clone()
        assert torch.equal(second(features), module(images()))
    assert torch.equal(features, before)


class Tied(nn.Module):
    """One weight in two modules, a buffer that is not saved, a constant made on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.first, self.second = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.second.weight = self.first.weight
        self.register_buffer("scale", torch.full((8, 1, 1), 0.5), persistent=False)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(self.stem(x)) * self.scale
        x = self.second(x) + torch.arange(8.0)[:, None, None]
        return self.head(x.mean((2, 3)))


def test_a_weight_used_twice_is_one_weight_in_both_pieces() -> None:
    module = Tied()
    first, second = cut_module(module).pieces(["first"])
    second.train()(first.train()(images())).sum().backward()
    expected = copy.deepcopy(module)
    expected.zero_grad()
    expected.train()(images()).sum().backward()
    torch.testing.assert_close(module.first.weight.grad, expected.first.weight.grad)


def test_a_buffer_that_is_not_saved_with_the_network_is_not_saved_with_a_piece() -> None:
    _, second = cut_module(Tied()).pieces(["first"])
    assert "scale" in dict(second.named_buffers())
    assert "scale" not in second.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_graphs_for_onnxruntime_answer_as_the_pieces_do(name: str) -> None:
    x = images(3)
    with torch.no_grad():
        for piece in all_pieces(name):
            graph = onnx_graph(piece.eval(), (1, *x.shape[1:]), ["y"])
            session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
            (answer,) = session.run(None, {"x": x.numpy()})
            x = piece(x)
            np.testing.assert_allclose(answer, x.numpy(), atol=1e-4)


def test_padding_becomes_one_operation_of_an_onnx_graph() -> None:
    module = nn.Sequential(
        nn.ZeroPad2d((0, 1, 2, 3)), nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    (piece,) = cut_module(module).pieces()
    graph = onnx_graph(piece.eval(), (1, *SHAPE), ["y"])
    kinds = [node.op_type for node in onnx.load_from_string(graph).graph.node]
    assert [kind for kind in kinds if kind != "Constant"] == ["Pad", "Conv", "GlobalAveragePool", "Flatten"]
    (answer,) = ort.InferenceSession(graph).run(None, {"x": images().numpy()})
    torch.testing.assert_close(torch.from_numpy(answer), module(images()).detach(), atol=1e-5, rtol=0)


def test_two_networks_of_a_kind_have_one_digest_whatever_their_weights() -> None:
    assert cut_module(network("convnext", seed=1)).digest == cut("convnext").digest
