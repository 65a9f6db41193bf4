"""``aebnas profile``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aebnas.cli.command import Command
from aebnas.cli.interrupts import INTERRUPTED
from aebnas.cli.options import add_events, add_overrides, positive
from aebnas.cli.streams import print_if_unseen
from aebnas.errors import ConfigError

if TYPE_CHECKING:
    from aebnas.hardware.measure.profile_session import ProfileRequest

DOES_NOT_HOLD = 6
"""Exit code of ``--validate`` where the profile does not hold: that of a hardware error."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("file", nargs="?", help="a search-space file")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda or cuda:N")
    parser.add_argument(
        "--runtime", choices=("onnxruntime", "torch"), help="default: onnxruntime on CPUs, torch on GPUs"
    )
    parser.add_argument(
        "--batch-size", type=positive, default=1, metavar="N", help="images of one call (default 1)"
    )
    parser.add_argument("--dtype", choices=("fp32", "bf16", "fp16"), default="fp32", help="default fp32")
    parser.add_argument(
        "--threads", type=positive, default=1, metavar="N", help="CPU threads per operator (default 1)"
    )
    parser.add_argument("--cuda-graphs", action="store_true", help="replay segments as CUDA graphs")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="default: DEVICE-RUNTIME.yaml in hardware_profiles/"
    )
    parser.add_argument(
        "--networks",
        type=positive,
        default=60,
        metavar="N",
        help="networks that check the table (default 60)",
    )
    parser.add_argument("--again", action="store_true", help="measure everything anew, replacing the profile")
    parser.add_argument("--dry-run", action="store_true", help="say how many layers and about how long")
    parser.add_argument(
        "--validate", metavar="FILE", help="measure a profile's networks again: does it still hold here?"
    )
    add_overrides(parser)
    add_events(parser)


def run(arguments: argparse.Namespace) -> int:
    """Profile a device, or validate a profile."""
    if arguments.validate is not None:
        return _validate(Path(arguments.validate), arguments.json)
    if arguments.file is None:
        raise ConfigError(
            "profile needs a search-space file, as in: aebnas profile search_spaces/mnist5k.yaml"
        )
    request = _request(arguments)
    if arguments.dry_run:
        return _dry_run(request, arguments.json)
    from aebnas.api.devices import profile_device
    from aebnas.cli.views.profiles import progress, show_profile

    try:
        with progress(arguments.json) as listen:
            made = profile_device(request, listener=listen)
    except KeyboardInterrupt:
        print(f"aebnas: interrupted; what was measured is kept. Continue: {request.command}", file=sys.stderr)
        return INTERRUPTED
    show_profile(made, request.path, arguments.json)
    print_if_unseen(f"profile: {request.path}")
    return 0


def _request(arguments: argparse.Namespace) -> ProfileRequest:
    from aebnas.api.devices import profile_request

    return profile_request(
        arguments.file,
        arguments.output,
        overrides=arguments.overrides,
        device=arguments.device,
        runtime=arguments.runtime,
        batch_size=arguments.batch_size,
        dtype=arguments.dtype,
        threads=arguments.threads,
        cuda_graphs=arguments.cuda_graphs,
        networks=arguments.networks,
        again=arguments.again,
        command=shlex.join(["aebnas", *arguments.command_line]),
    )


def _dry_run(request: ProfileRequest, as_json: bool) -> int:
    from dataclasses import asdict

    from aebnas.api.devices import estimate_profiling
    from aebnas.runs.formatting import count, duration

    estimated = estimate_profiling(request)
    if as_json:
        print(json.dumps(asdict(estimated)))
        return 0
    print(
        f"{request.space_name} on {request.target}: {count(estimated.layers, 'distinct layer')}, "
        f"{estimated.missing:,} of them not in {request.path} yet; "
        f"{count(estimated.networks, 'network')} to check it. About {duration(estimated.seconds)}."
    )
    return 0


def _validate(path: Path, as_json: bool) -> int:
    from aebnas.api.devices import validate_profile
    from aebnas.cli.views.profiles import progress, show_revalidation

    with progress(as_json) as listen:
        revalidation = validate_profile(path, listener=listen)
    show_revalidation(revalidation, path, as_json)
    return DOES_NOT_HOLD if revalidation.complaints() else 0


COMMAND = Command(
    "profile",
    "measure every layer of a space on a device",
    "Measure every distinct layer of a search space on a device, in the runtime in which networks are "
    "deployed, and check the table on whole networks. Interrupted, the same command continues.",
    add_options,
    run,
    is_consent=True,
)
