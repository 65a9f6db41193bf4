"""The model card: README.md of an export folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aebnas.deploy.exporting.promise import promise_text
from aebnas.deploy.exporting.source import Source
from aebnas.deploy.manifest import INT8_FOLDER, Parity
from aebnas.deploy.scoring import Score
from aebnas.exits.core.policy import ExitPolicy
from aebnas.files.templates import filled
from aebnas.hardware.devices.devices import processor
from aebnas.nets.given_weights import Given, given_part
from aebnas.train.full.checkpoint import EVALUATION_FILE, Checkpoint
from aebnas.version import __version__

_SHOWN_CLASSES = 20
_VERSIONS = ("aebnas", "torch", "numpy", "python")


@dataclass(frozen=True)
class Variant:
    """What one precision of the network is and reaches."""

    precision: str
    size: int
    """Of all graphs, in bytes."""
    select: Score
    clean_accuracy: float
    """Of the last exit, on calibrate images that neither trained nor quantised it."""
    clean_images: int
    ms: float = float("nan")
    """Mean of one image under the policy, batch 1."""

    def timed(self, ms: float) -> Variant:
        """Return the variant with its time."""
        return replace(self, ms=ms)


def card_text(
    source: Source, policy: ExitPolicy, precision: str, parity: Parity | None, variants: Sequence[Variant]
) -> str:
    """Return the model card of one variant.

    Args:
        source: Checkpoint and images.
        policy: The variant's own.
        precision: ``fp32`` or ``int8``.
        parity: The check against torch; None for INT8.
        variants: All that were exported together, for the table.
    """
    checkpoint = source.checkpoint
    shown = next(variant for variant in variants if variant.precision == precision)
    count = len(checkpoint.reach_macs)
    names = [*checkpoint.architecture.exit_names, "final"]
    return filled(
        "aebnas.deploy.exporting",
        "templates",
        "card.md",
        name=f"AEBNAS network {checkpoint.key}" + (" (static)" if checkpoint.is_static else ""),
        exits="1 exit" if count == 1 else f"{count} exits",
        version=__version__,
        precision=precision.upper() if precision == "int8" else precision,
        folder="DIR" if precision == "fp32" else f"DIR/{INT8_FOLDER}",
        is_boosted=bool(checkpoint.training.boosting_coefficient),
        input=_input(checkpoint),
        variants=variants,
        machine=processor(),
        parity=_parity(parity, precision),
        exit_rows=zip(names, checkpoint.reach_macs, shown.select.exit_rates, strict=True),
        evaluation=_evaluation(source),
        policy=json.dumps(policy.to_dict(), indent=1),
        promise=_promise(source, policy, precision),
        classes=_classes(checkpoint.classes),
        provenance=_provenance(source),
    )


def _promise(source: Source, policy: ExitPolicy, precision: str) -> str:
    exits = source.checkpoint.exits
    given = given_part(source.trained.network) if exits.guarantee else Given.NOTHING
    return promise_text(exits, policy, given, source.checkpoint.input.size, precision)


def _input(checkpoint: Checkpoint) -> str:
    height, width, channels = checkpoint.image_shape
    spec = checkpoint.input
    rows, columns = spec.size
    kind = "grey" if channels == 1 else "RGB"
    mean, std = (", ".join(f"{value:.6g}" for value in part) for part in spec.known_normalisation)
    fitted = "likewise" if spec.fit == "crop" else "whatever the ratio of its sides"
    order = ", blue before red" if spec.colours == "bgr" else ""
    return (
        f"`x`: {spec.dtype} `(batch, {channels}, {rows}, {columns})`. An image is brought to "
        f"{height} x {width} {kind} pixels (EXIF orientation applied, transparency over white, its middle "
        f"cut out and resized, antialiased), brought to {rows} x {columns} {fitted} (antialiased bilinear, "
        f"uint8) and normalised{order}: "
        f"`(pixel / 255 - mean) / std` with mean {mean} and std {std}.{_sixteen_bits(checkpoint)}"
    )


def _sixteen_bits(checkpoint: Checkpoint) -> str:
    depth = checkpoint.sixteen_bit_depth
    if depth is None:
        return ""
    return (
        f" 16-bit grey files have {depth} bits here: `value / {1 << (depth - 8)}`, rounded down, is a pixel."
    )


def _parity(parity: Parity | None, precision: str) -> str:
    if parity is None:
        return f"{precision.upper()} graphs round; they are compared with fp32 by accuracy, above."
    return (
        f"Held against torch on {parity.images} calibrate images, all exits: largest difference of a logit "
        f"{parity.max_difference:.2g}."
    )


def _evaluation(source: Source) -> str:
    """Return the test metrics of the checkpoint, if it has been evaluated."""
    path = source.path / EVALUATION_FILE
    if not path.is_file():
        return "It has not been scored on test images: `aebnas evaluate CHECKPOINT` does, then export again."
    try:
        return _test_metrics(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        return f"`{EVALUATION_FILE}` of the checkpoint could not be read ({type(error).__name__}: {error})."


def _test_metrics(report: Mapping[str, Any]) -> str:
    network = report["network"]
    policy = network["policy"]
    rows = [("exit policy", policy["accuracy"], policy["macs"]["value"])]
    rows += [
        (f"exit {exit_['name']}, all images", exit_["accuracy"], exit_["reach_macs"])
        for exit_ in network["exits"]
    ]
    for baseline in report["baselines"]:
        theirs = baseline["network"]["policy"]
        rows.append((baseline["name"], theirs["accuracy"], theirs["macs"]["value"]))
    head = f"On {report['test_images']:,} test images (`aebnas evaluate`; fp32, 95% intervals):"
    table = [f"| {name} | {_interval(accuracy)} | {macs:,.0f} |" for name, accuracy, macs in rows]
    return "\n".join([head, "", "| | accuracy | mean MACs |", "| --- | --- | --- |", *table])


def _interval(estimate: Mapping[str, float]) -> str:
    return f"{estimate['value']:.2%} ({estimate['low']:.2%} to {estimate['high']:.2%})"


def _classes(classes: Sequence[str]) -> str:
    shown = ", ".join(map(_code, classes[:_SHOWN_CLASSES]))
    more = len(classes) - _SHOWN_CLASSES
    return shown + (f" and {more} more, in `labels.json`" if more > 0 else "")


def _code(name: str) -> str:
    """Return a name as code in Markdown, whatever backticks and blanks it has."""
    fence = "`" * (max(map(len, re.findall("`+", name)), default=0) + 1)
    blank = " " if name.startswith(("`", " ")) or name.endswith(("`", " ")) else ""
    return f"{fence}{blank}{name}{blank}{fence}"


def _provenance(source: Source) -> dict[str, str]:
    checkpoint = source.checkpoint
    data = checkpoint.data.name or checkpoint.data.folder or checkpoint.data.npz
    versions = checkpoint.environment.get("versions", {})
    return {
        "run": checkpoint.run,
        "checkpoint": str(source.path),
        "architecture": checkpoint.key,
        "seed": str(checkpoint.seed),
        "data": f"{data}, fingerprint {checkpoint.data_fingerprint[:16]}",
        "training": f"{checkpoint.training.epochs} epochs, loss {checkpoint.training.loss.name}",
        "began with": f"{checkpoint.training.initial_weights} weights",
        "trained with": ", ".join(f"{name} {versions[name]}" for name in _VERSIONS if name in versions),
    }
