"""Malformed images, made by seeds: what cameras, converters, broken downloads and attackers leave under the name of an image."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

Random = np.random.Generator
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_LOSSLESS = ("PNG", "BMP", "GIF", "TIFF", "WEBP", "TGA", "PPM", "PCX", "SGI", "DDS", "ICO", "JPEG2000")
_LOSSY = ("JPEG", "WEBP", "AVIF")
_OWN_SUFFIXES = {
    "AVIF": ".avif",
    "DDS": ".dds",
    "ICO": ".ico",
    "JPEG2000": ".jp2",
    "PPM": ".ppm",
    "TGA": ".tga",
}
"""Of formats that are seldom photos'."""


@dataclass(frozen=True)
class Fault:
    """A file under the name of an image.

    Attributes:
        kind: What is wrong with it.
        name: Its name.
        content: Its bytes.
        pixels: What somebody sees who opens it, (height, width, 3) of uint8; None: it is no image, or must not be decoded.
        may_lose: Whether it may as well be left out, if that is said.
        any_pixels: Whether nobody can know what it shows, since bytes within it are wrong.
        says: What a note must say of it where it is read.

    """

    kind: str
    name: str
    content: bytes
    pixels: np.ndarray | None = None
    may_lose: bool = False
    any_pixels: bool = False
    says: str = ""


def _photo(random: Random, mode: str = "RGB", size: tuple[int, int] | None = None) -> Image.Image:
    """Return an image that no other seed has."""
    width, height = size or tuple(int(side) for side in random.integers(8, 40, 2))
    return Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)).convert(mode)


def _save(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, format=kind, **options)
    return content.getvalue()


def _see(content: bytes) -> np.ndarray:
    """Return the pixels of a whole file, as RGB."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _name(random: Random, stem: str = "odd") -> str:
    return f"{stem}{random.choice(_SUFFIXES)}"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, *chunks: bytes, bits: int = 8) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + _chunk(b"IEND", b"")
    )


def _side(pixels: int) -> bytes:
    """Return the entry of a TIFF that says its width."""
    return struct.pack("<HHII", 256, 4, 1, pixels)


def other_format(random: Random) -> Fault:
    """A whole image under the suffix of another format."""
    kind = str(random.choice([*_LOSSLESS, *_LOSSY]))
    size = (16, 16) if kind == "ICO" else None
    content = _save(_photo(random, size=size), kind)
    return Fault(f"{kind} under another suffix", _name(random), content, _see(content), may_lose=True)


def unread_suffix(random: Random) -> Fault:
    """An image of a format that is not looked for."""
    kind, suffix = [("PCX", ".pcx"), ("SGI", ".sgi"), ("IM", ".im")][int(random.integers(3))]
    return Fault(f"suffix {suffix}", f"odd{suffix}", _save(_photo(random, size=(16, 16)), kind), None)


def own_suffix(random: Random) -> Fault:
    """A whole image of a format that few photos have, under its own name."""
    kind = str(random.choice(list(_OWN_SUFFIXES)))
    image = _photo(random, size=(16, 16) if kind == "ICO" else None)
    content = _save(image if kind == "PPM" else image.convert(str(random.choice(["RGB", "RGBA"]))), kind)
    return Fault(f"{kind} as {_OWN_SUFFIXES[kind]}", f"odd{_OWN_SUFFIXES[kind]}", content, _see(content))


def broken_head(random: Random) -> Fault:
    """The same with a head that is cut, or in which bytes flipped, are zero or are as large as can be."""
    kind = str(random.choice(list(_OWN_SUFFIXES)))
    content = bytearray(_save(_photo(random, size=(16, 16)), kind))
    place, count = int(random.integers(min(len(content), 148))), int(random.integers(1, 9))
    damage = str(random.choice(["cut", "zeros", "ones", "nonsense"]))
    if damage == "cut":
        del content[place:]
    else:
        values = {"zeros": b"\0" * count, "ones": b"\xff" * count, "nonsense": random.bytes(count)}
        content[place : place + count] = values[damage]
    return Fault(f"{damage} in {kind}", f"odd{_OWN_SUFFIXES[kind]}", bytes(content), may_lose=True, any_pixels=True)


def cut_off(random: Random) -> Fault:
    """A download that broke off."""
    kind = str(random.choice([*_LOSSLESS, *_LOSSY]))
    whole = _save(_photo(random, size=(32, 32)), kind)
    content = whole[: int(random.integers(0, len(whole)))]
    return Fault(f"cut {kind}", _name(random), content, _see(whole), may_lose=True)


def surplus_bytes(random: Random) -> Fault:
    """Something behind the end of an image."""
    kind = str(random.choice(["PNG", "JPEG", "GIF"]))
    whole = _save(_photo(random), kind)
    return Fault(f"{kind} with more behind it", _name(random), whole + random.bytes(500), _see(whole))


def flipped_bytes(random: Random) -> Fault:
    """Bytes that flipped, in the head or anywhere."""
    kind = str(random.choice([*_LOSSLESS, *_LOSSY]))
    content = bytearray(_save(_photo(random, size=(32, 32)), kind))
    last = len(content) if random.random() < 0.3 else min(80, len(content))
    for place in random.integers(0, last, int(random.integers(1, 9))):
        content[place] = int(random.integers(256))
    return Fault(f"flipped {kind}", _name(random), bytes(content), may_lose=True, any_pixels=True)


def magic_alone(random: Random) -> Fault:
    """The first bytes of a format, and nonsense behind them."""
    magics = {
        "DDS": b"DDS \x7c\0\0\0" + random.bytes(72) + struct.pack("<II", 32, 4) + b"DX10" + random.bytes(40),
        "DDS of a kind": b"DDS "
        + struct.pack("<7I", 124, 4111, 4, 4, 4, 1, 0)
        + b"\0" * 44
        + struct.pack("<II4s", 32, 4, b"ABCD"),
        "PSD": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 4, 4, 8, 3),
        "FITS": b"SIMPLE  =                    T" + b" " * 50,
        "GRIB": b"GRIB\0\0\0\1",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "BUFR": b"BUFR",
        "TIFF": b"II*\0\x08\0\0\0" + struct.pack("<H", 5),
        "TIFF big": b"MM\0*\0\0\0\x08" + struct.pack(">H", 3),
        "BigTIFF": b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
        "WEBP": b"RIFF\x50\0\0\0WEBPVP8 ",
        "ICO": b"\0\0\1\0\2\0",
        "CUR": b"\0\0\2\0\1\0",
        "ICNS": b"icns\0\0\1\0ic07\0\0\0\x40",
        "PPM": b"P6 4 4 255\n",
        "PPM of words": b"P3 x y z\n",
        "PFM": b"Pf 3 3 0\n",
        "JPEG2000": b"\xff\x4f\xff\x51\0\x2f\0\0",
        "JP2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x16",
        "BMP": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
        "PCX": b"\n\5\1\x08\0\0\0\0\3\0\3\0",
        "QOI": b"qoif\0\0\0\4\0\0\0\4\3\0",
        "XPM": b"/* XPM */\n",
        "XBM": b"#define x_width 4\n#define x_height 4\nstatic char x_bits[] = {\n",
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "FTEX": b"FTEX\0\0\1\0",
        "WMF": b"\xd7\xcd\xc6\x9a\0\0",
        "EMF": b"\1\0\0\0" + b"\0" * 36 + b" EMF",
        "FLI": b"\0\1\0\0\x12\xaf\1\0",
        "IPTC": b"\x1c\3\x14\0\1",
        "MSP": b"DanM\4\0\4\0",
        "SGI": b"\1\xda\0\1\0\3",
        "SUN": b"\x59\xa6\x6a\x95\0\0\0\4\0\0\0\4",
        "BLP": b"BLP2\1\0\0\0",
        "AVIF": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1",
        "MPO": b"\xff\xd8\xff\xe2\0\x10MPF\0II*\0",
        "GIF": b"GIF89a\4\0\4\0\xf7\0\0",
        "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1",
        "GBR": struct.pack(">5I", 28, 2, 4, 4, 4) + b"GIMP",
        "IM": b"Image type: RGB image\r\nImage size (x*y): 4*4\r\n",
        "Mcidas": b"\0\0\0\0\0\0\0\4",
        "XV thumbnail": b"P7 332\n#\n4 4 255\n",
        "PCD": b"\0" * 2048 + b"PCD_",
    }
    kind = str(random.choice(list(magics)))
    content = magics[kind] + random.bytes(int(random.integers(0, 3000)))
    return Fault(f"{kind} of nonsense", _name(random), content, may_lose=True, any_pixels=True)


def bomb(random: Random) -> Fault:
    """A small file that says it is huge, or becomes so."""
    side = int(random.choice([10_000, 20_000, 65_535, 2**31 - 1]))
    text = b"zTXt", b"a\0\0" + zlib.compress(b"\0" * 70_000_000, 9)
    sizes = struct.pack("<HH", 65_535, 65_535)
    bombs = {
        "PNG": _png(side, side),
        "PNG text": _png(8, 8, _chunk(*text)),
        "GIF": b"GIF89a" + sizes + b"\0\0\0," + b"\0" * 4 + sizes + b"\0\x08\x02L\x01\0;",
        "PPM": f"P6 {side} {side} 255\n".encode() + b"\0" * 100,
        "BMP": b"BM" + struct.pack("<IHHIIiiHHII", 80, 0, 0, 54, 40, side, side, 1, 24, 0, 0) + b"\0" * 30,
        "TIFF": _save(_photo(random, size=(8, 8)), "TIFF").replace(_side(8), _side(side)),
    }
    kind = str(random.choice(list(bombs)))
    return Fault(f"{kind} bomb", _name(random), bombs[kind], may_lose=True, any_pixels=kind == "TIFF")


def odd_size(random: Random) -> Fault:
    """A side of nothing, or of one pixel."""
    width, height = [(0, 0), (0, 9), (9, 0), (1, 1), (1, 3_000), (3_000, 1)][int(random.integers(6))]
    if not width * height:
        return Fault(f"{width} x {height}", "odd.png", _png(width, height))
    content = _save(_photo(random, size=(width, height)), "PNG")
    return Fault(f"{width} x {height}", "odd.png", content, _see(content))


def deep(random: Random) -> Fault:
    """More than 8 bits a channel, which a conversion would clip."""
    values = random.integers(0, 65_536, (9, 9))
    images = {
        "16 bits, PNG": _save(Image.fromarray(values.astype(np.uint16)), "PNG"),
        "16 bits, TIFF": _save(Image.fromarray(values.astype(np.uint16)), "TIFF"),
        "32 bits, TIFF": _save(Image.fromarray(values.astype(np.int32)), "TIFF"),
        "floats, TIFF": _save(Image.fromarray(values.astype(np.float32)), "TIFF"),
    }
    kind = str(random.choice(list(images)))
    return Fault(kind, _name(random), images[kind])


def other_mode(random: Random) -> Fault:
    """Grey, palettes, transparency, or inks."""
    mode, kind = [
        *(("1", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("CMYK", "JPEG"), ("L", "JPEG")),
        *(
            ("CMYK", "TIFF"),
            ("LAB", "TIFF"),
            ("1", "TIFF"),
            ("RGBA", "WEBP"),
            ("P", "GIF"),
            ("RGBA", "TIFF"),
            ("PA", "TIFF"),
        ),
    ][int(random.integers(14))]
    image = _photo(random)
    made = image.convert("P").convert("PA") if mode == "PA" else image.convert(mode) if mode != "LAB" else None
    if made is None:
        made = Image.merge("LAB", image.split())
    elif mode.endswith("A"):
        made.putalpha(Image.fromarray(random.integers(0, 256, (image.height, image.width), dtype=np.uint8)))
    options: dict[str, Any] = {}
    if mode == "P" and random.random() < 0.7:
        options["transparency"] = (
            3 if random.random() < 0.5 or kind == "GIF" else bytes(random.integers(0, 256, 200).tolist())
        )
    content = _save(made, kind, **options)
    return Fault(f"{mode} in {kind}", _name(random), content, _see(content), says="onverted to RGB")


def turned(random: Random) -> Fault:
    """An orientation in EXIF, or one that cannot be."""
    image = _photo(random)
    exif = Image.Exif()
    orientation = int(random.choice([1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 99]))
    exif[0x0112] = orientation
    kind = str(random.choice(["JPEG", "PNG", "WEBP", "TIFF"]))
    content = _save(image, kind, exif=exif.tobytes(), **({"lossless": True} if kind == "WEBP" else {}))
    seen = _see(content)
    turns = {2: (0,), 3: (3,), 4: (1,), 5: (5,), 6: (4,), 7: (6,), 8: (2,)}
    for turn in () if kind == "TIFF" else turns.get(orientation, ()):  # Pillow turns a TIFF itself
        seen = np.asarray(Image.fromarray(seen).transpose(Image.Transpose(turn)))
    return Fault(f"orientation {orientation} in {kind}", _name(random), content, seen)


def broken_exif(random: Random) -> Fault:
    """A head of EXIF that is nonsense, in an image that is whole."""
    image = _photo(random)
    heads = {
        "no text": b"Exif\0\0",
        "no table": b"Exif\0\0II*\0\x08\0\0\0",
        "cut table": b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01",
        "far away": b"Exif\0\0MM\0*\x7f\xff\xff\xff",
        "of another type": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\x01\2\0\4\0\0\0abc\0\0\0\0\0",
        "a fraction by zero": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\x01\5\0\1\0\0\0\x1a\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0",
        "many": b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\x01\3\0\xff\xff\0\0\6\0\0\0\0\0\0\0",
        "a circle": b"Exif\0\0II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0",
        "nonsense": b"Exif\0\0" + random.bytes(60),
        "nonsense in a table": b"Exif\0\0II*\0\x08\0\0\0\3\0" + b"\x12\x01" + random.bytes(60),
    }
    name = str(random.choice(list(heads)))
    kind = str(random.choice(["JPEG", "PNG", "WEBP"]))
    content = _save(image, kind, exif=heads[name])
    return Fault(f"EXIF ({name}) in {kind}", _name(random), content, may_lose=True, any_pixels=True)


def several_frames(random: Random) -> Fault:
    """A moving image, or a file of several pages."""
    kind = str(random.choice(["GIF", "PNG", "WEBP", "TIFF", "AVIF"]))
    frames = [_photo(random, size=(16, 16)) for _ in range(3)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = _save(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    return Fault(f"{kind} of several frames", _name(random), content, _see(content), says="several frames")


def foreign_file(random: Random) -> Fault:
    """Something else under an image's name."""
    contents = {
        "nothing": b"",
        "zeros": b"\0" * 5_000,
        "text": b"This is no image.\n",
        "page": b"<!DOCTYPE html><html><head><title>404</title></head></html>\n",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
        "gzip": gzip.compress(b"x" * 99),
        "PDF": b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n",
        "movie": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + random.bytes(300),
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "random": random.bytes(2_000),
        "PostScript": _save(_photo(random), "EPS"),
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.",
    }
    kind = str(random.choice(list(contents)))
    return Fault(f"{kind} as an image", _name(random), contents[kind])


MAKERS: tuple[Callable[[Random], Fault], ...] = (
    other_format,
    unread_suffix,
    cut_off,
    surplus_bytes,
    flipped_bytes,
    magic_alone,
    bomb,
    odd_size,
    deep,
    other_mode,
    turned,
    broken_exif,
    several_frames,
    foreign_file,
    own_suffix,
    broken_head,
)


def make_fault(seed: int) -> Fault:
    """Return the malformed image of a seed."""
    return MAKERS[seed % len(MAKERS)](np.random.default_rng(seed))
