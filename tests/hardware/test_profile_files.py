"""Files of a hardware profile: written and read exactly; every wrong edit refused with its line."""

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hardware.synthetic_profiles import COUNTER, by_macs, profile_of, written
from space.tiny_spaces import space

from aebnas.errors import ConfigError, HardwareError
from aebnas.hardware.measure.profile_session import validated
from aebnas.hardware.profile.measured_network import MeasuredNetwork
from aebnas.hardware.profile.profile import HardwareProfile, paths_of, read_profile, write_profile
from aebnas.hardware.profile.profile_schema import Conditions, Correction, Overhead
from aebnas.hardware.profile.profile_table import read_table, table_text
from aebnas.space.genes import Genome
from aebnas.space.search_space import StagedSpace
from aebnas.task.task import classification

Edit = Callable[[str], str]


@functools.cache
def some_space() -> StagedSpace:
    blocks = {"width": [8, 12], "block": {"kernel": [3, 5]}}
    exits = {"after": ["stage1"], "optional": False, "branch": {"modules": 0}}
    return space(8, stages=[blocks, {"width": 12}], exits=exits)


def network(genome: Genome, role: str, factor: float = 1.5) -> MeasuredNetwork:
    """A network that takes ``factor`` times the MACs' milliseconds."""
    architecture = some_space().decode(genome)
    times = tuple(factor * (i + 1) for i in range(2))
    return MeasuredNetwork("tiny", role, 1, 10, architecture, times, times)  # type: ignore[arg-type]


@functools.cache
def made(has_energy: bool = False) -> HardwareProfile:
    layers = some_space().layers(classification(1, 10))
    energy = (lambda layer: by_macs(layer) * 3) if has_energy else None
    profile = profile_of(
        layers, energy_mj=energy, spaces=("tiny",), conditions=Conditions(unknown=("clock",))
    )
    genomes = [(i, j) for i in (0, 1) for j in (0, 1)]
    kinds = ("fit", "validate", "validate", "fit")
    found = tuple(network(genome, role) for genome, role in zip(genomes, kinds, strict=True))
    counted = profile.metadata.model_copy(update={"networks": len(found)})
    return validated(replace(profile, metadata=counted, networks=found))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path, made())


def contents(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in (path, *paths_of(path))]


# ---------------------------------------------------------------- round trip
@pytest.mark.parametrize("has_energy", [False, True])
def test_what_is_read_and_written_again_is_the_same_bytes(tmp_path: Path, has_energy: bool) -> None:
    path = written(tmp_path, made(has_energy))
    again = tmp_path / "again" / path.name
    write_profile(read_profile(path), again)
    assert contents(again) == contents(path)


@pytest.mark.parametrize("has_energy", [False, True])
def test_what_is_read_is_what_was_written_to_the_last_digit(tmp_path: Path, has_energy: bool) -> None:
    found = read_profile(written(tmp_path, made(has_energy)))
    assert (found.metadata, dict(found.rows)) == (made(has_energy).metadata, dict(made(has_energy).rows))
    assert found.networks == made(has_energy).networks
    assert found.fingerprint() == made(has_energy).fingerprint()


def test_a_table_with_rounded_numbers_as_older_files_have_them_stays_as_it_is() -> None:
    one = next(iter(made().rows.values()))
    text = table_text([replace(one, latency_ms=5.0, iqr_ms=1e-06)])
    assert ",5,1e-06,9,,," in text
    assert table_text(read_table(text, "x.csv", 1, has_energy=False).values()) == text


def test_a_profile_without_its_networks_is_read(path: Path) -> None:
    paths_of(path)[1].unlink()
    assert read_profile(path).networks == ()


def test_lines_that_end_as_windows_ends_them_are_read(path: Path) -> None:
    table = paths_of(path)[0]
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    assert read_profile(path).fingerprint() == made().fingerprint()


def test_a_profile_that_cannot_be_written_says_where(path: Path) -> None:
    with pytest.raises(HardwareError, match=rf"cannot write .*{path.name}.*: "):
        write_profile(made(), path / "below-a-file.yaml")


# ---------------------------------------------------------------- fingerprint
def changed(**metadata: object) -> HardwareProfile:
    return replace(made(True), metadata=made(True).metadata.model_copy(update=metadata))


def one_row(**values: object) -> HardwareProfile:
    rows = dict(made(True).rows)
    name = next(iter(rows))
    return replace(made(True), rows={**rows, name: replace(rows[name], **values)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        lambda: one_row(latency_ms=0.12345),
        lambda: one_row(energy_mj=0.12345),
        lambda: changed(correction=Correction(layers=1.01)),
        lambda: changed(overhead=Overhead(entry_ms=0.5, segment_ms=0.1, decision_ms=0.01)),
        lambda: changed(energy=COUNTER.model_copy(update={"segment_mj": 0.26})),
        lambda: changed(target=made().metadata.target.model_copy(update={"batch_size": 2})),
    ],
)
def test_the_fingerprint_changes_with_whatever_a_prediction_depends_on(
    other: Callable[[], HardwareProfile],
) -> None:
    assert other().fingerprint() != made(True).fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        lambda: changed(made="2027-01-01", command="aebnas profile", versions={}),
        lambda: changed(conditions=Conditions(), validation=(), spaces=("x",), anchor_ms=9.0),
        lambda: one_row(iqr_ms=9.0, samples=3, note="busy"),
        lambda: replace(made(True), name="other", networks=()),
        lambda: replace(made(True), rows=dict(reversed(made(True).rows.items()))),
    ],
)
def test_the_fingerprint_keeps_with_the_provenance(other: Callable[[], HardwareProfile]) -> None:
    assert other().fingerprint() == made(True).fingerprint()


# ---------------------------------------------------------------- wrong edits
def edit(file: Path, old: str, new: str) -> int:
    """Replace the first match of a pattern and return its line."""
    text = file.read_text()
    found = re.search(old, text)
    assert found, f"{old} is not in {file}"
    file.write_text(text[: found.start()] + found.expand(new) + text[found.end() :])
    return text.count("\n", 0, found.start()) + 1


def refused(path: Path, file: Path, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_profile(path)
    lines = str(caught.value).splitlines()
    assert any(output.startswith(f"{file}:{line}: ") and re.search(words, output) for output in lines), (
        f"no {words!r} at line {line} in {lines}"
    )
    assert all(re.match(rf"{re.escape(str(path.parent))}/board\.\S+:\d+: ", output) for output in lines)


LATENCY = r"(\nconv-in1-[^,]*),[^,]*,"
TABLE_EDITS = {
    "negative latency": (LATENCY, r"\1,-0.5,", "latency_ms: must be finite and >= 0, but got -0.5"),
    "no number": (LATENCY, r"\1,nan,", "latency_ms: must be finite"),
    "infinite": (LATENCY, r"\1,inf,", "latency_ms: must be finite"),
    "zero": (LATENCY, r"\1,0,", "latency_ms: must be > 0.* an unmeasured layer has no row"),
    "zero in disguise": (LATENCY, r"\1,0e9,", "latency_ms: must be > 0"),
    "text": (LATENCY, r"\1,fast,", "latency_ms: must be a number, but got 'fast'"),
    "with a unit": (LATENCY, r"\1,0.5 ms,", "latency_ms: must be a number"),
    "empty": (LATENCY, r"\1,,", "latency_ms: must be a number, but got ''"),
    "decimal comma": (LATENCY, r"\1,0,5,", "needs 11 values, but got 12"),
    "other separator": (LATENCY, r"\1;0.5;", "needs 11 values"),
    "no samples": (r"(\nconv-in1-[^,]*,[^,]*,[^,]*),9,", r"\1,0,", "samples: must be a whole number >= 1"),
    "half a MAC": (r"(\nconv-in1.*),9,,,(\d+),", r"\1,9,,,\2.5,", "macs: must be a whole number"),
    "nameless": (r"\nconv-in1-[^,]*,", "\n,", "layer: is empty"),
    "unknown note": (r"(\nconv-in1.*,)\n", "\\1lucky\n", "note: unknown value 'lucky'. Choices: .*throttled"),
    "unknown source": (r"(\nconv-in1.*,9,,),", r"\1guessed,", "energy_source: unknown value 'guessed'"),
    "energy without counter": (r"(\nconv-in1.*,9,),", r"\g<1>3.5,", "energy_mj: must be empty"),
    "stray quote": (r"\nconv-in1-", '\n"conv-in1-', "is no line of a table"),
    "blank line": (r"\nconv-in1-", "\n\nconv-in1-", "needs 11 values, but got 0"),
}


@pytest.mark.parametrize(("old", "new", "words"), TABLE_EDITS.values(), ids=TABLE_EDITS)
def test_a_wrong_number_in_the_table_is_refused_with_its_line(
    path: Path, old: str, new: str, words: str
) -> None:
    table = paths_of(path)[0]
    line = edit(table, old, new) + 1  # the pattern begins with the line break before
    refused(path, table, line, words)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("latency_ms", "latency_us", "unknown column 'latency_us'. Did you mean 'latency_ms'"),
        (",iqr_ms", "", "column 'iqr_ms' is missing"),
        ("latency_ms,iqr_ms", "iqr_ms,latency_ms", "another order"),
        ("layer,", '"layer,', "is no line of a table"),
    ],
)
def test_a_wrong_head_of_the_table_is_refused(path: Path, old: str, new: str, words: str) -> None:
    edit(paths_of(path)[0], old, new)
    refused(path, paths_of(path)[0], 1, words)


def test_a_layer_given_twice_is_refused_with_both_lines(path: Path) -> None:
    table = paths_of(path)[0]
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join([*lines, lines[2]]))
    refused(path, table, len(lines) + 1, "is given twice, first in line 3")


def test_a_table_larger_than_a_csv_field_may_be_survives_a_stray_quote() -> None:
    one = next(iter(made().rows.values()))
    rows = [replace(one, layer=f"conv{i}") for i in range(4000)]
    text = table_text(rows).replace("conv17,", '"conv17,')
    assert len(text) > 2 * 131072
    line = text[: text.index('"conv17,')].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"^x\.csv:{line}: is no line of a table"):
        read_table(text, "x.csv", 4000, has_energy=False)


def test_every_truncation_of_the_table_is_refused_with_a_line() -> None:
    text = table_text(made().rows.values())
    for end in range(len(text)):
        with pytest.raises(ConfigError, match=r"^x\.csv:\d+: "):
            read_table(text[:end], "x.csv", len(made().rows), has_energy=False)


def test_a_row_that_was_deleted_is_noticed(path: Path) -> None:
    table = paths_of(path)[0]
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:3] + lines[4:]))
    refused(
        path, table, len(lines) - 1, rf"has {len(lines) - 2} layers where NAME.yaml says {len(lines) - 1}"
    )


def test_every_truncation_of_the_provenance_is_refused_with_a_line(path: Path) -> None:
    whole = path.read_bytes()
    lines = [i + 1 for i, byte in enumerate(whole[:-1]) if byte == ord("\n")]
    for end in (*lines, *range(0, len(whole) - 1, 61)):
        path.write_bytes(whole[:end])
        with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}:\d+: "):
            read_profile(path)


METADATA_EDITS = {
    "unit of latency": (r"latency: ms", "latency: us", "units: must be {latency: ms, energy: mj}"),
    "unit of energy": (r"energy: mj", "energy: j", "units: must be {latency: ms, energy: mj}"),
    "unknown unit": (r"energy: mj", "energy: mj, power: w", "units: must be"),
    "duplicate key": (r"anchor_ms:", "anchor_ms: 1.0\nanchor_ms:", "'anchor_ms' is given twice"),
    "unknown field": (r"anchor_ms:", "anchor: 1.0\nanchor_ms:", "unknown field. Did you mean 'anchor_ms'"),
    "newer format": (r"format: 3", "format: 4", r"format: 4 is newer than .* \(3\); update it"),
    "older format": (r"format: 3", "format: 2", r"format: 2 is older than .* \(3\); measure anew"),
    "negative anchor": (r"anchor_ms: 1.25", "anchor_ms: -1.25", "anchor_ms: must be greater than 0"),
    "infinite anchor": (r"anchor_ms: 1.25", "anchor_ms: .inf", "anchor_ms: must be a finite number"),
    "anchor is NaN": (r"anchor_ms: 1.25", "anchor_ms: .nan", "anchor_ms: must be a finite number"),
    "anchor as text": (r"anchor_ms: 1.25", "anchor_ms: '1.25'", "anchor_ms: must be a valid number"),
    "overhead below zero": (r"entry_ms: 0.5", "entry_ms: -1", "overhead.entry_ms: must be greater than or"),
    "factor of nothing": (r"layers: [\d.]+\n  by_type", "layers: 0\n  by_type", "correction.layers"),
    "unknown device": (r"device: cpu", "device: tpu", "target.device: .*, but got 'tpu'"),
    "unknown runtime": (r"runtime: onnxruntime", "runtime: onnx", "target.runtime: must be 'onnxruntime' or"),
    "impossible target": (r"dtype: fp32", "dtype: bf16", "target.dtype: .* in fp32 alone"),
    "no layers": (r"rows: \d+", "rows: 0", "rows: must be greater than or equal to 1"),
    "tab": (r"anchor_ms:", "\tanchor_ms:", "not valid YAML.*tabs"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), METADATA_EDITS.values(), ids=METADATA_EDITS)
def test_a_wrong_line_of_the_provenance_is_refused_with_its_number(
    path: Path, old: str, new: str, words: str
) -> None:
    line = edit(path, rf"(?m)(?<=[\n {{]){old}", new)
    refused(path, path, line + (1 if words.startswith("'anchor_ms' is given") else 0), words)


@pytest.mark.parametrize("field", ["correction", "energy", "overhead", "units", "target"])
def test_a_part_of_the_provenance_that_is_gone_is_missed(path: Path, field: str) -> None:
    edit(path, rf"(?ms)^{field}:.*?(?=^[a-z]|\Z)", "")
    refused(path, path, 1, f"{field}: is missing")


def test_another_number_of_rows_is_noticed(path: Path) -> None:
    edit(path, r"(?m)^rows: \d+", "rows: 99")
    refused(path, paths_of(path)[0], len(made().rows) + 1, "layers where NAME.yaml says 99")


def test_a_source_without_energies_is_refused_at_the_first_row(path: Path) -> None:
    edit(path, r"energy: {source: null", "energy: {source: a counter")
    refused(path, paths_of(path)[0], 2, "energy_mj: is empty, but energy.source in NAME.yaml names a counter")


def test_energies_without_a_source_are_refused_at_the_first_row(tmp_path: Path) -> None:
    path = written(tmp_path, made(True))
    edit(path, r"source: a counter", "source: null")
    refused(
        path, paths_of(path)[0], 2, "energy_mj: must be empty, because energy.source in NAME.yaml is null"
    )


@pytest.mark.parametrize("which", range(3))
def test_a_file_that_is_not_utf_8_is_refused(path: Path, which: int) -> None:
    file = (path, *paths_of(path))[which]
    file.write_bytes(file.read_bytes() + b"\xff\xfe")
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(file))}:\d+: "):
        read_profile(path)


def test_a_profile_without_its_table_is_refused(path: Path) -> None:
    paths_of(path)[0].unlink()
    refused(path, paths_of(path)[0], 1, f"No such file or directory; it belongs to {path}")


def test_a_profile_that_is_not_there_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file.*aebnas profile SPACE\.yaml -o"):
        read_profile(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_a_file_that_is_no_section_is_no_profile(path: Path, text: str) -> None:
    path.write_text(text)
    refused(path, path, 1, "no hardware profile")


NETWORK_EDITS = {
    "torn": (r"[^\n]{40}\n\Z", "\n"),
    "no JSON": (r"\A.*\n", "hello\n"),
    "a list": (r"\A.*\n", "[1]\n"),
    "blank": (r"\A", "\n"),
    "unknown field": (r'"space"', '"room"'),
    "no times": (r', "second_ms": \[[^\]]*\]', ""),
    "too few times": (r'"first_ms": \[[^,]*, ', '"first_ms": ['),
    "negative time": (r'"first_ms": \[', '"first_ms": [-'),
    "NaN": (r'"first_ms": \[[^,]*', '"first_ms": [NaN'),
    "text": (r'"first_ms": \[[^,]*', '"first_ms": ["x"'),
}


@pytest.mark.parametrize(("old", "new"), NETWORK_EDITS.values(), ids=NETWORK_EDITS)
def test_a_broken_line_of_networks_is_refused_with_its_number(path: Path, old: str, new: str) -> None:
    networks = paths_of(path)[1]
    refused(path, networks, edit(networks, old, new), "no measured network")


def test_a_file_of_networks_cut_at_a_line_is_noticed(path: Path) -> None:
    networks = paths_of(path)[1]
    lines = networks.read_text().splitlines(keepends=True)
    networks.write_text("".join(lines[:-1]))
    refused(path, networks, len(lines) - 1, f"{len(lines)} networks are needed, but got {len(lines) - 1}")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"in_channels": 1', '"in_channels": "1"'),
        ('"in_channels": 1', '"in_channels": true'),
        (r'"first_ms": \[([^,]*)', r'"first_ms": ["\1"'),
    ],
)
def test_a_number_of_a_network_written_as_something_else_is_refused(path: Path, old: str, new: str) -> None:
    networks = paths_of(path)[1]
    refused(path, networks, edit(networks, old, new), "no measured network")


def test_a_network_in_an_unknown_role_is_refused(path: Path) -> None:
    networks = paths_of(path)[1]
    refused(path, networks, edit(networks, '"role": "fit"', '"role": "train"'), "role")
