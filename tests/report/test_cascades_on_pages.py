"""Cascades of whole networks, from what they answered to calibrate and select."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from static_runs import IMAGES, answered, networks, run_of

from aebnas.runs.reading import read_run
from aebnas.runs.static.answers import Answers
from aebnas.runs.static.cascades import cascades
from aebnas.runs.static.curve import StaticCurve
from aebnas.runs.static.gain import static_comparison
from aebnas.runs.static.networks import Kind, StaticNetwork, static_networks
from aebnas.runs.store.arrays import pack_arrays
from aebnas.runs.store.store import RunStore


def run(path: Path, sureness: float) -> tuple[RunStore, list[StaticNetwork]]:
    """A run of two whole networks, the more expensive one more accurate."""
    by_cost = sorted(networks(4, 0), key=lambda each: answered(each, (0.5,), 0.0).evaluation.reach_macs[0])
    cheap, expensive = by_cost[0], by_cost[-1]
    store = run_of(path, [answered(cheap, (0.7,), sureness), answered(expensive, (0.95,), sureness)])
    alone = static_networks(read_run(store).done, "macs")
    return store, sorted(alone, key=lambda network: network.costs["macs"])


def test_a_cascade_of_sure_networks_is_as_accurate_for_less(tmp_path: Path) -> None:
    store, (cheap, expensive) = run(tmp_path / "run", 1.0)
    made = cascades([cheap, expensive], Answers(store), "macs")
    best = max(made, key=lambda cascade: cascade.accuracy)
    assert best.kind is Kind.CASCADE
    assert best.accuracy == pytest.approx(expensive.accuracy)
    assert best.costs["macs"] < expensive.costs["macs"] + cheap.costs["macs"]
    assert best.text().startswith(f"the cascade {cheap.key}, then {expensive.key}")


def test_every_network_that_ran_is_counted_in_full(tmp_path: Path) -> None:
    store, (cheap, expensive) = run(tmp_path / "run", 1.0)
    for cascade in cascades([cheap, expensive], Answers(store), "macs"):
        going_on = (cascade.costs["macs"] - cheap.costs["macs"]) / expensive.costs["macs"]
        assert 0 < going_on <= 1
        assert cascade.right is not None
        assert cascade.right.mean() == pytest.approx(cascade.accuracy)
        select = Answers(store).samples(cheap.evaluations[0], "select")
        assert select is not None
        assert going_on * len(select) == pytest.approx(round(going_on * len(select)))  # whole images


def test_three_networks_make_a_triple(tmp_path: Path) -> None:
    macs = {each: answered(each, (0.5,), 0.0).evaluation.reach_macs[0] for each in networks(60, 0)}
    large = max(macs, key=lambda each: macs[each])
    middling = max((each for each in macs if macs[each] < 0.5 * macs[large]), key=lambda each: macs[each])
    small = max((each for each in macs if macs[each] < 0.8 * macs[middling]), key=lambda each: macs[each])
    rising = zip((small, middling, large), (0.8, 0.9, 0.95), strict=True)
    outcomes = [answered(each, (right,), 1.0) for each, right in rising]
    store = run_of(tmp_path / "run", outcomes)
    alone = static_networks(read_run(store).done, "macs")
    made = cascades(alone, Answers(store), "macs")
    assert 3 in {len(cascade.evaluations) for cascade in made}
    curve = StaticCurve.of([*alone, *made], "macs")
    assert np.all(np.diff([corner.costs["macs"] for corner in curve.corners]) > 0)


def test_answers_that_are_not_kept_make_no_cascade(tmp_path: Path) -> None:
    store, alone = run(tmp_path / "run", 1.0)
    (store.path / "labels.npz").unlink()
    assert cascades(alone, Answers(store), "macs") == ()


def test_candidates_of_a_space_that_builds_its_own_make_none(tmp_path: Path) -> None:
    store, _ = run(tmp_path / "run", 1.0)
    comparison = static_comparison(read_run(store), store)
    assert comparison is not None
    assert {network.kind for network in comparison.networks} == {Kind.ALONE}


def with_logits(store: RunStore, alone: list[StaticNetwork], seed: int = 0) -> dict[str, np.ndarray]:
    """Keep logits of networks that err on images of their own; return their probabilities on select."""
    rng, kept = np.random.default_rng(seed), {}
    for network in alone:
        (evaluation,) = network.evaluations
        logits = {split: rng.normal(size=(IMAGES, 1, 3)) for split in ("calibrate", "select")}
        for values in logits.values():
            values[:, 0, 1] += 1.5
        store.artefacts.logits_path(evaluation.key, evaluation.fidelity).parent.mkdir(exist_ok=True)
        content = pack_arrays({split: values.astype(np.float32) for split, values in logits.items()})
        store.artefacts.logits_path(evaluation.key, evaluation.fidelity).write_bytes(content)
        select = logits["select"][:, 0].astype(np.float32)
        kept[evaluation.key] = np.exp(select) / np.exp(select).sum(axis=1, keepdims=True)
    return kept


def test_where_logits_are_kept_the_networks_that_ran_answer_together(tmp_path: Path) -> None:
    store, (cheap, expensive) = run(tmp_path / "run", 0.0)
    said = with_logits(store, [cheap, expensive])
    first, second = said[cheap.key], said[expensive.key]
    right = ((first + second) / 2).argmax(axis=1) == 1
    assert right.mean() > max((first.argmax(1) == 1).mean(), (second.argmax(1) == 1).mean())
    made = cascades([replace(cheap, accuracy=0.1), replace(expensive, accuracy=0.2)], Answers(store), "macs")
    most_expensive = max(made, key=lambda cascade: cascade.costs["macs"])
    assert most_expensive.right is not None
    margins = np.sort(first, axis=1)[:, -1] - np.sort(first, axis=1)[:, -2]
    share = (most_expensive.costs["macs"] - cheap.costs["macs"]) / expensive.costs["macs"]
    goes_on = margins <= np.sort(margins)[round(share * IMAGES) - 1]
    expected = np.where(goes_on, right, first.argmax(axis=1) == 1)
    assert (most_expensive.right == expected).all()
