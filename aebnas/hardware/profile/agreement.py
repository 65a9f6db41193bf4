"""From layers to networks: fit the correction, and judge predictions on other networks.

Must not import torch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aebnas.hardware.profile.latency_terms import HANDOVER, LatencyTerms
from aebnas.hardware.profile.measured_network import MeasuredNetwork
from aebnas.hardware.profile.profile import HardwareProfile
from aebnas.hardware.profile.profile_schema import Agreement, Correction
from aebnas.hardware.profile.profile_table import rounded
from aebnas.space.api import Architecture
from aebnas.task.task import Task

FloatArray = NDArray[np.float64]
ReachMacs = Callable[[Architecture, Task], FloatArray]
"""MACs to each exit of an architecture."""
Factor = tuple[str, str]
"""Field of ``Correction``, and the layer type where the field has one factor for each."""
FEWEST_FOR_TAU = 5
CACHES_MB = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.8, 2.2, 2.7, 3.3, 4.0, 6.0, 8.0, 16.0)
"""Tried for the size of the cache that matters; 0: none does."""
SMALLEST = 1e-3
TIE = 1e-6
WORTH_A_FACTOR = 0.05
"""Share of the error on left-out networks by which a form with more factors has to be better."""


def fit_correction(profile: HardwareProfile, networks: Sequence[MeasuredNetwork]) -> Correction:
    """Return the factors that fit measured networks best, in relative error.

    Non-negative least squares on ``LatencyTerms``.  Whether each layer type has a factor of its own, for
    its time and for weights from behind the cache, whether handing features on has its price, and how
    large a cache matters, is what predicts networks left out of the fit best; of forms that do so about as
    well, the one with the fewest factors.

    Args:
        profile: Its rows and overhead; its own correction plays no part.
        networks: Measured whole; each counts as often as it has exits.
    """
    if not networks:
        return Correction()
    measured = np.concatenate([network.reach_ms for network in networks])
    owner = np.repeat(np.arange(len(networks)), [len(network.reach_ms) for network in networks])
    fits, either = [], (False, True)
    for cache_mb in CACHES_MB:
        terms = [_terms(profile, network, cache_mb) for network in networks]
        kinds = sorted({kind for network_terms in terms for kind in network_terms.by_type})
        for form in itertools.product(either, either, either if cache_mb else (False,)):
            columns = [_columns(network_terms, kinds, *form) for network_terms in terms]
            features = np.concatenate([np.stack(list(by_kind.values()), axis=1) for by_kind in columns])
            error = _left_out_error(features, measured, owner)
            fits.append((error, cache_mb, list(columns[0]), _factors(features, measured)))
    enough = min(fit[0] for fit in fits) * (1 + WORTH_A_FACTOR) + TIE
    # the fewest factors that do: what more of them gain beyond that is the luck of these networks
    chosen = min((fit for fit in fits if fit[0] <= enough), key=lambda fit: (len(fit[2]), fit[0]))
    _, cache_mb, names, factors = chosen
    return _correction(names, factors, cache_mb, len(networks))


def _correction(names: Sequence[Factor], factors: FloatArray, cache_mb: float, networks: int) -> Correction:
    plain: dict[str, Any] = {"by_type": {}, "cold_weights_by_type": {}}
    for (field, kind), value in zip(names, factors, strict=True):
        # a deeper exit must cost more
        factor = max(rounded(value), SMALLEST if field in ("layers", "by_type") else 0.0)
        if kind:
            plain[field][kind] = factor
        else:
            plain[field] = factor
    if plain["by_type"]:
        plain["layers"] = rounded(float(np.mean(list(plain["by_type"].values()))))
    return Correction(**plain, cache_mb=cache_mb, networks=networks)


def _terms(profile: HardwareProfile, network: MeasuredNetwork, cache_mb: float) -> LatencyTerms:
    plan = network.architecture.segments(network.task)
    return profile.latency_terms(plan, cache_mb)


def _columns(
    terms: LatencyTerms, kinds: Sequence[str], has_handover: bool, has_types: bool, has_cold_types: bool
) -> dict[Factor, FloatArray]:
    """Return what each factor multiplies, shape ``(exits,)`` each; ``kinds`` are the layer types."""
    zeros = np.zeros_like(terms.layers)
    if has_types:
        columns = {("by_type", kind): terms.by_type.get(kind, zeros) for kind in kinds}
    else:
        columns = {("layers", ""): terms.layers}
    others = {(name, ""): values for name, values in terms.others.items()}
    if not has_handover:
        del others[HANDOVER, ""]
    columns |= others
    if has_cold_types:
        columns |= {("cold_weights_by_type", kind): terms.cold_weights.get(kind, zeros) for kind in kinds}
    elif terms.cold_weights:
        columns["cold_weights_ms_per_mb", ""] = np.sum(list(terms.cold_weights.values()), axis=0)
    return columns


def _left_out_error(features: FloatArray, measured: FloatArray, owner: NDArray[np.int64]) -> float:
    """Return the mean relative error on each network of factors fitted on the others."""
    errors = []
    for network in np.unique(owner) if owner[-1] > 0 else ():
        held = owner == network
        factors = _factors(features[~held], measured[~held])
        errors.append(np.abs(features[held] @ factors / measured[held] - 1))
    return float(np.concatenate(errors).mean()) if errors else 0.0


def _factors(features: FloatArray, measured: FloatArray) -> FloatArray:
    """Return non-negative factors that minimise the relative error; an unused feature gets 0."""
    from scipy.optimize import nnls

    relative = features / measured[:, None]
    scale = relative.max(axis=0)
    scale[scale == 0] = 1.0
    factors: FloatArray = nnls(relative / scale, np.ones(len(measured)))[0] / scale
    return factors


def agreements(
    profile: HardwareProfile, networks: Sequence[MeasuredNetwork], reach_macs: ReachMacs
) -> tuple[Agreement, ...]:
    """Return how well the profile predicts networks: over all exits, whole networks, and each exit.

    Args:
        profile: With its correction.
        networks: Not used for the correction.
        reach_macs: The baseline whose rank correlation stands beside.
    """
    rows: list[tuple[float, ...]] = []
    for network in networks:
        plan = network.architecture.segments(network.task)
        macs = reach_macs(network.architecture, network.task)
        times = zip(profile.reach_latency_ms(plan), network.first_ms, network.second_ms, macs, strict=True)
        rows += [(i + 1, i + 1 == len(plan), *map(float, values)) for i, values in enumerate(times)]
    table = np.asarray(rows)
    scores = [_agreement("all", table, len(networks)), _agreement("last", table[table[:, 1] == 1])]
    exits = range(1, int(table[:, 0].max()) + 1)
    scores += [_agreement(exit_, table[table[:, 0] == exit_]) for exit_ in exits]
    return tuple(scores)


def _agreement(exit_: int | str, table: FloatArray, networks: int | None = None) -> Agreement:
    predicted, first, second, macs = table[:, 2:].T
    measured = (first + second) / 2
    error = predicted / measured - 1
    return Agreement(
        exit=exit_,  # type: ignore[arg-type]  # pydantic checks the word
        networks=len(table) if networks is None else networks,
        mape=round(float(np.abs(error).mean()), 5),
        bias=round(float(error.mean()), 5),
        tau=kendall_tau(predicted, measured),
        noise_mape=round(float(np.abs(first / second - 1).mean()), 5),
        noise_tau=kendall_tau(first, second),
        macs_tau=kendall_tau(macs, measured),
    )


def kendall_tau(a: FloatArray, b: FloatArray) -> float | None:
    """Return Kendall's rank correlation; None for fewer than five pairs or constant values."""
    if len(a) < FEWEST_FOR_TAU or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    from scipy.stats import kendalltau

    return round(float(kendalltau(a, b).statistic), 4)
