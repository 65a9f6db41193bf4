"""``aebnas bench``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json, add_threads, positive


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("folder", metavar="DIR", help="an export folder")
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="image files or folders; default: stored ones"
    )
    parser.add_argument("--static", metavar="DIR2", help="export of the network without exits")
    parser.add_argument("--hardware", metavar="FILE", help="a hardware profile: predicted beside measured")
    parser.add_argument("--rounds", type=positive, default=8, metavar="N", help="over all images (default 8)")
    add_allow_code(parser, "by which it decides")
    add_threads(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure an exported network with and without early exits."""
    from aebnas.api.deploying import bench_network

    measured = bench_network(
        arguments.folder,
        arguments.images,
        static=arguments.static,
        hardware=arguments.hardware,
        rounds=arguments.rounds,
        threads=arguments.threads,
    )
    if arguments.json:
        print(json.dumps(asdict(measured), allow_nan=False))
        return 0
    from aebnas.cli.views.exports import show_bench

    show_bench(measured)
    return 0


COMMAND = Command(
    "bench",
    "measure an exported network with and without its early exits",
    "Measure an exported network at batch 1 with early exits, always to its last exit, and against a "
    "network without exits, by turns in one run; on the images stored with it, or on yours.",
    add_options,
    run,
    only_prints=True,
)
