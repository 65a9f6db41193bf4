"""The front door: ``import aebnas`` is quick and whole, and what it offers is typed, described, and quiet."""

import ast
import inspect
import io
import subprocess
import sys
import textwrap
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from deploy.small_checkpoints import write_checkpoint

import aebnas
import aebnas.extending
from aebnas.errors import AebnasError
from aebnas.runs.frame import LoadedRun

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "ray", "numpy", "pandas", "pydantic", "rich", "yaml")
FUNCTIONS = [name for name in aebnas.__all__ if inspect.isfunction(getattr(aebnas, name))]
API_MODULES = sorted((ROOT / "aebnas" / "api").glob("*.py"))


def test_import_loads_no_other_library() -> None:
    code = f"import sys, aebnas; print([name for name in {HEAVY} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_import_loads_three_modules_of_its_own() -> None:
    code = "import sys, aebnas; print(sorted(name for name in sys.modules if name.startswith('aebnas')))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "['aebnas', 'aebnas.lazy', 'aebnas.version']\n"


def test_every_public_name_is_there_and_told_by_dir() -> None:
    assert [name for name in aebnas.__all__ if getattr(aebnas, name, None) is None] == []
    assert dir(aebnas) == sorted(aebnas.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'run_serach'"):
        _ = aebnas.run_serach


@pytest.mark.parametrize("module", [aebnas, aebnas.extending], ids=lambda module: module.__name__)
def test_type_checkers_see_the_same_names_in_the_same_modules(module: ModuleType) -> None:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {name: home for home, names in module._HOMES.items() for name in names}
    assert sorted(seen) == sorted(set(module.__all__) - {"__version__"})


def test_every_name_for_extensions_is_there() -> None:
    assert [name for name in aebnas.extending.__all__ if getattr(aebnas.extending, name) is None] == []


def test_a_policy_of_an_extension_needs_no_torch() -> None:
    code = "import sys; from aebnas.extending import PlainPolicy, PolicyFamily; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


def test_no_public_name_is_that_of_a_room() -> None:
    rooms = {path.stem for path in (ROOT / "aebnas").iterdir()}
    assert rooms & set(aebnas.__all__) == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_and_gives_and_shows_it(name: str) -> None:
    function = getattr(aebnas, name)
    if not function.__module__.startswith("aebnas.api."):
        return
    text = inspect.getdoc(function) or ""
    assert "Returns:" in text or name == "profile_request"
    assert f"aebnas.{name}(" in text.partition("Example:")[2]
    missing = [one for one in inspect.signature(function).parameters if f"\n    {one}: " not in text]
    assert missing == []


@pytest.mark.parametrize("path", API_MODULES, ids=lambda path: path.stem)
def test_the_api_never_prints_or_exits(path: Path) -> None:
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    assert not {ast.unparse(call) for call in calls} & {"print", "sys.exit", "exit", "input"}


COMMAND_FILES = sorted((ROOT / "aebnas" / "cli" / "commands").rglob("[a-z]*.py"))
SHOWING = {"api", "cli", "errors", "report", "terminal"}
"""Rooms that a command may call: what it does, and how it is shown."""
BESIDE = {
    "aebnas.deploy.session", "aebnas.deploy.picture_files",  # the API of a device, which has no torch
    "aebnas.runs.formatting", "aebnas.search.unread_code", "aebnas.search.workers.cluster.contract",
    "aebnas.train.full.events",
    "aebnas.train.test.score_record",
}  # fmt: skip
"""Words, errors, events and JSON of results."""


@pytest.mark.parametrize("path", COMMAND_FILES, ids=lambda path: path.stem)
def test_a_command_calls_the_api_and_nothing_below_it(path: Path) -> None:
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not isinstance(node, ast.If)]  # for types alone
    called = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aebnas.")
    }
    assert {name for name in called - BESIDE if name.split(".")[1] not in SHOWING} == set()


def test_a_mistake_in_a_file_is_told_before_torch_is_imported(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("nmae: x\n")
    code = f"""
        import sys, aebnas
        try:
            aebnas.run_search({str(tmp_path / "x.yaml")!r})
        except aebnas.ConfigError as error:
            print(error, 'torch' in sys.modules)
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "unknown field 'nmae'" in answer.stdout
    assert answer.stdout.endswith("False\n")


TINY = """\
name: tiny
data: {name: digits, split: {train: 0.6, calibrate: 0.2, select: 0.2}}
space:
  stem: {kernel: 3, stride: 2, width: [8, 12]}
  stages: [{depth: 1, width: [8, 12], block: {type: conv}}, {depth: 1, width: 16, block: {type: conv}}]
  exits: {after: [stage1], branch: {modules: 0}}
training: {epochs: 1, batch_size: 64}
search: {population: 2, generations: 1}
workers: {mode: serial}
report: {enabled: false}
"""


@pytest.fixture(scope="module")
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, output: io.StringIO) -> LoadedRun:
    folder = tmp_path_factory.mktemp("api")
    (folder / "tiny.yaml").write_text(TINY)
    with redirect_stdout(output), redirect_stderr(output):
        return aebnas.run_search(folder / "tiny.yaml", folder / "runs" / "mine")


def test_a_search_returns_its_run_and_prints_nothing(run: LoadedRun, output: io.StringIO) -> None:
    assert run.path.name == "mine"
    assert len(run.front) >= 1
    assert len(run.to_frame()) >= len(run.front)
    assert run.page is None
    assert output.getvalue() == ""


def test_a_run_that_exists_is_not_searched_again(run: LoadedRun, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    with pytest.raises(aebnas.RunError, match="mine"):
        aebnas.run_search(tmp_path / "tiny.yaml", run.path)


def test_a_run_is_extended(run: LoadedRun) -> None:
    events: list[str] = []
    longer = aebnas.resume_run(
        run.path, ["search.generations=2"], listener=lambda event: events.append(type(event).__name__)
    )
    assert len(longer.contents.generations) == 2
    assert "Generation" in events


def test_objects_are_taken_where_paths_are(run: LoadedRun, tmp_path: Path) -> None:
    files = aebnas.write_report(run, tmp_path / "page")
    assert files.page.is_file()
    assert aebnas.export_study(run, f"sqlite:///{tmp_path / 'study.db'}") >= len(run.front)
    study = aebnas.compare_policies(run, page=tmp_path / "policies.html")
    assert study.comparison.families
    assert (tmp_path / "policies.html").is_file()


def test_a_trained_network_is_a_plain_module_to_go_on_with(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "winner")
    trained = aebnas.load_network(tmp_path / "winner")
    height, width, channels = trained.checkpoint.image_shape
    images = torch.zeros(2, channels, height, width)
    assert isinstance(trained.network, torch.nn.Module)
    outputs = trained.network(images)
    assert [tuple(one.shape) for one in outputs] == [(2, len(trained.checkpoint.classes))] * len(outputs)
    assert aebnas.export_network(trained, tmp_path / "exported", samples=4).folder == tmp_path / "exported"
    assert aebnas.EarlyExitSession(tmp_path / "exported").exits == len(outputs)


def test_a_policy_is_fitted_to_logits_from_anywhere() -> None:
    labels = np.arange(2000) % 10
    logits = np.random.default_rng(0).normal(4 * np.eye(10)[labels][:, None], size=(2000, 3, 10))
    fitted = aebnas.fit_policy(logits, labels, [1.0, 2.0, 3.0], max_cost=1.5)
    assert fitted.target_check.cost <= 1.5
    assert fitted.policy.exits == 3


@pytest.mark.parametrize("targets", [{}, {"max_cost": 1.0, "max_harm": 0.1}])
def test_a_policy_has_exactly_one_target(targets: dict[str, float]) -> None:
    with pytest.raises(aebnas.DataError, match="exactly one of max_cost, min_accuracy and max_harm"):
        aebnas.fit_policy(np.zeros((2, 1, 2)), [0, 1], [1.0], **targets)


def test_overrides_of_a_file_that_was_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    config = aebnas.load_search_file(tmp_path / "tiny.yaml")
    with pytest.raises(aebnas.ConfigError, match="load_search_file"):
        aebnas.check_file(config, ["search.seed=3"])


def test_a_file_that_was_read_is_described(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    description = aebnas.check_file(aebnas.load_search_file(tmp_path / "tiny.yaml"), samples=5)
    assert description.architectures == description.space.count()
    assert description.to_dict()["samples"] == 5


def test_every_public_error_is_an_aebnas_error() -> None:
    errors = [getattr(aebnas, name) for name in aebnas.__all__ if name.endswith("Error")]
    assert errors
    assert all(issubclass(error, AebnasError) for error in errors)
