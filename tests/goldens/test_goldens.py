"""The goldens: what may not change while the house is rebuilt (``records.py`` says how each is made)."""

import json
from typing import Any

import pytest
from goldens.records import FILE, PROFILES, SEARCHES, contexts, identities, latencies, policies, search
from shipped import SHIPPED

from aebnas.exits.policies.families import FAMILIES

GOLDENS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SHIPPED)
def test_keys_seeds_signatures_and_costs_of_shipped_spaces_are_golden(name: str) -> None:
    assert identities(name) == GOLDENS["identities"][name]


def test_what_files_a_result_is_golden() -> None:
    assert contexts() == GOLDENS["contexts"]


@pytest.mark.parametrize("name", PROFILES)
def test_latencies_of_shipped_profiles_are_golden(name: str) -> None:
    for profile, rows in latencies(name).items():
        golden = GOLDENS["latencies"][name][profile]
        for row, expected in zip(rows, golden, strict=True):
            assert row == pytest.approx(expected)


@pytest.mark.parametrize("name", FAMILIES)
def test_decisions_of_exit_policies_are_golden(name: str) -> None:
    for target, leaving in policies(name).items():
        # some policies are fitted by scipy: another processor may round one image to the other side
        assert leaving == pytest.approx(GOLDENS["policies"][name][target], abs=2)


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_of_every_way_of_evaluating_are_golden(name: str) -> None:
    assert search(name) == GOLDENS["searches"][name]
