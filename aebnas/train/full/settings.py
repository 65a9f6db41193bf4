"""Settings of a full training: those of the search, trained longer, with what the user overrides.

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aebnas.config.choices import Frozen, did_you_mean
from aebnas.config.messages import explain
from aebnas.config.outside import names_in
from aebnas.config.overrides import apply_overrides
from aebnas.config.sections.exits import ExitsConfig
from aebnas.config.sections.training import LONGER, TrainingConfig
from aebnas.errors import ConfigError
from aebnas.extensions.consent import look_in
from aebnas.files.document import Document
from aebnas.files.source_locations import SourceLocation


class FinalSettings(Frozen):
    """The sections of a search-space file that a full training reads."""

    training: TrainingConfig
    """How it is trained."""
    exits: ExitsConfig
    """How its exit policy is fitted."""
    code_folder: str | None = None
    """Where code from outside that these name is looked for first."""


def final_settings(
    training: TrainingConfig,
    exits: ExitsConfig,
    overrides: Sequence[str] = (),
    where: str = "the search",
    code_folder: str | None = None,
) -> FinalSettings:
    """Return the settings of a full training.

    Args:
        training: Of the search; its epochs are multiplied by ``LONGER``.
        exits: Of the search, without genes.
        overrides: ``training.epochs=60``, ``exits.accuracy=0.95``.
        where: Where the first two came from, for messages.
        code_folder: Where code from outside lies that they name; None: in the current folder.

    Raises:
        ConfigError: An override is wrong, with the override; or the exit policy is a gene.
    """
    tree: dict[str, Any] = {
        "training": training.model_copy(update={"epochs": LONGER * training.epochs}).model_dump(mode="json"),
        "exits": exits.model_dump(mode="json"),
        "code_folder": code_folder,
    }
    for override in overrides:
        _check_section(override)
    document = Document(tree, {(): SourceLocation(0, where)})
    apply_overrides(document, overrides)
    if code_folder is not None or names_in(tree):
        folder = Path(str(tree["code_folder"] or ".")).expanduser().absolute()
        look_in(folder)
        tree["code_folder"] = str(folder)
    problems = list(document.problems)
    try:
        settings = FinalSettings.model_validate(tree)
    except ValidationError as error:
        problems += explain(error, document)
    if problems:
        lines = map(str, sorted(problems, key=lambda problem: problem.location))
        raise ConfigError("\n".join(dict.fromkeys(lines)))
    if len(settings.exits.policy) > 1:
        names = ", ".join(settings.exits.settings)
        raise ConfigError(f"exits: a trained network has one exit policy; choose among {names}")
    return settings


def _check_section(override: str) -> None:
    section = override.partition("=")[0].partition(".")[0].strip()
    sections = list(FinalSettings.model_fields)
    if section not in sections:
        raise ConfigError(
            f"--set {override}: a network that was found keeps its space, data and search. "
            f"{did_you_mean(section, sections)}Sections that can be changed: {', '.join(sections)}."
        )
