"""Arrays as people save them, turned into uint8 images and labels from 0, or refused with the cure.

Nothing is guessed that could be otherwise: what is turned without a word loses
nothing (channels first, one column of labels, one-hot labels, whole numbers in
0..255 of another type).

Must not import torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.data.dataset import Images, Labels
from aebnas.errors import DataError

CHANNELS = (1, 3)
RENUMBER = "numpy.unique(y, return_inverse=True)[1] numbers any labels 0, 1, 2, ..."


def images_of(name: str, array: NDArray[Any], labels: int) -> Images:
    """Return images as ``(n, h, w, c)``, contiguous.

    Args:
        name: Of the array.
        array: Shape ``(n, h, w)``, ``(n, h, w, c)`` or ``(n, c, h, w)``.
        labels: Images that there should be, for the advice on images in the last dimension.

    Raises:
        DataError: Another shape or type.
    """
    if array.ndim in (3, 4) and len(array) != labels == array.shape[-1] and labels not in CHANNELS:
        raise DataError(
            _wrong(name, array, "The images lie in the last dimension: numpy.moveaxis(x, -1, 0).")
        )
    if array.ndim not in (3, 4) or (array.ndim == 4 and not {array.shape[1], array.shape[3]} & set(CHANNELS)):
        raise DataError(_wrong(name, array, _shape_cure(array)))
    if array.dtype != np.uint8:
        array = _bytes(name, array)
    if array.ndim == 3:
        array = array[..., None]
    elif array.shape[3] not in CHANNELS:
        array = array.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(array).astype(np.uint8, copy=False)


def labels_of(name: str, array: NDArray[Any], images: int) -> Labels:
    """Return whole-number labels, shape ``(n,)``, as they were counted in the file.

    Args:
        name: Of the array.
        array: Shape ``(n,)``, ``(n, 1)`` or ``(1, n)``; or one-hot, ``(n, classes)``.
        images: Images that there are.

    Raises:
        DataError: Another shape or type.
    """
    is_whole = array.dtype.kind in "iub"
    if is_whole and array.shape in ((images,), (images, 1), (1, images)):
        return array.reshape(-1).astype(np.int64)
    if array.ndim == 2 and array.shape[0] == images and array.dtype.kind in "iubf":
        if _is_one_hot(array):
            return np.asarray(array.argmax(axis=1), np.int64)
        if array.shape[1] > 1:
            raise DataError(
                f"{name} must be whole numbers of shape ({images},) or one-hot, but the rows of "
                f"{array.dtype} of shape {array.shape} do not hold a single 1 each: an image has one class"
            )
    raise DataError(
        f"{name} must be whole numbers of shape ({images},), "
        f"but it is {array.dtype} of shape {array.shape}{_labels_cure(array, images)}"
    )


def from_zero(name: str, labels: Labels, first: int | None) -> Labels:
    """Return labels that count from 0.

    Args:
        name: Of the array.
        labels: As ``labels_of`` returns them.
        first: Label of the first class, ``data.first_label``; None: not given.

    Raises:
        DataError: A label is below it.
    """
    lowest = int(labels.min(initial=0))
    if first is not None and len(labels) and int(labels.min()) < first:
        wrong = np.flatnonzero(labels < first)
        raise DataError(
            f"{name}: label {labels[wrong[0]]} of image {wrong[0]} is below data.first_label: {first}"
        )
    if first is None and lowest < 0:
        wrong = np.flatnonzero(labels < 0)
        raise DataError(
            f"label {labels[wrong[0]]} of image {wrong[0]} in {name} is below 0, from which labels count. "
            f"{RENUMBER}"
        )
    return labels - (first or 0)


def check_first(name: str, labels: Labels) -> None:
    """Refuse training labels that all lie above 0: they were counted from something else.

    Raises:
        DataError: No label is 0.
    """
    distinct = np.unique(labels)
    if len(distinct) < 2 or distinct[0] == 0:
        return
    lowest, highest = int(distinct[0]), int(distinct[-1])
    cure = (
        f"Set data.first_label: {lowest} if {lowest} is the first class"
        if highest - lowest + 1 == len(distinct)
        else f"Number them anew: {RENUMBER}"
    )
    raise DataError(
        f"{name} holds labels {lowest} to {highest}, and none is 0, but labels count from 0. {cure}"
    )


def _bytes(name: str, array: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = (array.min(), array.max()) if array.size and array.dtype.kind in "iufb" else (0, 0)
    if array.dtype.kind in "iu" and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    raise DataError(_wrong(name, array, _range_cure(array, low, high)))


def _range_cure(array: NDArray[Any], low: Any, high: Any) -> str:
    kind = array.dtype.kind
    if kind == "b":
        return "Save it as (x * 255).astype(numpy.uint8)."
    if kind not in "iuf":
        return ""
    span = (
        f"Its values reach from {low:g} to {high:g}. "
        if kind == "f"
        else f"Its values reach from {low} to {high}. "
    )
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{span}Replace what is not a number first."
    if low >= 0 and high <= 1:
        return f"{span}Save it as (x * 255).round().astype(numpy.uint8)."
    if low >= 0 and high <= 255:
        return f"{span}Save it as x.round().astype(numpy.uint8)."
    if low >= -1 and high <= 1:
        return f"{span}Save it as ((x + 1) * 127.5).round().astype(numpy.uint8)."
    scaled = "((x - x.min()) / (x.max() - x.min()) * 255).round().astype(numpy.uint8)"
    return f"{span}Bring them to 0..255: {scaled}."


def _shape_cure(array: NDArray[Any]) -> str:
    shape = array.shape
    if array.ndim == 2:
        for channels in CHANNELS:
            side = round((shape[1] / channels) ** 0.5)
            if side > 1 and side * side * channels == shape[1]:
                whole = (
                    f"(-1, {side}, {side})"
                    if channels == 1
                    else f"(-1, {side}, {side}, 3) or (-1, 3, {side}, {side})"
                )
                return f"Flat rows of {shape[1]}: x.reshape{whole}, whichever they are."
    if array.ndim == 4 and shape[3] == 4:
        return "Leave the fourth channel, transparency, out: x[..., :3]."
    if array.ndim == 4 and shape[1] == 4:
        return "Leave the fourth channel, transparency, out: x[:, :3]."
    return ""


def _wrong(name: str, array: NDArray[Any], cure: str) -> str:
    return (
        f"{name} must be uint8 of shape (n, h, w) or (n, h, w, c) with 1 or 3 channels, "
        f"but it is {array.dtype} of shape {array.shape}. {cure}"
    ).rstrip()


def _is_one_hot(array: NDArray[Any]) -> bool:
    if array.shape[1] < 2:
        return False
    values = array.astype(np.float64)
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all())


def _labels_cure(array: NDArray[Any], images: int) -> str:
    if array.dtype.kind in "US":
        return f". {RENUMBER}"
    if (
        array.dtype.kind == "f"
        and array.size
        and np.isfinite(array).all()
        and (array == np.round(array)).all()
    ):
        return ". Its values are whole: y.astype(int)"
    return ""
