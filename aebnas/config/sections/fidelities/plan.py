"""A plan of fidelities: the list ``evaluation.fidelities``, how a candidate gets its weights, step by step.

Each item has a kind and the options of that kind alone.  ``trained`` is short for ``{kind: trained}``,
``{trained: 9, keep: 1/3}`` for ``{kind: trained, epochs: 9, keep: 1/3}``.  Must not import torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, Union

from pydantic import BeforeValidator, Field, SerializeAsAny

from aebnas.config.choices import Frozen, Wrong, did_you_mean, reject
from aebnas.config.sections.fidelities.kinds import (
    FidelityOptions,
    FinetunedConfig,
    HeadsConfig,
    InheritedConfig,
    TrainedConfig,
)

FIDELITY_CONFIGS: dict[str, type[FidelityOptions]] = {
    "trained": TrainedConfig,
    "inherited": InheritedConfig,
    "heads": HeadsConfig,
    "finetuned": FinetunedConfig,
}
"""The kinds of fidelity and their options."""
SHORT = {"trained": "epochs", "heads": "epochs", "finetuned": "epochs"}
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


if TYPE_CHECKING:
    FidelityConfig: TypeAlias = FidelityOptions
else:
    _AnyKind = Union[tuple(FIDELITY_CONFIGS.values())]  # noqa: UP007 - a tuple at run time
    FidelityConfig = Annotated[
        SerializeAsAny[Annotated[_AnyKind, Field(discriminator="kind")]], BeforeValidator(_known)
    ]


def wrong_fidelities(items: Sequence[FidelityOptions], epochs: int) -> list[Wrong]:
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
        if i and item.must_be_first:
            wrong.append((path, f"{item.kind} must be the first fidelity"))
        total = item.total_epochs(epochs)
        if i and item.trains and total <= before:
            text = f"must be > {before}, the epochs of the fidelity before, but got {total}"
            wrong.append(((*path, "epochs"), text))
        before = total if item.trains_whole_networks else 0
    return wrong


def short_plan(items: Sequence[FidelityOptions]) -> str:
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
