"""Fields that stand elsewhere, or are spelled otherwise, than they did: one table, one message each.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aebnas.config.choices import Path


def moved(path: Path, tree: Any) -> str | None:
    """Return what to write in place of a field; None: it never was one.

    Args:
        path: Of the field.
        tree: The whole file, which holds what else decides the new spelling.
    """
    cure = MOVED.get(tuple(str(part) for part in path))
    return None if cure is None else cure(tree)


def _of_policy(option: str) -> Callable[[Any], str]:
    def cure(tree: Any) -> str:
        exits = _section(tree, "exits")
        policy = exits.get("policy", "confidence")
        name = policy if isinstance(policy, str) else "NAME"
        options = f"{{name: {name}, {option}: {_flow(exits.get(option))}}}"
        return f"is an option of its policy now, as in policy: {options}"

    return cure


def _of_loss(option: str) -> Callable[[Any], str]:
    def cure(tree: Any) -> str:
        training = _section(tree, "training")
        loss = training.get("loss")
        name = loss if isinstance(loss, str) else "NAME"
        options = f"{{name: {name}, {option}: {_flow(training.get(option))}}}"
        return f"is an option of its loss now, as in loss: {options}"

    return cure


def _trials(tree: Any) -> str:
    trials = _flow(_section(tree, "exits").get("trials"))
    options = f"{{name: confidence, tuner: {{name: optuna, trials: {trials}}}}}"
    return f"is an option of its tuner now, as in policy: {options}"


def _flow(value: Any) -> str:
    return "null" if value is None else str(value).replace("'", "")


def _section(tree: Any, name: str) -> Mapping[str, Any]:
    section = tree.get(name) if isinstance(tree, dict) else None
    return section if isinstance(section, dict) else {}


MOVED: Mapping[tuple[str, ...], Callable[[Any], str]] = (
    {
        ("exits", name): _of_policy(name)
        for name in (
            "score",
            "patience",
            "bins",
            "lower_bound",
            "most_weight",
            "coverage",
            "passed_on",
            "tuner",
        )
    }
    | {
        ("training", name): _of_loss(name)
        for name in ("exit_weights", "distillation", "temperature", "first_phase", "exit_price")
    }
    | {("exits", "trials"): _trials}
)
"""By path: what to say, from the whole file."""
