"""Rows of JSONL files, one object a line, and of JSON files with one array, which alone is read as a whole."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.sources import encoding_error
from ..errors import UserError
from .rows import Row, file_identity


@dataclass
class JsonFile:
    """A JSONL file, or a JSON file with an array of objects; its columns are all keys, as they first appear."""

    path: Path
    columns: list[str]
    total: int | None
    identity: str
    array: list[Any] | None = None

    @classmethod
    def open(cls, path: Path) -> "JsonFile":
        """Find the columns and count the rows, by reading the file once.

        Raises:
            UserError: It cannot be read, or has no row that is an object.

        """
        array = _read_array(path) if _is_array(path) else None
        columns: dict[str, None] = {}
        total = 0
        for _, value, _ in _records(path, array):
            total += 1
            if isinstance(value, dict):
                columns.update(dict.fromkeys(map(str, value)))
        if not columns:
            raise UserError(f"{path} has no row: it must hold one object with the columns a line.")
        return cls(path, list(columns), total, file_identity(path), array)

    @property
    def has_photos(self) -> bool:
        """Whether its rows are photos."""
        return False

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.path)

    def rows(self) -> Iterator[Row]:
        """Yield the rows; a key that an object lacks is a missing cell."""
        for line, value, problem in _records(self.path, self.array):
            cells = [value.get(column) for column in self.columns] if isinstance(value, dict) else []
            yield Row(line, cells, problem)


def _is_array(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _read_array(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise encoding_error(path, error) from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read as JSON: {error}.") from error
    return list(content)


def _records(path: Path, array: list[Any] | None) -> Iterator[tuple[int, Any, str]]:
    """Yield the line of each row (of an array: its number), what stands there, and why it cannot be read."""
    if array is not None:
        for number, value in enumerate(array, 1):
            yield number, value, "" if isinstance(value, dict) else "no object with columns"
        return
    try:
        with path.open("rb") as file:
            for line, content in enumerate(file, 1):
                if content.strip():
                    yield line, *_parse(content.removeprefix(b"\xef\xbb\xbf") if line == 1 else content)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error


def _parse(content: bytes) -> tuple[Any, str]:
    """Return what a line holds, and why it cannot be read."""
    try:
        value = json.loads(content.decode().rstrip())
    except UnicodeDecodeError as error:
        return None, f"not UTF-8 (byte 0x{error.object[error.start]:02x})"
    except json.JSONDecodeError as error:
        return None, f"not JSON ({error.msg}, column {error.colno})"
    except (ValueError, RecursionError) as error:
        return None, f"not JSON ({str(error)[:100]})"
    return (value, "") if isinstance(value, dict) else (None, "no object with columns")
