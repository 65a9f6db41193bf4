"""What a process does before torch allocates."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from space.tiny_spaces import space

from aebnas.hardware.devices.target import Target
from aebnas.hardware.measure import estimate, profile_session
from aebnas.hardware.measure.profile_session import ProfileRequest, profile_space
from aebnas.runtime.process import prepare_process
from aebnas.task.task import classification

TASK = classification(1, 10)


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Torch gets its settings back."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    yield
    cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


@pytest.mark.parametrize("compare", [True, False])
def test_a_gpu_compares_kernels_only_where_it_is_told_to(compare: bool) -> None:
    torch.backends.cudnn.benchmark = not compare
    prepare_process(torch.device("cuda"), compare_kernels=compare)
    assert torch.backends.cudnn.benchmark is compare
    assert not torch.backends.cudnn.allow_tf32


class PreparedError(Exception):
    """Far enough."""


@pytest.mark.parametrize(("module", "run"), [(estimate, estimate.estimate), (profile_session, profile_space)])
def test_what_is_timed_runs_the_kernels_of_a_network_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, run: object
) -> None:
    def prepare(_device: torch.device, _threads: int, compare_kernels: bool = False) -> None:
        assert compare_kernels
        raise PreparedError

    monkeypatch.setattr(module, "prepare_process", prepare)
    request = ProfileRequest(space(8), "tiny", TASK, Target(), tmp_path / "new.yaml", "test", 2, 2)
    with pytest.raises(PreparedError):
        run(request)  # type: ignore[operator]
