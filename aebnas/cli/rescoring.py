"""``aebnas rescore``: a run's front for another device."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pydantic import ValidationError

from aebnas.cli.consoles import results_console
from aebnas.errors import ConfigError, RunError


def rescore(arguments: argparse.Namespace) -> int:
    """Show the front of a run on other devices."""
    from aebnas.evaluation.rescoring import rescored, rescored_config
    from aebnas.hardware.device_costs import DeviceCosts
    from aebnas.report.contents import read_run
    from aebnas.report.files import write_file
    from aebnas.report.front_csv import front_csv
    from aebnas.report.terminal import contents_table
    from aebnas.search.arrays import read_labels
    from aebnas.search.store import RunStore
    from aebnas.space.layer import segments

    store = RunStore(Path(arguments.run))
    try:
        config = rescored_config(store.config, arguments.hardware, arguments.objectives)
    except ValidationError as error:
        raise ConfigError("; ".join(_problems(error))) from error
    devices = DeviceCosts.read(arguments.hardware)
    shape, classes = store.fact("image_shape"), store.fact("classes")
    if shape is None or classes is None:
        raise RunError(f"{store.path} was not begun: it does not say what its images are")
    done = [one for one in store.evaluations() if one.is_done]
    plans = [segments(one.architecture, shape[2], len(classes)) for one in done]
    layers = [layer for plan in plans for segment in plan for layer in segment.layers()]
    devices.require(layers, (*config.objectives, *config.constraints))
    evaluations = rescored(
        config,
        done,
        store.exit_records,
        read_labels(store.path),
        devices,
        (shape[2], len(classes)),
    )
    run = read_run(store, rescored=(config, evaluations))
    if arguments.output:
        write_file(Path(arguments.output), front_csv([run], {}))
    if arguments.json:
        points = [
            {"key": p.key, "trade_off": p.trade_off, "setting": p.setting, "metrics": dict(p.metrics)}
            for p in run.front
        ]
        print(json.dumps({"objectives": config.objectives, "front": points}))
    else:
        results_console().print(contents_table(run), soft_wrap=False)
    return 0


def _problems(error: ValidationError) -> list[str]:
    """Return what is wrong with the options; a list is not too short because its items are wrong."""
    details = error.errors(include_url=False)
    unknown = [
        f"--objectives: unknown quantity {detail['input']!r}. Choices: {detail['ctx']['expected']}."
        for detail in details
        if detail["type"] == "literal_error"
    ]
    return unknown or [str(detail["msg"]) for detail in details]
