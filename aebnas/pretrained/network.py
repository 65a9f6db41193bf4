"""A network that a user brought: where it can be cut at a resolution, and its pieces.

``PretrainedNetwork`` holds the network; ``at`` gives it for one resolution, with its
cuts.  Pieces that are made for training share the weights of one module, so that a
network trained in pieces is a plain module again.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.export import ExportedProgram

from aebnas.errors import NetworkError
from aebnas.pretrained.checking import answers_of, usable
from aebnas.pretrained.cut_network import CutNetwork, Origin, no_cut
from aebnas.pretrained.graphs.answers import Answering, are_probabilities
from aebnas.pretrained.graphs.graph import TracedGraph, shape_of
from aebnas.pretrained.graphs.tracing import (
    exported_module,
    modes,
    refuse_training,
    traced_answer,
    traced_program,
)
from aebnas.pretrained.layer import plain_name
from aebnas.pretrained.verification import checked_evaluation, training_defect


class PretrainedNetwork:
    """A network with its weights, ready to be cut."""

    module: nn.Module
    """The network, on the CPU, in fp32; pieces share its weights."""
    notes: tuple[str, ...]
    """What was done to it on the way, in words that users read."""
    origin: Origin | None = None
    """Where another process gets it from."""

    def __init__(self, module: nn.Module, name: str = "network", answer: str | int | None = None) -> None:
        """Take a network.

        Args:
            module: Called with images ``(batch, channels, height, width)``.  It is used as it is, and copied
                only where it lies on another device or has weights in another format than float32.
            name: What signatures and messages call it.
            answer: Which part of its answer the logits are, by index or name, where there are several.

        Raises:
            NetworkError: It cannot be cut, whatever the resolution.
        """
        self.name = plain_name(name)
        self.answer = answer
        self.module, self.notes = usable(module, name)
        self._cut: dict[tuple[int, ...], CutNetwork] = {}

    def at(self, shape: Sequence[int]) -> CutNetwork:
        """Return the network for images of a shape ``(channels, height, width)``, with its cuts.

        The first call for a shape takes seconds, others nothing.

        Raises:
            NetworkError: It does not take such images, cannot be exported, or can be cut nowhere.
        """
        key = tuple(shape)
        if key not in self._cut:
            self._cut[key] = self._cut_at(key)
        return self._cut[key]

    def _cut_at(self, shape: tuple[int, ...]) -> CutNetwork:
        images, answers = self._answers(shape)
        evaluation, made_by = self._evaluation(shape)
        refuse_training(evaluation, self.name)
        if not made_by and are_probabilities(answers):
            raise NetworkError(
                f"{self.name} answers with probabilities (each row sums to 1) that no softmax at its end "
                "makes: let its forward return the logits before them"
            )
        training, reason = self._training(shape)
        said = [f"it ends in {made_by}: its logits are what comes before"] if made_by else []
        notes = (*self.notes, *said, *([reason] if reason else []))
        network = CutNetwork(self.name, evaluation, training, _passing(self.module), notes, self.origin)
        if not network.cuts:
            raise no_cut(network)
        network = checked_evaluation(network, images, answers, made_by)
        defect = "" if training is None else self._defect(network, images)
        return network.without_training(defect) if defect else network

    def _answers(self, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return noise, and what the network says to it."""
        wrapped = Answering(self.module, self.answer)
        with modes(wrapped, training=False):
            return answers_of(wrapped, shape, self.name)

    def _exported(self, shape: tuple[int, ...], training: bool) -> ExportedProgram:
        """Return what ``torch.export`` makes of the network in one mode."""
        return exported_module(Answering(self.module, self.answer), shape, training, self.name)

    def _evaluation(self, shape: tuple[int, ...]) -> tuple[TracedGraph, str]:
        return traced_answer(self._exported(shape, training=False))

    def _training(self, shape: tuple[int, ...]) -> tuple[TracedGraph | None, str]:
        """Return the graph of training, or why there is none."""
        try:
            traced, self._trained_by = traced_answer(self._exported(shape, training=True))
        except NetworkError as error:
            return None, f"it cannot be trained as a whole, exits are trained alone: {error}"
        return traced, ""

    def _defect(self, network: CutNetwork, images: Tensor) -> str:
        def said(module: nn.Module, x: Tensor) -> Tensor:
            answers: Tensor = Answering(module, self.answer).train()(x)
            return answers

        return training_defect(network, self.module, said, self._trained_by, images)


class SavedProgram(PretrainedNetwork):
    """A network that ``torch.export.save`` wrote: it has one resolution, and cannot be trained."""

    def __init__(
        self, program: ExportedProgram, name: str = "network", answer: str | int | None = None
    ) -> None:
        """Take a program.

        Args:
            program: With one input, images in batches of any size.
            name: What signatures and messages call it.
            answer: Which of its outputs the logits are, by index or name, where there are several.
        """
        self.name = plain_name(name)
        self.answer = answer
        self.module = program.module(check_guards=False)
        self.notes = ("a saved program can be evaluated, not trained: exits are trained alone",)
        self._cut = {}
        self._traced = traced_program(program, answer, name)

    def _answers(self, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        own = tuple((shape_of(self._traced[0].images) or ())[1:])
        if own != shape:
            raise NetworkError(
                f"{self.name} was exported for images {own}, not {shape}: name its resolution, or export it "
                "again for the other"
            )
        return answers_of(Answering(self.module, self.answer), shape, self.name)

    def _evaluation(self, shape: tuple[int, ...]) -> tuple[TracedGraph, str]:
        return self._traced

    def _training(self, shape: tuple[int, ...]) -> tuple[None, str]:
        return None, ""


def _passing(module: nn.Module) -> frozenset[str]:
    """Return names of buffers that are not saved with a module's weights."""
    buffers = {name for name, _ in module.named_buffers(remove_duplicate=False)}
    return frozenset(buffers - module.state_dict().keys())
