"""How a table of a user is written, as far as flags say it; nothing here imports torch."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import UserError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "none": ""}
"""Names for separators that a shell makes hard to write."""
ENCODING_ERRORS = ("strict", "replace", "ignore")


@dataclass(frozen=True)
class TableFlags:
    """What is given of a table's format; None: it is found.

    Attributes:
        separator: What parts the cells: a character or several, or a name of `SEPARATORS`; none: there is one column.
        header: Whether the first line has the names of the columns.
        quoting: Whether double quotes around a cell hold it together and are no part of it.
        encoding: How its characters are stored.
        encoding_errors: What is done with bytes that are no character: refuse the file, or replace or ignore them.

    Raises:
        UserError: The separator cannot be one, or Python does not know the encoding.

    """

    separator: str | None = None
    header: bool | None = None
    quoting: bool | None = None
    encoding: str | None = None
    encoding_errors: str = "strict"

    def __post_init__(self) -> None:
        if self.separator is not None:
            object.__setattr__(self, "separator", _read_separator(self.separator))
        if self.encoding is not None:
            _check_encoding(self.encoding)
        if self.encoding_errors not in ENCODING_ERRORS:
            raise UserError(f"--encoding_errors {self.encoding_errors}: write {', '.join(ENCODING_ERRORS)}.")

    def to_command(self) -> list[str]:
        """Return the flags of a command line that say the same; what is as by default is left out."""
        given = {
            item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) != item.default
        }
        if "separator" in given:
            by_characters = {characters: name for name, characters in SEPARATORS.items()}
            given["separator"] = by_characters.get(given["separator"], given["separator"])
        return [
            part
            for name, value in given.items()
            for part in (f"--{name}", str(value).lower() if isinstance(value, bool) else str(value))
        ]


FIND = TableFlags()
"""Nothing is given."""


def _read_separator(separator: str) -> str:
    """Return the characters that are meant.

    Raises:
        UserError: One of them ends rows or holds cells together.

    """
    characters = SEPARATORS.get(separator.lower(), separator).replace("\\t", "\t")
    if not set(characters).isdisjoint('\r\n"\0'):
        raise UserError(
            f"--separator {separator!r}: write a character or several, or comma, semicolon, tab, pipe, space, or none for one "
            "column."
        )
    return characters


def _check_encoding(encoding: str) -> None:
    """Refuse the name of an encoding that Python does not know, or that is not one of texts."""
    try:
        codec = codecs.lookup(encoding)
        "a".encode(codec.name)
    except (LookupError, ValueError) as error:
        raise UserError(
            f"--encoding {encoding}: there is no such encoding; write utf-8, utf-16, cp1252, latin-1 or another of "
            "Python's."
        ) from error


def take_table_flags(flags: Mapping[str, Any]) -> TableFlags:
    """Return those of keywords that say how tables are written; None is not given.

    Raises:
        UserError: A value is not one that it can have.

    """
    given = {item.name: flags.get(item.name) for item in fields(TableFlags)}
    return TableFlags(**{name: value for name, value in given.items() if value is not None})


def parse_table_flags(
    separator: str | None, header: str | None, quoting: str | None, encoding: str | None, encoding_errors: str
) -> TableFlags:
    """Return the flags of a command line whose truth values are words.

    Raises:
        UserError: A value is not one that it can have.

    """
    return TableFlags(
        separator, _read_truth("header", header), _read_truth("quoting", quoting), encoding, encoding_errors
    )


def _read_truth(name: str, value: str | None) -> bool | None:
    if value is None:
        return None
    if value.lower() not in ("true", "yes", "1", "false", "no", "0"):
        raise UserError(f"--{name} {value}: write true or false.")
    return value.lower() in ("true", "yes", "1")
