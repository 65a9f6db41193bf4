"""A run's front on other devices: exits tuned anew for their costs from stored scores, nothing trained.

rescored_run(Path("runs/mine"), ["hardware_profiles/board.yaml"]).front

Must not import torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.rescoring import rescored, rescored_config
from aebnas.evaluation.settings import exit_settings
from aebnas.hardware.profile.device_costs import DeviceCosts
from aebnas.runs.contents import RunContents
from aebnas.runs.reading import read_run
from aebnas.runs.store.arrays import read_labels
from aebnas.runs.store.store import RunStore
from aebnas.task.task import Task


def rescored_run(
    path: Path, hardware: Sequence[str | Path], objectives: Sequence[str] | None = None
) -> RunContents:
    """Return a run as it stands on other devices; its directory is not changed.

    Args:
        path: The run's directory.
        hardware: Profiles, at least one.
        objectives: What the front is made of; default: error and the first profile's latency.

    Raises:
        ConfigError: A profile is wrong, or the objectives do not fit the profiles.
        HardwareError: A profile lacks a layer of the run's networks, or energies.
        RunError: There is no run, it was not begun, or its exits are fitted on logits.
    """
    profiles = [str(profile) for profile in hardware]
    store = RunStore(path)
    try:
        try:
            config = rescored_config(store.config, profiles, objectives)
        except ValidationError as error:
            raise ConfigError("; ".join(_problems(error))) from error
        devices = DeviceCosts.read(profiles)
        shape, classes = store.metadata("image_shape"), store.metadata("classes")
        if shape is None or classes is None:
            raise RunError(f"{store.path} was not begun: it does not say what its images are")
        task = Task.of_samples(shape, classes)
        done = [evaluation for evaluation in store.evaluations() if evaluation.is_done]
        plans = [evaluation.architecture.segments(task) for evaluation in done]
        layers = [layer for plan in plans for segment in plan for layer in segment.layers()]
        devices.require(layers, (*config.objectives, *config.constraints))
        evaluations = rescored(
            exit_settings(config), done, store.exit_records, read_labels(store.path), devices, task
        )
        return read_run(store, rescored=(config, evaluations))
    finally:
        store.close()


def _problems(error: ValidationError) -> list[str]:
    """Return what is wrong with the options; wrong items still count for their list's length."""
    details = error.errors(include_url=False)
    unknown = [
        f"objectives: unknown quantity {detail['input']!r}. Choices: {detail['ctx']['expected']}."
        for detail in details
        if detail["type"] == "literal_error"
    ]
    return unknown or [str(detail["msg"]) for detail in details]
