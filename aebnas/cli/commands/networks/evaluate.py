"""``aebnas evaluate``."""

from __future__ import annotations

import argparse
import json

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json, add_moved_data, from_zero
from aebnas.cli.streams import print_if_unseen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("checkpoint", help="folder of a trained network: runs/NAME/trained/KEY")
    add_moved_data(parser)
    parser.add_argument(
        "--static", metavar="DIR", help="a static network to compare with; default: CHECKPOINT/static"
    )
    parser.add_argument(
        "--hardware", action="append", default=[], metavar="FILE",
        help="a hardware profile to predict costs with (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--images", type=from_zero, default=1000, metavar="N",
        help="test images on which the networks really stop, one by one (default 1000; 0: none)",
    )  # fmt: skip
    add_allow_code(parser, "of which the network is made and by which it decides")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Score a trained network on the test images."""
    from aebnas.api.networks import evaluate_network

    report = evaluate_network(
        arguments.checkpoint,
        static=arguments.static,
        hardware=arguments.hardware,
        images=arguments.images,
        data=arguments.data,
        progress=not arguments.json,
    )
    from aebnas.cli.views.consoles import results_console
    from aebnas.cli.views.evaluation import show
    from aebnas.report.page.markup import finite
    from aebnas.train.test.score_record import report_dict

    if arguments.json:
        print(json.dumps(finite(report_dict(report)), allow_nan=False))
    else:
        show(report, results_console())
    print_if_unseen(f"scores: {report.folder / 'evaluation.json'}")
    return 0


COMMAND = Command(
    "evaluate",
    "score a trained network on the test images",
    "Score a trained network on the test images, which no other command reads: every exit, its policy, "
    "their calibration, what it costs by prediction and by really stopping, against the same network "
    "without exits and the run's best static network.",
    add_options,
    run,
)
