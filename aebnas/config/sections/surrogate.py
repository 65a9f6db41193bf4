"""How a surrogate helps the search: the options of ``search.surrogate``.

Must not import torch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from aebnas.config.choices import Frozen, reject

SurrogateName = Literal["none", "auto", "gp", "gbt", "ridge", "rbf"]
MODEL_NAMES = ("gp", "gbt", "ridge", "rbf")
"""What ``auto`` chooses among."""


class SurrogateConfig(Frozen):
    """Options of a surrogate; they say nothing where ``search.surrogate`` is none."""

    control: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of each generation that plain NSGA-II proposes: what the surrogate is compared with."""
    exploration: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of each generation that is drawn at random."""
    inner_population: Annotated[int, Field(ge=10, le=10_000)] = 100
    """Population of the inner NSGA-II, which sees predictions alone."""
    inner_generations: Annotated[int, Field(ge=1, le=1000)] = 10
    """Generations of the inner NSGA-II."""
    min_tau: Annotated[float, Field(ge=-1, lt=1)] = 0.0
    """Switched off while Kendall's tau of errors predicted before training is below this."""
    window: Annotated[int, Field(ge=1, le=1000)] = 4
    """Generations over which predictions and gains are judged."""
    rest: Annotated[int, Field(ge=1, le=1000)] = 2
    """Generations that it stays off once plain NSGA-II gained more; then it is tried again."""

    @model_validator(mode="after")
    def _leaves_room(self) -> SurrogateConfig:
        if self.control + self.exploration >= 1:
            message = f"control + exploration < 1 must hold, but got {self.control:g} + {self.exploration:g}"
            reject([(("exploration",), message)])
        return self
