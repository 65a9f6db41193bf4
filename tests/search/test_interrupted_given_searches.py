"""Searches on a given network that end in their middle, or run on several workers: the front is the same."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from given_cases import HERE, config

from aebnas import check_file
from aebnas.config.schema import SearchFile
from aebnas.evaluation import trained
from aebnas.extensions.consent import allow_code
from aebnas.files.user_cache import VARIABLE
from aebnas.heads.bank import head_bank
from aebnas.search.events import Event, FeaturesProgress
from aebnas.search.session import new_session, resumed_session

pytestmark = pytest.mark.usefixtures("own_cache")
Front = list[tuple[str, float, float]]


def front_of(generations: Any) -> Front:
    *_, last = generations
    return [(point.key, point.metrics["accuracy"], point.metrics["macs"]) for point in last.front]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Front:
    """The front of a search that nobody interrupts, on one process."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch, allow_code():
        patch.setenv(VARIABLE, str(folder / "cache"))
        with new_session(config(folder, weights), folder / "run") as search:
            return front_of(search.run())


def stop_at(place: str, patch: pytest.MonkeyPatch) -> Any:
    """Interrupt the next search while it keeps features, trains its second head, or fine-tunes."""

    def listen(event: Event) -> None:
        if place == "features" and isinstance(event, FeaturesProgress):
            raise KeyboardInterrupt

    def interrupted(function: Any, calls: int) -> Any:
        count = 0

        def call(*arguments: Any) -> Any:
            nonlocal count
            count += 1
            if count == calls:
                raise KeyboardInterrupt
            return function(*arguments)

        return call

    if place == "heads":
        patch.setattr(head_bank, "train_head", interrupted(head_bank.train_head, 2))
    if place == "fine-tuning":
        patch.setattr(trained, "train", interrupted(trained.train, 1))
    return listen


@pytest.mark.parametrize("place", ["features", "heads", "fine-tuning"])
def test_wherever_a_search_is_interrupted_its_front_is_the_same(
    tmp_path: Path, weights: Path, whole: Front, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        listen = stop_at(place, patch)
        given = config(tmp_path, weights)
        with pytest.raises(KeyboardInterrupt), new_session(given, tmp_path / "run", listen) as search:
            list(search.run())
    with resumed_session(tmp_path / "run") as search:
        assert front_of(search.run()) == whole


def disk_note(given: SearchFile) -> str:
    (note,) = [note for note in check_file(given, samples=1).notes if " on disk: " in note]
    return note


def test_what_features_take_is_told_before_any_is_computed(tmp_path: Path, weights: Path) -> None:
    given = config(tmp_path, weights, plan="[{heads: 1}]")
    note = disk_note(given)
    with new_session(given, tmp_path / "run") as search:
        list(search.run())
    size = sum(path.stat().st_size for path in (tmp_path / "cache/features").rglob("*.npy"))
    announced = float(note.split(" take ")[1].split(" MB")[0].replace(",", ""))
    assert 0.9 * announced <= size / 1e6 <= announced + 0.05
    assert "3 views of 1,207 training images" in note


def test_more_than_the_limit_is_told_before_any_is_computed(tmp_path: Path, weights: Path) -> None:
    note = disk_note(config(tmp_path, weights, plan="[{heads: 1, cache_limit_mb: 3}]"))
    assert "more than cache_limit_mb: 3; fewer views are kept" in note


SCRIPT = f"""
    import sys
    sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}]
    from pathlib import Path
    from given_cases import config
    from aebnas.extensions.consent import allow_code, look_in
    from aebnas.search.session import new_session, resumed_session

    folder, weights = map(Path, sys.argv[1:])
    look_in(Path({str(HERE)!r}))
    with allow_code():
        run = folder / "run"
        with resumed_session(run) if run.exists() else new_session(config(folder, weights), run) as search:
            list(search.run())
"""


def killed_after(seconds: float, folder: Path, weights: Path) -> bool:
    """Start or continue a search in a process, kill it; return whether it had ended before."""
    words = [sys.executable, "-c", textwrap.dedent(SCRIPT), str(folder), str(weights)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    try:
        return process.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False


@pytest.mark.slow
def test_killed_again_and_again_a_search_ends_with_the_same_front(
    tmp_path: Path, weights: Path, whole: Front
) -> None:
    began = time.monotonic()
    kills, seconds = 0, 3.0
    while not killed_after(seconds, tmp_path, weights):
        kills, seconds = kills + 1, seconds + 0.5
        assert time.monotonic() - began < 500
    assert kills >= 3
    with resumed_session(tmp_path / "run") as search:
        assert front_of(search.run()) == whole


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_workers_on_ray_find_the_front_of_one_process(
    tmp_path: Path, weights: Path, whole: Front, count: int
) -> None:
    ray = ("workers.mode=ray", f"workers.count={count}")
    with new_session(config(tmp_path, weights, ray), tmp_path / "run") as search:
        assert front_of(search.run()) == whole
