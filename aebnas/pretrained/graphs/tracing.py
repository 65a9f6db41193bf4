"""From a user's module, or a saved program, to graphs: ``torch.export``, and why it fails where it does."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.export import Dim, ExportedProgram, export
from torch.utils import _pytree as pytree

from aebnas.errors import NetworkError
from aebnas.pretrained.checking import BATCH, place_in, place_of
from aebnas.pretrained.graphs.answers import Answering, before_probabilities, chosen, listed
from aebnas.pretrained.graphs.graph import TracedGraph, is_random, normalised, schema_name, shape_of

SHAPES = "torch.fx.experimental.symbolic_shapes"
"""The logger of torch that says where a size becomes a number."""
CONTROL_FLOW = ("data-dependent", "aten._local_scalar_dense", "aten.item")


def exported_module(network: Answering, shape: Sequence[int], training: bool, name: str) -> ExportedProgram:
    """Return what ``torch.export`` makes of a network for images of a shape, in batches of any size.

    The network's modes are as before when this returns.

    Args:
        network: The network, answering with its logits.
        shape: Channels, height and width.
        training: Trace what it does in training.
        name: Of the network, for messages.

    Raises:
        NetworkError: It cannot be exported; the message says where and why.
    """
    images = torch.zeros(BATCH, *shape)
    with modes(network, training), torch.random.fork_rng(devices=[]), _quiet() as places:
        try:
            return export(network, (images,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
        except NetworkError:
            raise
        except Exception as error:  # export raises errors of many kinds, the user's code whatever it likes
            raise NetworkError(_refusal(error, places, name)) from error


def traced_answer(program: ExportedProgram) -> tuple[TracedGraph, str]:
    """Return the graph of a program that ``exported_module`` made, and what it turned its logits into."""
    with _quiet():
        module = program.module(check_guards=False)
    return _logits_of(module, lambda output: output[0])


def traced_program(program: ExportedProgram, answer: str | int | None, name: str) -> tuple[TracedGraph, str]:
    """Return the graph of a saved program, and what it turned its logits into.

    Raises:
        NetworkError: It takes other inputs than images in batches of any size, it was exported in training
            mode, or it is not clear which of its outputs are the logits.
    """
    inputs = program.graph_signature.user_inputs
    if len(inputs) != 1:
        raise NetworkError(
            f"{name} takes {len(inputs)} inputs; export a module whose forward takes images alone"
        )

    def pick(output: Any) -> Any:
        # what was a tree of tensors is a list in the graph
        parts = listed(pytree.tree_unflatten(list(output), program.call_spec.out_spec))
        return parts[chosen({key: shape_of(node) or () for key, node in parts.items()}, answer)]

    traced, made_by = _logits_of(program.module(check_guards=False), pick)
    shape = shape_of(traced.images) or ()
    if not getattr(shape[0], "free_symbols", None):
        raise NetworkError(
            f"{name} was exported for batches of {shape[0]}; export it again for any: "
            "torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))"
        )
    refuse_training(traced, name)
    return traced, made_by


def refuse_training(traced: TracedGraph, name: str) -> None:
    """Refuse a graph that should evaluate but draws random numbers or takes statistics of the batch.

    Raises:
        NetworkError: It does.
    """
    for node in traced.flow:
        is_norm = schema_name(node) == "aten::batch_norm" and node.args[5] is True
        if is_norm or is_random(node):
            what = "takes a batch's own statistics" if is_norm else "draws random numbers"
            raise NetworkError(
                f"{name} {what} in evaluation mode too: {_place(node)} ({node.name}). Export it after "
                "network.eval(), and let its random parts ask self.training"
            )


def _logits_of(module: fx.GraphModule, answer: Any) -> tuple[TracedGraph, str]:
    makers = []

    def pick(output: Any) -> fx.Node:
        logits, made_by = before_probabilities(answer(output))
        makers.append(made_by)
        return logits

    return normalised(module, pick), makers[0]


def _refusal(error: Exception, places: list[str], name: str) -> str:
    """Return why a network cannot be exported."""
    message = str(error)
    if "specialized it to be a constant" in message:
        place = f": {places[0]}" if places else ""
        return (
            f"{name} works on batches of one size only{place}. Take the size of the batch from the images, "
            "x.flatten(1) rather than x.view(2, -1), and treat a batch as one tensor, not image by image"
        )
    where = place_of(error)
    if any(word in message for word in CONTROL_FLOW):
        return (
            f"{name} decides by the values of a tensor, which a graph cannot follow: {where}. Compute both "
            "and choose with torch.where, use torch.cond, or take the decision out of forward"
        )
    lines = message.strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    return f"{name} cannot be exported (torch.export): {where}: {reason}"


def _place(node: fx.Node) -> str:
    """Return the last line of the trace that a node keeps of where it was called."""
    lines = [line.strip() for line in str(node.meta.get("stack_trace", "")).splitlines()]
    calls = [line for line in lines if line.startswith("File ") and "/torch/nn/" not in line]
    return calls[-1] if calls else "in its graph"


@contextlib.contextmanager
def modes(network: nn.Module, training: bool) -> Iterator[None]:
    """Put every module into one mode for a while."""
    before = {module: module.training for module in network.modules()}
    network.train(training)
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


class _SizeWatch(logging.Filter):
    """Keeps what torch's logger says to itself, and notes where the size of the batch became a number."""

    def __init__(self, places: list[str]) -> None:
        super().__init__()
        self._places = places

    def filter(self, record: logging.LogRecord) -> bool:
        if record.getMessage().startswith("set_replacement"):
            place = place_in(traceback.extract_stack())
            self._places += [place] if place else []
        return record.levelno > logging.CRITICAL


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """Silence torch while it exports; gives the places where a size became a number."""
    places: list[str] = []
    logger, watch = logging.getLogger(SHAPES), _SizeWatch(places)
    level = logger.level
    logger.addFilter(watch)
    logger.setLevel(logging.INFO)
    loud = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(loud), contextlib.redirect_stdout(loud):
            warnings.simplefilter("ignore")
            yield places
    finally:
        logger.removeFilter(watch)
        logger.setLevel(level)
