"""The kinds of fidelity: what each prepares before a search, and how it gives a candidate its weights.

To add one, write a class that obeys ``FidelityKind`` and enter it in ``FIDELITIES`` under the kind's name,
its options in ``config/sections/fidelities/kinds.py``.  Nobody else asks for a kind by its name.
"""

from __future__ import annotations

from aebnas.evaluation.bench import FidelityKind, Preparation, Shared, kinds_of
from aebnas.evaluation.heads import HEADS, Heads
from aebnas.evaluation.inherited import INHERITED, Inherited
from aebnas.evaluation.plan import Plan
from aebnas.evaluation.trained import Finetuned, Trained

FIDELITIES: dict[str, type[FidelityKind]] = {
    "trained": Trained,
    INHERITED: Inherited,
    HEADS: Heads,
    "finetuned": Finetuned,
}
"""The kinds, by the name that ``evaluation.fidelities`` gives them."""


def prepared(plan: Plan, preparation: Preparation) -> Shared:
    """Return what the kinds of a plan make once, before the workers start."""
    made = {name: FIDELITIES[name].prepare(preparation) for name in kinds_of(plan)}
    return {name: arrays for name, arrays in made.items() if arrays is not None}
