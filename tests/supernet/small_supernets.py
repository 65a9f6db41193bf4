"""A small space on real digits, and its supernet."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from aebnas.config.schema import SearchFile
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.settings import supernet_settings
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace
from aebnas.supernet.inheritance import new_supernet
from aebnas.supernet.preparation import ReadySupernet, ready_supernet
from aebnas.supernet.supernet import Supernet
from aebnas.supernet.training_loop import TrainingProgress

FILE: dict[str, Any] = {
    "name": "digits",
    "data": {"name": "digits"},
    "space": {
        "resolution": [6, 8],
        "stem": {"width": 8},
        "stages": [
            {"width": [4, 8], "depth": [1, 2], "block": {"type": ["conv", "residual"], "kernel": [1, 3]}},
            {"width": [8, 12], "stride": 2, "block": {"type": ["residual", "mbconv"], "expansion": [2, 3]}},
        ],
        "exits": {
            "after": ["stage1"],
            "branch": {"modules": [0, 1], "module": {"type": ["conv", "pool"], "width": [0.5, 1]}},
        },
    },
    "training": {"batch_size": 64, "learning_rate": 0.2, "precision": "fp32"},
    "evaluation": {"fidelities": [{"kind": "inherited", "recalibration_images": 250}]},
    "supernet": {"epochs": 2, "networks": 2, "branches": 2},
}


def config(**sections: Any) -> SearchFile:
    """The file above with some settings of its sections replaced."""
    merged = {
        key: {**FILE.get(key, {}), **value} if isinstance(value, dict) else value
        for key, value in sections.items()
    }
    return SearchFile.model_validate(FILE | merged)


@cache
def splits() -> Splits:
    settings = config().data
    return make_splits(load_dataset(settings), settings)


def space() -> StagedSpace:
    return StagedSpace(config().space, 8)


def untrained(**sections: Any) -> Supernet:
    return new_supernet(supernet_settings(config(**sections)), splits().task)


def architectures(count: int, seed: int = 0) -> list[StagedArchitecture]:
    rng = np.random.default_rng(seed)
    return [space().decode(space().sample(rng)) for _ in range(count)]


def ready(run: Path, **sections: Any) -> tuple[ReadySupernet, list[TrainingProgress]]:
    """A trained supernet, and what was told meanwhile."""
    output: list[TrainingProgress] = []
    return ready_supernet(supernet_settings(config(**sections)), splits(), run, output.append), output
