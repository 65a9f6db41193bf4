"""Branches on features of any form: maps, tokens with and without a class token, vectors."""

import pytest
import torch
from frozen_cases import request

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, tokens
from aebnas.errors import ShapeError
from aebnas.heads.bank.branch import Branch, feature_map


@pytest.mark.parametrize(
    ("given", "name", "spec"),
    [
        (TensorSpec(12, (4, 6)), "map", (12, 4, 6)),
        (TensorSpec(12, (4, 6), channels_last=True), "map", (12, 4, 6)),
        (tokens(196, 32), "tokens 0+14x14", (32, 14, 14)),
        (tokens(197, 32), "tokens 1+14x14", (32, 14, 14)),
        (tokens(261, 32), "tokens 5+16x16", (32, 16, 16)),
        (tokens(30, 32), "mean of tokens", (32, 1, 1)),
        (TensorSpec(32), "vector", (32, 1, 1)),
    ],
)
def test_features_of_every_form_become_a_map(
    given: TensorSpec, name: str, spec: tuple[int, int, int]
) -> None:
    features = feature_map(given)
    assert (features.name, features.spec.shape) == (name, spec)
    assert features.module(torch.zeros(2, *given.shape)).shape == (2, *spec)


def test_patches_keep_their_places_row_by_row() -> None:
    values = torch.arange(7.0).view(1, 7, 1)
    patches = feature_map(tokens(7, 1), grid=(2, 3)).module(values)
    assert patches[0, 0].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_a_grid_larger_than_the_tokens_is_refused() -> None:
    with pytest.raises(ShapeError, match="a grid of 3 x 3 patches needs as many tokens, but there are 7"):
        feature_map(tokens(7, 1), grid=(3, 3))


def test_a_branch_runs_on_tokens() -> None:
    features = feature_map(tokens(17, 8))
    conv = Layer(BlockSpec("conv", 3, 16, 2), features.spec)
    branch = Branch(features, (conv, classifier(conv.output, 5)))
    assert branch(torch.zeros(2, 17, 8)).shape == (2, 5)


def test_a_branch_for_other_features_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"begins with conv-in12.*@4, but the features are \(8, 8, 8\)"):
        Branch(feature_map(TensorSpec(8, (8, 8))), request("body").layers)


def test_features_of_three_axes_and_channels_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"but the features are \(2, 3, 4, 5\)"):
        feature_map(TensorSpec(2, (3, 4, 5)))


def test_one_token_is_its_own_mean() -> None:
    assert feature_map(tokens(1, 8)).spec == TensorSpec(8, (1, 1))
