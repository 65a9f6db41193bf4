"""Exit scores: how certain an exit is of its answer.

A score is a number per sample and exit, higher = more certain; thresholds are compared with it.
Computed in float64 and stored as float32: every threshold lives on the stored values, so that
``score >= threshold`` decides the same way at tuning time and at run time.

To add a score, write a function from probabilities ``(N, K)`` to ``(N,)`` and name it as in
``my_scores:gini``, or enter it in ``SCORES``.  One from outside may take logits instead: its argument is then
called ``logits``.

Must not import torch.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from aebnas.errors import CodeError, DataError, ShapeError
from aebnas.exits.core.arrays import FloatArray, IntArray, ScoreArray
from aebnas.extensions import kinds
from aebnas.extensions.consent import is_allowed, made_once
from aebnas.extensions.loading import loaded
from aebnas.extensions.names import is_outside, parsed_name
from aebnas.task.answers import answers


def confidence(probabilities: FloatArray) -> FloatArray:
    """Return the largest class probability; ``(N, K)`` to ``(N,)``, between 1/K and 1."""
    largest: FloatArray = probabilities.max(axis=-1)
    return largest


def entropy(probabilities: FloatArray) -> FloatArray:
    """Return 1 - H / log K with the entropy H of the classes; ``(N, K)`` to ``(N,)``, between 0 and 1."""
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    certainty: FloatArray = 1.0 + (probabilities * logs).sum(axis=-1) / np.log(probabilities.shape[-1])
    return certainty


def margin(probabilities: FloatArray) -> FloatArray:
    """Return the margin of the first class over the second; ``(N, K)`` to ``(N,)``, between 0 and 1."""
    top = np.partition(probabilities, -2, axis=-1)
    margin: FloatArray = top[:, -1] - top[:, -2]
    return margin


SCORES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "confidence": confidence,
    "entropy": entropy,
    "margin": margin,
}


def exit_scores(name: str, logits: npt.NDArray[Any]) -> ScoreArray:
    """Return the score of every sample at every exit.

    Args:
        name: A key of ``SCORES``.
        logits: Unnormalised class scores of every exit, shape ``(N, E, K)``, any float type.

    Returns:
        Scores, float32, shape ``(N, E)``; higher = more certain.

    Raises:
        DataError: The name is unknown, or a logit is NaN or infinite.
        ShapeError: The logits are not three-dimensional, or there are fewer than two classes.
    """
    score_named(name)
    check_logits(logits)
    # exit by exit: the float64 copy of all exits at once would not fit for 1,000 classes
    columns = [scores_at(name, logits[:, i]) for i in range(logits.shape[1])]
    return np.stack(columns, axis=1)


def scores_at(name: str, logits: npt.NDArray[Any]) -> ScoreArray:
    """Return the score of every sample at one exit, unchecked: ``(N, K)`` to ``(N,)`` float32.

    Raises:
        DataError: The name is unknown.
        CodeError: It is of code that is not allowed, missing or wrong, or gives no scores.
    """
    return scores_of(name, logits, lambda: softmax(logits))


def scores_of(name: str, logits: npt.NDArray[Any], probabilities: Callable[[], FloatArray]) -> ScoreArray:
    """Return the score of every sample at one exit, ``(N,)`` float32.

    Args:
        name: Of the score.
        logits: ``(N, K)``.
        probabilities: Returns those of the logits, ``(N, K)``; asked where the score reads them.

    Raises:
        DataError: The name is unknown.
        CodeError: It is of code that is not allowed, missing or wrong, or gives no scores.
    """
    score = score_named(name)
    if not is_outside(name):
        return score(probabilities()).astype(np.float32)
    scores = np.asarray(score(np.array(logits, np.float64) if _reads_logits(name) else probabilities()))
    if scores.shape != (len(logits),) or not np.isfinite(scores).all():
        raise CodeError(
            f"{name} must return one finite score per sample, shape ({len(logits)},), but returned shape "
            f"{scores.shape}{'' if scores.shape != (len(logits),) else ' with values that are not finite'}"
        )
    return scores.astype(np.float32)


def score_named(name: str) -> Callable[[FloatArray], FloatArray]:
    """Return the function of a score.

    Raises:
        DataError: The name is unknown.
        CodeError: It is of code that is not allowed, missing or wrong.
    """
    if is_outside(name):
        score: Callable[[FloatArray], FloatArray] = loaded(name, kinds.SCORE)
        return score
    if name not in list(SCORES):  # a file may hold what no dictionary can look up
        near = difflib.get_close_matches(str(name), SCORES, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DataError(f"Unknown exit score '{name}'.{hint} Choices: {', '.join(sorted(SCORES))}.")
    return SCORES[name]


def check_score(name: str) -> None:
    """Check that there is a score of that name; where code is not allowed, that it could be one.

    Raises:
        DataError: The name is unknown.
        CodeError: It is of code that is missing or wrong.
    """
    if is_outside(name) and not is_allowed():
        parsed_name(name)
    else:
        score_named(name)


def _reads_logits(name: str) -> bool:
    return made_once(
        name, "argument", lambda: next(iter(inspect.signature(score_named(name)).parameters)) == "logits"
    )


def predictions(logits: npt.NDArray[Any]) -> IntArray:
    """Return the class each exit answers (the first of equals); ``(N, E, K)`` to ``(N, E)`` int64.

    Raises:
        DataError: A logit is NaN or infinite.
        ShapeError: The logits are not three-dimensional, or there are fewer than two classes.
    """
    check_logits(logits)
    return answers(logits)


def check_logits(logits: npt.NDArray[Any]) -> None:
    """Check that logits have shape ``(N, E, K)`` with E >= 1 and K >= 2, and are finite.

    Raises:
        DataError: A logit is NaN or infinite.
        ShapeError: The shape is another one.
    """
    if logits.ndim != 3 or logits.shape[1] < 1 or logits.shape[2] < 2:
        raise ShapeError(
            "Logits must have shape (samples, exits, classes) with at least one exit and two classes, "
            f"but got {logits.shape}."
        )
    finite = np.isfinite(logits)
    if not finite.all():
        sample, exit_index, _ = np.argwhere(~finite)[0]
        raise DataError(f"Logits must be finite, but those of sample {sample} at exit {exit_index} are not.")


def softmax(logits: npt.NDArray[Any]) -> FloatArray:
    """Return class probabilities in float64; ``(N, K)`` to ``(N, K)``."""
    # a fresh C-ordered copy: one row is summed in the same order whatever array it came from
    shifted = np.array(logits, dtype=np.float64, order="C")
    shifted -= shifted.max(axis=-1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=-1, keepdims=True)
    return shifted
