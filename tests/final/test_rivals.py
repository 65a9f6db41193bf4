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

from aebnas.data.dataset import ImageSet
from aebnas.evaluation.record import Outcome
from aebnas.final.rivals import Contender, Missing, best_static
from aebnas.nets.network import EarlyExitNetwork
from aebnas.search.store import RunStore
from aebnas.task.task import classification

INHERITS = ("evaluation.mode=supernet", "training.epochs=9", "evaluation.finalists=2")
TUNED = (*INHERITS, "evaluation.finetune_epochs=2")
HEIR, FINALIST = (architecture(width).without_exits() for width in (8, 12))
IMAGES = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.zeros(4, np.int64))


def rival(
    path: Path, overrides: tuple[str, ...], heirs: int, finalist: bool, with_weights: bool = False
) -> Contender | Missing:
    """Return the rival from a run with a good static heir, and a worse one that was trained."""
    store = RunStore.create(path / "run", fake_config(*overrides), {})
    store.put_fact("data", "fingerprint")
    found = [(HEIR, 1.0, heirs)] + [(FINALIST, 0.5, 9)] * finalist
    for one, skilled, epochs in found:
        outcome = fake_outcome(one, skilled=skilled)
        assert outcome.artefacts is not None
        held = replace(outcome.artefacts, weights=weights_of(one)) if with_weights else None
        store.add(Outcome(replace(outcome.evaluation, epochs=epochs), held), "context")
    store.close()
    checkpoint: Any = SimpleNamespace(
        run=str(path / "run"),
        data_fingerprint="fingerprint",
        key="",
        task=classification(1, 10),
    )
    splits: Any = SimpleNamespace(train=IMAGES)
    return best_static(path / "run" / "trained" / "key", checkpoint, splits)


def weights_of(one: Any) -> bytes:
    file = io.BytesIO()
    torch.save(EarlyExitNetwork(one, classification(1, 10), carry=0.0).state_dict(), file)
    return file.getvalue()


def test_a_trained_candidate_comes_before_a_better_heir(tmp_path: Path) -> None:
    found = rival(tmp_path, INHERITS, 0, finalist=True)
    assert isinstance(found, Missing)
    assert FINALIST.key() in found.why
    assert "on select in the search)" in found.why


@pytest.mark.parametrize(
    ("overrides", "heirs", "how"), [(INHERITS, 0, "as inherited"), (TUNED, 2, "fine-tuned")]
)
def test_an_heir_is_called_one_where_there_are_only_heirs(
    tmp_path: Path, overrides: tuple[str, ...], heirs: int, how: str
) -> None:
    found = rival(tmp_path, overrides, heirs, finalist=False)
    assert isinstance(found, Missing)
    assert HEIR.key() in found.why
    assert f"on select in the search, {how})" in found.why


@pytest.mark.parametrize(
    ("overrides", "epochs", "note"),
    [
        (INHERITS, 0, "as inherited"),
        (TUNED, 2, "fine-tuned: 2 epochs on train alone"),
        (INHERITS, 9, "as the search trained it: 9 epochs on train alone"),
        (
            ("evaluation.mode=successive_halving", "training.epochs=9"),
            3,
            "as the search trained it: 3 epochs on train alone",
        ),
    ],
)
def test_the_weights_of_the_search_say_how_they_came_about(
    tmp_path: Path, overrides: tuple[str, ...], epochs: int, note: str
) -> None:
    found = rival(tmp_path, overrides, epochs, finalist=False, with_weights=True)
    assert isinstance(found, Contender)
    assert (found.key, found.note) == (HEIR.key(), note)
