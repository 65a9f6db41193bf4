"""One small sound file of every kind that Pillow opens: written by Pillow where it can, else byte by byte."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

SIDE = 16


def picture(mode: str, side: int = SIDE) -> Image.Image:
    """Return a picture with edges and colours."""
    rows, columns = np.indices((side, side))
    colours = np.stack([rows * 16, columns * 16, (rows + columns) % 2 * 200], axis=2) % 256
    return Image.fromarray(colours.astype(np.uint8)).convert(mode)


def sixteen_bits() -> Image.Image:
    return Image.fromarray((np.indices((SIDE, SIDE)).sum(0) * 2000).astype(np.uint16))


def written(mode: str, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = sixteen_bits() if mode == "I;16" else picture(mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # IM, in Pillow 13
        image.save(buffer, kind, **options)
    return buffer.getvalue()


def several(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    more = [picture("RGB").rotate(90 * turn) for turn in (1, 2)]
    picture("RGB").save(buffer, kind, save_all=True, append_images=more, **options)
    return buffer.getvalue()


def with_exif(kind: str, orientation: Any = 6, **tags: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    for tag, value in tags.items():
        exif[int(tag[1:], 16)] = value
    return written("RGB", kind, exif=exif)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(colour: int, depth: int, rows: bytes, before: bytes = b"", behind: bytes = b"") -> bytes:
    """Return a PNG of ``SIDE`` x ``SIDE`` pixels of any kind; ``rows`` with their filter bytes."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, depth, colour, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows)) + behind + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


def deep_png(colour: int, highest: int) -> bytes:
    """Return a PNG with 16 bits per colour: 2 is RGB, 4 grey with alpha, 6 RGB with alpha."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    values = np.linspace(0, highest, SIDE * SIDE * channels).astype(">u2").reshape(SIDE, SIDE, channels)
    if colour in (4, 6):
        values[..., -1] = 65_535
    return png(colour, 16, b"".join(b"\0" + row.tobytes() for row in values))


def turned_late(orientation: int) -> bytes:
    """Return a PNG whose eXIf chunk stands behind the pixels."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    rows = b"".join(b"\0" + bytes(range(SIDE)) for _ in range(SIDE))
    return png(0, 8, rows, behind=chunk(b"eXIf", exif.tobytes()[6:]))


def dds(pixel_format: tuple[int, int, int, int, int, int, int], body: bytes, extra: bytes = b"") -> bytes:
    """Return a DDS; ``pixel_format``: flags, four letters as a number, bits, masks of R, G, B, A."""
    header = struct.pack("<7I", 124, 0x1007, SIDE, SIDE, 0, 0, 0) + bytes(44)
    return b"DDS " + header + struct.pack("<8I", 32, *pixel_format) + bytes(20) + extra + body


def four_letters(name: bytes, extra: bytes = b"") -> bytes:
    return dds((4, int.from_bytes(name, "little"), 0, 0, 0, 0, 0), bytes(range(256)) * 4, extra)


def dx10(number: int) -> bytes:
    return four_letters(b"DX10", struct.pack("<5I", number, 3, 0, 1, 0))


def ftex() -> bytes:
    pixels = picture("RGB").tobytes()
    return b"FTEX" + struct.pack("<7i", 1, SIDE, SIDE, 1, 1, 1, 32) + struct.pack("<i", len(pixels)) + pixels


def fits(bits: int) -> bytes:
    cards = [
        "SIMPLE  = T",
        f"BITPIX  = {bits}",
        "NAXIS   = 2",
        f"NAXIS1  = {SIDE}",
        f"NAXIS2  = {SIDE}",
        "END",
    ]
    return "".join(card.ljust(80) for card in cards).ljust(2880).encode() + bytes(range(256)) * (
        abs(bits) // 8
    )


def dcx() -> bytes:
    return struct.pack("<3I", 0x3ADE68B1, 12, 0) + written("L", "PCX")


def sun(kind: int, depth: int = 8) -> bytes:
    body = bytes(range(256)) * (depth // 8) if kind != 2 else bytes([128, 255, 7])
    return struct.pack(">8I", 0x59A66A95, SIDE, SIDE, depth, len(body), kind, 0, 0) + body


def gimp_brush(version: int, depth: int = 1) -> bytes:
    middle = struct.pack(">4sI", b"GIMP", 10) if version == 2 else b""
    size = 20 + len(middle) + 6
    head = struct.pack(">5I", size, version, SIDE, SIDE, depth)
    return head + middle + b"brush\0" + bytes(range(256)) * depth


def iptc() -> bytes:
    def field(record: int, number: int, content: bytes) -> bytes:
        return bytes([0x1C, record, number]) + struct.pack(">H", len(content)) + content

    head = [(20, b"\0"), (30, b"\x01"), (60, b"\x01\x00"), (65, b"\x01"), (120, b"\x01")]
    sizes = field(3, 20, struct.pack(">I", SIDE)) + field(3, 30, struct.pack(">I", SIDE))
    rest = b"".join(field(3, number, content) for number, content in head[2:])
    return rest + sizes + field(8, 10, bytes(range(256)))


def photo_cd(orientation: int) -> bytes:
    head = bytearray(96 * 2048)
    head[2048:2052], head[2048 + 1538] = b"PCD_", orientation
    return bytes(head) + bytes(768 * 512 * 3 // 2)


def flic() -> bytes:
    lines = (b"\x01" + bytes([SIDE, 7])) * SIDE
    brun = struct.pack("<IH", 6 + len(lines), 15) + lines
    frame = struct.pack("<IHH8x", 16 + len(brun), 0xF1FA, 1) + brun
    head = struct.pack("<IHHHHHH", 128 + len(frame), 0xAF12, 1, SIDE, SIDE, 8, 0) + struct.pack("<I", 10)
    return head.ljust(128, b"\0") + frame


def xpm(colours: int) -> bytes:
    letters = [f"{i:03d}" for i in range(colours)]
    table = "".join(f'"{name} c #{i * 97 % 0xFFFFFF:06x}",\n' for i, name in enumerate(letters))
    rows = "".join(
        '"' + "".join(letters[(x + y) % colours] for x in range(SIDE)) + '",\n' for y in range(SIDE)
    )
    head = f'/* XPM */\nstatic char *x[] = {{\n"{SIDE} {SIDE} {colours} 3",\n'
    return (head + table + rows + "};\n").encode()


def thumbnail() -> bytes:
    return b"P7 332\n#XVVERSION\n#END_OF_COMMENTS\n%d %d 255\n" % (SIDE, SIDE) + bytes(range(256))


def area() -> bytes:
    words = [0] * 64
    words[1], words[8], words[9], words[10], words[13], words[33] = 4, SIDE, SIDE, 1, 1, 256
    return struct.pack("!64i", *words) + bytes(range(256))


def photoshop(mode: int, channels: int, packed: bool = False) -> bytes:
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, channels, SIDE, SIDE, 8, mode) + struct.pack(">3I", 0, 0, 0)
    if not packed:
        return head + b"\0\0" + bytes(range(256)) * channels
    row = bytes([SIDE - 1]) + bytes(range(SIDE))
    return head + b"\0\1" + struct.pack(">H", len(row)) * (SIDE * channels) + row * (SIDE * channels)


def cursor() -> bytes:
    bitmap = written("RGB", "DIB")
    doubled = bitmap[:8] + struct.pack("<i", 2 * SIDE) + bitmap[12:]
    return (
        struct.pack("<3H", 0, 2, 1)
        + struct.pack("<4B2H2I", SIDE, SIDE, 0, 0, 0, 0, len(doubled), 22)
        + doubled
    )


def pixar() -> bytes:
    head = bytearray(1024)
    head[:4] = b"\200\350\000\000"
    struct.pack_into("<2H", head, 416, SIDE, SIDE)
    struct.pack_into("<2H", head, 424, 14, 2)
    return bytes(head) + picture("RGB").tobytes()


def enhanced_metafile() -> bytes:
    return struct.pack("<2I8i", 1, 100, 0, 0, SIDE, SIDE, 0, 0, 100, 100) + b" EMF" + bytes(64)


def portable(magic: bytes, highest: int, wide: bool = False) -> bytes:
    channels = 3 if magic in (b"P3", b"P6") else 1
    values = np.linspace(0, 1 if magic == b"P1" else highest, SIDE * SIDE * channels).astype(int)
    head = magic + b"\n%d %d\n" % (SIDE, SIDE) + (b"" if magic == b"P1" else b"%d\n" % highest)
    if magic in (b"P1", b"P2", b"P3"):
        return head + b" ".join(b"%d" % value for value in values) + b"\n"
    return head + values.astype(">u2" if wide else np.uint8).tobytes()


SEEDS: dict[str, Callable[[], bytes]] = {
    **{f"png {mode}": partial(written, mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")},
    **{f"jpeg {mode}": partial(written, mode, "JPEG") for mode in ("L", "RGB", "CMYK")},
    "jpeg progressive": partial(written, "RGB", "JPEG", progressive=True),
    "jpeg turned": partial(with_exif, "JPEG"),
    "jpeg turned, other tags": partial(with_exif, "JPEG", x010F="maker", x011A=72.0, x0128=2),
    "png turned": partial(with_exif, "PNG"),
    "png turned late": partial(turned_late, 6),
    "png animated": partial(several, "PNG"),
    "png interlaced text": partial(written, "P", "PNG", transparency=3),
    "png deep colours": partial(deep_png, 2, 65_535),
    "webp turned": partial(with_exif, "WEBP"),
    "webp": partial(written, "RGBA", "WEBP", lossless=True),
    "webp animated": partial(several, "WEBP"),
    "avif": partial(written, "RGB", "AVIF"),
    "gif": partial(written, "P", "GIF"),
    "gif animated": partial(several, "GIF"),
    "mpo": partial(several, "MPO"),
    **{
        f"tiff {mode}": partial(written, mode, "TIFF")
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
    },
    **{f"tiff {mode}": partial(written, mode, "TIFF") for mode in ("I", "F", "I;16", "LAB", "YCbCr")},
    **{
        f"tiff {way}": partial(written, "RGB", "TIFF", compression=way)
        for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
    },
    "tiff fax": partial(written, "1", "TIFF", compression="group4"),
    "tiff turned": partial(written, "RGB", "TIFF", tiffinfo={274: 6}),
    "tiff pages": partial(several, "TIFF"),
    **{f"bmp {mode}": partial(written, mode, "BMP") for mode in ("1", "L", "P", "RGB", "RGBA")},
    "dib": partial(written, "RGB", "DIB"),
    "ico": partial(written, "RGBA", "ICO", sizes=[(SIDE, SIDE)]),
    "ico bitmap": partial(written, "RGBA", "ICO", sizes=[(SIDE, SIDE)], bitmap_format="bmp"),
    "icns": partial(written, "RGBA", "ICNS"),
    "cur": cursor,
    **{f"jpeg2000 {mode}": partial(written, mode, "JPEG2000") for mode in ("L", "RGB", "RGBA", "I;16")},
    "jpeg2000 bare": partial(written, "RGB", "JPEG2000", no_jp2=True),
    **{f"tga {mode}": partial(written, mode, "TGA") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")},
    "tga packed": partial(written, "RGB", "TGA", compression="tga_rle"),
    **{f"pcx {mode}": partial(written, mode, "PCX") for mode in ("1", "L", "P", "RGB")},
    "dcx": dcx,
    **{f"ppm {mode}": partial(written, mode, "PPM") for mode in ("1", "L", "RGB", "I", "F")},
    **{
        f"ppm {magic.decode()}": partial(portable, magic, 255)
        for magic in (b"P1", b"P2", b"P3", b"P5", b"P6")
    },
    "ppm deep": partial(portable, b"P6", 65_535, wide=True),
    "pgm 12 bits": partial(portable, b"P5", 4095, wide=True),
    **{f"sgi {mode}": partial(written, mode, "SGI") for mode in ("L", "RGB", "RGBA")},
    "sgi deep": partial(written, "L", "SGI", bpc=2),
    **{f"im {mode}": partial(written, mode, "IM") for mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "F")},
    **{f"dds {mode}": partial(written, mode, "DDS") for mode in ("L", "LA", "RGB", "RGBA")},
    **{f"dds {way}": partial(written, "RGBA", "DDS", pixel_format=way) for way in ("DXT1", "DXT3", "DXT5")},
    "dds BC5": partial(written, "RGB", "DDS", pixel_format="BC5"),
    **{f"dds {name.decode()}": partial(four_letters, name) for name in (b"ATI1", b"BC4U", b"BC5S", b"ATI2")},
    **{f"dds dx10 {number}": partial(dx10, number) for number in (28, 71, 80, 83, 84, 95, 96, 98, 99)},
    "dds palette": lambda: dds((0x20, 0, 8, 0, 0, 0, 0), bytes(range(256)), bytes(range(256)) * 4),
    "dds 565": lambda: dds((0x40, 0, 16, 0xF800, 0x7E0, 0x1F, 0), bytes(range(256)) * 2),
    "dds unknown letters": partial(four_letters, b"ZZZZ"),
    "dds unknown number": partial(dx10, 61),
    "dds no flags": lambda: dds((0, 0, 8, 0, 0, 0, 0), bytes(256)),
    **{f"blp {way}": partial(written, "P", "BLP", blp_version=way) for way in ("BLP1", "BLP2")},
    "msp": partial(written, "1", "MSP"),
    "qoi": partial(written, "RGB", "QOI"),
    "spider": partial(written, "F", "SPIDER"),
    "xbm": partial(written, "1", "XBM"),
    "eps": partial(written, "RGB", "EPS"),
    "ftex": ftex,
    **{f"fits {bits}": partial(fits, bits) for bits in (8, 16, 32, -32)},
    **{f"sun {kind}": partial(sun, kind) for kind in (1, 2)},
    "sun colours": partial(sun, 3, 24),
    **{f"gimp brush {version}": partial(gimp_brush, version) for version in (1, 2)},
    "iptc": iptc,
    "photo cd": partial(photo_cd, 1),
    "flic": flic,
    **{f"xpm {colours}": partial(xpm, colours) for colours in (4, 300)},
    "xv thumbnail": thumbnail,
    "im tools": lambda: b"width %d\nheight %d\npixel n8\n\x0c" % (SIDE, SIDE) + bytes(range(256)),
    "mcidas": area,
    "photoshop grey": partial(photoshop, 1, 1),
    "photoshop colours": partial(photoshop, 3, 3),
    "photoshop packed": partial(photoshop, 3, 3, packed=True),
    "pixar": pixar,
    "mpeg": lambda: b"\x00\x00\x01\xb3" + bytes([SIDE >> 4, SIDE << 4 & 255, SIDE]) + bytes(32),
    "bufr": lambda: b"BUFR" + bytes(32),
    "grib": lambda: b"GRIB\0\0\0\x01" + bytes(32),
    "hdf5": lambda: b"\x89HDF\r\n\x1a\n" + bytes(32),
    "metafile": enhanced_metafile,
}
"""By format and kind."""
