"""Settings of the whole suite: one thread, the same examples every time, quiet Ray, no GPU needed."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Read by torch and Ray when a test first imports them, so that collecting stays fast.  More threads
# than cores make small networks several times slower, and change sums.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

# Examples may depend neither on chance nor on the speed of the machine.
settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("deterministic")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
