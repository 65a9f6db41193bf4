"""Searches among several given networks, one of which may end earlier: each has heads of its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from given_cases import SEVERAL, config, digits, narrow_weights
from given_digits import Digits, Narrow
from torch import nn

from aebnas.config.schema import SearchFile
from aebnas.data.loader import eval_batches
from aebnas.errors import ConfigError
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step
from aebnas.evaluation.record import Evaluation, Outcome
from aebnas.evaluation.settings import candidate_settings
from aebnas.extensions.consent import allow_code
from aebnas.files.user_cache import VARIABLE
from aebnas.heads.bank import head_bank
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import load_weight_bytes
from aebnas.runs.store.store import RunStore
from aebnas.search.session import new_session, resumed_session
from aebnas.space.pretrained.architecture import PretrainedArchitecture
from aebnas.space.spaces import make_space
from aebnas.training.image_logits import image_logits

pytestmark = pytest.mark.usefixtures("own_cache")
TASK = digits().task
PLAN = "[{heads: 2}]"
KINDS = [("network", ""), ("network", "body"), ("narrow", "")]
"""Which network, and where it ends; empty: at its own end."""
MORE = ("search.population=6",)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    """The run of a search that nobody interrupts, on one process."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch, allow_code():
        patch.setenv(VARIABLE, str(folder / "cache"))
        with new_session(given(folder, weights), folder / "run") as search:
            list(search.run())
    return folder / "run"


def given(folder: Path, weights: Path, plan: str = PLAN, overrides: tuple[str, ...] = ()) -> SearchFile:
    return config(folder, weights, (*MORE, *overrides), plan=plan, file=SEVERAL)


def architecture(file: SearchFile, label: str, last: str) -> PretrainedArchitecture:
    """A network of one kind with one exit."""
    space, rng = make_space(file.space, TASK.samples), np.random.default_rng(0)
    while True:
        drawn = space.decode(space.sample(rng))
        assert isinstance(drawn, PretrainedArchitecture)
        if (drawn.label, drawn.last, len(drawn.exits)) == (label, last, 1):
            return drawn


def network(candidate: PretrainedArchitecture, outcome: Outcome) -> EarlyExitNetwork:
    """The network that a run keeps of a candidate."""
    assert outcome.artefacts is not None, outcome.evaluation.message
    built = EarlyExitNetwork(candidate, TASK)
    load_weight_bytes(built, outcome.artefacts.weights)
    return built.eval()


def original(label: str, weights: Path) -> nn.Module:
    """A network as its owner has it."""
    own, file = (Digits(), weights) if label == "network" else (Narrow(), narrow_weights(weights))
    own.load_state_dict(torch.load(file, weights_only=True))
    return own.eval()


def evaluations(run: Path) -> list[Evaluation]:
    store = RunStore(run)
    rows = store.evaluations()
    store.close()
    return rows


def results(run: Path) -> dict[str, dict[str, float]]:
    return {row.key: row.metrics(0.5) for row in evaluations(run)}


def test_networks_and_ends_are_choices_of_one_search(whole: Path) -> None:
    rows = evaluations(whole)
    assert all(row.is_done for row in rows), [row.message for row in rows]
    kinds = {(row.architecture.label, row.architecture.last) for row in rows}  # type: ignore[attr-defined]
    assert kinds == set(KINDS)


def test_each_network_is_scored_as_it_is(whole: Path, weights: Path) -> None:
    store = RunStore(whole)
    scores = store.metadata("given_networks")
    store.close()
    spec = TASK.input((8, 8))
    for label, score in zip(("network", "narrow"), scores, strict=True):
        own, right = original(label, weights), 0
        for images in (digits().calibrate, digits().select):
            for x, y in eval_batches(images, spec, device="cpu", batch_size=64):
                with torch.no_grad():
                    right += int((own(x).argmax(1) == y).sum())
        assert score["accuracy"] == pytest.approx(right / score["images"])


@pytest.mark.parametrize(("label", "last"), KINDS)
def test_what_the_bank_said_is_what_the_candidates_network_answers(
    tmp_path: Path, weights: Path, label: str, last: str
) -> None:
    file = given(tmp_path, weights)
    candidate = architecture(file, label, last)
    outcome = Evaluator(candidate_settings(file), digits()).evaluate(candidate)
    seen = image_logits(network(candidate, outcome), digits().select)
    assert outcome.artefacts is not None
    assert seen.shape[1] == 2
    assert np.abs(seen - outcome.artefacts.select_logits).max() < 0.02  # features are kept in 16 bits


@pytest.mark.parametrize("label", ["network", "narrow"])
def test_at_its_own_end_a_candidate_is_its_network_bit_for_bit(
    tmp_path: Path, weights: Path, label: str
) -> None:
    file = given(tmp_path, weights)
    candidate = architecture(file, label, "")
    built = network(candidate, Evaluator(candidate_settings(file), digits()).evaluate(candidate))
    x = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(built(x)[-1], original(label, weights)(x))


def test_a_network_that_ends_earlier_has_a_new_last_head_that_the_bank_shares(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, trained = given(tmp_path, weights), list[str]()
    train_head = head_bank.train_head

    def noted(request: Any, *arguments: Any) -> Any:
        trained.append(request.cut)
        return train_head(request, *arguments)

    monkeypatch.setattr(head_bank, "train_head", noted)
    candidate, own = architecture(file, "network", "body"), Evaluator(candidate_settings(file), digits())
    outcome = own.evaluate(candidate)
    assert trained == ["stem", "body"]
    assert own.evaluate(candidate.without_exits()).evaluation.is_done
    assert trained == ["stem", "body"]
    backbone = {
        name: tensor
        for part in network(candidate, outcome).segments()
        for name, tensor in part.backbone.state_dict().items()
    }
    theirs = list(original("network", weights).state_dict().values())
    assert all(any(torch.equal(tensor, other) for other in theirs) for tensor in backbone.values())


@pytest.mark.parametrize(("label", "last"), KINDS)
def test_fine_tuning_begins_with_what_the_bank_has(
    tmp_path: Path, weights: Path, label: str, last: str
) -> None:
    plan = "[{heads: 1}, {finetuned: 1, scope: heads, learning_rate: 1.0e-9, keep: 1}]"
    file = given(tmp_path, weights, plan)
    candidate, own = architecture(file, label, last), Evaluator(candidate_settings(file), digits())
    before, after = (network(candidate, own.evaluate(candidate, Step(level))) for level in (0, 1))
    for first, second in zip(before.segments(), after.segments(), strict=True):
        for a, b in zip(first.exit.parameters(), second.exit.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


def test_features_of_all_networks_together_stay_within_the_limit(tmp_path: Path, weights: Path) -> None:
    file = given(tmp_path, weights, "[{heads: 1, cache_limit_mb: 2}]", ("search.max_trainings=1",))
    with new_session(file, tmp_path / "run") as search:
        list(search.run())
    sizes = [
        sum(path.stat().st_size for path in folder.rglob("*.npy"))
        for folder in (tmp_path / "cache/features").iterdir()
        if folder.is_dir()
    ]
    assert len(sizes) == 2
    assert all(sizes)
    assert sum(sizes) <= 2e6


def test_an_interrupted_search_ends_with_the_same_results(
    tmp_path: Path, weights: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_head, count = head_bank.train_head, 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == 3:
            raise KeyboardInterrupt
        return train_head(*arguments)

    file = given(tmp_path, weights)
    with monkeypatch.context() as patch:
        patch.setattr(head_bank, "train_head", interrupted)
        with pytest.raises(KeyboardInterrupt), new_session(file, tmp_path / "run") as search:
            list(search.run())
    with resumed_session(tmp_path / "run") as search:
        list(search.run())
    assert results(tmp_path / "run") == results(whole)


def test_networks_of_which_one_answers_by_chance_stop_the_search_with_its_name(
    tmp_path: Path, weights: Path
) -> None:
    torch.manual_seed(1)
    own = tmp_path / "digits.pt"
    own.write_bytes(weights.read_bytes())
    torch.save(Narrow().state_dict(), narrow_weights(own))
    file = given(tmp_path, own)
    with (
        pytest.raises(ConfigError, match=r"space: narrow at 8: .* chance"),
        new_session(file, tmp_path / "run") as search,
    ):
        list(search.run())


@pytest.mark.slow
def test_two_workers_find_the_results_of_one_process(tmp_path: Path, weights: Path, whole: Path) -> None:
    file = given(tmp_path, weights, overrides=("workers.mode=ray", "workers.count=2"))
    with new_session(file, tmp_path / "run") as search:
        list(search.run())
    assert results(tmp_path / "run") == results(whole)
