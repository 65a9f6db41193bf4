"""Export folders broken in many ways, from a seed."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aebnas.deploy.manifest import checksum_of, stored_file

Break = Callable[[Path, random.Random], str]
"""Breaks a folder; returns what was done."""
FILES = (
    "model.json", "policy.json", "labels.json", "segment1.onnx", "segment2.onnx", "segment3.onnx",
    "samples.npz",
)  # fmt: skip


def missing(folder: Path, rng: random.Random) -> str:
    name = rng.choice(FILES)
    (folder / name).unlink()
    return f"{name} missing"


def truncated(folder: Path, rng: random.Random) -> str:
    name = rng.choice(FILES)
    content = (folder / name).read_bytes()
    size = rng.randrange(len(content))
    (folder / name).write_bytes(content[:size])
    return f"{name} cut to {size} bytes"


def flipped(folder: Path, rng: random.Random) -> str:
    name = rng.choice(FILES)
    content = bytearray((folder / name).read_bytes())
    for _ in range(rng.randint(1, 20)):
        content[rng.randrange(len(content))] ^= rng.randint(1, 255)
    (folder / name).write_bytes(content)
    return f"bytes of {name} flipped"


def random_bytes(folder: Path, rng: random.Random) -> str:
    name = rng.choice(FILES)
    (folder / name).write_bytes(rng.randbytes(rng.randint(0, 5000)))
    return f"{name} replaced by random bytes"


def became_a_folder(folder: Path, rng: random.Random) -> str:
    name = rng.choice(FILES)
    (folder / name).unlink()
    (folder / name).mkdir()
    return f"{name} is a folder"


def edited_policy(folder: Path, rng: random.Random) -> str:
    plain = json.loads((folder / "policy.json").read_text())
    plain["thresholds"] = [rng.random() for _ in plain["thresholds"]]
    (folder / "policy.json").write_text(json.dumps(plain))
    return "other thresholds"


def edited_manifest(folder: Path, rng: random.Random) -> str:
    plain = json.loads((folder / "model.json").read_text())
    name = rng.choice(sorted(plain))
    others = [None, "x", -1, 0, 1, 7, 2.5, [], {}, [1], ["a"], True, 10**30]
    plain[name] = rng.choice([one for one in others if one != plain[name]])
    (folder / "model.json").write_text(json.dumps(plain))
    return f"{name} = {plain[name]!r}"


def field_gone(folder: Path, rng: random.Random) -> str:
    plain = json.loads((folder / "model.json").read_text())
    name = rng.choice(sorted(plain))
    del plain[name]
    (folder / "model.json").write_text(json.dumps(plain))
    return f"{name} gone"


def signed_file(folder: Path, rng: random.Random) -> str:
    """A file that cannot be what it should be, with the checksum to match."""
    graphs = [(folder / f"segment{i}.onnx").read_bytes() for i in (1, 2, 3)]
    i = rng.randrange(3)
    cases: list[tuple[str, bytes]] = [
        (f"segment{i + 1}.onnx", graphs[(i + rng.choice((1, 2))) % 3]),
        (f"segment{i + 1}.onnx", graphs[i][: rng.randrange(len(graphs[i]) // 2)]),
        (f"segment{i + 1}.onnx", rng.randbytes(2000)),
        ("labels.json", json.dumps(["a"] * rng.choice((0, 1, 9, 11))).encode()),
        ("labels.json", rng.choice((b"{}", b"[1,2]", b"[", b"null", b"\xff\xfe", b"[" * 100_000))),
        ("policy.json", rng.choice((b"[]", b"{}", b'{"policy": "x"}', b"3", b"{" * 3, b'{"policy": ["a"]}'))),
        ("policy.json", b'{"policy": "threshold", "score": "confidence", "thresholds": [0.5]}'),
        ("policy.json", b'{"policy": "threshold", "score": "confidenze", "thresholds": [0.5, 0.5]}'),
        ("policy.json", b'{"policy": "threshold", "score": 3, "thresholds": [0.5, 0.5]}'),
        ("policy.json", b'{"policy": "threshold", "score": "margin", "thresholds": [NaN, 0.5]}'),
        ("policy.json", b'{"policy": "threshold", "score": "margin", "thresholds": 7}'),
        ("policy.json", b'{"policy": "gates", "gates": [[1, 2], [3]]}'),
        ("policy.json", b'{"policy": "switch", "score": "margin", "switches": [[0.5, 0.2], []]}'),
        ("policy.json", b'{"policy": "learned_scores", "weights": [], "thresholds": [0.1]}'),
        ("policy.json", b'{"policy": "window", "score": "margin", "windows": [1], "operating": [0, 0, 0]}'),
    ]
    name, content = rng.choice(cases)
    (folder / name).write_bytes(content)
    _signed(folder)
    return f"{name} = {content[:60]!r}, signed"


def signed_manifest(folder: Path, rng: random.Random) -> str:
    """A manifest that says what cannot be, with the checksum to match."""
    known = json.loads((folder / "model.json").read_text())["input"]
    cases: list[dict[str, Any]] = [
        {"classes": 11},
        {"classes": 1},
        {"image_shape": [8, 8, 3]},
        {"image_shape": [8, 8]},
        {"image_shape": [0, 8, 1]},
        {"image_shape": [10**9, 8, 1]},
        {"input": {**known, "mean": [0.1, 0.2]}},
        {"input": {**known, "std": [0.0]}},
        {"input": {**known, "std": [-1.0]}},
        {"input": {**known, "size": [8, 9]}},
        {"input": {**known, "fit": "squeeze"}},
        {"input": {}},
        {"format": 99},
        {"precision": "fp64"},
        {"key": "0" * 16},
        {"segments": ["segment1.onnx", "segment2.onnx"]},
        {"segments": ["segment1.onnx", "segment1.onnx", "segment3.onnx"]},
        {"segments": ["segment1.onnx", "segment3.onnx", "segment2.onnx"]},
        {"segments": ["segment1.onnx", "segment2.onnx", "segment4.onnx"]},
        {"segments": ["segment1.onnx", "segment2.onnx", "../segment3.onnx"]},
        {"segments": ["segment1.onnx", "segment2.onnx", "labels.json"]},
        {"exits": ["stage1"]},
        {"reach_macs": [1.0]},
        {"files": []},
    ]
    change = rng.choice(cases)
    plain = json.loads((folder / "model.json").read_text())
    _write_signed(folder, {**plain, **change})
    return f"{change}, signed"


KINDS: tuple[Break, ...] = (
    missing, truncated, flipped, random_bytes, became_a_folder, edited_policy, edited_manifest, field_gone,
    signed_file, signed_file, signed_manifest, signed_manifest,
)  # fmt: skip


def _signed(folder: Path) -> None:
    """Let the manifest list the files as they are now."""
    plain = json.loads((folder / "model.json").read_text())
    names = [one["name"] for one in plain["files"]]
    plain["files"] = [stored_file(name, (folder / name).read_bytes()).model_dump() for name in names]
    _write_signed(folder, plain)


def _write_signed(folder: Path, plain: dict[str, Any]) -> None:
    fields = {name: value for name, value in plain.items() if name != "checksum"}
    (folder / "model.json").write_text(json.dumps({**fields, "checksum": checksum_of(fields)}))
