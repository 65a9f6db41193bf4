"""``aebnas devices``."""

from __future__ import annotations

import argparse
import json

from aebnas.cli.command import Command
from aebnas.cli.options import add_json


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--folder", default="hardware_profiles", metavar="DIR", help="default: hardware_profiles"
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """List what this machine has, and the profiles that fit it."""
    from aebnas.api.devices import list_devices
    from aebnas.cli.views.consoles import results_console
    from aebnas.terminal.fitting import FittedText

    inventory = list_devices(arguments.folder)
    if arguments.json:
        print(json.dumps(inventory.to_dict()))
        return 0
    console = results_console()
    for device in inventory.devices:
        console.print(FittedText(f"{device.device}  {device.name}", "bold"))
        for line in (*device.metadata, *(f"profile {name}" for name in device.profiles)):
            console.print(FittedText(f"    {line}"))
        if not device.profiles:
            console.print("    no profile fits it. Make one: aebnas profile SPACE.yaml "
                          f"--device {device.device}")  # fmt: skip
    for path, reason in inventory.others:
        console.print(FittedText(f"{path}: {reason}", "dim"))
    return 0


COMMAND = Command(
    "devices",
    "list what this machine has, and which profiles fit it",
    "List this machine's devices and the profiles that were made on such a device.",
    add_options,
    run,
    only_prints=True,
)
