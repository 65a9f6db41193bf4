"""The package as a whole: it imports, installs, states its version and starts."""

import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import aebnas

ROOT = Path(__file__).parents[1]
PROMISED_PACKAGES = {"torch", "pymoo", "optuna", "ray", "thop", "nvidia-ml-py", "numpy", "pandas"}
MODULES = sorted(module.name for module in pkgutil.walk_packages(aebnas.__path__, prefix="aebnas."))


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def package_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def constrained_versions() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {name.lower().replace("_", "-"): version for name, version in pins}


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports(name: str) -> None:
    importlib.import_module(name)


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in Path(aebnas.__path__[0]).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_version_agrees_with_the_installed_metadata() -> None:
    assert metadata.version("aebnas") == aebnas.__version__


def test_the_promised_packages_are_runtime_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert package_names(project["dependencies"]) >= PROMISED_PACKAGES


def test_every_direct_dependency_has_an_exact_tested_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    direct = package_names([*project["dependencies"], *(item for extra in extras for item in extra)])
    assert direct - {"aebnas"} <= constrained_versions().keys()


def test_the_type_marker_ships_with_the_package() -> None:
    assert (Path(aebnas.__path__[0]) / "py.typed").is_file()


def test_python_m_aebnas_prints_its_help() -> None:
    result = run_python("-m", "aebnas", "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: aebnas")


def test_help_loads_no_heavy_library() -> None:
    heavy = {"torch", "ray", "pymoo", "optuna", "pandas", "sklearn"}
    script = (
        "import sys; from aebnas.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"sys.exit(', '.join(sorted({heavy!r} & sys.modules.keys())) or 0)"
    )
    result = run_python("-c", script)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "modules",
    ["aebnas.config, aebnas.space.search_space", "aebnas.deploy.session", "aebnas.exits.operating_curve"],
)
def test_what_needs_no_torch_loads_none(modules: str) -> None:
    result = run_python("-c", f"import sys, {modules}; sys.exit('torch' in sys.modules)")
    assert result.returncode == 0, result.stderr


def test_the_ci_script_is_executable() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
