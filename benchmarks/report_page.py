"""Size of a report page, its first paint and its answer to a click, in a real Chromium.

The run is made up, but for its size: networks of a space, 400 points per curve, scores of every exit.

python benchmarks/report_page.py search_spaces/mnist5k.yaml [--candidates 1000] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

from chromium import Chromium, chromium_path
from synthetic_runs import SELECT_IMAGES, store_of

from aebnas.config import load
from aebnas.config.schema import SearchFile
from aebnas.evaluation.record import Evaluation
from aebnas.exits.core.threshold_policy import threshold_policies
from aebnas.exits.operating_curve import OperatingCurve
from aebnas.report import write_report
from aebnas.space.architecture import StagedArchitecture
from aebnas.space.search_space import StagedSpace

POINTS = 400
CLICKS = 20
PAINT = (
    "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries()"
    ".find((one) => one.name === 'first-contentful-paint')?.startTime))"
    ".observe({ type: 'paint', buffered: true }))"
)
# from the event to the frame after it: what a reader waits for
ANSWER = """(async () => {
  const marks = [...document.querySelectorAll('path.point')];
  const mark = marks[%d %% marks.length];
  const box = mark.getBoundingClientRect();
  const event = { bubbles: true, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame();
  const start = performance.now();
  mark.dispatchEvent(new MouseEvent('click', event));
  await frame();
  await frame();
  return performance.now() - start;
})()"""
SLIDE = """(async () => {
  const slider = document.querySelector('.slider');
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  await frame();
  const start = performance.now();
  slider.value = Math.floor(Math.random() * slider.max);
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  await frame();
  await frame();
  return performance.now() - start;
})()"""


def main() -> None:
    """Print the page's size, first paint and answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("space", type=Path)
    parser.add_argument("--candidates", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="folder for the run; default: a temporary one")
    arguments = parser.parse_args()
    program = chromium_path()
    if program is None:
        parser.error("no chromium or google-chrome on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        path = (arguments.keep or Path(folder)) / "run"
        config = load(arguments.space)
        store = store_of(path, config, _evaluations(config, arguments.candidates), with_scores=True)
        started = time.process_time()
        page = write_report([store]).page
        seconds = time.process_time() - started
        store.close()
        size = page.stat().st_size / 1e6
        print(f"{arguments.candidates:,} candidates: {size:.2f} MB, written in {seconds:.1f} core-seconds")
        _measure(program, page)


def _measure(program: str, page: Path) -> None:
    chromium = Chromium(program)
    try:
        started = time.perf_counter()
        chromium.open(page)
        ready = time.perf_counter() - started
        print(f"first paint {chromium.value(PAINT) / 1000:.2f} s, everything drawn {ready:.2f} s")
        for name, code in (
            ("click", [ANSWER % (7 * i) for i in range(CLICKS)]),
            ("slider", [SLIDE] * CLICKS),
        ):
            times = [chromium.value(script) for script in code]
            print(f"{name}: median {np.median(times):.0f} ms, longest {max(times):.0f} ms of {CLICKS}")
        print(f"console: {chromium.problems or 'silent'}")
    finally:
        chromium.close()


def _evaluations(config: SearchFile, number: int) -> list[Evaluation]:
    """Return evaluations of distinct random networks."""
    space = StagedSpace(config.space, 28, config.search.budget_fractions)
    rng = np.random.default_rng(0)
    architectures: dict[str, StagedArchitecture] = {}
    while len(architectures) < number:
        architecture = space.decode(space.sample(rng))
        architectures[architecture.key()] = architecture
    return [_evaluation(architecture, i) for i, architecture in enumerate(architectures.values())]


def _evaluation(architecture: StagedArchitecture, seed: int) -> Evaluation:
    """Return a made-up evaluation with a long curve of as many exits as the network has."""
    rng = np.random.default_rng(seed)
    exits = len(architecture.exits) + 1
    reach = np.cumsum(rng.uniform(5e4, 4e5, exits)).round()
    alone = np.sort(rng.integers(300, 396, exits)) / SELECT_IMAGES
    share = np.linspace(0, 1, POINTS)[:, None]
    early, late = np.eye(exits)[0], np.eye(exits)[-1]
    mixed = (1 - share) * early + share * (late * share + (1 - share) / exits)
    rates = np.floor(mixed / mixed.sum(1, keepdims=True) * SELECT_IMAGES) / SELECT_IMAGES
    rates[:, -1] += 1 - rates.sum(1)
    accuracy = (rates @ alone * SELECT_IMAGES).round() / SELECT_IMAGES
    order = np.argsort(rates @ reach, kind="stable")
    cost = (rates @ reach)[order]
    thresholds = rng.random((POINTS, exits - 1))
    accuracy, rates = accuracy[order], rates[order]
    policies = threshold_policies("confidence", thresholds)
    curve = OperatingCurve(policies, accuracy, cost, accuracy, cost, rates, reach, alone)
    made = Evaluation(
        architecture, "done", seed, tuple(reach.tolist()), int(reach[-1] / 20), 20480, curve=curve
    )
    return replace(made, seconds=2.5, cpu_seconds=2.0)


if __name__ == "__main__":
    main()
