"""``aebnas devices``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from aebnas.cli.views.consoles import results_console
from aebnas.terminal.fitting import FittedText


def devices(arguments: argparse.Namespace) -> int:
    """List what this machine has, and the profiles that fit it."""
    from aebnas.hardware.profile.inventory import inventory

    found = inventory(Path(arguments.folder))
    if arguments.json:
        print(json.dumps(found.to_dict()))
        return 0
    console = results_console()
    for device in found.devices:
        console.print(FittedText(f"{device.device}  {device.name}", "bold"))
        for line in (*device.metadata, *(f"profile {name}" for name in device.profiles)):
            console.print(FittedText(f"    {line}"))
        if not device.profiles:
            console.print("    no profile fits it. Make one: aebnas profile SPACE.yaml "
                          f"--device {device.device}")  # fmt: skip
    for path, reason in found.others:
        console.print(FittedText(f"{path}: {reason}", "dim"))
    return 0
