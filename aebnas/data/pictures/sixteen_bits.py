"""Pictures with 16 bits per colour, brought to 8 bits by one rule for a whole data set.

A 16-bit file does not say how much of its range is used: cameras and scanners write 10, 12 or 14 bits, and
some programs plain 8-bit values.  The highest value of *all* 16-bit grey files of a data set tells: its depth
is the smallest of 8, 10, 12, 14 and 16 bits that holds it, and every value is shifted by depth - 8.  One file
alone would not do: a dark picture must stay darker than a bright one.

Pillow reads 16-bit *colours* with their low halves cut off already; where nearly nothing is left of them,
they are refused.  Must not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aebnas.config.schema import SixteenBitDepth
from aebnas.errors import DataError

GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")
FULL: SixteenBitDepth = 16
DEPTHS: tuple[SixteenBitDepth, ...] = (8, 10, 12, 14, FULL)
_LEAST_LEVELS = 16
"""Of 256 levels of a colour; with fewer, at most 12 of 16 bits were used, and the picture is nearly black."""
_EIGHT_BIT_CURE = "Save such files with 8 bits per colour, as bright as they should be seen."


@dataclass
class ValueRange:
    """The highest values of the 16-bit pictures that were read so far.

    Args:
        highest: Of each grey file.
        highest_colours: Of each colour file, of 255, after Pillow's reduction.
    """

    highest: dict[str, int] = field(default_factory=dict)
    highest_colours: dict[str, int] = field(default_factory=dict)

    @property
    def depth(self) -> SixteenBitDepth | None:
        """Bits that hold all values; None: no file has 16 bits."""
        if self.highest:
            top = max(self.highest.values())
            return next(depth for depth in DEPTHS if top < 1 << depth)
        return FULL if self.highest_colours else None

    def refuse_lost_colours(self) -> None:
        """Refuse 16-bit colours that use so little of their range that next to nothing is left of them.

        Raises:
            DataError: So it is with all 16-bit colour files together.
        """
        top = max(self.highest_colours.values(), default=_LEAST_LEVELS)
        if top < _LEAST_LEVELS:
            name, count = next(iter(self.highest_colours)), len(self.highest_colours)
            raise DataError(
                f"{name}: 16-bit colours of which at most {(top + 1) * 256 - 1:,} of 65,535 are used, in "
                f"{_files(count)} with such colours: they would be nearly black. {_EIGHT_BIT_CURE}"
            )

    def notes(self) -> tuple[str, ...]:
        """Return what is done with the grey files, if there are any, and which files become nearly black."""
        said, step = [], 1
        if self.highest and self.depth is not None:
            top, step = max(self.highest.values()), 1 << (self.depth - 8)
            said.append(
                f"16-bit grey ({_files(len(self.highest))}) goes up to {top:,}, so it is read as "
                f"{self.depth} bits: value / {step}, rounded down."
            )
        dark = [name for name, top in self.highest.items() if step > 1 and 0 < top < _LEAST_LEVELS * step]
        dark += [name for name, top in self.highest_colours.items() if top < _LEAST_LEVELS]
        if dark:
            said.append(
                f"{_files(len(dark))} of 16 bits {'has' if len(dark) == 1 else 'have'} low values beside the "
                f"others, and less than {_LEAST_LEVELS} of 255 is left of them; the first is {dark[0]}."
            )
        return tuple(said)


def is_deep_colour(image: Image.Image) -> bool:
    """Return whether an opened picture has 16 bits per colour, of which Pillow keeps 8."""
    if image.mode in GREY_16:
        return False
    for tile in getattr(image, "tile", ()):
        arguments = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        if any(isinstance(argument, str) and ";16" in argument for argument in arguments):
            return True
        if tile[0] in ("ppm", "ppm_plain") and isinstance(arguments[-1], int) and arguments[-1] > 255:
            return True
        if tile[0] == "SGI16":
            return True
    return False


def highest_colour(image: Image.Image) -> int:
    """Return the highest value of any colour of a decoded picture, transparency apart; 0 to 255."""
    channels = zip(image.getbands(), image.split(), strict=True)
    return max(int(np.asarray(channel).max()) for name, channel in channels if name not in ("A", "a"))


def highest_value(image: Image.Image) -> int:
    """Return the highest value of a decoded 16-bit grey picture.

    Raises:
        DataError: Its values are not those of 16 bits.
    """
    return int(_values(image).max())


def eight_bit(image: Image.Image, depth: int) -> Image.Image:
    """Return a decoded 16-bit grey picture with 8 bits; one value may be transparent.

    Args:
        image: Of a mode in ``GREY_16``.
        depth: Bits that its values have.

    Raises:
        DataError: A value is higher.
    """
    values = _values(image)
    if int(values.max()) >= 1 << depth:
        raise DataError(
            f"has 16-bit values up to {int(values.max()):,}, but the training's were read as {depth} bits "
            f"(up to {(1 << depth) - 1:,}). Scale it as they were."
        )
    grey = Image.fromarray((values >> (depth - 8)).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def refuse_unclear(image: Image.Image, depth: int | None, is_deep: bool) -> None:
    """Refuse a decoded 16-bit picture of which nobody knows how bright it should be.

    Args:
        image: As it was decoded.
        depth: Bits that the training's 16-bit pictures had; None: there were none.
        is_deep: Whether it has 16-bit colours.

    Raises:
        DataError: It uses at most 12 of its 16 bits, and the training does not tell that this is meant.
    """
    if is_deep and depth != FULL and highest_colour(image) < _LEAST_LEVELS:
        top = (highest_colour(image) + 1) * 256 - 1
    elif image.mode in GREY_16 and depth is None and highest_value(image) < _LEAST_LEVELS * 256:
        top = highest_value(image)
    else:
        return
    raise DataError(
        f"its 16-bit values reach at most {top:,} of 65,535, and no training image tells how bright "
        f"that is. {_EIGHT_BIT_CURE}"
    )


def _values(image: Image.Image) -> NDArray[np.uint16]:
    values = np.asarray(image)
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest >= 1 << FULL:
        raise DataError(
            f"has values from {lowest:,} to {highest:,}; only 0 to 65,535 can be read. {_EIGHT_BIT_CURE}"
        )
    return values.astype(np.uint16)


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"
