"""What the features of given networks will take on disk, before any is computed.  Must not import torch."""

from __future__ import annotations

from collections.abc import Sequence

from aebnas.config.sections.fidelities.kinds import HeadsConfig
from aebnas.files.full_disk import megabytes
from aebnas.heads.features.cache_plan import CutSize, plan_cache
from aebnas.pretrained.cuts import cached_bytes
from aebnas.runs.formatting import count
from aebnas.search.problem import SearchProblem

PLENTY = 10**18
"""Bytes."""
BYTES_PER_LOGIT = 4


def features_note(problem: SearchProblem, images: Sequence[int]) -> tuple[str, ...]:
    """Return one sentence on the disk that the features take, and on the limit; nothing if none are kept.

    Args:
        problem: What is searched.
        images: How many train, calibrate and select, in this order.
    """
    options = problem.plan.fidelities[0].options
    if not isinstance(options, HeadsConfig):
        return ()
    networks = problem.space.given_networks(problem.task)
    if not networks:  # of code that was not loaded
        return ()
    train, held_out = images[0], images[1] + images[2]
    total = 0
    for network in networks:
        sizes = [
            CutSize(name, cached_bytes(piece.output))
            for name, piece in zip(network.places, network.pieces, strict=False)
        ]
        answers = BYTES_PER_LOGIT * problem.task.classes if network.keeps_head else 0
        total += plan_cache(sizes, train, held_out, PLENTY, options.views, answers).full_bytes
    what = f"{count(options.views, 'view')} of {train:,} training images and {held_out:,} others"
    names = {network.name for network in networks}
    where = f" at {len(networks)} resolutions" if len(networks) > 1 else ""
    where = f" of {len(names)} networks, each at its resolutions," if len(names) > 1 else where
    text = f"features{where} take {megabytes(total)} on disk: {what}"
    if total <= options.cache_limit_mb * 1e6:
        return (f"{text}. The limit, cache_limit_mb, is {options.cache_limit_mb:,.0f} MB.",)
    return (
        f"{text}. That is more than cache_limit_mb: {options.cache_limit_mb:,.0f}; fewer views are kept, "
        "and if need be those of fewer places, while the others are computed again and again.",
    )
