"""Temperature scaling, one temperature per exit.

Dividing an exit's logits by its temperature changes no answer, only how confident it sounds.
Source: Guo et al., ICML 2017.

Must not import torch.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from aebnas.errors import DataError, ShapeError
from aebnas.exits.core.arrays import FloatArray
from aebnas.exits.core.samples import ExitSamples

COLDEST = 0.02
HOTTEST = 50.0


def fit_temperatures(samples: ExitSamples) -> FloatArray:
    """Return the temperature of every exit with the least negative log-likelihood, ``(E,)``.

    Args:
        samples: Calibration samples; measure calibration on others.

    Returns:
        Between ``COLDEST`` and ``HOTTEST``; the ends where every answer is right or the logits
        tell nothing.
    """
    logits = np.array(samples.logits.values, dtype=np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    truth = np.take_along_axis(logits, samples.labels[:, np.newaxis, np.newaxis], axis=2)[:, :, 0]
    temperatures = np.empty(samples.exits)
    for i in range(samples.exits):

        def loss(log_temperature: float, i: int = i) -> float:
            colder = np.exp(-log_temperature)
            normaliser = np.log(np.exp(logits[:, i] * colder).sum(axis=1))
            return float((normaliser - truth[:, i] * colder).mean())

        bounds = (np.log(COLDEST), np.log(HOTTEST))
        temperatures[i] = np.exp(
            minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x
        )
    return temperatures


def scaled(logits: npt.ArrayLike, temperatures: npt.ArrayLike) -> FloatArray:
    """Return logits ``(N, E, K)`` divided by one temperature per exit ``(E,)``.

    Raises:
        ShapeError: There is not one temperature per exit.
        DataError: One is not positive and finite.
    """
    values = np.asarray(logits, dtype=np.float64)
    each = np.asarray(temperatures, dtype=np.float64)
    if values.ndim != 3 or each.shape != values.shape[1:2]:
        raise ShapeError(f"One temperature per exit is needed, but got {each.shape} for {values.shape}.")
    if not (np.isfinite(each).all() and (each > 0).all()):
        raise DataError(f"Temperatures must be positive and finite, but got {each.tolist()}.")
    warmer: FloatArray = values / each[:, np.newaxis]
    return warmer
