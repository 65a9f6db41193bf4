"""What a dry run tries is what the profiling will do."""

from pathlib import Path

import pytest
from space.tiny_spaces import space

from aebnas.hardware import estimate
from aebnas.hardware.profile_session import ProfileRequest
from aebnas.hardware.target import Target
from aebnas.space.architecture import Architecture


def test_networks_that_will_be_measured_are_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = space(8, stages=[{"width": [8, 16], "block": {"kernel": [3, 5]}}, {"width": [12, 24]}])
    request = ProfileRequest(some, "tiny", 1, 10, Target(), tmp_path / "new.yaml", "test", 2, 2)
    tried: list[Architecture] = []

    def network_seconds(architecture: Architecture, _data: tuple[int, int], _target: Target) -> float:
        tried.append(architecture)
        return 2.0

    monkeypatch.setattr(estimate, "_layer_seconds", lambda _layer, _target: 1.0)
    monkeypatch.setattr(estimate, "_network_seconds", network_seconds)
    found = estimate.estimate(request)
    assert tried == request.architectures()[: estimate.NETWORKS]
    assert found.seconds == found.missing + 2 * found.networks
