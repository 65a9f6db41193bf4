"""Names of classes: those of the known datasets, in the order of their labels, and what any name must be.

They are written into checkpoints (YAML), ``labels.json``, model cards and reports, and read again from
there.  What cannot be is refused before anything is trained.

Must not import torch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from aebnas.data.pictures.problems import Problems

MOST_CLASSES = 10_000
LONGEST_NAMES = 160 * 1024
"""Bytes of all names together: ``checkpoint.yaml`` holds them, and is read up to 256 KiB."""
DIGITS = tuple("0123456789")

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

FASHION_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

CIFAR100_NAMES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
    "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
    "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
    "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
    "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew",
    "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower",
    "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train", "trout",
    "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip


def check_class_names(where: str, names: Iterable[str]) -> None:
    """Refuse names that cannot be written into checkpoints, exports and reports, or not told apart there.

    Args:
        where: What the classes are of, for messages.
        names: Of all classes.

    Raises:
        DataError: A name is not UTF-8, blank, or has line breaks or control characters; two look the same;
            all together are too long for a checkpoint.
    """
    problems = Problems()
    first: dict[str, str] = {}
    length = count = 0
    for name in names:
        count, length = count + 1, length + len(name.encode("utf-8", "surrogatepass")) + len("'', ")
        why = _wrong(name)
        if why is not None:
            problems.add(f"{where}: class {name!a} {why}", f"Rename it, for example to {_proper(name)!r}.")
        elif first.setdefault(look(name), name) != name:
            problems.add(
                f"{where}: classes {first[look(name)]!a} and {name!a} look the same when they are shown.",
                "Rename one, or put their images together.",
            )
    if count > MOST_CLASSES or length > LONGEST_NAMES:
        problems.add(
            f"{where}: the names of {count:,} classes take {length:,} bytes; a checkpoint holds at most "
            f"{MOST_CLASSES:,} classes and {LONGEST_NAMES:,} bytes. Shorten the names."
        )
    problems.refuse(where)


def _wrong(name: str) -> str | None:
    """Return why a name cannot be written, or None."""
    kinds = {unicodedata.category(character) for character in name}
    if "Cs" in kinds:
        return "is not UTF-8 text, so that it could not be written into a checkpoint."
    if kinds & {"Cc", "Zl", "Zp"}:
        return "has a line break or another control character, which breaks what is written."
    return None if look(name) else "has no visible character."


def look(name: str) -> str:
    """Return what a person sees of a name: composed letters, single blanks, nothing invisible."""
    composed = unicodedata.normalize("NFC", name)
    return " ".join(
        "".join(character for character in composed if unicodedata.category(character) != "Cf").split()
    )


def _proper(name: str) -> str:
    """Return the nearest valid name; bytes that are not UTF-8 are mostly of old Western systems (Latin-1)."""
    plain = (
        chr(ord(character) - 0xDC00) if "\udc80" <= character <= "\udcff" else character for character in name
    )
    kept = "".join(
        "_" if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character
        for character in plain
    )
    return kept.strip() if look(kept) else "class"
