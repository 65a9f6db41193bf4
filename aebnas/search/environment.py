"""Where a run was made: versions, machine, git state.

Must not import torch.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from aebnas import __version__
from aebnas.errors import RunError
from aebnas.hardware.devices import machine

DECISIVE = ("aebnas", "python", "torch", "pymoo", "numpy")
"""Versions on which results depend: a run is not continued with others."""
RECORDED = ("torch", "pymoo", "numpy", "ray", "optuna", "thop", "pandas", "nvidia-ml-py", "pydantic")


def environment() -> dict[str, Any]:
    """Return versions, machine and git state, fit for JSON."""
    versions = {"aebnas": __version__, "python": platform.python_version()}
    for package in RECORDED:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "missing"
    return {"versions": versions, "machine": machine(), "git": _git()}


def check_versions(then: Mapping[str, Any]) -> None:
    """Refuse to continue a run with other decisive versions.

    Args:
        then: What ``environment`` returned when the run began.

    Raises:
        RunError: A decisive version differs.
    """
    now = environment()["versions"]
    changed = [
        f"{name} {then['versions'].get(name)} then, {now.get(name)} now"
        for name in DECISIVE
        if then["versions"].get(name) != now.get(name)
    ]
    if changed:
        raise RunError(
            f"this run was made with other versions, its replay would differ: {'; '.join(changed)}. "
            "Install the old ones, or start a new run: aebnas search FILE --name NEW"
        )


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
