"""Weights from files: what fits goes in, what does not is told by name."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from user_networks import network

from aebnas.errors import NetworkError
from aebnas.pretrained.weights import load_weights, weights_digest


@pytest.fixture
def trained() -> dict[str, Tensor]:
    return network("mobilenet_v2", seed=1).state_dict()


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def equal(module: nn.Module, state: dict[str, Tensor]) -> bool:
    own = module.state_dict()
    return own.keys() == state.keys() and all(torch.equal(own[name], state[name]) for name in state)


def test_a_safetensors_file_is_read(trained: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(trained, tmp_path / "weights.safetensors")
    module = network("mobilenet_v2")
    assert load_weights(module, tmp_path / "weights.safetensors") == ()
    assert equal(module, trained)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model"])
def test_weights_are_found_inside_a_checkpoint(key: str, trained: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved({"epoch": 3, key: trained, "optimizer": {"lr": 0.1}}, tmp_path / "checkpoint.pt")
    module = network("mobilenet_v2")
    (note,) = load_weights(module, path)
    assert f"the weights are those under {key!r}" in note
    assert equal(module, trained)


def test_prefixes_of_wrappers_are_left_out_and_said(trained: dict[str, Tensor], tmp_path: Path) -> None:
    wrapped = {f"_orig_mod.module.{name}": tensor for name, tensor in trained.items()}
    module = network("mobilenet_v2")
    notes = load_weights(module, saved(wrapped, tmp_path / "w.pth"))
    assert [("'_orig_mod.'" in note, "'module.'" in note) for note in notes] == [(True, False), (False, True)]
    assert equal(module, trained)


def test_counters_that_old_files_lack_stay(trained: dict[str, Tensor], tmp_path: Path) -> None:
    old = {name: tensor for name, tensor in trained.items() if not name.endswith("num_batches_tracked")}
    (note,) = load_weights(network("mobilenet_v2"), saved(old, tmp_path / "w.pth"))
    assert "counters of batch norms" in note


def test_every_mismatch_is_told_by_name(trained: dict[str, Tensor], tmp_path: Path) -> None:
    trained["classifier.1.weight"] = torch.zeros(1000, 48)
    trained["extra.weight"] = trained.pop("classifier.1.bias")
    with pytest.raises(NetworkError) as refusal:
        load_weights(network("mobilenet_v2"), saved(trained, tmp_path / "w.pth"))
    assert "1 missing: classifier.1.bias" in str(refusal.value)
    assert "1 not in the network: extra.weight" in str(refusal.value)
    assert "classifier.1.weight has shape (1000, 48), not (10, 48)" in str(refusal.value)


def test_a_refused_file_changes_nothing(trained: dict[str, Tensor], tmp_path: Path) -> None:
    module = network("mobilenet_v2")
    before = weights_digest(module)
    trained.pop("classifier.1.bias")
    with pytest.raises(NetworkError):
        load_weights(module, saved(trained, tmp_path / "w.pth"))
    assert weights_digest(module) == before


def test_weights_give_lazy_modules_their_shape(tmp_path: Path) -> None:
    lazy = nn.Sequential(nn.LazyConv2d(8, 3), nn.Flatten())
    load_weights(lazy, saved(nn.Sequential(nn.Conv2d(3, 8, 3)).state_dict(), tmp_path / "w.pth"))
    assert lazy[0].weight.shape == (8, 3, 3, 3)


def test_a_file_that_could_run_code_is_not_read(tmp_path: Path) -> None:
    path = saved(network("mobilenet_v2"), tmp_path / "whole.pt")
    with pytest.raises(NetworkError, match=r"holds more than tensors.*could run code.*state_dict\(\)"):
        load_weights(network("mobilenet_v2"), path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("missing.pt", None, "there is no such file"),
        ("damaged.pt", b"no zip", "cannot be read|holds more than tensors"),
        ("empty.pth", b"", "cannot be read"),
        ("damaged.safetensors", b"12345678{", "cannot be read"),
        ("graph.onnx", b"graph", "is an ONNX graph"),
    ],
)
def test_a_file_without_weights_is_refused(
    name: str, content: bytes | None, reason: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NetworkError, match=reason):
        load_weights(network("mobilenet_v2"), tmp_path / name)


def test_a_file_of_other_tensors_is_refused_with_what_it_holds(tmp_path: Path) -> None:
    path = saved({"epoch": 3, "accuracy": torch.tensor(0.5)}, tmp_path / "w.pt")
    with pytest.raises(NetworkError, match="holds no weights by name, but epoch, accuracy"):
        load_weights(network("mobilenet_v2"), path)


def test_torchscript_is_told_from_a_damaged_file(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match=r"torch\.jit"):
        torch.jit.trace(nn.Linear(3, 2), torch.zeros(1, 3)).save(tmp_path / "script.pt")
    with pytest.raises(NetworkError, match="is a TorchScript archive: save the weights"):
        load_weights(nn.Linear(3, 2), tmp_path / "script.pt")


def test_a_digest_changes_with_one_weight_and_with_nothing_else() -> None:
    module, same = network("mobilenet_v2"), network("mobilenet_v2")
    assert weights_digest(module) == weights_digest(same)
    with torch.no_grad():
        same.classifier[1].bias[0] += 1e-6
    assert weights_digest(module) != weights_digest(same)
