"""What parts the cells of a table: a character, several, or nothing where a table has one column."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from .columns import TEXT_COLUMNS, find_usual
from .table_scan import ONE_COLUMN, scan

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "space"}
_OF_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_SINGLE = (",", "\t", ";", "|")
_SEVERAL = re.compile(r" *(?:[^\w\s\"'<>()\[\]{}.?!]|\t)+ *")
"""What several characters can be: none that texts have there, such as quotes, brackets and ends of sentences."""
_MOST_TRIED = 8
_LEAST_SHARE = 0.7
"""Of the records, how many have as many cells as the first by a separator that is found."""
_NEARLY_ALL = 0.98
_OF_EXCEL = re.compile(r"\ufeff?\"?sep=([^\r\n\"])\"?[,;\t]*[\r\n]*", re.IGNORECASE)


def name_separator(separator: str) -> str:
    """Return what a message calls a separator, such as `comma`, or `'::'`."""
    return _NAMES.get(separator, f"'{separator}'")


def separator_in_line(line: str) -> str | None:
    """Return the separator that a first line names, as Excel reads and writes it (`sep=;`), or None."""
    match = _OF_EXCEL.fullmatch(line)
    return match[1] if match else None


def find_separator(lines: Sequence[str], suffix: str, named: Collection[str] = ()) -> str:
    """Return the separator by which most records have as many cells as the first; that of the suffix where there is none.

    Args:
        lines: The first ones of a file, with their ends.
        suffix: Of the file.
        named: Columns that flags name.

    """
    default = _OF_SUFFIX.get(suffix, "\t")
    shares = {separator: _share(lines, separator) for separator in (default, *_SINGLE)}
    several = _find_several(lines, shares)
    if several is not None:
        return several
    best = max(shares, key=lambda separator: round(shares[separator], 2))  # of two that are as good, the first
    if shares[best] >= _LEAST_SHARE:
        return best
    return ONE_COLUMN if _is_one_column(lines, default, named) else default


def _share(lines: Sequence[str], separator: str) -> float:
    if not any(separator in line for line in lines):
        return 0.0
    quoted = scan(lines, separator, quoting=True).share
    if quoted == 1 or not any('"' in line for line in lines):
        return quoted
    return max(quoted, scan(lines, separator, quoting=False).share)


def _find_several(lines: Sequence[str], shares: Mapping[str, float]) -> str | None:
    """Return a separator of several characters that stands in the first line, where one of its characters does worse.

    It does where fewer lines have as many cells by it, or where it only parts each cell from empty ones (`a||b`).
    """
    tried = dict.fromkeys(_SEVERAL.findall(lines[0].rstrip("\r\n")) if lines else [])
    for separator in [text for text in tried if _is_made_to_part(text)][:_MOST_TRIED]:
        share = _share(lines, separator)
        single = [character for character in shares if character in separator]
        if share >= _NEARLY_ALL and all(
            shares[character] < share or _stands_nowhere_else(lines, separator, character) for character in single
        ):
            return separator
    return None


def _is_made_to_part(text: str) -> bool:
    """Tell whether several characters read the same from both ends, as `::` and `~|~` do, and `,-` before a number does not."""
    middle = text.strip(" ")
    return len(text) > 1 and middle == middle[::-1]


def _stands_nowhere_else(lines: Sequence[str], separator: str, character: str) -> bool:
    """Tell whether a character of a longer separator parts nothing by itself: it makes just so many cells more.

    It does not where fewer cells are in quotes by the longer one, which then stands inside of these.
    """
    longer, single = scan(lines, separator, quoting=True), scan(lines, character, quoting=True)
    return single.width == (longer.width - 1) * separator.count(character) + 1 and longer.quoted >= single.quoted


def _is_one_column(lines: Sequence[str], default: str, named: Collection[str]) -> bool:
    """Tell whether separators only stand in texts: the first line has none, and is a text column's name or others differ."""
    seen = scan(lines, default, quoting=True)
    if seen.width != 1:
        return False
    name = seen.records[0].cells[0].strip()
    others = seen.widths - Counter([1])
    is_named = name in named or find_usual([name], TEXT_COLUMNS) is not None
    return max(others, default=1) > 1 and (is_named or max(others.values()) < _NEARLY_ALL * others.total())
