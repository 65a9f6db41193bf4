"""``aebnas train --inherit``: which weights a training begins with, what it remembers, what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from final_cases import Interruption

from aebnas.cli.main import main
from aebnas.config.schema import SearchFile
from aebnas.data.datasets import load_dataset
from aebnas.data.splits import make_splits
from aebnas.errors import ConfigError, RunError
from aebnas.evaluation.settings import supernet_settings
from aebnas.runs.store.settings_file import read_settings
from aebnas.search.session import new_session
from aebnas.supernet.inheritance import InheritedSubnets, supernet_with
from aebnas.supernet.storage import load_supernet, save_supernet, supernet_file
from aebnas.train.full.checkpoint import load_trained, read_checkpoint
from aebnas.train.full.full_training import built_network
from aebnas.train.full.inheriting import inheritance_of
from aebnas.train.full.plan import Plan, TrainingJob
from aebnas.train.full.winner_training import TrainingOptions, plan_of, train_winner
from aebnas.train.select.selected_network import select_network
from aebnas.train.tune.tuning import _question

INHERIT = TrainingOptions(inherit=True)
SETTINGS = ["training.epochs=2", "training.precision=fp32"]


def configuration(kind: str = "inherited") -> SearchFile:
    file = {
        "name": "digits",
        "data": {"name": "digits"},
        "space": {
            "stem": {"width": 8},
            "stages": [{"width": [4, 8]}, {"width": [8, 12], "stride": 2}],
            "exits": {"after": ["stage1"], "branch": {"modules": 0}, "optional": False},
        },
        "training": {"batch_size": 64, "learning_rate": 0.2, "precision": "fp32", "epochs": 1},
        "evaluation": {"fidelities": [kind]},
        "supernet": {"epochs": 1, "networks": 2, "branches": 1},
        "search": {"population": 3, "generations": 1},
        "workers": {"mode": "serial"},
    }
    return SearchFile.model_validate(file)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "digits"
    with new_session(configuration(), path) as search:
        list(search.run())
    return path


@pytest.fixture
def run(found: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(found, tmp_path / "runs" / "digits"))


def planned(run: Path, *overrides: str) -> Plan:
    return plan_of(select_network(run, "best"), [*SETTINGS, *overrides], "cpu")


def weights_of_subnet(run: Path, plan: Plan) -> dict[str, torch.Tensor]:
    config = read_settings(run)
    splits = make_splits(load_dataset(config.data), config.data)
    stored = load_supernet(supernet_file(run)).weights
    supernet = supernet_with(
        supernet_settings(config), splits.task, {name: one.numpy() for name, one in stored.items()}
    )
    return dict(
        InheritedSubnets(supernet_settings(config), splits, supernet)
        .extract(plan.selected.architecture)
        .named_parameters()
    )


def test_a_training_begins_with_the_weights_of_the_subnet_that_the_search_scored(run: Path) -> None:
    plan = planned(run)
    task = TrainingJob(
        "network", plan.selected.architecture, run / "trained", inheritance=inheritance_of(plan)
    )
    network, subnet = built_network(task, plan), weights_of_subnet(run, plan)
    own = dict(network.named_parameters())
    assert own.keys() == subnet.keys()
    assert all(torch.equal(own[name], subnet[name]) for name in own)
    fresh = dict(built_network(replace(task, inheritance=None), plan).named_parameters())
    assert not all(torch.equal(own[name], fresh[name]) for name in own)


def test_the_network_without_early_exits_inherits_the_same_backbone(run: Path) -> None:
    plan = planned(run)
    inheritance = inheritance_of(plan)
    whole = TrainingJob("network", plan.selected.architecture, run, inheritance=inheritance)
    alone = TrainingJob("static", plan.selected.architecture.without_exits(), run, inheritance=inheritance)
    a, b = (list(built_network(task, plan).parameters()) for task in (whole, alone))
    assert len(b) < len(a), "the branch is not there"
    assert all(any(torch.equal(one, other) for other in a) for one in b)


def test_a_checkpoint_knows_what_it_began_with_and_another_beginning_is_refused(run: Path) -> None:
    plan = planned(run)
    trained = train_winner(plan, INHERIT)
    assert trained.checkpoint.supernet == inheritance_of(plan).sha256
    assert load_trained(plan.selected.folder).checkpoint.supernet == trained.checkpoint.supernet
    assert train_winner(plan, INHERIT).checkpoint == trained.checkpoint, "read, not trained again"
    with pytest.raises(RunError, match=r"supernet: [0-9a-f]{64}, now None"):
        train_winner(plan)


def test_an_interrupted_training_goes_on_to_the_same_weights(run: Path) -> None:
    plan = planned(run)
    whole = train_winner(plan, replace(INHERIT, folder=run / "whole"))
    parts = replace(INHERIT, folder=run / "parts")
    with pytest.raises(KeyboardInterrupt):
        train_winner(plan, parts, Interruption(1))
    resumed = train_winner(plan, parts)
    a, b = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_tuning_of_inherited_weights_is_another_than_one_of_random_ones(run: Path) -> None:
    plan = planned(run)
    random = TrainingJob("network", plan.selected.architecture, run)
    inherited = replace(random, inheritance=inheritance_of(plan))
    assert _question(random, plan) != _question(inherited, plan)
    assert _question(inherited, plan)["supernet"] == inherited.supernet


def test_a_run_without_a_supernet_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "scratch"
    with new_session(configuration("trained"), path) as search:
        list(search.run())
    assert main(["train", str(path), "--inherit", "--epochs", "1"]) == 2
    assert "has no supernet to inherit from" in capsys.readouterr().err
    assert not (path / "trained").exists()


def test_a_winner_file_away_from_its_run_is_refused(run: Path) -> None:
    plan = planned(run)
    lost = replace(plan, selected=replace(plan.selected, origin=None))
    with pytest.raises(ConfigError, match=r"--inherit: .* does not lie in its run"):
        train_winner(lost, INHERIT)


def test_other_networks_than_the_supernet_holds_are_refused(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.loss: boosted builds other networks"):
        train_winner(planned(run, "training.loss=boosted"), INHERIT)


def test_half_a_supernet_and_one_that_changed_since_are_refused(run: Path) -> None:
    plan, file = planned(run), supernet_file(run)
    task = TrainingJob(
        "network", plan.selected.architecture, run / "trained", inheritance=inheritance_of(plan)
    )
    save_supernet(file, replace(load_supernet(file), step=1))
    with pytest.raises(RunError, match="is half trained"):
        inheritance_of(plan)
    with pytest.raises(RunError, match="has changed since this training was planned"):
        built_network(task, plan)


def test_the_command_inherits(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(run), "--pick", "best", "--inherit", "--epochs", "1"]) == 0
    (folder,) = (run / "trained").iterdir()
    assert read_checkpoint(folder).supernet is not None
    assert "inherited weights" in capsys.readouterr().out
