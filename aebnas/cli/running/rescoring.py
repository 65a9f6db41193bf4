"""``aebnas rescore``: a run's front for another device."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aebnas.cli.views.consoles import results_console


def rescore(arguments: argparse.Namespace) -> int:
    """Show the front of a run on other devices."""
    from aebnas.report.files.front_csv import front_csv
    from aebnas.report.files.rescored import rescored_run
    from aebnas.report.files.writing import write_file
    from aebnas.report.text.terminal import contents_table

    run = rescored_run(Path(arguments.run), arguments.hardware, arguments.objectives)
    if arguments.output:
        write_file(Path(arguments.output), front_csv([run], {}))
    if arguments.json:
        points = [
            {
                "key": p.key,
                "budget_fraction": p.budget_fraction,
                "setting": p.setting,
                "metrics": dict(p.metrics),
            }
            for p in run.front
        ]
        print(json.dumps({"objectives": run.config.objectives, "front": points}))
    else:
        console = results_console()
        console.print(contents_table(run, width=console.width), soft_wrap=False)
    return 0
