"""Parsing the command line and turning errors into exit codes."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import sys
from collections.abc import Sequence

from aebnas import __version__
from aebnas.cli import deploy_options, final_options
from aebnas.cli.final_options import moved_data, positive
from aebnas.cli.interrupts import INTERRUPTED
from aebnas.cli.streams import GONE, GuardedStream, OutputLost, guarded_streams, tell
from aebnas.errors import AebnasError

EXIT_CODES = """exit codes:
  0  finished                       3  something is wrong with the data
  1  other errors                   4  a run, checkpoint or export folder
  2  wrong file, override or usage  5  workers failed
  6  a device or its profile        130  interrupted; continue with resume
141  the reader of a printing command has gone (| head)

Where standard output cannot be written any more, commands that keep their work on
disk finish it, and say on standard error where it lies: exit code 0 after a closed
pipe, 1 after a full disk. Commands that only print (check, devices, exits, rescore,
run, bench) end: 141 after a closed pipe, 1 after a full disk."""
COMMANDS = (
    "init", "check", "search", "resume", "report", "profile", "devices", "rescore", "exits",
    "supernet",
    "train", "evaluate", "export", "run", "bench", "export-study",
)  # fmt: skip
PRINTING = ("check", "devices", "rescore", "exits", "run", "bench")
"""They end with standard output; the other commands keep their work on disk, and go on to its end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; wrong usage raises ``SystemExit(2)``, as argparse does."""
    words = list(sys.argv[1:] if argv is None else argv)
    with guarded_streams() as output:
        try:
            code = _answer(words, output)
            output.flush()
        except OutputLost:
            code = 0
        except SystemExit:  # argparse
            with contextlib.suppress(OutputLost):
                output.flush()
            if output.lost is None:
                raise
            code = 0
        return code or _code_of_lost(output)


def _answer(words: list[str], output: GuardedStream) -> int:
    """Run one command; its errors are told and become exit codes."""
    arguments = _parse(words)
    arguments.words = words  # what a person would type again
    output.goes_on = arguments.command not in PRINTING
    output.command = f"aebnas {arguments.command}"
    try:
        from aebnas.cli import commands
        from aebnas.cli.allowing import with_consent

        return with_consent(arguments, getattr(commands, arguments.command.replace("-", "_")))
    except AebnasError as error:
        tell(str(error))
        return error.exit_code
    except MemoryError as error:
        tell(
            f"memory ran out ({str(error) or 'no more'}): smaller or fewer images (data.image_size, "
            "data.limit), smaller batches (training.batch_size) or fewer workers (workers.count) need less"
        )
        return 1
    except KeyboardInterrupt:
        tell("interrupted")
        return INTERRUPTED
    except OutputLost:
        raise
    except OSError as error:
        tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
    except Exception as error:
        from aebnas.cli.defects import tell_defect

        tell_defect(error)
        return 1


def _code_of_lost(output: GuardedStream) -> int:
    """Return the exit code of a command that did its work, by what became of its output."""
    if output.lost is None:
        return 0
    if output.is_reader_gone:
        return 0 if output.goes_on else GONE
    done = "the work is done, but " if output.goes_on else ""
    tell(f"{done}standard output is incomplete: {output.reason()}")
    return 1


def _parse(words: list[str]) -> argparse.Namespace:
    top = parser()
    if not words:
        top.print_help(sys.stderr)
        raise SystemExit(2)
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        near = difflib.get_close_matches(command, COMMANDS, n=1)
        suggestion = f"Did you mean {near[0]!r}? " if near else ""
        top.error(f"unknown command {command!r}. {suggestion}Choices: {', '.join(COMMANDS)}.")
    return top.parse_args(words)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="aebnas",
        description="Search backbones and exit branches of early-exit networks together.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("-v", "--version", action="version", version=f"aebnas {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, allow_abbrev=False)

    _init(add("init", "write a commented search-space file"))
    _check(add("check", "validate a search-space file and show how large its space is"))
    _search(add("search", "search from a file into runs/NAME"))
    _resume(add("resume", "continue an interrupted run, or extend a finished one"))
    _report(add("report", "write report.html, pareto.csv and winners/ of a run"))
    _profile(add("profile", "measure every layer of a space on a device"))
    _devices(add("devices", "list what this machine has, and which profiles fit it"))
    _rescore(add("rescore", "show a run's Pareto front for another device, without training"))
    _exits(add("exits", "compare all exit policies on a trained network of a run"))
    _export_study(add("export-study", "write a run into an Optuna storage, for optuna-dashboard"))
    final_options.train(add("train", "train a network of a run in full"))
    final_options.evaluate(add("evaluate", "score a trained network on the test images"))
    deploy_options.export(add("export", "write a trained network as a folder that runs without torch"))
    deploy_options.run(add("run", "classify images with an exported network"))
    deploy_options.bench(add("bench", "measure an exported network with and without its early exits"))
    _supernet(add("supernet", "train the shared weights that candidates inherit"))
    return top


def _init(command: argparse.ArgumentParser) -> None:
    command.description = "Write a complete search-space file in which every field stands with its meaning."
    command.add_argument("file", nargs="?", default="search_space.yaml", help="default: search_space.yaml")
    command.add_argument("--force", action="store_true", help="overwrite the file if it exists")


def _check(command: argparse.ArgumentParser) -> None:
    command.description = "Validate a search-space file and show its genes, its size and its costs."
    command.add_argument("file", help="a search-space file")
    command.add_argument(
        "--samples", type=positive, default=1000, help="random architectures to cost (default 1000)"
    )
    _overrides(command)
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _search(command: argparse.ArgumentParser) -> None:
    command.description = "Search from a search-space file into a new run directory."
    _run_of_a_file(command)


def _resume(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Continue a run. Changes are allowed in when to stop (search.generations, search.max_trainings, "
        "search.max_minutes), who is trained in the end (evaluation.fidelities), workers and report; for a "
        "supernet's training supernet.processes and supernet.checkpoint_seconds."
    )
    command.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    command.add_argument(
        "--retry-failures", action="store_true",
        help="try again what failed for lack of memory, with its worker or by workers.timeout_minutes; "
        "generations after it may turn out differently",
    )  # fmt: skip
    moved_data(command)
    _overrides(command)
    _output(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.description = "Write report.html, pareto.csv and winners/ of a run; several runs share one page."
    command.add_argument("runs", nargs="+", metavar="run", help="run directories")
    command.add_argument(
        "-o", "--output", metavar="DIR", help="folder to write to; default: the (first) run's"
    )
    command.add_argument(
        "--figures", metavar="DIR", help="write the main plots there too, as SVG and PNG for papers"
    )


def _profile(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Measure every distinct layer of a search space on a device, in the runtime in which networks are "
        "deployed, and check the table on whole networks. Interrupted, the same command continues."
    )
    command.add_argument("file", nargs="?", help="a search-space file")
    command.add_argument("--device", default="cpu", help="cpu (default), cuda or cuda:N")
    command.add_argument(
        "--runtime", choices=("onnxruntime", "torch"), help="default: onnxruntime on CPUs, torch on GPUs"
    )
    command.add_argument("--batch-size", type=positive, default=1, help="images of one call (default 1)")
    command.add_argument("--dtype", choices=("fp32", "bf16", "fp16"), default="fp32", help="default fp32")
    command.add_argument("--threads", type=positive, default=1, help="CPU threads per operator (default 1)")
    command.add_argument("--cuda-graphs", action="store_true", help="replay segments as CUDA graphs")
    command.add_argument(
        "-o", "--output", metavar="FILE", help="default: hardware_profiles/DEVICE-RUNTIME.yaml"
    )
    command.add_argument(
        "--networks", type=positive, default=60, help="networks that check the table (default 60)"
    )
    command.add_argument(
        "--again", action="store_true", help="measure everything anew, replacing the profile"
    )
    command.add_argument("--dry-run", action="store_true", help="say how many layers and about how long")
    command.add_argument(
        "--validate", metavar="FILE", help="measure a profile's networks again: does it still hold here?"
    )
    _overrides(command)
    _output(command)


def _devices(command: argparse.ArgumentParser) -> None:
    command.description = "List this machine's devices and the profiles that were made on such a device."
    command.add_argument(
        "--folder", default="hardware_profiles", metavar="DIR", help="default: hardware_profiles"
    )
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _rescore(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Tune the exits of every trained candidate for another device, from its stored scores, and show "
        "the Pareto front there. Nothing is trained, and the run is not changed."
    )
    command.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    command.add_argument(
        "--hardware", action="append", required=True, metavar="FILE", help="a hardware profile (repeatable)"
    )
    command.add_argument(
        "--objectives", nargs="+", metavar="NAME", help="default: error and the first profile's latency_ms"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write the front as CSV")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _exits(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Fit every exit policy to the stored logits of one network of a run (calibrate), and compare them on "
        "images that none was fitted on (select): accuracy at budgets, calibration. Nothing is trained."
    )
    command.add_argument("run", help="a run directory, e.g. runs/mnist5k")
    command.add_argument(
        "--candidate", metavar="KEY", help="a network of the front; default: the most accurate"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="the page; default: RUN/exits.html")
    command.add_argument("--json", action="store_true", help="one JSON object on standard output")


def _supernet(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Train the supernet of a search-space file into runs/NAME/supernet, or continue it. Searches with "
        "evaluation.fidelities: [inherited] on the same space and data use it."
    )
    _run_of_a_file(command)


def _run_of_a_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", help="a search-space file")
    command.add_argument("--name", help="name of the run; default: the file's name field")
    command.add_argument(
        "--runs", default="runs", metavar="DIR", help="folder of the run directories (default runs)"
    )
    _overrides(command)
    _output(command)


def _overrides(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", dest="overrides",
        help="override a field, e.g. --set search.generations=20 (repeatable)",
    )  # fmt: skip


def _output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object per event on standard output")


def _export_study(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", help="directory of the run")
    command.add_argument("storage", help="URL of the storage, as sqlite:///study.db")
    command.add_argument("--name", help="name of the study (default: the run's)")
