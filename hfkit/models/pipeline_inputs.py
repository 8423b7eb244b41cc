"""What a pipeline is given, checked: a sentence says what is wrong with a row, a table or a path, and what to write instead."""

import os
from typing import Any

_TABLES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
_ADDRESSES = ("http://", "https://", "data:")
_FROM_FILES = "`hfkit predict MODEL FILE` reads it, or predict(table) of hfkit.load_pipeline(...)"


def check_container(inputs: Any, content: str) -> None:
    """Refuse nothing, an empty list, and tables, columns, tuples and sets, which a pipeline would take for one row.

    Args:
        inputs: What a pipeline is called with.
        content: What it classifies: `text` or `photo`.

    Raises:
        TypeError: It is one of those, or nothing.
        ValueError: It is an empty list.

    """
    if _is_missing(inputs):
        raise TypeError(f"A {content} is {inputs}: leave the row out{_or_empty(content)}.")
    name = type(inputs).__name__
    if hasattr(inputs, "iloc"):  # of pandas
        instead = "table['text'].tolist()" if content == "text" else "table['file'].tolist()"
        instead = instead if name == "DataFrame" else "column.tolist()"
        raise TypeError(
            f"A {name} is no list of {content}s: write {instead}, or predict(...) of hfkit.load_pipeline(...)."
        )
    if isinstance(inputs, tuple | set | frozenset):
        raise TypeError(f"A {name} is no list of {content}s: write list(...), or [{content}] for one {content}.")
    if isinstance(inputs, list) and not inputs:
        raise ValueError(f"The list has no {content}s: give at least one.")


def check_text(text: Any) -> None:
    """Refuse what is no text, and the name of a table in place of its texts.

    Raises:
        TypeError: It is None, NaN, or of another type.
        ValueError: It is the path of a table that is there.

    """
    if _is_missing(text):
        raise TypeError(f"A text is {text}: leave the row out{_or_empty('text')}.")
    if not isinstance(text, str):
        instead = "text.decode()" if isinstance(text, bytes | bytearray) else "str(text)"
        raise TypeError(f"A text is of type {type(text).__name__}: give a str, such as {instead}.")
    if text.lower().endswith(_TABLES) and len(text) < 1024 and os.path.isfile(text):
        raise ValueError(f"{text} is a table and no text: {_FROM_FILES}.")


def check_photo(photo: Any) -> None:
    """Refuse what is no photo, such as a path where nothing is.

    Raises:
        TypeError: It is None or NaN.
        ValueError: It is the path of nothing, of a folder or of a table.

    """
    if _is_missing(photo):
        raise TypeError(f"A photo is {photo}: leave the row out.")
    if not isinstance(photo, str) or photo.startswith(_ADDRESSES):
        return
    if os.path.isdir(photo):
        raise ValueError(f"{photo} is a folder and no photo: `hfkit predict MODEL FOLDER` reads it.")
    if photo.lower().endswith(_TABLES):
        raise ValueError(f"{photo} is a table and no photo: {_FROM_FILES}.")
    # What is no file may be an image in base64, which has no dot and is longer than a name.
    if not os.path.isfile(photo) and ("." in photo or len(photo) < 64):
        raise ValueError(f"There is no photo {photo}: check the path (from {os.getcwd()}).")


def _is_missing(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _or_empty(content: str) -> str:
    return ", or give an empty text ''" if content == "text" else ""
