"""A quick configuration on real digits, and architectures of its space."""

from functools import cache
from typing import Any

import numpy as np

from aebnas.config.schema import SearchFile
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import Splits, make_splits
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.record import Outcome
from aebnas.evaluation.settings import candidate_settings
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.spaces import space_of

FILE: dict[str, Any] = {
    "name": "digits",
    "data": {"name": "digits"},
    "space": {
        "stem": {"width": 8},
        "stages": [
            {"width": 8, "block": {"kernel": [1, 3]}},
            {"width": 12, "stride": 2},
            {"width": 16, "block": {"type": ["residual", "mbconv"]}},
        ],
        "exits": {"after": ["stage1", "stage2"], "branch": {"modules": 0}},
    },
    "training": {"epochs": 1, "batch_size": 32, "learning_rate": 0.5, "precision": "fp32"},
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


def architecture(*after: str, kernel: int = 3) -> StagedArchitecture:
    """An architecture with exits after exactly these stages; after both where none is named."""
    space = space_of(config(), splits().train.shape)
    rng = np.random.default_rng(0)
    for _ in range(1000):
        found = space.decode(space.sample(rng))
        names = tuple(exit_.after for exit_ in found.exits)
        if names == (after or ("stage1", "stage2")) and found.stages[0].blocks[0].kernel == kernel:
            return found
    raise AssertionError("the space has no such architecture")


def evaluate(settings: SearchFile | None = None, of: StagedArchitecture | None = None) -> Outcome:
    return Evaluator(candidate_settings(settings or config()), splits()).evaluate(of or architecture())


@cache
def done() -> Outcome:
    """One finished evaluation; do not change it."""
    return evaluate()
