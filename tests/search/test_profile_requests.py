"""From a search-space file to what is profiled."""

from pathlib import Path

import pytest

from aebnas.config import load
from aebnas.errors import ConfigError
from aebnas.hardware.devices.target import Target
from aebnas.search.profiling import profile_request
from aebnas.task.task import classification

FILE = """\
name: tiny
data: {name: digits}
space: {resolution: 8, stages: [{width: [8, 12], block: {type: conv}}]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(FILE)
    return path


def test_a_request_asks_for_every_layer_of_the_file_with_its_images(file: Path, tmp_path: Path) -> None:
    request = profile_request(load(file), tmp_path / "here.yaml", 7, Target(threads=2))
    assert (request.space_name, request.task.samples.channels, request.task.classes) == ("tiny", 1, 10)
    assert request.layers() == request.space.layers(classification(1, 10))
    assert {layer.spec.width for layer in request.layers() if layer.spec.type == "conv"} >= {8, 12}
    assert (request.target.threads, request.validate_networks, request.again) == (2, 7, False)


def test_a_profile_of_another_ending_is_refused(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"here\.csv: a profile is a \.yaml file, as in .*here\.yaml"):
        profile_request(load(file), tmp_path / "here.csv", 7)
