"""Branches on features: their layers, the first of which may make a map."""

import pytest
import torch
from frozen_cases import request

from aebnas.blocks.block import BlockSpec
from aebnas.blocks.layer import Layer, classifier
from aebnas.blocks.tensor_spec import TensorSpec, tokens
from aebnas.errors import ShapeError
from aebnas.heads.bank.branch import Branch
from aebnas.pretrained.to_map import to_map


def test_a_branch_runs_on_tokens() -> None:
    (there,) = to_map(tokens(17, 8), (32, 32))
    conv = Layer(BlockSpec("conv", 3, 16, 2), there.output)
    branch = Branch(tokens(17, 8), (there, conv, classifier(conv.output, 5)))
    assert branch(torch.zeros(2, 17, 8)).shape == (2, 5)


def test_a_branch_for_other_features_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"begins with conv-in12.*@4, but the features are \(8, 8, 8\)"):
        Branch(TensorSpec(8, (8, 8)), request("body").layers)
