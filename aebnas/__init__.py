"""AEBNAS: hardware-aware neural architecture search for early-exit networks.

    import aebnas

    run = aebnas.run_search("search_spaces/mnist5k.yaml", "runs/mine")
    trained = aebnas.train_winner(run.path, "best", folder="winner")
    aebnas.evaluate_network(trained)
    aebnas.export_network(trained, "exported")
    aebnas.EarlyExitSession("exported").predict("digit.png")

Names are looked up when they are first used: ``import aebnas`` loads no other library.  All errors are
``AebnasError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aebnas.lazy import lookup
from aebnas.version import __version__

if TYPE_CHECKING:
    from aebnas.api.deploying import bench_network, export_network
    from aebnas.api.devices import (
        estimate_profiling,
        list_devices,
        profile_device,
        profile_request,
        validate_profile,
    )
    from aebnas.api.files import check_file, load_search_file, write_starter_file
    from aebnas.api.given_networks import save_network, search_exits
    from aebnas.api.networks import evaluate_network, load_network, train_winner
    from aebnas.api.policies import fit_policy
    from aebnas.api.results import (
        compare_policies,
        export_study,
        load_run,
        load_winner,
        rescore_run,
        write_report,
    )
    from aebnas.api.searching import resume_run, run_search, train_supernet
    from aebnas.deploy.session import EarlyExitSession
    from aebnas.errors import (
        AebnasError,
        CodeError,
        ConfigError,
        DataError,
        HardwareError,
        NetworkError,
        RunError,
        TrainingError,
        WorkerError,
    )
    from aebnas.extensions.consent import allow_code
    from aebnas.search.tracking import numbers_to, tensorboard, together

__all__ = [
    "AebnasError",
    "CodeError",
    "ConfigError",
    "DataError",
    "EarlyExitSession",
    "HardwareError",
    "NetworkError",
    "RunError",
    "TrainingError",
    "WorkerError",
    "__version__",
    "allow_code",
    "bench_network",
    "check_file",
    "compare_policies",
    "estimate_profiling",
    "evaluate_network",
    "export_network",
    "export_study",
    "fit_policy",
    "list_devices",
    "load_network",
    "load_run",
    "load_search_file",
    "load_winner",
    "numbers_to",
    "profile_device",
    "profile_request",
    "rescore_run",
    "resume_run",
    "run_search",
    "save_network",
    "search_exits",
    "tensorboard",
    "together",
    "train_supernet",
    "train_winner",
    "validate_profile",
    "write_report",
    "write_starter_file",
]

_HOMES = {
    "aebnas.api.deploying": ("bench_network", "export_network"),
    "aebnas.api.devices": (
        "estimate_profiling", "list_devices", "profile_device", "profile_request", "validate_profile",
    ),
    "aebnas.api.files": ("check_file", "load_search_file", "write_starter_file"),
    "aebnas.api.given_networks": ("save_network", "search_exits"),
    "aebnas.api.networks": ("evaluate_network", "load_network", "train_winner"),
    "aebnas.api.policies": ("fit_policy",),
    "aebnas.api.results": (
        "compare_policies", "export_study", "load_run", "load_winner", "rescore_run", "write_report",
    ),
    "aebnas.api.searching": ("resume_run", "run_search", "train_supernet"),
    "aebnas.deploy.session": ("EarlyExitSession",),
    "aebnas.errors": (
        "AebnasError", "CodeError", "ConfigError", "DataError", "HardwareError", "NetworkError", "RunError",
        "TrainingError", "WorkerError",
    ),
    "aebnas.extensions.consent": ("allow_code",),
    "aebnas.search.tracking": ("numbers_to", "tensorboard", "together"),
}  # fmt: skip

if not TYPE_CHECKING:  # else every name would be one for type checkers
    __getattr__ = lookup(__name__, _HOMES)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
