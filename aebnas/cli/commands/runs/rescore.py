"""``aebnas rescore``: a run's front for another device."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json

if TYPE_CHECKING:
    from aebnas.runs.frame import LoadedRun


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    parser.add_argument(
        "--hardware", action="append", required=True, metavar="FILE", help="a hardware profile (repeatable)"
    )
    parser.add_argument(
        "--objectives", nargs="+", metavar="NAME", help="default: error and the first profile's latency_ms"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the front as CSV")
    add_allow_code(parser, "to tune its policies and cost its blocks")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show the front of a run on other devices."""
    from aebnas.api.results import rescore_run

    rescored = rescore_run(arguments.run, arguments.hardware, arguments.objectives, table=arguments.output)
    if arguments.json:
        print(json.dumps(_plain(rescored)))
    else:
        from aebnas.cli.views.consoles import results_console
        from aebnas.cli.views.front import print_front

        print_front(results_console(), rescored.contents, rescored.exits_gain())
    return 0


def _plain(run: LoadedRun) -> Any:
    from aebnas.report.page.markup import finite
    from aebnas.report.text.static_text import plain_comparison

    points = [
        {
            "key": point.key,
            "budget_fraction": point.budget_fraction,
            "setting": point.setting,
            "metrics": dict(point.metrics),
        }
        for point in run.front
    ]
    gain = plain_comparison(run.exits_gain())
    return finite({"objectives": run.contents.config.objectives, "front": points, "exits_gain": gain})


COMMAND = Command(
    "rescore",
    "show a run's Pareto front for another device, without training",
    "Tune the exits of every trained candidate for another device, from its stored scores, and show "
    "the Pareto front there. Nothing is trained, and the run is not changed.",
    add_options,
    run,
    only_prints=True,
)
