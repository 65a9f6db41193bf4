"""Where a run was made: versions, machine, git state, AEBNAS's own code.

Must not import torch.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aebnas.errors import RunError
from aebnas.hardware.devices.devices import machine
from aebnas.version import __version__

DECISIVE = ("aebnas", "python", "torch", "pymoo", "numpy")
"""Versions on which results depend: a run is not continued with others."""
DECISIVE_FOR_SURROGATES = ("scikit-learn", "scipy")
"""Further ones where a surrogate proposes."""
IRRELEVANT_ROOMS = ("cli", "report")
"""Rooms whose code decides no result."""
RECORDED = (
    "torch", "pymoo", "numpy", "scikit-learn", "scipy", "ray", "optuna", "thop", "pandas", "nvidia-ml-py",
    "pydantic",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Return versions, machine, git state and code, fit for JSON."""
    versions = {"aebnas": __version__, "python": platform.python_version()}
    for package in RECORDED:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "missing"
    return {"versions": versions, "machine": machine(), "git": _git(), "code": code_digest()}


def check_versions(then: Mapping[str, Any], has_surrogate: bool = False) -> None:
    """Refuse to continue a run with other decisive versions.

    Args:
        then: What ``environment`` returned when the run began.
        has_surrogate: Whether what fits surrogates decides as well.

    Raises:
        RunError: A decisive version differs.
    """
    now = environment()["versions"]
    changed = [
        f"{name} {then['versions'].get(name)} then, {now.get(name)} now"
        for name in DECISIVE + (DECISIVE_FOR_SURROGATES if has_surrogate else ())
        if then["versions"].get(name) != now.get(name)
    ]
    if changed:
        raise RunError(
            f"this run was made with other versions, its replay would differ: {'; '.join(changed)}. "
            "Install the old ones, or start a new run: aebnas search FILE --name NEW"
        )


def changes_since(then: Mapping[str, Any]) -> str | None:
    """Return how machine and code differ from those with which a run began; None: no difference is known.

    Processors round differently and choose different number formats; code is compared itself,
    because a git commit says nothing of uncommitted changes and installed packages have none.

    Args:
        then: What ``environment`` returned when the run began.
    """
    old, new = then.get("machine", {}), machine()
    pairs = {
        "processor": (old.get("processor"), new["processor"]),
        "GPU": (_gpu_names(old), _gpu_names(new)),
        "AEBNAS's code": (then.get("code"), code_digest()),
    }
    changed = [f"{what}: {a}, then {b}" for what, (a, b) in pairs.items() if a is not None and a != b]
    return "; ".join(changed) or None


def code_digest() -> str:
    """Return 12 hexadecimal digits of the code that decides results."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        place = path.relative_to(package)
        if place.parts[0] not in IRRELEVANT_ROOMS:
            digest.update(f"{place.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _gpu_names(device_info: Mapping[str, Any]) -> str | None:
    gpus = device_info.get("gpus")
    if gpus is None:
        return None
    return ", ".join(sorted({str(gpu.get("name")) for gpu in gpus})) or "none"


def _git() -> dict[str, Any] | None:
    """Return the commit of the working directory, or None outside a checkout."""
    folder = Path.cwd()
    try:
        commit = _run("git", "-C", str(folder), "rev-parse", "HEAD")
        dirty = bool(_run("git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "has_changes": dirty}


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
