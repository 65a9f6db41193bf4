"""``aebnas check``: what a space spans, costs, and what its limits leave."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aebnas.cli.views.gene_rows import GeneRow, gene_rows
from aebnas.config import load
from aebnas.config.schema import DataConfig
from aebnas.data.datasets import load_dataset, shape_and_classes
from aebnas.space.genes import Gene
from aebnas.space.search_space import StagedSpace

Command = Callable[..., Any]


@pytest.fixture
def check(run_command: Command, tiny_file: Path) -> Callable[..., dict[str, Any]]:
    """Describe the tiny file with overrides, for a program."""

    def described(*overrides: str) -> dict[str, Any]:
        sets = [word for override in overrides for word in ("--set", override)]
        answer = run_command("check", tiny_file, "--samples", 40, "--json", *sets)
        assert answer.code == 0, answer.err
        return dict(json.loads(answer.out))

    return described


def test_counts_are_those_of_the_space(check: Callable[..., dict[str, Any]], tiny_file: Path) -> None:
    config = load(tiny_file)
    space = StagedSpace(config.space, 8, config.search.budget_fractions)
    described = check()
    assert described["genomes"] == math.prod(space.cardinalities)
    assert described["architectures"] == space.count()
    assert [gene["name"] for gene in described["genes"]] == [gene.name for gene in space.genes]


def test_known_data_are_described_without_reading_them(
    check: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> None:
        raise OSError("read")

    monkeypatch.setattr("aebnas.data.datasets.load_dataset", unread)
    assert check()["data"] == {"source": "digits", "shape": [8, 8, 1], "classes": 10}


def test_spreads_rise_from_smallest_to_largest(check: Callable[..., dict[str, Any]]) -> None:
    spreads = {spread.pop("name"): spread for spread in check()["spreads"]}
    assert "MACs to the last exit" in spreads
    assert all(0 < s["smallest"] <= s["median"] <= s["largest"] for s in spreads.values())
    assert spreads["MACs to the first exit"]["median"] < spreads["MACs to the last exit"]["median"]


def test_a_limit_at_the_median_leaves_half(check: Callable[..., dict[str, Any]]) -> None:
    median = next(s["median"] for s in check()["spreads"] if s["name"] == "parameters")
    described = check(f"constraints.params.max={median}")
    assert described["left"] == pytest.approx(0.5, abs=0.1)
    assert described["warning"] is None


def test_expected_macs_are_held_against_the_cheapest_exit(check: Callable[..., dict[str, Any]]) -> None:
    always = "space.exits.optional=false"
    median = next(s["median"] for s in check(always)["spreads"] if s["name"] == "MACs to the first exit")
    described = check(always, f"constraints.macs.max={median}")
    assert described["left"] == pytest.approx(0.5, abs=0.1)
    assert described["shares"][0]["is_exact"] is False
    assert check(always, f"constraints.worst_macs.max={median}")["left"] < 0.4


def test_several_limits_leave_what_satisfies_all(check: Callable[..., dict[str, Any]]) -> None:
    spreads = {spread["name"]: spread for spread in check()["spreads"]}
    low, high = spreads["parameters"]["smallest"], spreads["MACs to the last exit"]["largest"]
    described = check(f"constraints.params.max={low}", f"constraints.worst_macs.min={high}")
    assert all(share["share"] > 0 for share in described["shares"])
    assert described["left"] == 0


def test_limits_that_leave_nothing_are_warned_of(run_command: Command, tiny_file: Path) -> None:
    answer = run_command("check", tiny_file, "--samples", 40, "--set", "constraints.params.max=10")
    assert answer.code == 0
    assert "Warning: none of 40 random architectures can satisfy the limits" in answer.out
    assert "params.max 10" in answer.out


def test_accuracy_is_said_to_be_known_only_after_training(run_command: Command, tiny_file: Path) -> None:
    answer = run_command("check", tiny_file, "--samples", 5, "--set", "constraints.accuracy.min=0.9")
    assert "Known only after training: accuracy." in answer.out
    assert "Warning" not in answer.out


def test_the_starter_file_passes_check(run_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "starter.yaml"
    assert run_command("init", file).code == 0
    answer = run_command("check", file, "--samples", 3)
    assert answer.code == 0, answer.err
    assert f"aebnas search {file}" in answer.out


def test_equal_genes_of_several_blocks_share_a_row() -> None:
    genes = [Gene(f"stage1.block{i}.kernel", (3, 5), "stage1") for i in (1, 2, 3)]
    assert gene_rows(genes) == [GeneRow("stage1", "block1-3.kernel", "3, 5")]


def test_the_absence_of_an_exit_is_a_word() -> None:
    assert gene_rows([Gene("exit.stage1.modules", (-1, 0, 2), "exit.stage1")])[0].choices == "absent, 0, 2"


@pytest.mark.parametrize("name", ["digits", "mnist5k"])
def test_the_known_shapes_are_those_of_the_data(name: str) -> None:
    data = DataConfig(name=name)
    dataset = load_dataset(data)
    assert shape_and_classes(data) == (dataset.train.shape, len(dataset.classes))
