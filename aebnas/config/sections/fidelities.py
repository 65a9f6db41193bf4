"""A plan of fidelities: the list ``evaluation.fidelities``, how a candidate gets its weights, step by step.

Each item has a kind and the options of that kind alone.  ``trained`` is short for ``{kind: trained}``,
``{trained: 9, keep: 1/3}`` for ``{kind: trained, epochs: 9, keep: 1/3}``.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from aebnas.config.choices import Frozen, Wrong, did_you_mean, reject

LARGEST_DENOMINATOR = 1000
"""Of a share: 0.3333333 is a third."""
FINETUNE_SHARE = 0.1
"""Of ``training.learning_rate``: the default peak of fine-tuning."""


def _keep(value: Any) -> Any:
    """Return a number of candidates as it is, a share of them as a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError(_KEEP)
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"must be >= 1 where it is a number of candidates, but got {value}")
        return value
    try:
        share = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"{_KEEP}, but got {value!r}") from None
    if not 0 < share < 1:
        raise ValueError(f"must be > 0 and < 1 where it is a share, but got {value}")
    return share


_KEEP = "must be a share of each generation such as 1/3, or a number of candidates of the whole search"

Keep = Annotated[
    int | Fraction,
    PlainValidator(_keep),
    PlainSerializer(lambda keep: str(keep) if isinstance(keep, Fraction) else keep, when_used="json"),
]
"""Who goes on to a fidelity: a share of every generation, or so many of the whole search."""


class InheritedConfig(Frozen):
    """A candidate takes its weights from a supernet, which is trained first (section supernet)."""

    trains: ClassVar[bool] = False
    """Whether its candidates count as trained networks."""

    kind: Literal["inherited"]
    """trained: from the first weights, or those of the fidelity before; inherited: from a supernet."""
    recalibration_images: Annotated[int, Field(ge=2)] = 1000
    """Training images for its batch-norm statistics, in full batches of 250 where there are as many."""
    finetune_epochs: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Epochs in which it is trained further, one-cycle as in training; 0: it is scored as it is."""
    finetune: Literal["all", "exits"] = "all"
    """What these epochs change: every weight, or those of the early exit branches."""
    finetune_learning_rate: Annotated[float, Field(gt=0, le=100)] | None = None
    """Their peak learning rate; null: a tenth of training's."""
    keep: Keep | None = None
    """Must be null: every candidate begins here."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return self.finetune_epochs

    def peak_rate(self, training_rate: float) -> float:
        """Return the peak learning rate of fine-tuning."""
        return self.finetune_learning_rate or FINETUNE_SHARE * training_rate

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "fine-tuned" if self.finetune_epochs else "as inherited"

    def note(self) -> str:
        """Return what else a reader of a report has to know; mostly nothing."""
        if not self.finetune_epochs:
            return ""
        epochs = f"{self.finetune_epochs} epoch{'' if self.finetune_epochs == 1 else 's'}"
        what = ", its early exits alone" * (self.finetune == "exits")
        return f"every inherited subnet trained {epochs} further{what}"


class TrainedConfig(Frozen):
    """A candidate is trained: from ``training.initial_weights``, or those of the fidelity before."""

    trains: ClassVar[bool] = True
    """Whether its candidates count as trained networks."""

    kind: Literal["trained"]
    """trained: from the first weights, or those of the fidelity before; inherited: from a supernet."""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Epochs that it then has in all; null: training.epochs."""
    keep: Keep | None = None
    """Who goes on to it: a share of every generation (1/3), or so many of the whole search (10), last."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return default if self.epochs is None else self.epochs

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "trained"

    def note(self) -> str:
        """Return what else a reader of a report has to know; mostly nothing."""
        return ""


FIDELITY_CONFIGS: dict[str, type[InheritedConfig] | type[TrainedConfig]] = {
    "trained": TrainedConfig,
    "inherited": InheritedConfig,
}
"""The kinds of fidelity and their options."""
SHORT = {"trained": "epochs"}
"""The option whose value may stand behind the kind's name."""


def spelled_out(item: Any) -> Any:
    """Return an item of the list with ``kind`` and all its options as keys; what is neither is left alone."""
    if isinstance(item, str) and item in FIDELITY_CONFIGS:
        return {"kind": item}
    if isinstance(item, dict) and "kind" not in item:
        for kind, option in SHORT.items():
            if kind in item and option not in item:
                return {"kind": kind, option: item[kind], **{k: v for k, v in item.items() if k != kind}}
    return item


def _known(item: Any) -> Any:
    item = spelled_out(item)
    if isinstance(item, Frozen):
        return item
    kind = item.get("kind") if isinstance(item, dict) else item
    if not isinstance(kind, str) or kind not in FIDELITY_CONFIGS:
        near = did_you_mean(kind, list(FIDELITY_CONFIGS)) if isinstance(kind, str) else ""
        message = "needs a kind" if kind is None else f"unknown kind {kind!r}"
        place = ("kind",) if isinstance(item, dict) and "kind" in item else ()
        reject([(place, f"{message}. {near}Kinds: {', '.join(FIDELITY_CONFIGS)}.")])
    return item


FidelityConfig = Annotated[
    Annotated[TrainedConfig | InheritedConfig, Field(discriminator="kind")], BeforeValidator(_known)
]
"""One item of the list."""


def wrong_fidelities(items: Sequence[InheritedConfig | TrainedConfig], epochs: int) -> list[Wrong]:
    """Return what does not fit together in a plan, relative to ``evaluation``.

    Args:
        items: The list.
        epochs: The default of an item's epochs.
    """
    wrong: list[Wrong] = []
    before, searchwide = 0, False
    for i, item in enumerate(items):
        path = ("fidelities", i)
        if i and item.keep is None:
            text = (
                "needs keep: who goes on to it, a share of every generation (1/3) or so many in the end (10)"
            )
            wrong.append((path, text))
        if not i and item.keep is not None:
            wrong.append(((*path, "keep"), "goes with later fidelities: every candidate gets the first one"))
        if searchwide and isinstance(item.keep, Fraction):
            text = "a share of every generation cannot follow a number of the whole search"
            wrong.append(((*path, "keep"), f"{text}: give a number"))
        searchwide = searchwide or isinstance(item.keep, int)
        if i and not item.trains:
            wrong.append((path, f"{item.kind} must be the first fidelity"))
        total = item.total_epochs(epochs)
        if i and item.trains and total <= before:
            text = f"must be > {before}, the epochs of the fidelity before, but got {total}"
            wrong.append(((*path, "epochs"), text))
        before = total
    return wrong


def short_plan(items: Sequence[InheritedConfig | TrainedConfig]) -> str:
    """Return a plan as a person writes it, defaults left out."""
    plain = [item.model_dump(mode="json", exclude_defaults=True) | {"kind": item.kind} for item in items]
    return short_items(plain)


def short_items(items: Sequence[Mapping[str, Any]]) -> str:
    """Return a list of items as a person writes it."""
    texts = []
    for item in items:
        kind, options = str(item["kind"]), {k: v for k, v in item.items() if k != "kind"}
        head = options.pop(SHORT[kind], None) if kind in SHORT else None
        pairs = [f"{kind}: {head}"] if head is not None else [f"kind: {kind}"] if options else [kind]
        pairs += [f"{name}: {value}" for name, value in options.items()]
        texts.append(f"{{{', '.join(pairs)}}}" if options or head is not None else kind)
    return f"[{', '.join(texts)}]"
