"""An exported folder whose weights are stored in 8 bits, and what it says of the cost."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from rich.console import Console
from transformers import Pipeline

from ..evaluate import EvaluationRequest, predict_rows, read_rows
from ..prediction.onnx_predictor import OnnxPredictor
from ..prediction.scores import softmax
from .clean_prediction import Reference, predict_in_clean_process
from .contents import write_settings
from .quantise import LabelledScores, describe_agreement, quantise
from .request import ExportRequest, say


@dataclass(frozen=True)
class Float32:
    """The exported model before.

    Attributes:
        exported: The model.
        reference: Rows with known scores.
        scores: (rows, classes) that it gave them.

    """

    exported: OnnxPredictor
    reference: Reference
    scores: np.ndarray


def store_in_8_bits(
    request: ExportRequest, pipeline: Pipeline, settings: dict[str, Any], before: Float32, console: Console
) -> str:
    """Store the weights of a folder in 8 bits, add to the settings what that costs, and return a sentence on it.

    Args:
        request: Of the export.
        pipeline: Of the model of PyTorch.
        settings: Of the folder; they are written.
        before: The exported model in float32.
        console: For notes on the labelled rows.

    Raises:
        UserError: The model cannot be stored so, or the labelled rows cannot be read.

    """
    folder, labels = before.exported.folder, settings["labels"]
    labelled = None if request.data is None else _read_labelled(request, request.data, pipeline, labels, console)
    in_float32 = None if labelled is None else _predict(before.exported, labelled)
    sizes = quantise(folder)
    settings["rows_at_once"] = 1
    write_settings(folder, settings)
    small = OnnxPredictor.open(folder)
    after = predict_in_clean_process(folder, before.reference.inputs, labels)
    said, values = describe_agreement(before.reference.source, before.scores, after)
    if labelled is not None and in_float32 is not None:
        name = Path(str(request.data)).name
        said, measured = LabelledScores(
            name, np.array(labelled["label"]), in_float32, _predict(small, labelled)
        ).describe()
        values |= measured
    settings["int8"] = {"bytes_before": sizes[0], "bytes": sizes[1], **values}
    return f"int8: {sizes[1] / 1e6:,.1f} MB in place of {sizes[0] / 1e6:,.1f} MB, run row by row. {said}"


def _predict(exported: OnnxPredictor, rows: Dataset) -> np.ndarray:
    """Return the scores (rows, classes) of labelled rows."""
    return softmax(predict_rows(rows, exported.scorer, exported.reads_texts))


def _read_labelled(
    request: ExportRequest, data: str, pipeline: Pipeline, labels: list[str], console: Console
) -> Dataset:
    """Read labelled rows, and say what was found and dropped."""
    wanted = EvaluationRequest(
        request.model,
        data,
        text_column=request.text_column,
        label_column=request.label_column,
        revision=request.revision,
    )
    rows = read_rows(wanted, pipeline, labels)
    for note in rows.notes:
        say(console, note.text)
    return rows.rows
