"""Tables for the console, of texts that come from files and folders."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def clean_text(text: str) -> str:
    """Return a text in one line, without what could steer a terminal: each such character becomes a replacement character."""
    line = " ".join(text.split())
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line)


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", numbers: Sequence[str] = ()
) -> None:
    """Print a table; nothing in its cells is taken for markup.

    Args:
        columns: Their names.
        rows: A cell a column.
        title: Above it.
        numbers: Columns that stand on the right.

    """
    table = Table(title=Text(clean_text(title)) if title else None, title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(Text(clean_text(name)), justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean_text(cell)) for cell in row))
    Console().print(table)


def show_line(line: str) -> None:
    """Print a sentence in one line, however wide the console is."""
    Console().print(Text(clean_text(line)), soft_wrap=True)


def show_json(content: Any) -> None:
    """Print JSON for other programs: in ASCII, without anything around it."""
    print(json.dumps(content, indent=2, allow_nan=False))
