"""Text of the data in plots: shortened, without formulas, and in a font that has its letters."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FONT = "DejaVu Sans"
"""Comes with matplotlib; it has Latin, Greek, Cyrillic and other letters, but no Chinese, Japanese or Korean ones."""


def escape(text: str) -> str:
    """Keep a dollar from starting a formula."""
    return text.replace("$", r"\$")


def measure_width(text: str) -> int:
    """Return the width of a text in columns: two for a wide letter, as Chinese ones are, and none for a combining mark."""
    return sum(map(_measure_letter, text))


def _measure_letter(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Return a text on one line, its end replaced by an ellipsis where it is wider than `width` columns."""
    text = " ".join(text.split())
    return text if measure_width(text) <= width else f"{_cut(text, width - 1).rstrip()}…"


def shorten_middle(text: str, width: int) -> str:
    """Return a text on one line, its middle replaced by an ellipsis where it is wider than `width` columns."""
    text = " ".join(text.split())
    if measure_width(text) <= width:
        return text
    end = _cut(text[::-1], (width - 1) // 2)[::-1]
    return f"{_cut(text, width - 1 - measure_width(end))}…{end}"


def _cut(text: str, width: int) -> str:
    """Return as much of the beginning of a text as `width` columns have room for."""
    taken = 0
    for index, letter in enumerate(text):
        taken += _measure_letter(letter)
        if taken > width:
            return text[:index]
    return text


def shorten_names(names: Sequence[str], width: int) -> list[str]:
    """Shorten names at their ends, or those that would then be the same in their middles; a name without a letter is quoted."""
    named = [name if name.strip() else repr(name) for name in names]
    short = [shorten(name, width) for name in named]
    return [
        shorten_middle(name, width) if short.count(one) > 1 else one for name, one in zip(named, short, strict=True)
    ]


def find_fonts(texts: Sequence[str]) -> list[str]:
    """Return the families of fonts that are needed for texts: matplotlib's own, and installed ones for letters it lacks."""
    letters = frozenset("".join(texts)) - _letters_of_file(_file_of_family(FONT))
    missing = frozenset(letter for letter in letters if letter.isprintable())
    return [FONT, *_find_fallbacks(missing)] if missing else [FONT]


@lru_cache(maxsize=64)
def _find_fallbacks(missing: frozenset[str]) -> tuple[str, ...]:
    """Return installed families that have as many of the missing letters as can be had; a run draws the same ones thrice."""
    families: list[str] = []
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: ("Sans" not in font.name, font.name)):
        if not missing:
            break
        is_plain = font.style == "normal" and font.weight in (400, "normal", "regular")
        if not is_plain or font.name.startswith("Last Resort"):  # that one has a box for every letter
            continue
        here = missing & _letters_of_file(font.fname)
        if here and _file_of_family(font.name) == font.fname:
            families.append(font.name)
            missing -= here
    return tuple(families)


def _file_of_family(family: str) -> str:
    return str(font_manager.findfont(font_manager.FontProperties(family=[family])))


@lru_cache(maxsize=1024)
def _letters_of_file(path: str) -> frozenset[str]:
    """Return the letters that can be drawn in a font; none where the file is gone, or holds pictures, as those of emoji do."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) if font.scalable else frozenset()


def name_drawable(names: Sequence[str]) -> list[str]:
    """Return the names of all classes, that of one which no font here can draw replaced by its label id."""
    letters = _drawable_letters(names)
    return [
        name if letters.issuperset("".join(name.split())) else f"(label id {index})" for index, name in enumerate(names)
    ]


def drawable(text: str) -> str:
    """Return a text with a box for each letter that no font here can draw."""
    letters = _drawable_letters([text])
    return "".join(letter if letter in letters or letter.isspace() else "□" for letter in text)


def _drawable_letters(texts: Sequence[str]) -> frozenset[str]:
    """Return the letters of all fonts that texts are drawn in."""
    return frozenset[str]().union(*(_letters_of_file(_file_of_family(family)) for family in find_fonts(texts)))
