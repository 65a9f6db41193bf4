"""Options of the commands that export, run and measure networks."""

from __future__ import annotations

import argparse

from aebnas.cli.allowing import add_option
from aebnas.cli.final_options import from_zero, moved_data, positive


def export(command: argparse.ArgumentParser) -> None:
    """Add the options of ``aebnas export``."""
    command.description = (
        "Write a trained network as a folder that runs without torch: one ONNX graph per segment, exit "
        "policy, labels, preprocessing, model card. The graphs are held against torch on real images first."
    )
    command.add_argument("checkpoint", help="folder of a checkpoint, as `aebnas train` writes it")
    command.add_argument("folder", metavar="DIR", help="where to write; appears whole or not at all")
    moved_data(command)
    command.add_argument(
        "--int8",
        action="store_true",
        help="also write DIR/int8: 8-bit weights and activations, compared with fp32",
    )
    command.add_argument(
        "--samples", type=from_zero, default=256, metavar="N",
        help="calibrate images to store for `aebnas bench` (default 256; 0: none leave your machine)",
    )  # fmt: skip
    command.add_argument("--force", action="store_true", help="replace DIR if it is an export folder")
    add_option(command, "of which the network is made and by which it decides")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def run(command: argparse.ArgumentParser) -> None:
    """Add the options of ``aebnas run``."""
    command.description = (
        "Classify images with an exported network, stopping at its exits. What cannot be read is told, the "
        "others go on; the exit code is then 3."
    )
    command.add_argument("folder", metavar="DIR", help="an export folder")
    command.add_argument("images", nargs="+", metavar="IMAGE", help="image files, or folders of them")
    command.add_argument(
        "--batch-size", type=positive, default=1, metavar="N",
        help="images of one call (default 1); who has left is dropped before the next segment",
    )  # fmt: skip
    command.add_argument("--threads", type=positive, default=1, metavar="N", help="per operator (default 1)")
    add_option(command, "by which it decides")
    command.add_argument("--json", action="store_true", help="one JSON object per image on standard output")


def bench(command: argparse.ArgumentParser) -> None:
    """Add the options of ``aebnas bench``."""
    command.description = (
        "Measure an exported network at batch 1 with early exits, always to its last exit, and against a "
        "network without exits, by turns in one run; on the images stored with it, or on yours."
    )
    command.add_argument("folder", metavar="DIR", help="an export folder")
    command.add_argument(
        "images", nargs="*", metavar="IMAGE", help="image files or folders; default: stored ones"
    )
    command.add_argument("--static", metavar="DIR2", help="export of the network without exits")
    command.add_argument("--hardware", metavar="FILE", help="a hardware profile: predicted beside measured")
    command.add_argument(
        "--rounds", type=positive, default=8, metavar="N", help="over all images (default 8)"
    )
    command.add_argument("--threads", type=positive, default=1, metavar="N", help="per operator (default 1)")
    add_option(command, "by which it decides")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")
