"""How the characters of a file are stored: as it says itself, UTF-8 where that fits, else what charset-normalizer finds."""

import codecs
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import UserError
from .table_files import open_table

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AT_ONCE = 1 << 20
_SHOWN = 160
_LINES_LOOKED_AT = 2000
_TIE = 0.005
"""Two encodings whose texts are as much like a language are told apart by which is more common."""
_COMMON = ("cp1252", "latin_1", "mac_roman", "cp1250", "cp1251")
_OF_MACS = ("mac_latin2", "mac_iceland", "mac_turkish")
_OF_FEW = ("cp1257", "iso8859_4", "iso8859_10", "iso8859_13", "hp_roman8")
"""Encodings that texts in mac_roman and in cp1252 are taken for, which have most of the same letters."""
_HARDLY = 0.06
"""So much more chaotic a text may be by the common one of these."""


@dataclass(frozen=True)
class Encoding:
    """How characters are stored.

    Attributes:
        name: As Python knows it.
        is_guess: Whether other encodings would fit, too.

    """

    name: str
    is_guess: bool = False

    def __str__(self) -> str:
        shown = {"utf-8-sig": "UTF-8", "latin_1": "latin-1"}.get(self.name, self.name)
        return shown.upper() if shown.startswith("utf") else shown


def find_encoding(path: Path, given: str | None = None, errors: str = "strict") -> Encoding:
    """Find how a file's characters are stored, by reading it once.

    Args:
        path: The file.
        given: `--encoding`.
        errors: `--encoding_errors`: with another value than `strict` a file with some broken characters is UTF-8.

    Raises:
        UserError: It is UTF-8 but for some characters, or not of the encoding that is given, and `errors` is strict.
        OSError: It cannot be read.

    """
    with open_table(path) as file:
        start = file.read(4096)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    name = given or marked or _without_mark(start) or "utf-8"
    if codecs.lookup(name).name == "utf-8":
        name = "utf-8-sig"  # it reads files with and without the mark
    fault = _first_fault(path, name)
    if fault is None:
        return Encoding(name)
    if given is None and marked is None and not _is_utf8_but_for_some(path):
        return Encoding(_guess(path, fault), is_guess=True)
    if errors == "strict":
        raise _fault_error(path, Encoding(name), fault)
    return Encoding(name)


def is_wide(start: bytes) -> bool:
    """Whether the begin of a file is UTF-16 or UTF-32, whose texts have zero bytes."""
    return (
        any(start.startswith(mark) for mark, name in _MARKS if name != "utf-8-sig") or _without_mark(start) is not None
    )


def _without_mark(start: bytes) -> str | None:
    """Return the UTF-16 without a mark that a file is in: of Latin letters every other byte is zero."""
    pairs = len(start) // 2
    if pairs < 2 or b"\0" not in start:
        return None
    if start[1::2].count(0) > 0.4 * pairs and start[::2].count(0) < 0.1 * pairs:
        return "utf-16-le"
    if start[::2].count(0) > 0.4 * pairs and start[1::2].count(0) < 0.1 * pairs:
        return "utf-16-be"
    return None


@dataclass(frozen=True)
class _Fault:
    """Bytes that are no character.

    Attributes:
        line: Their line.
        column: How many characters are before them on the line, and one.
        bytes: The first of them.
        excerpt: What is around them.

    """

    line: int
    column: int
    bytes: bytes
    excerpt: str


def _first_fault(path: Path, encoding: str) -> _Fault | None:
    """Return the first bytes of a file that are no character of an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = 0
    last_line = ""
    with open_table(path) as file:
        while True:
            content = file.read(_AT_ONCE)
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeDecodeError as error:
                return _describe_fault(error, newlines, last_line)
            if not content:
                return None
            newlines += text.count("\n")
            last_line = (last_line + text).rsplit("\n", 1)[-1][-_AT_ONCE:]


def _describe_fault(error: UnicodeDecodeError, newlines: int, last_line: str) -> _Fault:
    """Return a fault with what is around it.

    Args:
        error: What the decoder raised.
        newlines: How many line breaks are before the bytes that it decoded.
        last_line: The begin of the line on which they begin.

    """
    before = last_line + error.object[: error.start].decode(error.encoding, "replace")
    line = before.rsplit("\n", 1)[-1]
    rest = error.object[error.end : error.end + 4 * _SHOWN].decode(error.encoding, "ignore").split("\n")[0]
    excerpt = f"{line[-_SHOWN // 2 :]}\ufffd{rest[: _SHOWN // 2]}".strip()
    wrong = error.object[error.start : error.end]
    return _Fault(newlines + before.count("\n") + 1, len(line) + 1, wrong, excerpt)


def _fault_error(path: Path, encoding: Encoding, fault: _Fault) -> UserError:
    """Return the error of a file that is of an encoding but for some bytes."""
    return UserError(
        f"{path} is {encoding}, but has bytes that are no character (first 0x{fault.bytes.hex()} in line {fault.line}, character "
        f"{fault.column}: '{fault.excerpt}'): write --encoding_errors replace to read such bytes as \ufffd and keep the row, or "
        f"mend the line; --encoding NAME says another encoding{_line_in_utf8(path, encoding)}."
    )


def _line_in_utf8(path: Path, encoding: Encoding) -> str:
    """Say which line shows that a file is UTF-8: its first one that is so and not ASCII."""
    if encoding.name != "utf-8-sig":
        return ""
    with open_table(path) as file:
        lines = (
            number for number, line in enumerate(file, 1) if not line.isascii() and _decode(line, "utf-8") is not None
        )
        number = next(lines, None)
    return "" if number is None else f" (line {number} is UTF-8)"


def _lines_with_high_bytes(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file that are not ASCII."""
    with open_table(path) as file:
        yield from (line for line in file if not line.isascii())


def _is_utf8_but_for_some(path: Path) -> bool:
    """Whether most characters beyond ASCII, or a fifth of their lines, are UTF-8: in other encodings hardly one is by chance."""
    good = bad = good_lines = lines = 0
    for line in islice(_lines_with_high_bytes(path), 50_000):
        text = line.decode("utf-8", "surrogateescape")
        faults = sum("\udc80" <= character <= "\udcff" for character in text)
        bad += faults
        good += sum(character > "\x7f" for character in text) - faults
        good_lines += not faults
        lines += 1
    return good > bad or (good_lines > 1 and good_lines >= lines / 5)


def _guess(path: Path, fault: _Fault) -> str:
    """Return the encoding that fits the lines that are not ASCII best."""
    sample = b"".join(islice(_lines_with_high_bytes(path), _LINES_LOOKED_AT))
    names = _rank(sample)
    if not names:
        raise UserError(
            f"{path} is not UTF-8 (byte 0x{fault.bytes[:1].hex()} in line {fault.line}), and no other encoding fits: write "
            "--encoding NAME, or save it as UTF-8."
        )
    return next(name for name in (*names, "latin_1") if _first_fault(path, name) is None)


def _rank(sample: bytes) -> list[str]:
    """Return the encodings that fit bytes, the best first: common ones that fit as well as what charset-normalizer finds."""
    from charset_normalizer import from_bytes

    sample = sample[: _AT_ONCE // 4]
    matches = list(from_bytes(sample))
    if not matches:
        return []
    best = matches[0]
    as_good = [match for match in matches if match.chaos <= best.chaos and match.coherence >= best.coherence - _TIE]
    names = {name for match in as_good for name in (match.encoding, *match.could_be_from_charset)}
    if best.encoding in _OF_FEW:
        as_like = [match for match in matches if match.coherence >= best.coherence - _TIE]
        names |= {match.encoding for match in as_like if match.chaos <= best.chaos + _HARDLY} & {"cp1252"}
    if best.encoding in _OF_MACS and _is_of_letters(sample.decode("mac_roman")):
        names.add("mac_roman")
    common = [name for name in _COMMON if name in names or _decode(sample, name) == str(best)]
    return [*common, best.encoding]


def _is_of_letters(text: str) -> bool:
    """Tell whether all characters beyond ASCII are letters and punctuation, and none a sign such as those of mathematics."""
    return all(unicodedata.category(character)[0] in "LP" for character in set(text) if not character.isascii())


def _decode(sample: bytes, name: str) -> str | None:
    try:
        return sample.decode(name)
    except UnicodeDecodeError:
        return None


def find_encodings(paths: Sequence[Path], given: str | None = None, errors: str = "strict") -> dict[Path, Encoding]:
    """Find how files of one kind are stored: those that are not UTF-8 are all of one encoding, where one fits all of them.

    Args:
        paths: The files.
        given: `--encoding`.
        errors: `--encoding_errors`.

    Raises:
        UserError: As of `find_encoding`.
        OSError: One cannot be read.

    """
    encodings = {path: find_encoding(path, given, errors) for path in paths}
    guessed = [path for path, encoding in encodings.items() if encoding.is_guess]
    if len({encodings[path].name for path in guessed}) > 1:
        lines = (line for path in guessed for line in _lines_with_high_bytes(path))
        names = _rank(b"\n".join(islice(lines, _LINES_LOOKED_AT)))
        together = next((name for name in names if all(_first_fault(path, name) is None for path in guessed)), None)
        if together is not None:
            encodings |= dict.fromkeys(guessed, Encoding(together, is_guess=True))
    return encodings
