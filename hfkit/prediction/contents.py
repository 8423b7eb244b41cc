"""What of a row a model reads: the text of its columns, joined and found as in training, or its photo."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..data.columns import TEXT_COLUMNS, find_column
from ..data.guessed_columns import check_pairs as check_pairs  # for those who choose columns
from ..errors import UserError
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..models.cleaning import join_pair, join_texts
from ..notes import Note
from .rows import Row, is_missing


def read_run_columns(model: str, revision: str | None = None) -> list[str]:
    """Return the text columns that a run was trained with, where its folder or Hub repository says them."""
    columns = read_run_flags(model, revision).get("text_column")
    return [str(column) for column in columns] if isinstance(columns, list) else []


def read_run_flags(model: str, revision: str | None = None) -> dict[str, Any]:
    """Return the flags of the run that a model is from, where its folder or Hub repository says them."""
    folder = Path(model).expanduser()
    try:
        if folder.is_dir():
            file = str(folder / CONFIGURATION_FILE)
        else:
            from transformers.utils import cached_file  # imports torch

            quiet = ("gated_repo", "missing_entries", "connection_errors")
            options = {f"_raise_exceptions_for_{name}": False for name in quiet}
            file = cached_file(model, CONFIGURATION_FILE, revision=revision or "main", **options)
        return read_configuration(Path(file)).flags if file and Path(file).is_file() else {}
    except (OSError, UserError):
        return {}


def choose_text_columns(
    source: str, columns: Sequence[str], given: Sequence[str] | None, of_run: Sequence[str]
) -> tuple[list[int], list[Note]]:
    """Return the positions of the text columns: the given ones, else those of the run, else the one with a usual name.

    Args:
        source: What messages call the table.
        columns: Its columns.
        given: `--text_column`, one or two.
        of_run: Those that the run was trained with; where the table lacks them they do not count.

    Raises:
        UserError: There is none, or a name stands for none or for several columns.

    """
    names = list(given or ())
    if len(names) > 2:
        raise UserError(f"--text_column takes one column or two, not {len(names)}.")
    notes = []
    if not names and of_run and set(of_run) <= set(columns):
        names = list(of_run)
        notes.append(Note("text_column", f"Text column: {' and '.join(names)} (as in the run)."))
    if not names:
        names = [find_column(source, list(columns), TEXT_COLUMNS, "text_column")]
        notes.append(Note("text_column", f"Text column: {names[0]} (found by its name)."))
    for name in names:
        if columns.count(name) != 1:
            many = f"{columns.count(name)} columns" if name in columns else "no column"
            raise UserError(
                f"{source} has {many} named '{name}', only: {', '.join(columns)}; write --text_column NAME."
            )
    return [columns.index(name) for name in names], notes


def longest_texts(rows: Sequence[Sequence[Any]]) -> int:
    """Return the position of the column whose cells are the longest."""
    width = max(map(len, rows), default=1)
    lengths = [sum(len(str(row[place] or "")) for row in rows if place < len(row)) for place in range(width)]
    return lengths.index(max(lengths))


def read_text(row: Row, positions: Sequence[int], as_pairs: bool = False) -> tuple[str, str]:
    """Return the text of a row, joined as in training, and why it cannot be read; an empty text is a text."""
    return join_cells([row.cells[position] for position in positions], as_pairs)


def join_cells(cells: Sequence[Any], as_pairs: bool = False) -> tuple[str, str]:
    """Return the text of one or two cells, joined or as a pair, and why there is none."""
    if all(map(is_missing, cells)):
        return "", "no text"
    texts = ["" if is_missing(cell) else _decode(cell) for cell in cells]
    wrong = next((text for text in texts if isinstance(text, list | dict | bytes)), None)
    if wrong is not None:
        return "", f"no text but a {type(wrong).__name__}"
    return join_pair(*map(str, texts)) if as_pairs else join_texts(map(str, texts)), ""


def _decode(cell: Any) -> Any:
    """Return bytes that are a text in UTF-8 as a text, as in training; other cells stay as they are."""
    if not isinstance(cell, bytes):
        return cell
    try:
        return cell.decode()
    except UnicodeDecodeError:
        return cell
