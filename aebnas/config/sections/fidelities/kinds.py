"""The kinds of fidelity and their options: how a candidate gets its weights in one step of a plan.

Each kind says as class variables what other rooms must know of it, so that none of them knows a kind by
name.  Must not import torch.
"""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator

from aebnas.config.choices import Frozen

LARGEST_DENOMINATOR = 1000
"""Of a share: 0.3333333 is a third."""
FINETUNE_SHARE = 0.1
"""Of ``training.learning_rate``: the default peak of fine-tuning."""
SUFFIX_DIGITS = 6


def _keep(value: Any) -> Any:
    """Return a number of candidates as it is, a share of them as a fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError(_KEEP)
    if isinstance(value, int):
        if value < 1:
            raise ValueError(f"must be >= 1 where it is a number of candidates, but got {value}")
        return value
    try:
        share = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"{_KEEP}, but got {value!r}") from None
    if not 0 < share < 1:
        raise ValueError(f"must be > 0 and < 1 where it is a share, but got {value}")
    return share


_KEEP = "must be a share of each generation such as 1/3, or a number of candidates of the whole search"

Keep = Annotated[
    int | Fraction,
    PlainValidator(_keep),
    PlainSerializer(lambda keep: str(keep) if isinstance(keep, Fraction) else keep, when_used="json"),
]
"""Who goes on to a fidelity: a share of every generation, or so many of the whole search."""


Epochs = Annotated[int, Field(ge=1, le=1_000_000)]
Rate = Annotated[float, Field(gt=0, le=100)]


class FidelityOptions(Frozen):
    """What all kinds of fidelity have in common."""

    trains: ClassVar[bool] = True
    """Whether its candidates count as trained networks."""
    trains_whole_networks: ClassVar[bool] = True
    """Whether its epochs are of whole networks, and not of parts on a network that stays as it is."""
    leaves_epochs: ClassVar[bool] = True
    """Whether a training behind it goes on from its stored weights, and counts its epochs."""
    shares_weights: ClassVar[bool] = False
    """Whether its weights come from a supernet."""
    others: ClassVar[str] = "other candidate"
    """What a candidate is called that stays at it while others go further."""
    before: ClassVar[str] = "what they were before"
    """What candidates count as until they go further, in the plural."""
    is_frozen: ClassVar[bool] = False
    """Whether it needs a network that somebody trained, and leaves it as it is."""
    must_be_first: ClassVar[bool] = False
    """Whether no fidelity can come before it."""
    leaves: ClassVar[str] = "there"
    """What a training behind it begins with, in words that follow ``from``."""

    kind: str
    """The kind of fidelity."""
    if TYPE_CHECKING:  # each kind says it last
        keep: Keep | None = None

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        raise NotImplementedError

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "trained"

    def note(self) -> str:
        """Return what else a reader of a report has to know; mostly nothing."""
        return ""

    def suffix(self) -> str:
        """Return what the name of a result says of options beyond kind and epochs; mostly nothing."""
        return ""


class InheritedConfig(FidelityOptions):
    """A candidate takes its weights from a supernet, which is trained first (section supernet)."""

    trains: ClassVar[bool] = False
    leaves_epochs: ClassVar[bool] = False
    shares_weights: ClassVar[bool] = True
    others: ClassVar[str] = "inherited subnet"
    before: ClassVar[str] = "inherited subnets"
    must_be_first: ClassVar[bool] = True
    leaves: ClassVar[str] = "what they inherited"

    kind: Literal["inherited"]
    """trained: from the first weights, or those of the fidelity before; inherited: from a supernet."""
    recalibration_images: Annotated[int, Field(ge=2)] = 1000
    """Training images for its batch-norm statistics, in full batches of 250 where there are as many."""
    finetune_epochs: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Epochs in which it is trained further, one-cycle as in training; 0: it is scored as it is."""
    finetune: Literal["all", "exits"] = "all"
    """What these epochs change: every weight, or those of the early exit branches."""
    finetune_learning_rate: Rate | None = None
    """Their peak learning rate; null: a tenth of training's."""
    keep: Keep | None = None
    """Must be null: every candidate begins here."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return self.finetune_epochs

    def peak_rate(self, training_rate: float) -> float:
        """Return the peak learning rate of fine-tuning."""
        return self.finetune_learning_rate or FINETUNE_SHARE * training_rate

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "fine-tuned" if self.finetune_epochs else "as inherited"

    def note(self) -> str:
        """Return what else a reader of a report has to know; mostly nothing."""
        if not self.finetune_epochs:
            return ""
        epochs = f"{self.finetune_epochs} epoch{'' if self.finetune_epochs == 1 else 's'}"
        what = ", its early exits alone" * (self.finetune == "exits")
        return f"every inherited subnet trained {epochs} further{what}"


class TrainedConfig(FidelityOptions):
    """A candidate is trained: from ``training.initial_weights``, or those of the fidelity before."""

    kind: Literal["trained"]
    """trained: from the first weights, or those of the fidelity before; inherited: from a supernet."""
    epochs: Epochs | None = None
    """Epochs that it then has in all; null: training.epochs."""
    keep: Keep | None = None
    """Who goes on to it: a share of every generation (1/3), or so many of the whole search (10), last."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return default if self.epochs is None else self.epochs


class HeadsConfig(FidelityOptions):
    """Exit branches are trained on a network that stays as it is, each once for all candidates."""

    trains_whole_networks: ClassVar[bool] = False
    leaves_epochs: ClassVar[bool] = False
    is_frozen: ClassVar[bool] = True
    others: ClassVar[str] = "candidate with exits alone trained"
    before: ClassVar[str] = "candidates with exits alone trained"
    must_be_first: ClassVar[bool] = True
    leaves: ClassVar[str] = "the given network with these exits"

    kind: Literal["heads"]
    """heads: exit branches alone, on a given network that stays as it is."""
    epochs: Epochs | None = None
    """Epochs of each branch; null: training.epochs."""
    learning_rate: Rate | None = None
    """Their peak learning rate; null: training's."""
    distillation: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the network's own last answer in their loss; 0: they learn from labels alone."""
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0
    """Temperature of that answer."""
    views: Annotated[int, Field(ge=1, le=100)] = 3
    """Versions of each training image whose features are kept: itself, and random crops and colours of it."""
    view_area: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Smallest share of the image that a crop shows; 1: crops that show all of it."""
    view_colours: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Largest change of brightness, contrast and saturation, as a share; 0: none."""
    cache_limit_mb: Annotated[float, Field(gt=0)] = 4000.0
    """Features on disk, in millions of bytes; beyond it fewer views are kept, then fewer places."""
    keep: Keep | None = None
    """Must be null: every candidate begins here."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return default if self.epochs is None else self.epochs

    def peak_rate(self, training_rate: float) -> float:
        """Return the peak learning rate of branches."""
        return self.learning_rate or training_rate

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "exits trained"

    def note(self) -> str:
        """Return what else a reader of a report has to know."""
        return "exit branches alone, each trained once; the given network stays as it is"


class FinetunedConfig(FidelityOptions):
    """A network that has its weights is trained further, exits and all, or its exits alone."""

    kind: Literal["finetuned"]
    """finetuned: the given network with its exits, as the fidelity before left them, trained further."""
    epochs: Epochs | None = None
    """Epochs of fine-tuning; null: training.epochs."""
    scope: Literal["all", "heads"] = "all"
    """What they change: every weight, or exits alone, so that the network stays as it is bit for bit."""
    learning_rate: Rate | None = None
    """Their peak learning rate; null: a tenth of training's."""
    frozen_batch_norm: bool | None = None
    """Whether batch norms keep their statistics; null: as training says, and always behind heads."""
    keep: Keep | None = None
    """Who goes on to it: a share of every generation (1/3), or so many of the whole search (10), last."""

    def total_epochs(self, default: int) -> int:
        """Return the epochs of training that a candidate has then; ``default``: of an item without them."""
        return default if self.epochs is None else self.epochs

    def peak_rate(self, training_rate: float) -> float:
        """Return the peak learning rate of fine-tuning."""
        return self.learning_rate or FINETUNE_SHARE * training_rate

    def word(self) -> str:
        """Return what a candidate's weights then are, in a word or two."""
        return "fine-tuned" if self.scope == "all" else "exits fine-tuned"

    def note(self) -> str:
        """Return what else a reader of a report has to know; mostly nothing."""
        return "" if self.scope == "all" else "exits alone trained, the network behind them stays as it is"

    def suffix(self) -> str:
        """Return a dot and six digits that follow from all options beyond epochs, if some are given."""
        given = self.model_dump(mode="json", exclude_defaults=True, exclude={"kind", "epochs", "keep"})
        if not given:
            return ""
        text = json.dumps(given, sort_keys=True, separators=(",", ":"))
        return f".{hashlib.sha256(text.encode()).hexdigest()[:SUFFIX_DIGITS]}"
