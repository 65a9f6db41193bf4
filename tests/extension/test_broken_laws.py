"""``aebnas.testing``: the package outside keeps its contracts, and what is broken is found."""

import subprocess
import sys
from pathlib import Path

import pytest

import aebnas.testing
from aebnas.extensions import kinds


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder as its owner does."""
    words = [sys.executable, "-m", "pytest", "contracts.py", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def test_the_package_outside_keeps_every_contract(own: Path) -> None:
    done = contracts(own)
    assert done.returncode == 0, done.stdout[-3000:]


BROKEN = (
    ("my_blocks.py", "rest = spec.width - half", "rest = spec.width", "the_output_has_the_shape"),
    ("my_policies.py", "range(exit_index + 1)", "range(logits.exits)", "logits_after_the_chosen_exit"),
    ("my_scores.py", "(probabilities**2)", "-(probabilities**2)", "who_is_certain"),
    ("my_metrics.py", "4.0 * costs.params", "-1.0 * costs.params", "between_0_and_the_worst"),
    ("my_data.py", "default_rng(seed)", "default_rng()", "the_same_every_time"),
    ("my_spaces.py", "2 ** (length - 1)", "2**length", "the_count_is_exact"),
    ("my_losses.py", "** self.power * each).mean()", "** self.power * each).sum()", "given_twice"),
)
"""A file, what stands in it, what breaks a law of its contract, and the test that must tell."""
BROKEN_NAMES = ("my_blocks.py", '"second.norm"]', '"second.norm", "third"]', "names_of_weights_fit")


@pytest.mark.parametrize("changes", [BROKEN, (BROKEN_NAMES,)], ids=["one of each kind", "names"])
def test_what_breaks_a_law_is_found(own: Path, changes: tuple[tuple[str, str, str, str], ...]) -> None:
    for file, old, new, _ in changes:
        text = (own / file).read_text()
        assert old in text
        (own / file).write_text(text.replace(old, new))
    done = contracts(own)
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    for *_, test in changes:
        assert any(test in line for line in failed), test


def test_every_kind_names_a_contract_that_there_is() -> None:
    named = {
        name
        for kind in vars(kinds).values() if isinstance(kind, kinds.Kind)
        for name in kind.contract.split(" or ")
    }  # fmt: skip
    for name in named:
        assert getattr(aebnas.testing, name).__name__ == name


def test_every_class_that_a_kind_names_is_there() -> None:
    from importlib import import_module

    for kind in (kinds.BLOCK, kinds.FAMILY, kinds.FITTED, kinds.LOSS, kinds.METRIC, kinds.SPACE):
        full_name = next(word for word in kind.law.split() if word.startswith("aebnas."))
        module, _, name = full_name.rpartition(".")
        assert getattr(import_module(module), name).__name__ == name
