"""Everything that docs/ tells people to type works: as it stands, on files made smaller."""

import os
import re
import shutil
import sys
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from documents import ROOT, blocks, follow, workplace
from torch import nn

import aebnas

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
OWN_CODE = "your-block-exit-policy.md"
PROFILE_MAY_NOT_HOLD = (0, 6)
"""On a machine that tests keep busy."""
OTHERS = [page.name for page in PAGES if page.name not in ("quickstart.md", OWN_CODE)]


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder in which the quickstart was followed, and its commands: where the other pages begin."""
    folder = workplace(tmp_path_factory.mktemp("docs"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        return folder, follow((DOCS / "quickstart.md").read_text(), "quickstart.md")
    finally:
        os.chdir(before)


class Mlflow(ModuleType):
    """The two functions of MLflow that a page calls; it is no dependency."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.metrics: dict[str, list[tuple[int, float]]] = {}

    def start_run(self) -> nullcontext[None]:
        return nullcontext()

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        for name, value in metrics.items():
            self.metrics.setdefault(name, []).append((step or 0, value))


@pytest.fixture
def logged() -> Mlflow:
    return Mlflow()


def make_network(*_name: str, **_options: object) -> nn.Module:
    """What stands for any network of timm or torchvision, which are no dependencies."""
    blocks = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()]
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 1000))
    network.pretrained_cfg = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    return network


@pytest.fixture(autouse=True)
def _libraries_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=make_network))
    models = SimpleNamespace(mobilenet_v3_small=make_network)
    monkeypatch.setitem(sys.modules, "torchvision", SimpleNamespace(models=models))


@pytest.fixture
def folder(quickstart: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = tmp_path / "place"
    shutil.copytree(quickstart[0], copy)
    monkeypatch.chdir(copy)
    return copy


def test_the_quickstart_leads_from_a_search_to_an_export_that_runs(
    quickstart: tuple[Path, list[str]],
) -> None:
    folder, ran = quickstart
    assert ran[0] == "search"
    assert {"report", "train", "evaluate", "export", "run", "bench"} <= set(ran)
    for file in ("runs/mnist5k/report.html", "winner/evaluation.json", "exported/int8/model.json"):
        assert (folder / file).is_file()


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_page_tells_to_type_runs(
    folder: Path, name: str, logged: Mlflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = PROFILE_MAY_NOT_HOLD if name == "your-device.md" else (0,)
    monkeypatch.setitem(sys.modules, "mlflow", logged)
    follow((DOCS / name).read_text(), name, expected)
    if name == "python.md":
        assert [step for step, _ in logged.metrics["candidate/accuracy"]] == [1, 2, 3]


def test_what_is_written_beside_a_file_is_searched_compared_and_exported(folder: Path) -> None:
    ran = follow((DOCS / OWN_CODE).read_text(), OWN_CODE)
    assert {"check", "search", "train", "export", "run", "report"} <= set(ran)
    assert "my_blocks:Reduced" in (folder / "runs/with/run.sqlite").read_bytes().decode("latin-1")
    assert ">steady<" in (folder / "policies.html").read_text()
    assert (folder / "steady_export/model.json").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        file, _, heading = target.partition("#")
        path = page.parent / file if file else page
        if not path.exists() or (heading and heading not in anchors(path.read_text())):
            wrong.append(target)
    assert wrong == []


def anchors(text: str) -> set[str]:
    """Return what links call a page's headings."""
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    headings = re.findall(r"^#+ (.+)$", plain, re.M)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


DOCUMENTS = [ROOT / "README.md", *PAGES, *sorted((ROOT / "search_spaces").glob("*.yaml"))]
FOR_EXTENSIONS = ("extending", "testing")
"""Modules of the package that documents name beside ``aebnas`` itself: what extensions are made of."""
ROOMS = "|".join(
    path.name for path in (ROOT / "aebnas").iterdir() if path.is_dir() and path.name not in FOR_EXTENSIONS
)


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_a_document_uses_nothing_but_the_front_door(page: Path) -> None:
    text = page.read_text()
    imported = re.findall(rf"(?:from|import) aebnas\.(?!{'|'.join(FOR_EXTENSIONS)})\w+", text)
    named = re.findall(rf"\baebnas\.(?:{ROOMS})\b", text)
    assert imported + named == []


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_what_a_document_calls_is_public(page: Path) -> None:
    called = set(re.findall(r"\baebnas\.([a-z_]+)\(", page.read_text()))
    assert called <= set(aebnas.__all__)


def test_the_api_page_names_every_public_function() -> None:
    text = (DOCS / "python.md").read_text()
    assert [name for name in aebnas.__all__ if name != "__version__" and name not in text] == []


def test_the_api_page_keeps_to_ten_lines_each() -> None:
    code = blocks((DOCS / "python.md").read_text(), "python")
    assert len(code) >= 15
    assert max(len(block.text.splitlines()) for block in code) <= 10


def test_readme_links_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in PAGES if f"](docs/{page.name})" not in readme] == []
