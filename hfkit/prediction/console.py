"""What a prediction prints: an answer with bars, a table of the first rows, JSON, and what could not be read."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ..console import plain
from ..flags.prediction import unreadable_file
from ..run_folders.show import json_value
from ..visible import visible
from .output import Output
from .rows import Row, RowSource, cell_text
from .stream import Block, Prediction

SHOWN_ROWS = 20
"""Rows of a table on the console."""
_SHOWN_CHARACTERS = 100
_BAR = 30
_NAMED = 10
"""Rows that cannot be read and are named on stderr; a file names all."""


def show_answer(console: Console, prediction: Prediction, block: Block) -> None:
    """Print the answer for one text or photo: the labels by their scores, with bars."""
    [record] = prediction.records(block)
    names = prediction.results.label_names
    scores = sorted(((record[f"score_{name}"], shorten(name)) for name in names), reverse=True)
    width = max(len(name) for _, name in scores)
    for score, name in scores:
        filled = round(score * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        console.print(plain(f"{name.ljust(width)}  {score:.4f}  {bar}"), soft_wrap=True)
    if prediction.results.label_thresholds is not None:
        given = shorten(record["prediction"], _BAR * _SHOWN_CHARACTERS) or "none of them reaches its threshold"
        console.print(plain(f"Labels: {given}."), soft_wrap=True)
    if record.get("answered") is False:
        threshold = prediction.results.answer_threshold
        console.print(f"Not answered: the model is silent below a confidence of {threshold:.4f}.", highlight=False)


def show_first_rows(console: Console, prediction: Prediction, blocks: Iterable[Block]) -> None:
    """Print a table of the first rows with what is predicted of them, and how to get all."""
    table = Table()
    results = [name for name in ("prediction", "confidence", "answered") if name in prediction.results.names]
    for name in (*prediction.source.columns, *results):
        table.add_column(plain(name), justify="right" if name == "confidence" else "left", overflow="fold")
    shown = 0
    for block in blocks:
        for record in prediction.records(block):
            cells = [shorten(record[name]) for name in prediction.source.columns]
            table.add_row(*map(plain, cells), *(plain(_format(record[name])) for name in results))
        shown += block.size
    console.print(table)
    total = prediction.source.total
    if shown >= SHOWN_ROWS and (total is None or total > shown):
        many = "" if total is None else f" of {total:,}"
        console.print(f"The first {shown}{many} rows; --output out.csv writes all, with all scores.", highlight=False)


def print_json(prediction: Prediction, blocks: Iterable[Block]) -> int:
    """Print all rows as a JSON array, block by block; a row that cannot be read has its line or row and `error`.

    Returns:
        How many rows could not be read.

    """
    separator, unreadable = "[", 0
    for block in blocks:
        unreadable += len(block.unreadable)
        records = [
            *prediction.records(block),
            *(_bad_record(prediction, block, at) for at in range(len(block.unreadable))),
        ]
        for record in records:
            print(f"{separator}\n  {_dump(record)}", end="")
            separator = ","
    print("[]" if separator == "[" else "\n]")
    return unreadable


def print_answer_as_json(prediction: Prediction, block: Block) -> None:
    """Print the answer for one text or photo as a JSON object."""
    [record] = prediction.records(block)
    print(_dump(record, indent=2))


def print_end(console: Console, output: Output, seconds: float, predicted: int, as_json: bool) -> None:
    """Say where the predictions are, how many rows could not be read, and how fast it was."""
    progress = output.progress
    bad = progress.unreadable
    if as_json:
        files = {"output": str(output.path), "unreadable_output": str(output.unreadable) if bad else None}
        counts = {"rows": progress.rows, "unreadable": bad, "truncated": progress.truncated}
        print(json.dumps({**files, **counts, "seconds": round(seconds, 3)}, indent=2))
        return
    rate = f"{predicted / seconds:,.0f} rows a second" if seconds else "at once"
    lines = [f"{progress.rows - bad:,} of {progress.rows:,} rows are predicted, in {output.path} ({rate})."]
    if progress.truncated:
        lines.append(f"{progress.truncated:,} texts were cut at the model's max_length.")
    if bad:
        lines.append(f"{bad:,} rows cannot be read: they are listed in {output.unreadable}.")
    for line in lines:
        console.print(plain(line), soft_wrap=True)


def print_finished(console: Console, path: Path, is_checked: bool, as_json: bool) -> int:
    """Say that there is nothing to go on with; return 1 where rows could not be read, else 0.

    Args:
        console: Where to print.
        path: The finished output.
        is_checked: Whether it is known to be of the model and the input that were named.
        as_json: Print JSON.

    """
    unreadable = unreadable_file(path)
    is_there = unreadable.is_file()
    if as_json:
        files = {"output": str(path), "unreadable_output": str(unreadable) if is_there else None}
        print(json.dumps({**files, "finished": True, "checked": is_checked}, indent=2))
        return int(is_there)
    doubt = (
        "" if is_checked else " It was not checked that it is of this model and input: it does not say of which it is."
    )
    lines = [f"{path} is finished, and was not changed: --overwrite predicts all rows again.{doubt}"]
    if is_there:
        lines.append(f"Rows that cannot be read are listed in {unreadable}.")
    for line in lines:
        console.print(plain(line), soft_wrap=True)
    return int(is_there)


def name_unreadable(console: Console, block: Block, prediction: Prediction) -> None:
    """Name rows of a block that cannot be read, the first ten."""
    for row, reason in block.unreadable[:_NAMED]:
        place = prediction.unreadable_row(row, reason).get("file") or _describe_place(row, prediction.source)
        console.print(plain(f"{place} cannot be read: {reason}."), soft_wrap=True)
    if len(block.unreadable) > _NAMED:
        console.print(
            f"{len(block.unreadable) - _NAMED} more cannot be read; --output lists them all.", highlight=False
        )


def _describe_place(row: Row, source: RowSource) -> str:
    return f"Line {row.number}" if source.counts == "line" else f"Row {row.number}, counted from 0,"


def shorten(value: Any, most: int = _SHOWN_CHARACTERS) -> str:
    """Return a cell in one line, of so many characters at most."""
    text = " ".join(cell_text(value).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _bad_record(prediction: Prediction, block: Block, position: int) -> dict[str, Any]:
    row, reason = block.unreadable[position]
    place = prediction.unreadable_row(row, reason)
    return {**{name: value for name, value in place.items() if name != "reason"}, "error": reason}


def _dump(record: dict[str, Any], indent: int | None = None) -> str:
    content = json.dumps(json_value(record), indent=indent, ensure_ascii=False, default=str, allow_nan=False)
    return visible(content)


def _format(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else shorten(value)
