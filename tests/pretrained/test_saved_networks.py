"""A network in a file of its own: the same cuts, numbers and training as in memory, without its code."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from cut_once import SHAPE, cut, pretrained
from torch import Tensor, nn
from user_networks import network

from aebnas import ConfigError, NetworkError, allow_code, save_network
from aebnas.errors import CodeRefusedError
from aebnas.pretrained.network import PretrainedNetwork
from aebnas.pretrained.saved.file import read_network, write_network
from aebnas.pretrained.weights import weights_digest

IMAGES = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))


class Small(nn.Module):
    """Two convolutions whose weights have two names, a constant that is not saved, and a softmax."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8)
        self.first, self.second = nn.Conv2d(8, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.second.weight = self.first.weight
        self.stem.weight.requires_grad_(False)
        self.register_buffer("scale", torch.full((1, 8, 1, 1), 0.5), persistent=False)
        self.head = nn.Linear(8, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Return probabilities ``(batch, 4)``."""
        x = self.first(self.norm(self.stem(images)).relu()) * self.scale
        return self.head(self.second(x.relu()).mean((2, 3))).softmax(1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small network, written in training mode."""
    return save_network(Small().train(), tmp_path_factory.mktemp("saved") / "small.aebnas", [(16, 12), 8])


def made_again(name: str, folder: Path) -> PretrainedNetwork:
    write_network(network(name), [SHAPE], folder / "net.aebnas", name)
    with allow_code():
        return read_network(folder / "net.aebnas")


@pytest.mark.parametrize(
    "name",
    ["vit", *(pytest.param(name, marks=pytest.mark.slow) for name in ("resnet", "densenet", "mobilenet_v3"))],
)
def test_a_saved_network_is_the_network_bit_for_bit(name: str, tmp_path: Path) -> None:
    saved = made_again(name, tmp_path)
    there, here = saved.at(SHAPE), cut(name)
    assert there.cuts == here.cuts
    assert there.digest == here.digest
    assert weights_digest(saved.module) == weights_digest(pretrained(name).module)
    with torch.no_grad():
        own = pretrained(name).module.eval()(IMAGES)
        assert torch.equal(
            nn.Sequential(*there.pieces(here.cuts[i].name for i in (0, -1))).eval()(IMAGES), own
        )
        assert torch.equal(saved.module(IMAGES), own)


def test_a_saved_network_trains_as_the_network(small: Path) -> None:
    changed = []
    for source in (read_network(small), PretrainedNetwork(Small(), "Small")):
        pieces = nn.Sequential(*source.at((3, 8, 8)).pieces(["norm"])).train()
        optimizer = torch.optim.SGD(pieces.parameters(), 0.1)
        images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        nn.functional.cross_entropy(pieces(images), torch.tensor([0, 1, 2, 3])).backward()
        optimizer.step()
        changed.append(pieces.state_dict())
    assert changed[0].keys() == changed[1].keys()
    assert changed[0]["0.norm.num_batches_tracked"] == 1
    assert all(torch.equal(changed[0][name], changed[1][name]) for name in changed[0])


def test_how_weights_are_held_is_kept(small: Path) -> None:
    module = read_network(small).module
    assert module.get_parameter("first.weight") is module.get_parameter("second.weight")
    assert not module.get_parameter("stem.weight").requires_grad
    assert module.state_dict().keys() == Small().state_dict().keys()


def test_logits_before_a_softmax_are_saved_and_said(small: Path) -> None:
    saved = read_network(small)
    images = torch.randn(2, 3, 16, 12)
    with torch.no_grad():
        assert torch.allclose(saved.module(images).softmax(1), Small().eval()(images), atol=1e-6)
    assert any("softmax" in note for note in saved.at((3, 16, 12)).notes)


def test_the_module_stays_as_it_was(tmp_path: Path) -> None:
    module = Small().train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    save_network(module, tmp_path / "small.aebnas", 8)
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_weights_are_stored_once(small: Path) -> None:
    with zipfile.ZipFile(small) as archive:
        sizes = {file.filename: file.file_size for file in archive.infolist()}
    assert sorted(name for name in sizes if name.endswith(".pt2")) == [
        "3x16x12/evaluation.pt2", "3x16x12/training.pt2", "3x8x8/evaluation.pt2", "3x8x8/training.pt2",
    ]  # fmt: skip


def test_another_resolution_is_refused_with_those_that_there_are(small: Path) -> None:
    with pytest.raises(NetworkError, match=r"was saved for images 3 x 16 x 12, 3 x 8 x 8 .* not 3 x 32 x 32"):
        read_network(small).at((3, 32, 32))


def test_another_process_needs_consent_to_read_it(small: Path) -> None:
    code = f"""
from pathlib import Path
from aebnas.errors import CodeRefusedError
from aebnas.pretrained.saved.file import read_network
try:
    read_network(Path({str(small)!r}))
except CodeRefusedError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--allow-code" in answer.stdout


class Two(nn.Module):
    def forward(self, images: Tensor, sizes: Tensor) -> Tensor:
        return images.mean((2, 3)) * sizes


class Fixed(nn.Module):
    """Takes images of 8 x 8 pixels alone."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, 1, 1), nn.Linear(4 * 64, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.stem(images).flatten(1))


class Deciding(Fixed):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images if images.sum() > 0 else -images)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Two(), r"forward needs 2 inputs \(images, sizes\)"),
        (Deciding(), "decides by the values of a tensor"),
        (nn.Linear(3, 4), "fails on images"),
    ],
)
def test_what_cannot_work_is_told(module: nn.Module, words: str, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=words):
        save_network(module, tmp_path / "net.aebnas", 8)
    assert not list(tmp_path.iterdir())


def test_a_wrong_resolution_names_those_that_fit(tmp_path: Path) -> None:
    fixed = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.Flatten(), nn.Linear(4 * 32 * 32, 5))
    with pytest.raises(NetworkError, match="It takes 32 x 32"):
        save_network(fixed, tmp_path / "net.aebnas", 8)


@pytest.mark.parametrize("resolution", [0, [], "8", 8.5, [(8, 8, 8)], [8, None]])
def test_a_resolution_that_is_none_is_told(resolution: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="resolution must be pixels"):
        save_network(Fixed(), tmp_path / "net.aebnas", resolution)


def test_a_path_of_another_kind_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must end in"):
        save_network(Fixed(), tmp_path / "net.pt", 8)
    with pytest.raises(ConfigError, match="cannot write"):
        save_network(Fixed(), tmp_path / "nowhere/net.aebnas", 8)


def test_a_damaged_file_is_told(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    for damaged in (
        b"",
        b"PK\3\4",
        content[: len(content) // 2],
        content.replace(b"tensors.pt", b"sensors.pt"),
    ):
        (tmp_path / "net.aebnas").write_bytes(damaged)
        with allow_code(), pytest.raises(NetworkError, match="damaged"):
            read_network(tmp_path / "net.aebnas")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no such file"):
        read_network(tmp_path / "net.aebnas")


def test_a_copied_file_needs_consent(small: Path, tmp_path: Path) -> None:
    (tmp_path / "net.aebnas").write_bytes(small.read_bytes())
    with pytest.raises(CodeRefusedError):
        read_network(tmp_path / "net.aebnas")
