"""Fields that were moved or renamed: one table, and a message for each.

Must not import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from aebnas.config.sections.fidelities.plan import short_items
from aebnas.files.source_locations import Path

INHERITED_OPTIONS = ("recalibration_images", "finetune_epochs", "finetune", "finetune_learning_rate")


def replacement(path: Path, tree: Any) -> str | None:
    """Return what to write in place of a field; None: it never was one.

    Args:
        path: Of the field.
        tree: The whole file, which holds what else decides the new spelling.
    """
    cure = MOVED.get(tuple(str(part) for part in path))
    return None if cure is None else cure(tree)


def replacement_at_home(path: Path, tree: Any) -> str | None:
    """Return what to write in place of an old field that stands under a section where it never was.

    Args:
        path: Of the field.
        tree: The whole file.

    Returns:
        Its home and its new spelling, with the value that was given; None: no field, or fields of several
        sections, were called so.
    """
    homes = [old for old in MOVED if old[-1] == str(path[-1])]
    if len(homes) != 1 or not isinstance(tree, dict):
        return None
    ((section, name),) = homes
    value = tree
    for part in path:
        value = value[part]
    at_home = {**tree, section: {**_section(tree, section), name: value}}
    return f"belongs to {section}, and {MOVED[section, name](at_home)}"


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


def _renamed(section: str, old: str, new: str) -> Callable[[Any], str]:
    """Return what says a field's new name, with the value that it was given."""
    return lambda tree: (
        f"is called {new} now, as in {section}: {{{new}: {_flow(_section(tree, section).get(old))}}}"
    )


def _equal_plan(tree: Any) -> str:
    """Return how the plan of fidelities is written that equals the old options of ``evaluation``."""
    old, training = (_section(tree, name) for name in ("evaluation", "training"))
    if "fidelities" in old:
        return "is said by evaluation.fidelities now, which is given too; remove it"
    epochs = training.get("epochs", 8)
    epochs = epochs if isinstance(epochs, int) and epochs > 0 else 8
    return f"is said by evaluation.fidelities now; the same is fidelities: {short_items(_items(old, epochs))}"


def _items(old: Mapping[str, Any], epochs: int) -> list[dict[str, Any]]:
    way, finalists = old.get("mode"), old.get("finalists")
    if way == "successive_halving":
        return _spaced(_whole(old, "min_epochs", 1), epochs, max(2, _whole(old, "eta", 3)))
    inherited = {name: old[name] for name in INHERITED_OPTIONS if old.get(name) is not None}
    if way == "supernet" or inherited or finalists:
        last = [{"kind": "trained", "epochs": epochs, "keep": finalists}] if finalists else []
        return [{"kind": "inherited", **inherited}, *last]
    return [{"kind": "trained"}]


def _spaced(first: int, last: int, eta: int) -> list[dict[str, Any]]:
    """Return trainings from ``first`` to ``last`` epochs, evenly spaced in ratio, about ``eta`` apart."""
    first = min(first, last)
    ratio = last / first
    steps = max(1, round(math.log(ratio) / math.log(eta)))
    epochs = sorted({round(first * ratio ** (step / steps)) for step in range(steps + 1)})
    keeps: list[dict[str, Any]] = [{}] + [{"keep": f"1/{eta}"}] * (len(epochs) - 1)
    return [{"kind": "trained", "epochs": n, **keep} for n, keep in zip(epochs, keeps, strict=True)]


def _whole(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name, default)
    return value if isinstance(value, int) and value > 0 else default


def _section(tree: Any, name: str) -> Mapping[str, Any]:
    section = tree.get(name) if isinstance(tree, dict) else None
    return section if isinstance(section, dict) else {}


POLICY_OPTIONS = (
    "score", "patience", "bins", "lower_bound", "most_weight", "coverage", "passed_on", "tuner",
)  # fmt: skip
LOSS_OPTIONS = ("exit_weights", "distillation", "temperature", "first_phase", "exit_price")
MOVED: Mapping[tuple[str, ...], Callable[[Any], str]] = {
    **{("exits", name): _of_policy(name) for name in POLICY_OPTIONS},
    ("exits", "trials"): _trials,
    **{("training", name): _of_loss(name) for name in LOSS_OPTIONS},
    ("search", "trade_offs"): _renamed("search", "trade_offs", "budget_fractions"),
    **{
        ("evaluation", name): _equal_plan
        for name in ("mode", "eta", "min_epochs", "finalists", *INHERITED_OPTIONS)
    },
}
"""By path: what to say, from the whole file."""
