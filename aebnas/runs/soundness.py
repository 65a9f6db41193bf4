"""Parts of a run that a report leans on and the run store does not check.  Must not import torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aebnas.errors import AebnasError, CodeError, RunError
from aebnas.exits.policies.table import policy_from_dict


def check_policy(policy: Mapping[str, Any], key: str, exits: int, path: Path) -> None:
    """Refuse a point of a front that nobody could run.

    Args:
        policy: What decides there.
        key: Of the candidate.
        exits: Number of its exits.
        path: Of the run.

    Raises:
        RunError: It is no policy, or one for another number of exits.
    """
    cure = "Put a copy of run.sqlite back"
    try:
        decides = policy_from_dict(policy).exits
    except CodeError:
        raise
    except (AebnasError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{path} is damaged: table evaluations, candidate {key}: a point of its curve has no exit policy "
            f"({error}). {cure}"
        ) from error
    if decides != exits:
        raise RunError(
            f"{path} is damaged: table evaluations, candidate {key}: it has {exits} exits, but the policy of "
            f"a point decides for {decides}. {cure}"
        )
