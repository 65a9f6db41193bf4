"""A search of exits on a network that somebody trained: heads on what it says, the best fine-tuned."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from given_cases import config, digits
from given_digits import Digits

from aebnas.config.schema import SearchFile
from aebnas.errors import ConfigError
from aebnas.evaluation import evaluator as evaluators
from aebnas.evaluation.evaluator import Evaluator
from aebnas.evaluation.plan import Step, is_name, plan_of
from aebnas.evaluation.record import Outcome, Status
from aebnas.evaluation.settings import candidate_settings
from aebnas.files import full_disk
from aebnas.files.user_cache import VARIABLE
from aebnas.heads.bank import head_bank
from aebnas.nets.network import EarlyExitNetwork
from aebnas.nets.weights import load_weight_bytes
from aebnas.runs.store.store import RunStore
from aebnas.search.events import CandidateFinished, Event, FeaturesProgress, Noted
from aebnas.search.session import new_session, resumed_session
from aebnas.space.api import Architecture
from aebnas.space.spaces import make_space
from aebnas.training.image_logits import image_logits

pytestmark = pytest.mark.usefixtures("own_cache")
TASK = digits().task


def evaluator(given: SearchFile) -> Evaluator:
    return Evaluator(candidate_settings(given), digits())


def architecture(given: SearchFile, exits: int = 2) -> Architecture:
    space, rng = make_space(given.space, TASK.samples), np.random.default_rng(0)
    while True:
        drawn = space.decode(space.sample(rng))
        if len(drawn.exit_names) == exits:
            return drawn


def network(candidate: Architecture, outcome: Outcome) -> EarlyExitNetwork:
    """The network that a run keeps of a candidate."""
    assert outcome.artefacts is not None, outcome.evaluation.message
    built = EarlyExitNetwork(candidate, TASK)
    load_weight_bytes(built, outcome.artefacts.weights)
    return built.eval()


def original(weights: Path) -> Digits:
    given = Digits()
    given.load_state_dict(torch.load(weights, weights_only=True))
    return given.eval()


def last_answers(given: Digits | EarlyExitNetwork) -> torch.Tensor:
    x = torch.randn(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        answers = given(x)
    return answers if isinstance(given, Digits) else answers[-1]


def front(given: SearchFile, path: Path, events: list[Event] | None = None) -> Any:
    listener = (lambda event: None) if events is None else events.append
    with new_session(given, path, listener) as search:
        return [generation.front for generation in search.run()][-1]


def test_results_are_filed_under_heads_and_fine_tuning(tmp_path: Path, weights: Path) -> None:
    plan = plan_of(config(tmp_path, weights, plan="[{heads: 4}, {finetuned: 10, keep: 3}]"))
    assert [fidelity.name for fidelity in plan.fidelities] == ["heads4", "heads4-finetuned10"]


def test_another_way_of_fine_tuning_is_filed_under_another_name(tmp_path: Path, weights: Path) -> None:
    plans = ("{finetuned: 10, scope: heads, keep: 3}", "{finetuned: 10, learning_rate: 0.5, keep: 3}")
    names = {
        plan_of(config(tmp_path, weights, plan=f"[{{heads: 4}}, {plan}]")).finals[0].name for plan in plans
    }
    assert len(names) == 2
    assert all(is_name(name) for name in names)


def test_a_candidate_on_heads_is_the_given_network_bit_for_bit(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights)
    candidate = architecture(given)
    built = network(candidate, evaluator(given).evaluate(candidate))
    assert torch.equal(last_answers(built), last_answers(original(weights)))
    theirs = list(original(weights).state_dict().values())
    for part in built.segments():
        for name, tensor in part.backbone.state_dict().items():
            assert any(torch.equal(tensor, other) for other in theirs), name


def test_what_its_heads_answer_is_what_the_bank_said(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights)
    candidate = architecture(given)
    outcome = evaluator(given).evaluate(candidate)
    assert outcome.artefacts is not None
    seen = image_logits(network(candidate, outcome), digits().select)
    assert np.abs(seen - outcome.artefacts.select_logits).max() < 0.02  # features are kept in 16 bits
    assert (seen.argmax(2) == outcome.artefacts.select_logits.argmax(2)).mean() > 0.99


def test_a_candidate_whose_heads_are_known_trains_nothing_and_sees_no_image(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(tmp_path, weights)
    candidate = architecture(given)
    first = evaluator(given).evaluate(candidate)

    def refuse(*given: Any) -> Any:
        raise AssertionError("a head is trained, or an image goes through the network")

    monkeypatch.setattr(head_bank, "train_head", refuse)
    monkeypatch.setattr(evaluators, "image_logits", refuse)
    second = evaluator(given).evaluate(candidate)
    assert second.evaluation.is_done, second.evaluation.message
    assert second.evaluation.metrics(0.5) == first.evaluation.metrics(0.5)


def test_a_network_whose_head_is_replaced_has_a_new_last_one(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights, head="replace")
    candidate = architecture(given)
    built = network(candidate, evaluator(given).evaluate(candidate))
    assert not torch.equal(last_answers(built), last_answers(original(weights)))
    accuracy = image_logits(built, digits().select)[:, -1].argmax(1) == digits().select.labels
    assert accuracy.mean() > 0.8


def test_fine_tuned_heads_leave_the_network_bit_for_bit(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights, plan="[{heads: 1}, {finetuned: 1, scope: heads, keep: 1}]")
    candidate, own = architecture(given), evaluator(given)
    before = network(candidate, own.evaluate(candidate))
    after = network(candidate, own.evaluate(candidate, Step(1)))
    assert torch.equal(last_answers(after), last_answers(original(weights)))
    for first, second in zip(before.segments(), after.segments(), strict=True):
        for name, tensor in first.backbone.state_dict().items():
            assert torch.equal(tensor, second.backbone.state_dict()[name]), name
    changed = [
        not torch.equal(a, b)
        for part, other in zip(before.segments()[:-1], after.segments()[:-1], strict=True)
        for a, b in zip(part.exit.parameters(), other.exit.parameters(), strict=True)
    ]
    assert any(changed)


def test_fine_tuning_begins_with_the_heads_of_the_bank(tmp_path: Path, weights: Path) -> None:
    plan = "[{heads: 2}, {finetuned: 1, scope: heads, learning_rate: 1.0e-9, keep: 1}]"
    given = config(tmp_path, weights, plan=plan)
    candidate, own = architecture(given), evaluator(given)
    before = network(candidate, own.evaluate(candidate))
    after = network(candidate, own.evaluate(candidate, Step(1)))
    for first, second in zip(before.segments(), after.segments(), strict=True):
        for a, b in zip(first.exit.parameters(), second.exit.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)


def test_fine_tuning_changes_the_network_too(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights)
    candidate = architecture(given)
    after = network(candidate, evaluator(given).evaluate(candidate, Step(1)))
    assert not torch.equal(last_answers(after), last_answers(original(weights)))


def test_fine_tuning_listens_to_a_teacher_and_heads_to_the_network(tmp_path: Path, weights: Path) -> None:
    teaching = ("training.teacher={network: given_digits:Constant, share: 1.0}",)
    given = config(
        tmp_path, weights, teaching, plan="[{heads: 1}, {finetuned: 3, learning_rate: 0.1, keep: 2}]"
    )
    candidate, own = architecture(given), evaluator(given)
    shares = []
    for level in (0, 1):
        artefacts = own.evaluate(candidate, Step(level)).artefacts
        assert artefacts is not None
        shares.append((artefacts.select_logits.argmax(2) == 3).mean())
    assert shares[0] < 0.3
    assert shares[1] > 0.95


@pytest.mark.parametrize(("option", "is_kept"), [("", True), (", frozen_batch_norm: false", False)])
def test_behind_heads_batch_norms_keep_the_statistics_that_heads_learned_on(
    tmp_path: Path, weights: Path, option: str, is_kept: bool
) -> None:
    given = config(tmp_path, weights, plan=f"[{{heads: 1}}, {{finetuned: 1{option}, keep: 1}}]")
    candidate, own = architecture(given), evaluator(given)
    before = dict(network(candidate, own.evaluate(candidate)).named_buffers())
    after = dict(network(candidate, own.evaluate(candidate, Step(1))).named_buffers())
    statistics = [name for name in before if "running_mean" in name and "backbone" in name]
    assert statistics
    assert {torch.equal(before[name], after[name]) for name in statistics} == {is_kept}


def test_a_search_says_how_the_network_does_and_where_features_lie(tmp_path: Path, weights: Path) -> None:
    events: list[Event] = []
    points = front(config(tmp_path, weights), tmp_path / "run", events)
    notes = " ".join(event.text for event in events if isinstance(event, Noted))
    assert "the network as it is answers" in notes
    assert str(tmp_path / "cache") in notes
    assert any(isinstance(event, FeaturesProgress) for event in events)
    store = RunStore(tmp_path / "run")
    assert store.metadata("given_networks")[0]["accuracy"] > 0.8
    assert {point.key for point in points} <= {one.key for one in store.evaluations()}
    store.close()


def test_a_second_search_uses_the_features_and_heads_of_the_first(tmp_path: Path, weights: Path) -> None:
    first = front(config(tmp_path, weights), tmp_path / "first")
    events: list[Event] = []
    second = front(config(tmp_path, weights), tmp_path / "second", events)
    assert second == first
    assert not any(isinstance(event, FeaturesProgress) for event in events)


def test_features_serve_searches_of_other_seeds(tmp_path: Path, weights: Path) -> None:
    front(config(tmp_path, weights), tmp_path / "first")
    events: list[Event] = []
    front(config(tmp_path, weights, ("search.seed=1",)), tmp_path / "second", events)
    assert not any(isinstance(event, FeaturesProgress) for event in events)


def test_a_resumed_search_ends_as_one_that_was_not_interrupted(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights)
    whole = front(given, tmp_path / "whole")
    finished = 0

    def interrupt(event: Event) -> None:
        nonlocal finished
        finished += isinstance(event, CandidateFinished)
        if finished == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), new_session(given, tmp_path / "run", interrupt) as search:
        list(search.run())
    with resumed_session(tmp_path / "run") as search:
        assert [generation.front for generation in search.run()][-1] == whole


def test_winners_of_heads_alone_are_complete_networks(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights, plan="[{heads: 2}]")
    points = front(given, tmp_path / "run")
    store = RunStore(tmp_path / "run")
    space = make_space(given.space, TASK.samples)
    candidates = {one.key: one.architecture for one in store.evaluations()}
    assert space.encode(candidates[points[-1].key])
    built = EarlyExitNetwork(candidates[points[-1].key], TASK)
    load_weight_bytes(built, store.artefacts.weights(points[-1].key, "heads2"))
    assert torch.equal(last_answers(built.eval()), last_answers(original(weights)))
    store.close()


def test_classes_in_another_order_stop_the_search_with_the_order(tmp_path: Path, weights: Path) -> None:
    state = torch.load(weights, weights_only=True)
    order = torch.tensor([3, 4, 5, 6, 7, 8, 9, 0, 1, 2])
    state |= {name: state[name][order] for name in ("head.weight", "head.bias")}
    torch.save(state, tmp_path / "other.pt")
    given = config(tmp_path, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match=r'space\.classes: \["3", "4", "5", "6", "7", "8", "9", "0"'):
        front(given, tmp_path / "run")
    cure = "space.classes=[3, 4, 5, 6, 7, 8, 9, 0, 1, 2]".replace(", ", '", "').replace("[", '["')
    given = config(tmp_path, tmp_path / "other.pt", (cure.replace("]", '"]'),))
    assert front(given, tmp_path / "second")


def test_a_network_that_answers_by_chance_stops_the_search(tmp_path: Path, weights: Path) -> None:
    torch.manual_seed(1)
    torch.save(Digits().state_dict(), tmp_path / "new.pt")
    with pytest.raises(ConfigError, match=r"which is chance .* common preparations of its input is better"):
        front(config(tmp_path, tmp_path / "new.pt"), tmp_path / "run")


def test_a_limit_on_disk_too_small_for_anything_is_told_with_its_field(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights, plan="[{heads: 1, cache_limit_mb: 0.001}]")
    with pytest.raises(ConfigError, match=r"fidelities\.0\.cache_limit_mb: .* smallest valid limit"):
        front(given, tmp_path / "run")


def test_within_a_small_limit_fewer_features_are_kept_and_that_is_told(tmp_path: Path, weights: Path) -> None:
    events: list[Event] = []
    given = config(tmp_path, weights, plan="[{heads: 1, cache_limit_mb: 3}]")
    assert front(given, tmp_path / "run", events)
    notes = " ".join(event.text for event in events if isinstance(event, Noted))
    assert "more than 3.0 MB; one view is kept instead" in notes
    size = sum(path.stat().st_size for path in (tmp_path / "cache/features").rglob("*.npy"))
    assert size <= 3e6


def test_a_head_that_cannot_be_written_is_a_failure_of_the_machine(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(tmp_path, weights)
    own, candidate = evaluator(given), architecture(given)
    bare = candidate.without_exits()
    assert own.evaluate(bare).evaluation.is_done

    def full(*given: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(head_bank, "write_head", full)
    failed = own.evaluate(candidate).evaluation
    assert failed.status is Status.CANNOT_WRITE
    assert failed.is_machine_failure
    assert "No space left on device" in failed.message
    monkeypatch.undo()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    assert own.evaluate(candidate).evaluation.is_done


def test_a_disk_that_is_full_while_features_are_kept_stops_the_search_and_loses_nothing(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = config(tmp_path, weights)
    whole = front(given, tmp_path / "whole")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "other"))
    usage = full_disk.shutil.disk_usage
    monkeypatch.setattr(full_disk.shutil, "disk_usage", lambda path: usage(path)._replace(free=1000))
    with pytest.raises(Exception, match=r"more are needed in .*other.* are free\. Free some"):
        front(given, tmp_path / "run")
    monkeypatch.setattr(full_disk.shutil, "disk_usage", usage)
    with resumed_session(tmp_path / "run") as search:
        assert [generation.front for generation in search.run()][-1] == whole


def test_heads_need_a_network_that_is_given(tmp_path: Path) -> None:
    file = {
        "name": "blocks",
        "data": {"name": "digits"},
        "space": {"stages": [{"width": 4}], "exits": {"after": []}},
        "evaluation": {"fidelities": [{"heads": 2}]},
        "workers": {"mode": "serial"},
    }
    given = SearchFile.model_validate(file)
    with pytest.raises(ConfigError, match=r"heads need a network .* Use trained, or space\.kind=pretrained"):
        front(given, tmp_path / "run")


@pytest.mark.parametrize(
    ("plan", "overrides", "words"),
    [
        ("[trained, {heads: 2, keep: 1}]", (), "1: heads must be the first fidelity"),
        ("[{heads: 2}, {finetuned: 2}]", (), "1: needs keep"),
        ("[{heads: 0}]", (), "greater than or equal to 1|must be >= 1"),
        (
            "[{heads: 2}]",
            ("training.loss=boosted",),
            "heads trains every exit for itself.* must not be boosted",
        ),
        (
            "[{heads: 2}, {finetuned: 2, scope: branches, keep: 1}]",
            (),
            "unknown value 'branches'. Choices: all, heads",
        ),
        ("[{finetuned: 3}, {finetuned: 2, keep: 1}]", (), "must be > 3"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_with_its_cure(
    plan: str, overrides: tuple[str, ...], words: str, tmp_path: Path, weights: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        config(tmp_path, weights, overrides, plan=plan)
