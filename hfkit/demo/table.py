"""A table of many rows on the page: predicted and written by the code of `hfkit predict`."""

import csv
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path

from ..errors import UserError
from ..flags.prediction_input import InputKind
from ..prediction.console import SHOWN_ROWS, shorten
from ..prediction.predictor import Predictor
from ..prediction.prepare import Request, prepare_with
from ..prediction.run import open_output


@dataclass(frozen=True)
class PredictedTable:
    """What a page shows of a predicted table.

    Attributes:
        message: How many rows were predicted, and what was read, or what is wrong.
        columns: Of the table that was written: what was predicted comes first, and the scores are left out.
        rows: Its first rows, shortened.
        files: The table, and the list of rows that cannot be read where there are such.

    """

    message: str
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


def predict_table(predictor: Predictor, given: Sequence[str], text_column: str, folder: Path) -> PredictedTable:
    """Predict all rows of an uploaded table, or all uploaded photos.

    Args:
        predictor: The model.
        given: Of a model of texts one file (CSV, TSV, JSONL, parquet); else photos.
        text_column: Column of the text, two with a comma in between, or an empty text: found.
        folder: Where a new folder for the output is made.

    """
    new = Path(tempfile.mkdtemp(dir=folder))
    path = Path(given[0]) if predictor.reads_texts else _gather(given, new / "photos")
    kind = InputKind.TABLE if predictor.reads_texts else InputKind.FOLDER
    columns = [name.strip() for name in text_column.split(",") if name.strip()] or None
    output = new / f"{path.stem}.predictions.csv"
    try:
        return _predict(predictor, Request("", str(path), kind, output, columns))
    except UserError as error:
        return PredictedTable(str(error).replace(str(path), path.name))


def _gather(files: Sequence[str], folder: Path) -> Path:
    """Copy photos into one folder; of several with one name the later ones get a number."""
    folder.mkdir()
    for file in map(Path, files):
        targets = chain([file.name], (f"{file.stem}-{number}{file.suffix}" for number in count(2)))
        shutil.copyfile(file, next(target for name in targets if not (target := folder / name).exists()))
    return folder


def _predict(predictor: Predictor, request: Request) -> PredictedTable:
    """Write the table, and read its first rows back."""
    prediction, notes = prepare_with(predictor, request)
    output = open_output(request, predictor, prediction)
    prediction.write(output)
    progress = output.progress
    lines = [f"{progress.rows - progress.unreadable:,} of {progress.rows:,} rows are predicted."]
    if progress.rows - progress.unreadable > SHOWN_ROWS:
        lines.append(f"Below are the first {SHOWN_ROWS}; the file has all.")
    if progress.truncated:
        lines.append(f"{progress.truncated:,} texts were cut at the model's max_length.")
    files = [str(output.path)]
    if progress.unreadable:
        lines.append(f"{progress.unreadable:,} rows cannot be read: {output.unreadable.name} lists them.")
        files.append(str(output.unreadable))
    message = " ".join([*lines, *(note.text for note in notes)])
    header, *rows = _read_first_rows(output.path, len(prediction.source.columns))
    return PredictedTable(message, header, rows, files)


def _read_first_rows(path: Path, own_columns: int) -> list[list[str]]:
    """Return the header and the first rows of a table, with what was predicted in front of the user's columns."""
    csv.field_size_limit(2**31 - 1)  # a text may be long
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(islice(csv.reader(file), SHOWN_ROWS + 1))
    predicted = [place for place in range(own_columns, len(header)) if not header[place].startswith("score_")]
    order = [*predicted, *range(own_columns)]
    return [[shorten(row[place]) for place in order] for row in (header, *rows)]
