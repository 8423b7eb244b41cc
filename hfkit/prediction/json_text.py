"""The characters of a file of JSON, in the encoding that training finds; broken ones of a line are that line's alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..data.encodings import Encoding, find_encoding
from ..data.table_files import UNPACKING_ERRORS
from ..data.table_format import open_text
from ..errors import UserError, os_reason
from ..flags.tables import TableFlags
from ..notes import Note

_BEGIN = 4096
_BROKEN = re.compile("[\udc80-\udcff]")
"""Where Python keeps bytes that are no character."""


@dataclass(frozen=True)
class JsonText:
    """A file of JSON as text.

    Attributes:
        path: The file.
        encoding: How its characters are stored.
        errors: What becomes of bytes that are no character; `strict`: the row that has them cannot be read.

    """

    path: Path
    encoding: Encoding
    errors: str

    @classmethod
    def find(cls, path: Path, given: TableFlags) -> "JsonText":
        """Find how the characters of a file are stored.

        Raises:
            UserError: It cannot be read or unpacked, or is UTF-16 or UTF-32 and broken.

        """
        try:
            encoding = find_encoding(path, given.encoding, "replace")
            if given.encoding_errors == "strict" and encoding.name.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
                find_encoding(path, given.encoding)  # a line cannot be told there from the next one
        except OSError as error:
            raise UserError(f"{path} cannot be read: {os_reason(error)}.") from error
        except UNPACKING_ERRORS as error:
            raise UserError(f"{path} cannot be unpacked: {error}.") from error
        return cls(path, encoding, given.encoding_errors)

    @contextmanager
    def open(self) -> Iterator[TextIO]:
        """Open it; lines keep their ends, and bytes that are no character are surrogates where errors are strict.

        Raises:
            UserError: It cannot be read or unpacked.

        """
        with open_text(
            self.path, self.encoding.name, "surrogateescape" if self.errors == "strict" else self.errors
        ) as file:
            yield file

    def begin(self) -> str:
        """Return its begin without spaces."""
        with self.open() as file:
            return file.read(_BEGIN).lstrip("\ufeff \t\r\n")

    def read(self) -> str:
        """Return all of it.

        Raises:
            UserError: It has bytes that are no character, and errors are strict.

        """
        with self.open() as file:
            content = file.read()
        if self.describe_broken(content):
            find_encoding(self.path, self.encoding.name)  # which says where
        return content

    def describe_broken(self, text: str) -> str:
        """Return in some words which bytes of a text are no character; empty where there are none."""
        broken = _BROKEN.search(text)
        return "" if broken is None else f"not {self.encoding} (byte 0x{ord(broken[0]) - 0xDC00:02x})"

    def notes(self) -> list[Note]:
        """Say what the encoding is, where it is not the usual one."""
        if self.encoding.name == "utf-8-sig" and self.errors == "strict":
            return []
        guessed = " (guessed)" if self.encoding.is_guess else ""
        errors = "" if self.errors == "strict" else f", broken characters: {self.errors}"
        text = f"{self.path.name}: read as JSON, {self.encoding}{guessed}{errors}."
        return [Note("table_format", text, on_card=False)]
