"""The best static network of a run: one that the search trained, where it trained any."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from final_cases import architecture
from search.fakes import fake_config, fake_outcome

from aebnas.data.dataset import Samples
from aebnas.evaluation.plan import plan_of
from aebnas.evaluation.record import Outcome
from aebnas.nets.network import EarlyExitNetwork
from aebnas.runs.fidelity_status import FinalTraining
from aebnas.runs.store.store import RunStore
from aebnas.search.events import Generation
from aebnas.task.task import classification
from aebnas.train.select.baselines import Missing, ScoredNetwork, best_static

INHERITS = ("evaluation.fidelities=[inherited, {trained: 9, keep: 2}]",)
TUNED = ("evaluation.fidelities=[{kind: inherited, finetune_epochs: 2}, {trained: 9, keep: 2}]",)
HALVING = ("evaluation.fidelities=[{trained: 3}, {trained: 9, keep: 1/3}]",)
SUBNET, TOP_CANDIDATE = (architecture(width).without_exits() for width in (8, 12))
IMAGES = Samples(np.zeros((4, 8, 8, 1), np.uint8), np.zeros(4, np.int64))


def baseline(
    path: Path, overrides: tuple[str, ...], subnets: int, top_candidate: bool, with_weights: bool = False
) -> ScoredNetwork | Missing:
    """Return the baseline from a run with a good static inherited subnet and a worse trained one."""
    store = RunStore.create(path / "run", fake_config(*overrides), {})
    store.put_metadata("data", "fingerprint")
    first, last = (one.name for one in plan_of(store.config).fidelities)
    found = [(SUBNET, 1.0, subnets, last if subnets == 9 else first)] + [
        (TOP_CANDIDATE, 0.5, 9, last)
    ] * top_candidate
    output = [one.key() for one, _, _, fidelity in found if fidelity == last]
    final = FinalTraining(last, 9, len(output), tuple(output), ())
    store.put_generation(1, Generation(1, (), 1, 0, 0.5, finals=(final,)).summary((1.0, 1.0)))
    for one, skilled, epochs, fidelity in found:
        outcome = fake_outcome(one, skilled=skilled)
        assert outcome.artefacts is not None
        held = replace(outcome.artefacts, weights=weights_of(one)) if with_weights else None
        store.add(Outcome(replace(outcome.evaluation, epochs=epochs, fidelity=fidelity), held), "context")
    store.close()
    checkpoint: Any = SimpleNamespace(
        run=str(path / "run"),
        data_fingerprint="fingerprint",
        key="",
        task=classification(1, 10),
    )
    splits: Any = SimpleNamespace(train=IMAGES, task=classification(1, 10))
    return best_static(path / "run" / "trained" / "key", checkpoint, splits)


def weights_of(one: Any) -> bytes:
    file = io.BytesIO()
    torch.save(EarlyExitNetwork(one, classification(1, 10), boosting_coefficient=0.0).state_dict(), file)
    return file.getvalue()


def test_a_trained_candidate_comes_before_a_better_subnet(tmp_path: Path) -> None:
    found = baseline(tmp_path, INHERITS, 0, top_candidate=True)
    assert isinstance(found, Missing)
    assert TOP_CANDIDATE.key() in found.why
    assert "on select in the search)" in found.why


@pytest.mark.parametrize(
    ("overrides", "subnets", "how"), [(INHERITS, 0, "as inherited"), (TUNED, 2, "fine-tuned")]
)
def test_a_subnet_is_called_one_where_there_are_only_subnets(
    tmp_path: Path, overrides: tuple[str, ...], subnets: int, how: str
) -> None:
    found = baseline(tmp_path, overrides, subnets, top_candidate=False)
    assert isinstance(found, Missing)
    assert SUBNET.key() in found.why
    assert f"on select in the search, {how})" in found.why


@pytest.mark.parametrize(
    ("overrides", "epochs", "note"),
    [
        (INHERITS, 0, "as inherited"),
        (TUNED, 2, "fine-tuned: 2 epochs on train alone"),
        (INHERITS, 9, "as the search trained it: 9 epochs on train alone"),
        (
            HALVING,
            3,
            "as the search trained it: 3 epochs on train alone",
        ),
    ],
)
def test_the_weights_of_the_search_say_how_they_came_about(
    tmp_path: Path, overrides: tuple[str, ...], epochs: int, note: str
) -> None:
    found = baseline(tmp_path, overrides, epochs, top_candidate=False, with_weights=True)
    assert isinstance(found, ScoredNetwork)
    assert (found.key, found.note) == (SUBNET.key(), note)
