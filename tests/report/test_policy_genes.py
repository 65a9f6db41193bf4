"""Runs whose exit policy is a gene: what a point was scored with is what is told and trained."""

from dataclasses import replace
from pathlib import Path

import pytest
from chromium import Chromium, chromium_path
from synthetic_runs import evaluations, search_file, store_of

from aebnas.config.schema import SearchFile
from aebnas.errors import ConfigError
from aebnas.evaluation.record import Evaluation
from aebnas.exits.operating_curve import joined_curves
from aebnas.report import load_winner, write_report
from aebnas.runs.reading import read_run
from aebnas.runs.store.store import RunStore
from aebnas.train.full.settings import final_settings
from aebnas.train.select.selected_network import select_network

CONFIG = search_file("exits={policy: {choices: [confidence, margin]}}")


def with_settings(one: Evaluation, config: SearchFile) -> Evaluation:
    """Give a made-up network one curve per setting; that of ``margin`` is the better one."""
    curve = one.curve
    assert curve is not None
    worse = replace(
        curve,
        calibrate_accuracy=curve.calibrate_accuracy - 0.1,
        select_accuracy=curve.select_accuracy - 0.1,
    )
    assert set(config.exits.settings) == {"confidence", "margin"}
    margin = replace(curve, policies=[replace(policy, score="margin") for policy in curve.policies])
    return replace(one, curve=joined_curves({"confidence": worse, "margin": margin}))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return store_of(tmp_path / "run", CONFIG, [with_settings(one, CONFIG) for one in evaluations(CONFIG, 4)])


def test_a_picked_point_is_trained_with_its_own_setting_of_the_policy(store: RunStore) -> None:
    point = read_run(store).front[-1]
    selected = select_network(store.path, "best")
    assert point.setting == selected.exits.only.name == "margin"
    assert list(selected.exits.settings) == [""]
    assert "exit policy margin" in selected.text


def test_a_winner_file_is_trained_with_the_setting_of_its_point(store: RunStore) -> None:
    path = write_report([store]).winners[-1]
    assert {point.setting for point in load_winner(path).points} == {"margin"}
    assert select_network(path).exits.only.name == "margin"


def test_a_winner_file_that_is_named_from_inside_its_folder_knows_its_run(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report([store]).winners[-1]
    monkeypatch.chdir(path.parent)
    selected = select_network(Path(path.name))
    assert selected.origin is not None
    assert selected.folder == store.path / "trained" / path.stem


def test_a_winner_with_an_unknown_setting_is_refused(store: RunStore) -> None:
    path = write_report([store]).winners[-1]
    path.write_text(path.read_text().replace("setting: margin", "setting: margn"))
    with pytest.raises(ConfigError, match=r"setting 'margn', which exits does not give.*'margin'"):
        load_winner(path)


def test_a_trained_network_has_one_exit_policy() -> None:
    with pytest.raises(ConfigError, match="one exit policy; choose among confidence, margin"):
        final_settings(CONFIG.training, search_file().exits, ["exits.policy={choices: [confidence, margin]}"])


@pytest.mark.skipif(chromium_path() is None, reason="no chromium or google-chrome on the PATH")
def test_the_yaml_of_the_page_keeps_the_setting_and_the_score_of_every_point(
    store: RunStore, tmp_path: Path
) -> None:
    program = chromium_path()
    assert program is not None
    browser = Chromium(program)
    files = write_report([store])
    try:
        browser.open(files.page)
        browser.click(".yaml summary")
        browser.wait("document.querySelector('.yaml pre').textContent.length > 0")
        (tmp_path / "winner.yaml").write_text(
            browser.value("document.querySelector('.yaml pre').textContent")
        )
    finally:
        browser.close()
    read = load_winner(tmp_path / "winner.yaml")
    written = load_winner(store.path / "winners" / f"{read.key}.yaml")
    assert [(p.setting, p.policy) for p in read.points] == [(p.setting, p.policy) for p in written.points]


def test_a_winner_file_with_options_beside_its_policy_is_told_the_new_spelling(store: RunStore) -> None:
    path = write_report([store]).winners[-1]
    start = path.read_text().index("exits:")
    end = path.read_text().index("\npoints:")
    path.write_text(path.read_text()[:start] + "exits: {policy: pcee, bins: 10}" + path.read_text()[end:])
    with pytest.raises(
        ConfigError, match=r"exits\.bins: is an option of its policy now, as in policy: \{name"
    ):
        load_winner(path)
