"""Which arrays of an .npz file are images and labels of which split, by their names.

Read are the layouts that are common on the web, in any case: ``x_train`` and
``y_train`` (Keras), ``X`` and ``y`` (scikit-learn), ``train_images`` and
``train_labels`` (MedMNIST), ``data`` and ``target``.  A name says one kind and at
most one split, in either order, and nothing else.

Must not import torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from aebnas.errors import DataError

ArrayKind = Literal["images", "labels"]
SplitName = Literal["train", "test", "val"]

ARRAY_KINDS: Mapping[str, ArrayKind] = MappingProxyType(
    dict.fromkeys(("x", "image", "images", "img", "imgs", "data", "pixels"), "images")  # type: ignore[arg-type]
    | dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels")
)
PARTS: Mapping[str, SplitName] = MappingProxyType(
    {"train": "train", "training": "train", "test": "test", "testing": "test"}
    | dict.fromkeys(("val", "valid", "validation", "dev"), "val")  # type: ignore[arg-type]
)
EXPECTED = "numpy.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"


@dataclass(frozen=True)
class Pair:
    """Names of the arrays that hold one split's images and labels."""

    images: str
    labels: str


def layout_of(names: Iterable[str], contents: str) -> dict[SplitName, Pair]:
    """Return which arrays hold what; ``train`` is always there.

    Args:
        names: Of all arrays of the file.
        contents: What the file holds, for messages.

    Raises:
        DataError: Arrays are missing, or two names mean the same.
    """
    meant: dict[tuple[SplitName, ArrayKind], list[str]] = {}
    for name in names:
        meaning = _meaning(name)
        if meaning is not None:
            meant.setdefault(meaning, []).append(name)
    pairs: dict[SplitName, Pair] = {}
    for part in ("train", "test", "val"):
        images, labels = (_only(part, kind, meant, contents) for kind in ("images", "labels"))
        if images and labels:
            pairs[part] = Pair(images, labels)
        elif images or labels or part == "train":
            raise DataError(_missing(part, images, labels, contents))
    return pairs


def _meaning(name: str) -> tuple[SplitName, ArrayKind] | None:
    """Return split and kind that a name says; without a split it is the training data."""
    kinds, parts = [], []
    for word in _words(name):
        if word in ARRAY_KINDS:
            kinds.append(ARRAY_KINDS[word])
        elif word in PARTS:
            parts.append(PARTS[word])
        else:
            return None
    if len(kinds) != 1 or len(parts) > 1:
        return None
    return (parts[0] if parts else "train"), kinds[0]


def _words(name: str) -> list[str]:
    """Return the words of ``x_train``, ``trainX``, ``Xtrain`` or ``train-images``, in small letters."""
    parts = [word for word in re.split(r"[^a-z]+", name.lower()) if word]
    return [part for word in parts for part in _unglued(word)]


def _unglued(word: str) -> Sequence[str]:
    for part in sorted(PARTS, key=len, reverse=True):
        for kind in ARRAY_KINDS:
            if word in (part + kind, kind + part):
                return part, kind
    return (word,)


def _only(
    part: SplitName,
    kind: ArrayKind,
    meant: Mapping[tuple[SplitName, ArrayKind], Sequence[str]],
    contents: str,
) -> str | None:
    names = meant.get((part, kind), [])
    official = f"{'x' if kind == 'images' else 'y'}_{part}"
    if len(names) < 2 or official in names:
        return official if official in names else next(iter(names), None)
    raise DataError(
        f"arrays {' and '.join(map(repr, names))} could both be the {kind} of {part}. Keep one of them, or "
        f"call it {official!r}. {contents}"
    )


def _missing(part: SplitName, images: str | None, labels: str | None, contents: str) -> str:
    missing = f"y_{part}" if images else f"x_{part}"
    return f"array {missing!r} is missing; {contents} Save it as {EXPECTED}."
