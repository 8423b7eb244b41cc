"""A saved model on labelled data of any kind: the report that a run ends with, in a folder of its own."""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from rich.console import Console
from tqdm.auto import tqdm
from transformers import Pipeline

from .data.labelled import (
    FIND,
    GivenSource,
    LabelColumns,
    LabelFlags,
    LabelledRows,
    TableFlags,
    load_labelled_images,
    load_labelled_texts,
)
from .data.splits import LabelledData
from .evaluation.label_kinds import MultiLabel, label_kind
from .evaluation.metrics import evaluate_rows
from .machine import hides_bars, package_versions
from .prediction.contents import choose_text_columns, read_run_flags
from .prediction.loading import PipelinePredictor, Scorer
from .report import html, illustrations, split, tables
from .run_folders.find import EVALUATION_FILE
from .run_folders.new_folder import make_new_folder

_ROWS_AT_ONCE = 4096
_NAME = "test"


@dataclass(frozen=True)
class EvaluationRequest:
    """What is evaluated on what, see `hfkit evaluate --help`."""

    model: str
    dataset: str
    output_dir: Path | None = None
    split: str | None = None
    text_column: list[str] | None = None
    label_column: Sequence[str] | str | None = None
    image_column: str | None = None
    label_from_name: str | None = None
    batch_size: int | None = None
    revision: str | None = None
    table_flags: TableFlags = FIND
    label_separator: str | None = None
    keep_columns: list[str] | None = None
    source: GivenSource | None = None
    """The data, where they were values in Python; `dataset` is then what they are called."""


def evaluate_model(request: EvaluationRequest, console: Console) -> tuple[Path, dict[str, Any]]:
    """Predict labelled rows, write the report into a new folder, and print it.

    Returns:
        The folder and the results by name, such as `test_accuracy`, each with its interval.

    Raises:
        UserError: The model or the data are not as they must be.

    """
    predictor = PipelinePredictor.open(request.model, request.revision, request.batch_size)
    pipeline, model = predictor.pipeline, predictor.pipeline.model
    names = [str(model.config.id2label[number]) for number in range(model.config.num_labels)]
    data = read_rows(request, pipeline, names)
    for note in data.notes:
        console.print(note.text, markup=False, highlight=False, soft_wrap=True)
    start = time.perf_counter()
    logits = predict_rows(data.rows, predictor.scorer, predictor.reads_texts)
    seconds = time.perf_counter() - start
    predicted = split.PredictedRows(
        *(_NAME, data.rows, names, logits, np.array(data.rows["label"]), model.config.answer_threshold),
        label_kind(model.config),
        data.kept,
    )
    folder = _make_folder(request)
    results = _measure(predicted, seconds)
    _write(folder, request, data, predicted, results)
    split.write_split(folder, predicted, _illustrate(data, pipeline, names), console)
    about = {"kind": f"{request.model} on {request.dataset}.", "rows": {_NAME: len(logits)}}
    html.write_page(folder, results, about, [note.text for note in data.notes], _repeat(request))
    _show_answers(results, len(logits), console)
    console.print(f"\nEverything is in {folder}.", markup=False, highlight=False, soft_wrap=True)
    return folder, results


def read_rows(request: EvaluationRequest, pipeline: Pipeline, names: list[str]) -> LabelledRows:
    """Read the rows; columns that are not given are those of the run, where the data have them, or found by their names."""
    flags = read_run_flags(request.model, request.revision)
    several = isinstance(label_kind(pipeline.model.config), MultiLabel)
    labels = LabelColumns(
        listed(request.label_column),
        listed(flags.get("label_column"))
        or (names if several else []),  # the columns that a run found have these names
        request.label_separator or flags.get("label_separator"),
        several,
        names if several else [],
    )
    if pipeline.tokenizer is None:
        given = LabelFlags(request.image_column, label_from_name=request.label_from_name, table=request.table_flags)
        data = (request.dataset, request.split, given, labels, names)
        return load_labelled_images(*data, request.source, request.keep_columns)
    of_run = listed(flags.get("text_column"))
    return load_labelled_texts(
        request.dataset,
        request.split,
        lambda source, columns: choose_text_columns(source, columns, request.text_column, of_run),
        labels,
        names,
        request.source,
        request.table_flags,
        request.text_column or of_run,
        request.keep_columns,
        pipeline.model.config.pair != "join",
    )


def listed(value: Any) -> list[str]:
    """Return the values of a flag that may have one, several or none."""
    values = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [str(item) for item in values]


def predict_rows(rows: Dataset, scorer: Scorer, is_text: bool) -> np.ndarray:
    """Return the logits (rows, classes) of all rows, in their order."""
    parts = []
    with tqdm(total=len(rows), unit=" rows", desc="Predicting", disable=hides_bars(), leave=False) as bar:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            contents = rows[start : start + _ROWS_AT_ONCE]["text" if is_text else "image"]
            scored = scorer.score(contents, bar.update)
            assert not scored.problems, scored.problems  # what cannot be read was dropped before
            parts.append(scored.logits)
    return np.concatenate(parts)


def _measure(predicted: split.PredictedRows, seconds: float) -> dict[str, Any]:
    """Return all metrics with their intervals, by their names in a run's results."""
    assert predicted.references is not None
    values = evaluate_rows(predicted.logits, predicted.references, predicted.kind, predicted.answer_threshold)
    rows = len(predicted.logits)
    values |= {"runtime": round(seconds, 3), "samples_per_second": round(rows / seconds, 3)}
    return {f"{_NAME}_{name}": value for name, value in values.items()}


def _make_folder(request: EvaluationRequest) -> Path:
    """Make the folder of the report, which is new or empty."""
    if request.output_dir is not None:
        request.output_dir.mkdir(parents=True, exist_ok=True)
        return request.output_dir
    name = Path(request.dataset).expanduser().resolve().stem.replace(":", "-")
    return make_new_folder(Path("runs") / f"evaluate-{name}-{datetime.now():%Y%m%d-%H%M%S}")


def _write(
    folder: Path,
    request: EvaluationRequest,
    data: LabelledRows,
    predicted: split.PredictedRows,
    results: dict[str, Any],
) -> None:
    """Write the predictions, the results, what was evaluated, and the dropped rows."""
    split.write_predictions(folder / split.PREDICTIONS_FILE, predicted)
    tables.write_json(folder / "test_results.json", results)
    what = {"model": request.model, "revision": request.revision, "dataset": request.dataset, "split": request.split}
    sizes = {"rows": len(predicted.logits), "dropped": len(data.dropped), "labels": predicted.label_names}
    tables.write_json(folder / EVALUATION_FILE, {**what, **sizes, "packages": package_versions()})
    if len(data.dropped):
        tables.write_table(folder / "dropped_rows.csv", data.dropped)


def _repeat(request: EvaluationRequest) -> list[str]:
    """Return the line of the shell that evaluates again, or of Python, where the data were a value there."""
    if request.source is not None:
        return [
            "# The data were in memory, and no file holds them. In Python, where `data` are the same rows:",
            "import hfkit",
            f"hfkit.Run({request.model!r}).evaluate(data)",
        ]
    command = ["hfkit", "evaluate", request.model, request.dataset]
    own = "split label_separator image_column label_from_name revision text_column label_column keep_columns"
    for name in own.split():
        for value in listed(getattr(request, name)):
            command += [f"--{name}", value]
    return [shlex.join([*command, *request.table_flags.to_command()])]


def _illustrate(data: LabelledRows, pipeline: Pipeline, names: list[str]) -> split.Illustrate | None:
    """Return what draws pictures of images; None for texts."""
    if pipeline.tokenizer is not None:
        return None
    rows = LabelledData(DatasetDict({_NAME: data.rows}), names, data.dropped)
    return illustrations.illustrate_images(rows, pipeline.model, pipeline.image_processor)


def _show_answers(results: dict[str, Any], rows: int, console: Console) -> None:
    """Say what share of the rows is answered, where the model may keep silent."""
    if f"{_NAME}_coverage" not in results:
        return
    line = f"\nIt answers {results[f'{_NAME}_coverage']:.1%} of the {rows:,} rows"
    if f"{_NAME}_answered_error" in results:
        line += f"; {results[f'{_NAME}_answered_error']:.1%} of these answers are wrong"
    console.print(f"{line}. What its run promised is for rows like those of its validation.", highlight=False)
