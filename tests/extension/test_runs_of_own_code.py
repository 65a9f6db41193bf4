"""One thing of each kind from a package outside ``aebnas``: searched, reported, continued."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aebnas
from aebnas.errors import CodeRefusedError
from aebnas.runs.store.store import RunStore

Command = Callable[..., Any]
NAMES = ("my_blocks:Ghost", "my_blocks:Squeeze", "my_policies:Steady", "my_scores:energy", "my_scores:gini",
         "my_losses:Focal")  # fmt: skip


def database(run: Path) -> str:
    return (run / "run.sqlite").read_bytes().decode("latin-1")


def append(path: Path, text: str) -> None:
    path.write_text(f"{path.read_text()}{text}")


def test_one_of_each_kind_is_searched_and_reported(searched: Path) -> None:
    store = RunStore(searched / "runs/own")
    assert set(store.config.outside_names) == set(NAMES)
    assert [one.is_done for one in store.evaluations()] == [True] * 4
    assert "my_blocks:Ghost" in database(searched / "runs/own")
    page = (searched / "runs/own/report.html").read_text()
    assert "my_blocks:Ghost" in page
    assert "my_policies:Steady" in page


def test_the_hash_of_the_code_stands_in_the_run_by_name(searched: Path) -> None:
    code = RunStore(searched / "runs/own").metadata("code")
    assert set(code) == set(NAMES)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in code.values())


def test_a_finished_run_is_extended(searched: Path, run_command: Command) -> None:
    answer = run_command("resume", "runs/own", "--set", "search.generations=2")
    assert answer.code == 0, answer.err
    assert len(RunStore(searched / "runs/own").generations()) == 2


@pytest.mark.parametrize("file", ["my_blocks.py", "my_parts.py", "my_losses.py"])
def test_an_edited_file_is_refused_until_it_is_put_back(
    searched: Path, run_command: Command, file: str
) -> None:
    before = (searched / file).read_text()
    append(searched / file, "# another thought\n")
    answer = run_command("resume", "runs/own", "--set", "search.generations=2")
    assert answer.code == 4
    assert re.search(r"the code of my_\w+:\w+.* has changed since .* Put the old files back", answer.err)
    (searched / file).write_text(before)
    assert run_command("resume", "runs/own").code == 0


def test_the_code_may_lie_elsewhere_later(searched: Path, run_command: Command, tmp_path: Path) -> None:
    other = tmp_path / "code"
    other.mkdir()
    for file in searched.glob("my_*.py"):
        shutil.move(file, other)
    assert run_command("resume", "runs/own", "--set", f"code_folder={other}").code == 0


def test_reading_a_run_never_runs_code(
    searched: Path, run_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in searched.glob("my_*.py"):
        append(file, f"\nopen({str(searched / 'ran')!r}, 'w').close()\n")
    assert run_command("report", "runs/own").code == 0
    assert "not run" in run_command("report", "runs/own").err
    frame = aebnas.load_run("runs/own").to_frame()
    assert "my_policies:Steady" in set(frame["exit_policy"])
    run_command("exits", "runs/own")
    run_command("check", "space.yaml")
    assert run_command("export-study", "runs/own", f"sqlite:///{searched / 'study.db'}").code == 0
    assert not (searched / "ran").exists()
    assert not {"my_blocks", "my_policies"} & set(sys.modules)
    run_command("exits", "runs/own", "--allow-code")
    assert (searched / "ran").exists()


def test_what_needs_the_code_says_so_with_the_cure(searched: Path, run_command: Command) -> None:
    answer = run_command("exits", "runs/own")
    assert answer.code == 2
    assert "--allow-code" in answer.err
    assert "defect" not in answer.err
    assert run_command("exits", "runs/own", "--allow-code").code == 0


def test_a_stored_policy_without_its_code_can_be_shown_but_decides_nothing(searched: Path) -> None:
    points = aebnas.load_run("runs/own").contents.points
    policy = next(
        point.curve.policies[point.index] for point in points if "my_policies" in str(point.policy["policy"])
    )
    assert policy.exits == 2
    assert policy.to_dict()["policy"] == "my_policies:SteadyPolicy"
    import numpy as np

    with pytest.raises(CodeRefusedError, match="my_policies:SteadyPolicy"):
        policy.decide(np.zeros((3, 2, 10)))


class TestMistakes:
    def search(self, own: Path, run_command: Command, *changes: tuple[str, str]) -> Any:
        text = (own / "space.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        (own / "space.yaml").write_text(text)
        return run_command("search", "space.yaml")

    def test_a_misspelt_name_is_told_with_line_and_nearest(self, own: Path, run_command: Command) -> None:
        answer = self.search(own, run_command, ('"my_blocks:Ghost"', '"my_blocks:Gost"'))
        assert answer.code == 2
        assert "space.yaml:6: space.stages.0.block.type.0: " in answer.err
        assert "Did you mean 'my_blocks:Ghost'? Its blocks: Ghost, Squeeze." in answer.err

    def test_an_option_that_is_none_gets_those_that_are(self, own: Path, run_command: Command) -> None:
        answer = self.search(own, run_command, ("cuts: 40", "cutz: 40"))
        message = "cutz: unknown field 'cutz'. Did you mean 'cuts'? Fields of my_policies:Steady: cuts."
        assert message in answer.err

    def test_an_option_keeps_to_the_types_of_the_dataclass(self, own: Path, run_command: Command) -> None:
        assert "cuts: must be >= 1, but got 0" in self.search(own, run_command, ("cuts: 40", "cuts: 0")).err

    def test_a_module_for_exits_alone_is_none_for_stages(self, own: Path, run_command: Command) -> None:
        answer = self.search(own, run_command, ('"my_blocks:Ghost", conv', '"my_blocks:Squeeze", conv'))
        assert "my_blocks:Squeeze cannot stand in a stage" in answer.err

    def test_what_goes_wrong_at_import_is_no_defect_of_ours(self, own: Path, run_command: Command) -> None:
        append(own / "my_parts.py", "\n1 / 0\n")
        answer = run_command("search", "space.yaml")
        assert answer.code == 2
        assert "my_parts.py:8: ZeroDivisionError" in answer.err
        assert "defect" not in answer.err

    def test_a_block_that_cannot_be_built_ends_the_search(self, own: Path, run_command: Command) -> None:
        text = (own / "my_blocks.py").read_text()
        (own / "my_blocks.py").write_text(text.replace("half_of(layer.spec.width)", "undefined"))
        answer = run_command("search", "space.yaml")
        assert answer.code == 2
        assert re.search(r"my_blocks\.py:\d+: in build NameError", answer.err)
        assert "defect" not in answer.err

    def test_a_loss_that_fails_is_a_failed_candidate(self, own: Path, run_command: Command) -> None:
        text = (own / "my_losses.py").read_text()
        (own / "my_losses.py").write_text(text.replace("self.power * each", "self.powr * each"))
        answer = run_command("search", "space.yaml")
        assert answer.code == 5
        rows = RunStore(own / "runs/own").evaluations()
        assert rows
        assert all(re.search(r"my_losses\.py:\d+: in loss AttributeError", one.message) for one in rows)

    def test_scores_that_are_none_fail_the_candidate(self, own: Path, run_command: Command) -> None:
        append(own / "my_scores.py", "\n\ndef short(logits):\n    return logits\n")
        self.search(own, run_command, ("my_scores:energy", "my_scores:short"))
        (message,) = {one.message for one in RunStore(own / "runs/own").evaluations()}
        assert "my_scores:short must return one finite score per sample" in message

    def test_a_policy_that_nobody_could_read_again_fails(self, own: Path, run_command: Command) -> None:
        append(
            own / "my_policies.py",
            "\n\n@dataclass(frozen=True)\nclass Nameless(SteadyPolicy):\n"
            "    def to_dict(self):\n        return {'policy': 'steady', 'threshold': self.threshold}\n\n\n"
            "class Bad(Steady):\n    def path(self, samples, good):\n"
            "        return [Nameless(samples.exits, 0.5)]\n",
        )
        self.search(own, run_command, ("my_policies:Steady", "my_policies:Bad"))
        (message,) = {one.message for one in RunStore(own / "runs/own").evaluations()}
        assert "my_policies:Nameless.to_dict must hold" in message


def test_check_says_what_it_did_not_load(own: Path, run_command: Command) -> None:
    answer = run_command("check", "space.yaml")
    assert answer.code == 0
    for name in NAMES:
        assert name in answer.out
    assert "--allow-code" in answer.out
    plain = json.loads(run_command("check", "space.yaml", "--json").out)
    assert set(plain["code_not_loaded"]) == set(NAMES)
    assert plain["not_checked"]


def test_check_with_the_code_checks_all(own: Path, run_command: Command) -> None:
    answer = run_command("check", "space.yaml", "--allow-code", "--samples", 5)
    assert answer.code == 0, answer.err
    assert "not loaded" not in answer.out
    assert "MACs" in answer.out
