"""Search-space files with their data sets, valid and invalid, drawn from a number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

PROFILES = sorted((Path(__file__).parents[2] / "hardware_profiles").glob("*.yaml"))
LAYOUTS = (("x_train", "y_train"), ("X", "y"), ("train_images", "train_labels"), ("data", "target"))


def write_case(number: int, folder: Path) -> Path:
    """Write one search-space file and its data; return the file."""
    rng = np.random.default_rng(number)
    data = _DATA[int(rng.integers(len(_DATA)))](rng, folder)
    if rng.random() < 0.25:
        data["limit"] = int(rng.choice([10, 20, 40, 200]))
    if rng.random() < 0.8:
        data["split"] = {"train": 0.6, "calibrate": 0.2, "select": 0.2}
    if rng.random() < 0.2:
        data["test_share"] = float(rng.choice([0.01, 0.5, 0.9]))
    content = _space(rng) | {"name": "case", "data": data, "workers": {"mode": "serial"}}
    for setting in _SETTINGS:
        if rng.random() < 0.12:
            content |= setting(rng, folder)
    file = folder / "case.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def _space(rng: np.random.Generator) -> dict[str, Any]:
    space: dict[str, Any] = {
        "stem": {"kernel": 3, "stride": int(rng.choice([1, 2])), "width": [8, 12]},
        "stages": [{"width": [8, 12], "stride": int(rng.choice([1, 2]))} for _ in range(rng.integers(1, 4))],
        "exits": {"after": ["stage1"], "branch": {"modules": [0, 1]}},
    }
    if rng.random() < 0.3:
        space["resolution"] = [8, int(rng.choice([4, 12, 16]))]
    if len(space["stages"]) == 1:
        space["exits"] = {"after": []}
    return {"space": space, "training": {"epochs": 2}, "search": {"population": 3, "generations": 1}}


def _known(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = {"name": str(rng.choice(["digits", "mnist5k", "digits"]))}
    if rng.random() < 0.3:
        root = folder / "root"
        root.mkdir()
        data = {"name": str(rng.choice(["cifar10", "svhn", "fashion_mnist"])), "root": str(root)}
        if rng.random() < 0.5:
            (root / "train_32x32.mat").write_bytes(b"cut")
            (root / "test_32x32.mat").write_bytes(b"cut")
            (root / "data_batch_1.bin").write_bytes(b"cut")
    return data


def _folder(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    root = folder / "pictures"
    parts = [["."], ["train", "test"], ["train", "val"], ["train", "val", "test"]][int(rng.integers(4))]
    classes, side = int(rng.choice([1, 2, 3, 4], p=[0.1, 0.3, 0.3, 0.3])), 8
    for part in parts:
        for label in range(classes):
            place = root / part / f"class{label}"
            place.mkdir(parents=True)
            for i in range(int(rng.choice([0, 2, 4, 9, 16], p=[0.01, 0.03, 0.06, 0.3, 0.6]))):
                odd = 3 if rng.random() < 0.003 else 0
                pixels = rng.integers(0, 256, (side, side + odd), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    if rng.random() < 0.15:
        (root / parts[0] / str(rng.choice(["notes.txt", "class0/broken.png"]))).write_bytes(b"no picture")
    data: dict[str, Any] = {"folder": str(root if rng.random() < 0.95 else folder / "missing")}
    if rng.random() < 0.3:
        data["image_size"] = int(rng.choice([4, 8, 16]))
    return data


def _npz(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    count, classes = int(rng.choice([6, 24, 60, 120])), int(rng.choice([2, 3]))
    images = rng.integers(0, 256, (count, 8, 8, int(rng.choice([1, 3]))), dtype=np.uint8)
    labels = np.arange(count) % classes
    images, labels = _CHANGES[int(rng.integers(len(_CHANGES)))](images, labels)
    names = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
    arrays = dict(zip(names, (images, labels), strict=True))
    if rng.random() < 0.3 and names[0] == "x_train":
        arrays |= {"x_test": images[:6], "y_test": labels[:6]}
        if rng.random() < 0.5:
            arrays |= {"x_val": images[:12], "y_val": labels[:12]}
    if rng.random() < 0.1:
        del arrays[names[1]]
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    if rng.random() < 0.05:
        path.write_bytes(path.read_bytes()[:-50])
    data: dict[str, Any] = {"npz": str(path)}
    if rng.random() < 0.2:
        data["first_label"] = int(rng.choice([0, 1, 2]))
    return data


def _same(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return images, labels


_CHANGES: tuple[Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]], ...] = (
    *[_same] * 8,
    lambda x, y: (x.transpose(0, 3, 1, 2), y),
    lambda x, y: (x / 255, y),
    lambda x, y: (x, y + 1),
    lambda x, y: (x, y[:, None]),
    lambda x, y: (x, np.eye(4)[y]),
    lambda x, y: (x, y[:-1]),
    lambda x, y: (x, y - 1),
    lambda x, y: (x, y * 3),
    lambda x, y: (np.zeros_like(x), y),
)

_DATA: tuple[Callable[[np.random.Generator, Path], dict[str, Any]], ...] = (_known, _folder, _npz)


def _cutout(rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    return {"training": {"epochs": 2, "augment": {"cutout": int(rng.choice([2, 8, 9, 30]))}}}


def _first_limit(rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    limits = {str(rng.choice(["initial_max_macs", "initial_max_params"])): float(rng.choice([10, 1e9]))}
    return {"search": {"population": 2, "generations": 1, **limits}}


def _limit(rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    return {"constraints": {"params": {"max": float(rng.choice([1, 1e5]))}}}


def _device(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    profile = str(rng.choice([*map(str, PROFILES[:1]), str(folder / "no_profile.yaml")]))
    return {"hardware": [profile], "objectives": ["error", "latency_ms"]}


def _halving(rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    first = {"trained": int(rng.choice([1, 1, 2]))}
    plan = [first, {"trained": 2, "keep": "1/3"}]
    return {"evaluation": {"fidelities": plan}, "search": {"population": 3, "max_trainings": 1}}


def _supernet(rng: np.random.Generator, folder: Path) -> dict[str, Any]:
    section = {"file": str(folder / "none.safetensors")} if rng.random() < 0.5 else {}
    return {"evaluation": {"fidelities": ["inherited"]}, "supernet": section}


def _random(_rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    return {"search": {"algorithm": "random", "population": 2, "generations": 1}}


def _weights(rng: np.random.Generator, _folder: Path) -> dict[str, Any]:
    weights = [0.5] * int(rng.choice([1, 2, 3]))
    return {"training": {"epochs": 2, "loss": {"name": "weighted", "exit_weights": weights}}}


_SETTINGS = (_cutout, _first_limit, _limit, _device, _halving, _supernet, _random, _weights)
