"""Whatever happens to an export folder is told in clear words, never by a traceback."""

import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from deploy.mutated_exports import KINDS, signed_file
from PIL import Image

from aebnas.deploy import EarlyExitSession
from aebnas.errors import AebnasError

COUNT = 200


def refusal(folder: Path) -> AebnasError | None:
    try:
        EarlyExitSession(folder)
    except AebnasError as error:
        return error
    return None


def test_200_mutated_folders_are_refused_and_the_file_is_named(copied: Callable[[], Path]) -> None:
    rng = random.Random(0)
    for i in range(COUNT):
        folder = copied()
        what = KINDS[i % len(KINDS)](folder, rng)
        error = refusal(folder)
        assert error is not None, f"mutation {i} was not noticed: {what}"
        output = str(error).splitlines()
        assert output, what
        assert all(line.startswith(f"{folder}/") for line in output), (what, output)
        assert error.exit_code == 4, what


@pytest.mark.parametrize("seed", range(2))
def test_a_real_process_refuses_a_mutated_folder_without_a_traceback(
    copied: Callable[[], Path], tmp_path: Path, seed: int
) -> None:
    folder = copied()
    signed_file(folder, random.Random(seed))
    Image.new("L", (8, 8)).save(tmp_path / "image.png")
    words = [sys.executable, "-m", "aebnas", "run", folder, tmp_path / "image.png"]
    answer = subprocess.run(words, capture_output=True, text=True)
    assert answer.returncode == 4
    assert re.fullmatch(rf"aebnas: {folder}/.+\n", answer.stderr)
    assert answer.stdout == ""


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(AebnasError, match=r"no such folder\. `aebnas export CHECKPOINT"):
        EarlyExitSession(tmp_path / "nowhere")
    with pytest.raises(AebnasError, match=r"model\.json is missing: this is not an export folder"):
        EarlyExitSession(tmp_path)
