"""Tables for the console, of texts that come from files and folders."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.cells import cell_len
from rich.table import Table

from ..console import make_console, plain
from ..visible import visible


def clean_text(text: str) -> str:
    """Return a text in one line, in which what could steer a terminal is shown."""
    return visible(" ".join(text.split()))


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    title: str = "",
    numbers: Sequence[str] = (),
    whole: Sequence[str] = (),
    give_way: Sequence[str] = (),
) -> None:
    """Print a table; nothing in its cells is taken for markup.

    Args:
        columns: Their names.
        rows: A cell a column.
        title: Above it.
        numbers: Columns that stand on the right.
        whole: Columns whose cells are never broken, so that they can be copied; a narrow console wraps the lines then.
        give_way: Columns that are left out of a table that is too wide for the console, the first one first; a line names them.

    """
    console, cells = make_console(), [[clean_text(cell) for cell in row] for row in rows]
    widths = {
        name: max(_least_width(row[place], name in whole) for row in [list(columns), *cells])
        for place, name in enumerate(columns)
    }
    left_out = _choose_columns(widths, give_way, console.width)
    shown = [name for name in columns if name not in left_out]
    table = Table(title=plain(clean_text(title)) if title else None, title_justify="left", title_style="bold")
    for name in shown:
        side: Literal["right", "left"] = "right" if name in numbers else "left"
        least = widths[name] if name in whole else None
        table.add_column(plain(clean_text(name)), justify=side, overflow="fold", min_width=least, no_wrap=name in whole)
    for row in cells:
        table.add_row(*(plain(row[columns.index(name)]) for name in shown))
    needed = _table_width([widths[name] for name in shown]) if whole else 0
    console.print(table, width=max(console.width, needed), crop=False, no_wrap=True, overflow="ignore")
    if left_out:
        show_line(f"Left out, for which the console is too narrow: {', '.join(left_out)}. --json has all.")


_LONGEST_WORD = 12
_BORDERS = 3
"""Characters that a column takes besides its cells; the table has one more."""


def _least_width(cell: str, is_whole: bool) -> int:
    """Return how narrow a cell can be: a whole one not at all, another one as its longest word, up to a limit."""
    return cell_len(cell) if is_whole else min(max(map(cell_len, cell.split()), default=0), _LONGEST_WORD)


def _table_width(widths: Iterable[int]) -> int:
    return 1 + sum(width + _BORDERS for width in widths)


def _choose_columns(widths: Mapping[str, int], give_way: Sequence[str], width: int) -> list[str]:
    """Return which columns are left out, so that the others fit, as far as that goes."""
    left_out: list[str] = []
    for name in give_way:
        if _table_width(least for column, least in widths.items() if column not in left_out) <= width:
            break
        left_out.append(name)
    return left_out


def show_line(line: str) -> None:
    """Print a sentence in one line, however wide the console is; nothing where there is none."""
    if line:
        make_console().print(plain(clean_text(line)), soft_wrap=True)


def show_json(content: Any) -> None:
    """Print JSON for other programs: in ASCII, without anything around it."""
    print(json.dumps(content, indent=2, allow_nan=False))


def json_value(value: Any) -> Any:
    """Return a value as JSON can hold it: what is missing (NaN, NA, NaT) is None, and what is infinite is a text."""
    if isinstance(value, dict):
        return {name: json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return None if type(value).__name__ in ("NAType", "NaTType") else value
