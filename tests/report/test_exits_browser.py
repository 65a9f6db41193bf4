"""``exits.html`` in a real browser: figures are drawn, policies hide and show, the console stays silent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, chromium_path
from synthetic_runs import evaluations, search_file, store_of
from test_exit_study import with_logits

from aebnas.exits.policies.families import FAMILIES
from aebnas.report.exits.page import exit_page
from aebnas.report.exits.study import exit_study

PROGRAM = chromium_path()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium or google-chrome on the PATH")
LINES = "document.querySelectorAll('#policies .front-line').length"
NAMES = (
    "[...document.querySelectorAll('#policies button[aria-pressed=true]')].map((one) => one.innerText.trim())"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    assert PROGRAM is not None
    chromium = Chromium(PROGRAM)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config, folder = search_file(), tmp_path_factory.mktemp("exits")
    store = with_logits(store_of(folder / "run", config, evaluations(config, 8), [8]))
    path = folder / "exits.html"
    path.write_text(exit_page(exit_study(store)), encoding="utf-8")
    store.close()
    return path


@pytest.fixture
def page(browser: Chromium, file: Path) -> Chromium:
    browser.resize(1400, 1000)
    browser.open(file)
    return browser


@pytest.mark.parametrize(("width", "is_dark"), [(1400, False), (1400, True), (400, False)])
def test_every_policy_and_every_exit_is_drawn_and_nothing_sticks_out(
    page: Chromium, file: Path, width: int, is_dark: bool
) -> None:
    page.resize(width, 1000, is_dark)
    page.open(file)
    assert page.value(LINES) == len(FAMILIES)
    assert page.value("document.querySelectorAll('#reliability svg.figure').length") == 2
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.problems == []


def test_a_click_hides_a_policy_and_another_shows_it_again(page: Chromium) -> None:
    page.click("#policies button")
    assert page.value(LINES) == len(FAMILIES) - 1
    page.click("#policies button")
    assert page.value(LINES) == len(FAMILIES)


def test_shift_with_a_click_shows_one_policy_alone_and_then_all(page: Chromium) -> None:
    page.click("#policies button", shift=True)
    assert page.value(NAMES) == [next(iter(FAMILIES))]
    assert page.value(LINES) == 1
    page.click("#policies button", shift=True)
    assert page.value(LINES) == len(FAMILIES)


def test_the_keyboard_hides_a_policy(page: Chromium) -> None:
    page.value("document.querySelector('#policies button').focus()")
    page.press("Enter")
    assert page.value(LINES) == len(FAMILIES) - 1


def test_the_whole_range_shows_the_weakest_points(page: Chromium) -> None:
    circles = "[...document.querySelectorAll('#policies circle')]"
    lowest = f"Math.max(...{circles}.map((one) => +one.getAttribute('cy')))"
    height = "document.querySelector('#policies svg.figure').getBoundingClientRect().height"
    page.click("#policies .toggle input")
    assert page.value(lowest) <= page.value(height)
