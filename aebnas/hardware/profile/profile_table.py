"""NAME.csv of a hardware profile: one row per layer, checked line by line.

Must not import torch.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any

from aebnas.config.choices import did_you_mean
from aebnas.errors import ConfigError

MEASURED, MODELLED = "measured", "modelled"
NOTES = ("", "unstable", "busy", "throttled", "shared")
"""What a row may be marked with: not stable after all rounds; measured while other processes kept
the cores busy, while the device was throttled, or while strangers used the GPU."""


@dataclass(frozen=True)
class LayerRow:
    """What one layer costs on the device, for one call with a whole batch."""

    layer: str
    """``Layer.signature()``."""
    latency_ms: float
    """Median over rounds, the empty call subtracted, on the scale of the profile's anchor."""
    iqr_ms: float
    """Interquartile range over rounds."""
    samples: int
    """Rounds."""
    energy_mj: float | None
    """None: the device does not tell."""
    energy_source: str
    """``measured``, ``modelled`` or empty."""
    macs: int
    params: int
    read_params: int
    """Parameters that a call reads, ``LayerCost.read_params``."""
    activation_bytes: int
    note: str = ""
    """One of ``NOTES``."""


COLUMNS = tuple(field.name for field in fields(LayerRow))


def table_text(rows: Iterable[LayerRow]) -> str:
    """Return the CSV text of rows, sorted by layer."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(rows, key=lambda row: row.layer):
        writer.writerow([_written(value) for value in astuple(row)])
    return buffer.getvalue()


def _written(value: Any) -> Any:
    if value is None:
        return ""
    # every digit: a copy must have the fingerprint of its original
    return repr(float(value)).removesuffix(".0") if isinstance(value, float) else value


def rounded(value: float) -> float:
    """Return a measured value with five significant digits: more are noise."""
    return float(f"{value:.5g}")


def read_table(text: str, name: str, rows: int, has_energy: bool) -> Mapping[str, LayerRow]:
    """Return the rows of a CSV text by layer.

    Args:
        text: The whole file.
        name: The file, for messages.
        rows: How many rows there must be.
        has_energy: Whether NAME.yaml names a counter: all rows have an energy then, else none.

    Raises:
        ConfigError: A row is wrong, given twice or missing; one line per mistake, with ``FILE:LINE``.
    """
    header, *lines = text.removesuffix("\n").split("\n")
    table: dict[str, LayerRow] = {}
    first: dict[str, int] = {}
    try:
        problems = _wrong_header(_cells(header))
    except ValueError as error:
        problems = [(1, str(error))]
    if not problems:
        for number, line in enumerate(lines, start=2):
            try:
                row = _row(_cells(line), has_energy)
            except ValueError as error:
                problems.append((number, str(error)))
                continue
            if row.layer in table:
                message = f"layer {row.layer!r} is given twice, first in line {first[row.layer]}"
                problems.append((number, message))
            table[row.layer] = row
            first.setdefault(row.layer, number)
        if not problems and len(table) != rows:
            message = (
                f"has {len(table)} layers where NAME.yaml says {rows}: the file is truncated or was edited"
            )
            problems.append((len(lines) + 1, message))
        if not problems and not text.endswith("\n"):
            problems.append((len(lines) + 1, "ends in the middle of a line: the file is truncated"))
    if problems:
        raise ConfigError("\n".join(f"{name}:{line}: {message}" for line, message in problems[:20]))
    return table


def _cells(line: str) -> list[str]:
    """Return the values of one line: none of ours holds a line break, so a stray quote ends with it."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"is no line of a table: {error}") from None


def _wrong_header(header: list[str]) -> list[tuple[int, str]]:
    if header == list(COLUMNS):
        return []
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        if header[0:1] and header[0].split(separator) == list(COLUMNS):
            return [(1, f"values are separated by {word}: save it with commas (and points in numbers)")]
    unknown = [column for column in header if column not in COLUMNS]
    missing = [column for column in COLUMNS if column not in header]
    if unknown:
        near = did_you_mean(unknown[0], COLUMNS)
        return [(1, f"unknown column {unknown[0]!r}. {near}Columns: {', '.join(COLUMNS)}.")]
    what = f"column {missing[0]!r} is missing" if missing else "the columns stand in another order"
    return [(1, f"{what}. Columns: {', '.join(COLUMNS)}.")]


def _row(cells: list[str], has_energy: bool) -> LayerRow:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"needs {len(COLUMNS)} values, but got {len(cells)}")
    text = dict(zip(COLUMNS, cells, strict=True))
    if not text["layer"]:
        raise ValueError("layer: is empty")
    row = LayerRow(
        layer=text["layer"],
        latency_ms=_number(text, "latency_ms"),
        iqr_ms=_number(text, "iqr_ms"),
        samples=_whole(text, "samples", 1),
        energy_mj=None if text["energy_mj"] == "" else _number(text, "energy_mj"),
        energy_source=text["energy_source"],
        macs=_whole(text, "macs"),
        params=_whole(text, "params"),
        read_params=_whole(text, "read_params"),
        activation_bytes=_whole(text, "activation_bytes"),
        note=text["note"],
    )
    if row.latency_ms == 0:
        raise ValueError("latency_ms: must be > 0, but got 0: an unmeasured layer has no row")
    if has_energy and row.energy_mj is None:
        raise ValueError("energy_mj: is empty, but energy.source in NAME.yaml names a counter")
    if not has_energy and row.energy_mj is not None:
        raise ValueError("energy_mj: must be empty, because energy.source in NAME.yaml is null")
    sources = ("",) if row.energy_mj is None else (MEASURED, MODELLED)
    for column, value, choices in (
        ("energy_source", row.energy_source, sources),
        ("note", row.note, NOTES),
    ):
        if value not in choices:
            names = ", ".join(choice or "nothing" for choice in choices)
            raise ValueError(f"{column}: unknown value {value!r}. Choices: {names}.")
    return row


def _number(text: Mapping[str, str], column: str) -> float:
    try:
        value = float(text[column])
    except ValueError:
        raise ValueError(f"{column}: must be a number, but got {text[column]!r}") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{column}: must be finite and >= 0, but got {text[column]}")
    return value


def _whole(text: Mapping[str, str], column: str, smallest: int = 0) -> int:
    if not text[column].isascii() or not text[column].isdigit() or int(text[column]) < smallest:
        raise ValueError(f"{column}: must be a whole number >= {smallest}, but got {text[column]!r}")
    return int(text[column])


def iterate(rows: Mapping[str, LayerRow]) -> Iterator[dict[str, Any]]:
    """Yield each row as a dictionary by column."""
    for row in rows.values():
        yield dict(zip(COLUMNS, astuple(row), strict=True))
