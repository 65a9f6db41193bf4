"""What is promised of early answers: kept over resplits of real logits, and said in the card."""

from pathlib import Path

import numpy as np
import pytest
from deploy.small_checkpoints import trained, write_checkpoint
from training.small_training import digits

from aebnas.config.sections.exits import ExitsConfig, GuaranteeConfig
from aebnas.deploy.exporting.export import export
from aebnas.deploy.exporting.parity import torch_logits
from aebnas.deploy.exporting.promise import promise_text
from aebnas.exits.core.policy import ExitPolicy
from aebnas.exits.core.samples import ExitSamples
from aebnas.exits.core.threshold_policy import ThresholdPolicy, never_leave
from aebnas.exits.policies.tuned import TunedThresholds
from aebnas.exits.risk_control import harm_of, learn_then_test
from aebnas.exits.targets import Guarantee
from aebnas.hardware.cost.cost import network_cost
from aebnas.nets.given_weights import Given

RESPLITS = 500
MOST_STEPS = 60
"""Policies of the path that are walked: the whole path takes half a minute."""
LEAVING = ThresholdPolicy("confidence", (0.7, 0.8))


def exits(max_harm: float = 0.01, confidence: float | None = 0.9) -> ExitsConfig:
    return ExitsConfig(guarantee=GuaranteeConfig(max_harm=max_harm, confidence=confidence))


def words(
    given: Given, precision: str = "fp32", policy: ExitPolicy = LEAVING, section: ExitsConfig | None = None
) -> str:
    return promise_text(section or exits(), policy, given, (24, 32), precision)


def test_harm_over_500_resplits_stays_within_the_promise() -> None:
    """Heads trained behind a backbone that stays as it was; no image trained them."""
    network, splits = trained("frozen")[0], digits()
    reach = network_cost(network.architecture, splits.task).reach_macs
    parts = (splits.calibrate, splits.select)
    logits = np.concatenate([torch_logits(network, part) for part in parts])
    everything = ExitSamples.of(logits, np.concatenate([part.labels for part in parts]), reach)
    building, rest = everything.split(0.3, seed=1)
    path = TunedThresholds().path(building, building.harmless)
    steps = np.unique(np.linspace(0, len(path) - 1, MOST_STEPS).astype(int))
    path = [never_leave(everything.exits), *(path[step] for step in steps)]
    target, rng = Guarantee(0.05, 0.9), np.random.default_rng(0)
    harmed, half = harm_of(path, rest), len(rest) // 2
    draws = [rng.permutation(len(rest))[:half] for _ in range(RESPLITS)]
    kept = np.array([learn_then_test(harmed[:, draw], 0.05, 0.9) or 0 for draw in draws])
    assert target.pick(path, rest.take(draws[0])) == kept[0]  # as the target does
    harm = harmed.mean(axis=1)  # of all images that can be drawn
    assert (harm[kept] > 0.05).mean() <= 0.1
    assert harm.max() > 0.05  # or nothing could break the promise
    assert (kept > 0).mean() > 0.9  # or it is kept by answering nothing early


def test_an_untouched_network_is_what_the_promise_is_against() -> None:
    assert words(Given.UNTOUCHED).startswith(
        "With 90% confidence, at most 1% of pictures get a worse answer than from your own network: a wrong "
        "one where that one's is right. Your network was left as it is, weight by weight"
    )
    assert "from pictures of 24 x 32 pixels" in words(Given.UNTOUCHED)


def test_a_new_classifier_promises_nothing_against_the_given_network() -> None:
    text = words(Given.OTHER_HEAD)
    assert "get a worse answer than from this network's last exit" in text
    assert "a new classifier" in text
    assert "nothing is promised against the answers of your network itself" in text


def test_a_network_trained_further_promises_nothing_against_what_it_was() -> None:
    assert "nothing is promised against what it answered before" in words(Given.TRAINED)


def test_rounded_graphs_promise_against_themselves() -> None:
    text = words(Given.UNTOUCHED, "int8")
    assert "than from the last exit of these INT8 graphs" in text
    assert "nothing is promised against your own network" in text


def test_an_expectation_is_no_confidence() -> None:
    text = words(Given.NOTHING, section=exits(0.005, None))
    assert text.startswith("On average over sets of calibrate pictures, at most 0.5% of pictures")
    assert "your own" not in text


def test_a_promise_kept_by_answering_nothing_early_says_so() -> None:
    assert "No early answer could be cleared" in words(Given.UNTOUCHED, policy=never_leave(3))
    assert "No early answer could be cleared" not in words(Given.UNTOUCHED)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("promise")
    checkpoint = write_checkpoint(folder / "checkpoint", exits=exits(0.05))
    text = (export(checkpoint, folder / "model").folder / "README.md").read_text(encoding="utf-8")
    assert isinstance(text, str)
    return text


def test_the_card_has_the_promise_before_the_policy(card: str) -> None:
    promise = "With 90% confidence, at most 5% of pictures get a worse answer than from this network's last"
    assert card.index(f"## What it promises\n\n{promise}") < card.index("## When an image leaves")


def test_a_card_without_a_guarantee_promises_nothing(tmp_path: Path) -> None:
    made = export(write_checkpoint(tmp_path / "checkpoint"), tmp_path / "model")
    assert "What it promises" not in (made.folder / "README.md").read_text(encoding="utf-8")
