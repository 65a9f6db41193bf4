"""``aebnas export``."""

from __future__ import annotations

import argparse
import json
import sys

from aebnas.cli.command import Command
from aebnas.cli.options import add_allow_code, add_json, add_moved_data, from_zero
from aebnas.cli.streams import print_if_unseen


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("checkpoint", help="folder of a checkpoint, as `aebnas train` writes it")
    parser.add_argument("folder", metavar="DIR", help="where to write; appears whole or not at all")
    add_moved_data(parser)
    parser.add_argument(
        "--int8",
        action="store_true",
        help="also write DIR/int8: 8-bit weights and activations, compared with fp32",
    )
    parser.add_argument(
        "--samples", type=from_zero, default=256, metavar="N",
        help="calibrate images to store for `aebnas bench` (default 256; 0: none leave your machine)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace DIR if it is an export folder")
    add_allow_code(parser, "of which the network is made and by which it decides")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Export a checkpoint."""
    from aebnas.api.deploying import export_network

    def show_step(text: str) -> None:
        if not arguments.json:
            print(f"{text} ...", file=sys.stderr)

    exported = export_network(
        arguments.checkpoint,
        arguments.folder,
        int8=arguments.int8,
        samples=arguments.samples,
        force=arguments.force,
        on_step=show_step,
        data=arguments.data,
    )
    from aebnas.cli.views.exports import export_fields, show_export
    from aebnas.report.page.markup import finite

    if arguments.json:
        print(json.dumps(finite(export_fields(exported)), allow_nan=False))
    else:
        show_export(exported)
    print_if_unseen(f"{exported.folder} is ready")
    return 0


COMMAND = Command(
    "export",
    "write a trained network as a folder that runs without torch",
    "Write a trained network as a folder that runs without torch: one ONNX graph per segment, exit "
    "policy, labels, preprocessing, model card. The graphs are held against torch on real images first.",
    add_options,
    run,
)
