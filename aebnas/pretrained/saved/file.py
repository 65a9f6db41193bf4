"""The file of a saved network: its graphs by resolution and mode, its weights once.

A zip archive: ``network.json`` (name, notes, shapes), ``tensors.pt`` (read with
``weights_only``), and ``SHAPE/evaluation.pt2`` and ``SHAPE/training.pt2``, programs of
``torch.export`` without their weights.  Programs are deserialised by torch, which counts
as running code.
"""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from aebnas.errors import NetworkError
from aebnas.extensions.consent import require_consent
from aebnas.files.atomic import draft_of
from aebnas.pretrained.graphs.graph import TracedGraph
from aebnas.pretrained.graphs.tracing import traced_answer
from aebnas.pretrained.network import PretrainedNetwork
from aebnas.pretrained.saved.network import SavedGraphs, SavedNetwork, SavedTensors, Shape

FORMAT = 1
METADATA, TENSORS = "network.json", "tensors.pt"
MODES = ("evaluation", "training")
CURE = "bring it as code that makes it (package.module:function)"


class _Recorded(PretrainedNetwork):
    """A network that keeps the programs of its graphs."""

    def __init__(self, module: nn.Module, name: str, answer: str | int | None) -> None:
        super().__init__(module, name, answer)
        self.programs: dict[tuple[Shape, bool], ExportedProgram] = {}

    def _exported(self, shape: Shape, training: bool) -> ExportedProgram:
        program = super()._exported(shape, training)
        self.programs[shape, training] = program
        return program


def write_network(
    module: nn.Module,
    shapes: Iterable[Shape],
    path: Path,
    name: str | None = None,
    answer: str | int | None = None,
) -> None:
    """Write a network into a file; it appears whole or not at all.

    Args:
        module: The network, with its weights; as ``PretrainedNetwork`` takes it.
        shapes: Of images, channels first: the network can be used at these alone.
        path: Where to write it.
        name: What signatures and messages call it; None: after its class.
        answer: Which part of its answer the logits are, by index or name, where there are several.

    Raises:
        NetworkError: It cannot be cut at one of the shapes, or holds something that cannot be saved.
        OSError: The file cannot be written.
    """
    network = _Recorded(module, name or type(module).__name__, answer)
    shapes = tuple(dict.fromkeys(shapes))
    cut = [network.at(shape) for shape in shapes]
    metadata = {
        "format": FORMAT,
        "torch": torch.__version__,
        "name": network.name,
        "notes": list(dict.fromkeys(note for each in cut for note in each.notes)),
        "shapes": shapes,
    }
    contents = {METADATA: json.dumps(metadata).encode(), TENSORS: _tensors(network.module)}
    for shape, each in zip(shapes, cut, strict=True):
        for training, mode in enumerate(MODES if each.training is not None else MODES[:1]):
            program = network.programs[shape, bool(training)]
            contents[_entry(shape, mode)] = _program(program, network.name)
    with draft_of(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for entry, content in contents.items():
            archive.writestr(entry, content)


def read_network(path: Path) -> SavedNetwork:
    """Read a network from its file.

    Raises:
        CodeRefusedError: Code is not allowed in this process, which did not write the file either.
        NetworkError: It is missing, damaged, or no such file.
    """
    if not path.is_file():
        raise NetworkError(f"{path}: there is no such file")
    require_consent(str(path))
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read(METADATA))
            if metadata["format"] != FORMAT:
                raise NetworkError(f"{path} was saved by another version of AEBNAS: save the network again")
            contents = {name: archive.read(name) for name in archive.namelist()}
        saved = _saved_tensors(contents[TENSORS])
        graphs = {
            tuple(shape): _graphs(tuple(shape), contents, saved.tensors) for shape in metadata["shapes"]
        }
        return SavedNetwork(metadata["name"], tuple(metadata["notes"]), saved, graphs)
    except NetworkError:
        raise
    except Exception as error:  # zip, json, pickle and torch's own: a file of any content
        made_by = "" if "metadata" not in locals() else f" (it was saved by torch {metadata.get('torch')})"
        text = str(error).strip().splitlines()
        raise NetworkError(
            f"{path} is no network of aebnas.save_network, or a damaged one{made_by}: "
            f"{text[0] if text else type(error).__name__}"
        ) from error


def _entry(shape: Shape, mode: str) -> str:
    return f"{'x'.join(map(str, shape))}/{mode}.pt2"


def _program(program: ExportedProgram, name: str) -> bytes:
    """Return a program as bytes, its weights left out.

    Raises:
        NetworkError: Torch cannot write it.
    """
    for key, tensor in program.state_dict.items():
        program.state_dict[key] = _hollow(tensor)
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no tensor is complete
            torch.export.save(program, buffer)
    except Exception as error:  # whatever its operations are
        text = str(error).strip().splitlines()
        raise NetworkError(
            f"{name} cannot be saved (torch.export.save): {text[0] if text else type(error).__name__}. "
            f"Instead, {CURE}"
        ) from error
    return buffer.getvalue()


def _hollow(tensor: Tensor) -> Tensor:
    """Return a tensor of the same shape and kind in the memory of one number."""
    hollow = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape)
    return nn.Parameter(hollow, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else hollow


def _tensors(module: nn.Module) -> bytes:
    """Return weights and buffers with all that decides how they are held."""
    parameters = dict(module.named_parameters(remove_duplicate=False))
    buffers = dict(module.named_buffers(remove_duplicate=False))
    first: dict[int, str] = {}
    same = {}
    for name, tensor in {**parameters, **buffers}.items():
        if first.setdefault(id(tensor), name) != name:
            same[name] = first[id(tensor)]
    content = {
        "tensors": {
            name: tensor.detach().clone()
            for name, tensor in {**parameters, **buffers}.items()
            if name not in same
        },
        "parameters": list(parameters),
        "frozen": [name for name, tensor in parameters.items() if not tensor.requires_grad],
        "same": same,
        "passing": sorted(buffers.keys() - module.state_dict().keys()),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _saved_tensors(content: bytes) -> SavedTensors:
    read: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    parameters, frozen = set(read["parameters"]), set(read["frozen"])
    tensors = {
        name: nn.Parameter(tensor, name not in frozen) if name in parameters else tensor
        for name, tensor in read["tensors"].items()
    }
    tensors |= {name: tensors[other] for name, other in read["same"].items()}
    return SavedTensors(tensors, frozenset(read["passing"]))


def _graphs(shape: Shape, contents: Mapping[str, bytes], tensors: Mapping[str, Tensor]) -> SavedGraphs:
    evaluation = _traced(contents[_entry(shape, MODES[0])], tensors)
    training = contents.get(_entry(shape, MODES[1]))
    return SavedGraphs(evaluation, None if training is None else _traced(training, tensors))


def _traced(content: bytes, tensors: Mapping[str, Tensor]) -> TracedGraph:
    """Return a graph that holds the network's own tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(io.BytesIO(content))
    traced, _ = traced_answer(program)
    own = {name: tensors.get(name, tensor) for name, tensor in traced.tensors.items()}
    return replace(traced, tensors=own)
