"""What a user names becomes a network: code, files, names of ours."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from cut_once import SHAPE
from user_networks import MobileNetV2, network

from aebnas.errors import CodeError, CodeRefusedError, NetworkError
from aebnas.extensions.consent import allow_code, look_in
from aebnas.pretrained.loading import load_network
from aebnas.pretrained.named.table import NAMED
from aebnas.pretrained.network_names import NETWORKS
from aebnas.pretrained.weights import weights_digest

CODE = """
import torch
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 4, 3, 2, 1), nn.Linear(4, 5)
    def forward(self, x):
        return self.head(self.stem(x).mean((2, 3)))

def small():
    torch.manual_seed(0)
    return Small()

def broken():
    raise FileNotFoundError("no settings.json")

def number():
    return 3
"""


@pytest.fixture
def user_code(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "my_network.py").write_text(CODE)
    with allow_code():
        look_in(tmp_path)
        yield tmp_path
    sys.modules.pop("my_network", None)


def test_a_function_of_the_users_makes_the_network(user_code: Path) -> None:
    loaded = load_network("my_network:small")
    assert loaded.name == "small"
    assert [cut.name for cut in loaded.at(SHAPE).cuts] == ["stem", "stem+mean"]


def test_a_class_may_stand_for_the_function(user_code: Path) -> None:
    assert load_network("my_network:Small").name == "Small"


def test_an_error_of_the_users_code_is_told_with_its_line(user_code: Path) -> None:
    with pytest.raises(CodeError, match=r"my_network\.py:17.*FileNotFoundError: no settings\.json"):
        load_network("my_network:broken")


def test_a_function_that_makes_no_network_is_refused(user_code: Path) -> None:
    with pytest.raises(NetworkError, match=r"returned a int, but has to return a torch\.nn\.Module"):
        load_network("my_network:number")


def test_a_name_that_the_code_lacks_is_told_with_the_nearest(user_code: Path) -> None:
    with pytest.raises(CodeError, match=r"Did you mean 'my_network:small'\?"):
        load_network("my_network:smal")


def test_code_is_not_run_unasked(tmp_path: Path) -> None:
    with pytest.raises(CodeRefusedError, match="--allow-code"):
        load_network("my_network:small")


def test_a_module_or_a_function_of_ones_own_is_taken_as_it_is() -> None:
    module = MobileNetV2()
    assert load_network(module).module is module
    assert load_network(MobileNetV2, name="mine").name == "mine"


def test_weights_are_read_into_the_network_and_notes_kept(tmp_path: Path) -> None:
    trained = network("mobilenet_v2", seed=1)
    torch.save({"state_dict": trained.state_dict()}, tmp_path / "w.pt")
    loaded = load_network(MobileNetV2, weights=tmp_path / "w.pt")
    assert weights_digest(loaded.module) == weights_digest(trained)
    assert "under 'state_dict'" in loaded.notes[0]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    module = network("mobilenet_v2").eval()
    shapes = ({0: torch.export.Dim.DYNAMIC},)
    exported = torch.export.export(module, (torch.zeros(2, *SHAPE),), dynamic_shapes=shapes)
    torch.export.save(exported, tmp_path / "net.pt2")
    return tmp_path / "net.pt2"


def test_a_saved_program_has_the_cuts_and_weights_of_its_module(program: Path) -> None:
    with allow_code():
        loaded = load_network(program)
    module = network("mobilenet_v2").eval()
    names = [cut.name for cut in loaded.at(SHAPE).worthwhile()]
    assert names == ["features.0", "features.1", "features.2", "features.3"]
    (piece,) = loaded.at(SHAPE).pieces()
    images = torch.randn(3, *SHAPE)
    assert torch.equal(piece.eval()(images), module(images))
    assert "evaluated, not trained" in loaded.notes[0]


def test_a_saved_program_counts_as_code(program: Path) -> None:
    with pytest.raises(CodeRefusedError, match=r"net\.pt2 is code from outside"):
        load_network(program)


def test_a_saved_program_takes_no_other_weights(program: Path, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="has its weights inside"):
        load_network(program, weights=tmp_path / "w.pt")


def test_a_damaged_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"no program")
    with allow_code(), pytest.raises(NetworkError, match=r"is no program of torch\.export\.save"):
        load_network(tmp_path / "net.pt2")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("net.onnx", r"is an ONNX graph, which cannot be trained on: bring the PyTorch network"),
        ("weights.pth", "is a file of weights, not a network: name the code that builds it"),
        ("efficientnet_lite", r"Did you mean 'efficientnet_lite0'\? A network is package\.module:function"),
    ],
)
def test_what_is_no_network_is_refused_with_the_cure(name: str, reason: str) -> None:
    with pytest.raises(NetworkError, match=reason):
        load_network(name)


def test_names_that_files_may_write_are_those_that_there_are() -> None:
    assert tuple(NAMED) == NETWORKS
