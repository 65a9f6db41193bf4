"""Image files with flipped, cut and inserted bytes, from a seed."""

import random
from collections.abc import Iterator

from data.picture_seeds import SEEDS


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a file with some bytes flipped, cut out or put in, mostly near its beginning."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        where = int(len(changed) * rng.random() ** rng.choice((1, 4)))
        way = rng.choice(("flip", "flip", "set", "cut", "end", "insert"))
        if way == "flip" and changed:
            changed[min(where, len(changed) - 1)] ^= 1 << rng.randrange(8)
        elif way == "set":
            changed[where : where + 4] = rng.choice(
                (b"\xff" * 4, b"\0" * 4, b"\0\0\x7f\xff", rng.randbytes(4))
            )
        elif way == "cut":
            del changed[where : where + rng.randint(1, 64)]
        elif way == "end":
            del changed[max(where, 8) :]
        else:
            changed[where:where] = rng.randbytes(rng.randint(1, 16))
    return bytes(changed)


def cases(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` damaged files, of all kinds in turn."""
    rng, names = random.Random(19), list(SEEDS)
    seeds = {name: make() for name, make in SEEDS.items()}
    for i in range(count):
        yield names[i % len(names)], damaged(seeds[names[i % len(names)]], rng)
