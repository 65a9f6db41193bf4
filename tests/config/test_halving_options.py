"""``evaluation: {mode: successive_halving}``: what is refused, where, and with which cure."""

from pathlib import Path

import pytest
from search.fakes import SPACE, fake_config

from aebnas.config import load, resolved
from aebnas.errors import ConfigError

MODE = "evaluation.mode=successive_halving"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ("evaluation.eta=4",),
            r"evaluation\.eta: goes with evaluation\.mode: successive_halving, but mode is",
        ),
        (
            ("evaluation.min_epochs=2",),
            r"min_epochs: goes with evaluation\.mode: successive_halving, but mode",
        ),
        (("evaluation.mode=supernet", "evaluation.eta=4"), r"successive_halving, but mode is supernet"),
        ((MODE, "evaluation.finetune_epochs=1"), r"goes with evaluation\.mode: supernet, but mode is succ"),
        ((MODE, "evaluation.eta=1"), r"evaluation\.eta: must be >= 2, but got 1"),
        ((MODE, "evaluation.min_epochs=0"), r"evaluation\.min_epochs: must be >= 1, but got 0"),
        ((MODE, "evaluation.min_epochs=8"), r"must be < training\.epochs \(8\).* but got 8"),
        ((MODE, "training.loss=jei"), r"training\.loss: .*must not be jei, which has phases of its own"),
        ((MODE, "search.surrogate=auto"), r"search\.surrogate: learns the error after one and the same"),
        (("evaluation.mode=halving",), r"unknown value 'halving'\. Did you mean 'successive_halving'\?"),
    ],
)
def test_what_contradicts_is_refused_with_its_cure(overrides: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fake_config(*overrides)


def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(
        f"{SPACE}training: {{epochs: 3}}\nevaluation:\n  mode: successive_halving\n  min_epochs: 3\n"
    )
    line = file.read_text().splitlines().index("  min_epochs: 3") + 1
    with pytest.raises(ConfigError, match=rf"space\.yaml:{line}: .*must be < training\.epochs \(3\)"):
        load(file)


def test_a_resolved_file_says_the_rungs_and_loads_again(tmp_path: Path) -> None:
    config = fake_config(MODE, "evaluation.eta=2", "evaluation.min_epochs=2")
    file = tmp_path / "config.yaml"
    file.write_text(resolved(config))
    assert load(file) == config
