"""Which number format trains which network on which device."""

import pytest
import torch
from small_training import two_exits

from aebnas.training import precision
from aebnas.training.precision import has_fast_bf16, training_dtype

CPU, CUDA, MPS = (torch.device(name) for name in ("cpu", "cuda", "mps"))
BF16, FP32 = torch.bfloat16, torch.float32


@pytest.fixture(params=[True, False], ids=["fast bf16", "slow bf16"])
def fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A CPU with and without bf16 in hardware."""
    monkeypatch.setattr(precision, "has_fast_bf16", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("block", ["conv", "residual", "fused"])
def test_auto_trains_dense_networks_in_bf16_where_the_cpu_is_fast_at_it(fast: bool, block: str) -> None:
    assert training_dtype("auto", two_exits(block).backbone_types, CPU) == (BF16 if fast else FP32)


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("block", ["mbconv", "dwconv"])
def test_auto_trains_depthwise_networks_in_fp32_on_cpus(block: str) -> None:
    assert training_dtype("auto", two_exits(block).backbone_types, CPU) == FP32


def test_depthwise_exit_modules_do_not_decide(fast: bool) -> None:
    assert training_dtype("auto", two_exits("residual", "dwconv").backbone_types, CPU) == (
        BF16 if fast else FP32
    )


@pytest.mark.parametrize("block", ["residual", "mbconv"])
@pytest.mark.parametrize("supported", [True, False])
def test_auto_asks_a_gpu_itself(monkeypatch: pytest.MonkeyPatch, supported: bool, block: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    assert training_dtype("auto", two_exits(block).backbone_types, CUDA) == (BF16 if supported else FP32)


@pytest.mark.usefixtures("fast")
def test_auto_trains_in_fp32_on_other_devices() -> None:
    assert training_dtype("auto", two_exits().backbone_types, MPS) == FP32


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("device", [CPU, CUDA])
def test_the_users_choice_is_obeyed(device: torch.device) -> None:
    assert training_dtype("fp32", two_exits(), device) == FP32
    assert training_dtype("bf16", two_exits("mbconv"), device) == BF16


@pytest.mark.parametrize(
    ("capabilities", "is_fast"),
    [({}, False), ({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False)],
)
def test_bf16_is_fast_with_avx512_bf16_or_amx(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], is_fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert has_fast_bf16() is is_fast
