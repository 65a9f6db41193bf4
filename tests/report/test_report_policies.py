"""Reports of runs whose points are policies of any kind, and of those with a target."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from synthetic_runs import evaluations, search_file, store_of

from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.exits.policies.patience import PatiencePolicy
from aebnas.exits.policies.table import policy_from_dict
from aebnas.report import load_winner, write_report
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore


def with_policies(one: Evaluation) -> Evaluation:
    """Turn the thresholds of a made-up curve into patience, as a policy without thresholds."""
    curve = one.curve
    assert curve is not None
    exits = len(curve.reach_cost)
    policies = [PatiencePolicy(1 + i % exits, exits) for i in range(len(curve))]
    return replace(one, curve=replace(curve, policies=policies))


def run_of(path: Path, config: SearchFile, found: list[Evaluation]) -> RunStore:
    return store_of(path, config, found, [len(found)])


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    config = search_file("exits.policy=patience")
    return run_of(tmp_path / "run", config, [with_policies(one) for one in evaluations(config, 8)])


def test_the_csv_has_the_policy_of_every_point_and_no_threshold(store: RunStore) -> None:
    table = pandas.read_csv(write_report([store]).table)
    assert len(table) > 2
    assert {policy_from_dict(json.loads(text)).to_dict()["policy"] for text in table["policy"]} == {
        "patience"
    }
    assert table["threshold[stage1]"].isna().all()


def test_winners_keep_the_policy_of_their_points(store: RunStore) -> None:
    files = write_report([store])
    for point in (point for path in files.winners for point in load_winner(path).points):
        assert point.thresholds is None
        assert policy_from_dict(point.policy).exits == len(point.exit_rates)


def test_thresholds_are_told_as_a_policy_too(tmp_path: Path) -> None:
    config = search_file("exits.policy=entropy")
    files = write_report([run_of(tmp_path / "run", config, evaluations(config, 4))])
    for point in (point for path in files.winners for point in load_winner(path).points):
        output = policy_from_dict(point.policy).to_dict()
        assert output["score"] == "entropy"
        assert len(output["thresholds"]) == len(point.thresholds or ())


def test_a_policy_for_other_exits_is_refused(store: RunStore) -> None:
    path = next(p for p in write_report([store]).winners if len(load_winner(p).architecture.exits) == 1)
    text = path.read_text()
    path.write_text(text.replace("exits: 2}", "exits: 4}"))
    with pytest.raises(Exception, match="3 thresholds and 2 exit rates"):
        load_winner(path)


def test_an_unmet_target_is_on_the_page(tmp_path: Path) -> None:
    config = search_file("exits.accuracy=1.0")
    found = evaluations(config, 3)
    misses = (0.3, 0.1, 0.2)
    checked = [
        replace(
            one, target_check={"is_met": False, "violation": miss, "text": f"missed by {miss}", "notes": []}
        )
        for one, miss in zip(found, misses, strict=True)
    ]
    store = run_of(tmp_path / "run", config, checked)
    nearest = read_run(store).nearest_miss
    assert nearest is not None
    assert nearest.key == found[1].key
    page = write_report([store]).page.read_text()
    assert f"No candidate reaches the target. The nearest, {found[1].key}: missed by 0.1" in page
    assert "target: accuracy &gt;= 100.00%" in page


def test_a_warning_that_all_networks_of_the_front_share_is_on_the_page(tmp_path: Path) -> None:
    config = search_file("exits.guarantee.max_harm=0.001")
    target_check = {
        "is_met": True,
        "violation": 0.0,
        "text": "",
        "notes": ["No early answer could be cleared."],
    }
    found = [replace(one, target_check=target_check) for one in evaluations(config, 3)]
    store = run_of(tmp_path / "run", config, found)
    assert "No early answer could be cleared." in write_report([store]).page.read_text()


def test_reading_policies_needs_no_arrays(store: RunStore) -> None:
    """A run's points hold what decides; logits and scores may be gone."""
    for point in read_run(store).front:
        policy = policy_from_dict(point.policy)
        logits = np.zeros((2, policy.exits, 3))
        assert policy.decide(logits).shape == (2,)
