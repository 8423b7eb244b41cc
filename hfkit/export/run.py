"""One export from its request to its end: the folder is written beside its name, proved, and renamed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from transformers import Pipeline

from ..errors import UserError, first_sentence
from ..evaluate import EvaluationRequest, predict_rows, read_rows
from ..prediction.contents import read_run_columns
from ..prediction.loading import open_pipeline
from ..prediction.onnx_folder import GRAPH_FILE
from ..prediction.onnx_predictor import OnnxPredictor
from ..prediction.scores import softmax
from . import clean_prediction, contents, parity, quantise
from .graph import write_graph


@dataclass(frozen=True)
class ExportRequest:
    """What is exported to where.

    Attributes:
        model: Folder of a run or of a saved model, or a Hub id.
        folder: The new one.
        int8: Whether the weights are stored in 8 bits.
        data: Labelled rows that tell what that costs; None: the run's held-out rows tell whether the labels stay.
        revision: Branch, tag or commit of a Hub id.
        text_column: Of the labelled rows; None: found.
        label_column: The same.

    """

    model: str
    folder: Path
    int8: bool = False
    data: str | None = None
    revision: str | None = None
    text_column: list[str] | None = None
    label_column: str | None = None


def export_model(request: ExportRequest, console: Console) -> dict[str, Any]:
    """Export a model, and say what was proved; return what `export.json` holds.

    Raises:
        UserError: The model cannot be loaded or exported, gives other scores in ONNX, or the folder cannot be written.

    """
    folder = request.folder
    beside = folder.with_name(f".{folder.name}.part-{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        settings = _Export(request, beside, console).write()
        if folder.exists():
            raise UserError(f"{folder} is there by now: name another --output_dir.")
        beside.rename(folder)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror or error}): name another --output_dir."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    _say(
        console,
        f"Exported to {folder}: hfkit predict {folder} INPUT, or python {folder / 'predict.py'} INPUT without hfkit.",
    )
    return settings


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Export:
    """An export at work in a folder."""

    def __init__(self, request: ExportRequest, folder: Path, console: Console) -> None:
        self.request, self.folder, self.console = request, folder, console
        self.pipeline: Pipeline = open_pipeline(request.model, request.revision)
        self.model = self.pipeline.model.to("cpu", torch.float32).eval()
        self.pipeline.device = torch.device("cpu")
        self.settings = contents.make_settings(self.pipeline, read_run_columns(request.model, request.revision))
        self.labels: list[str] = self.settings["labels"]

    def write(self) -> dict[str, Any]:
        """Write all files, and prove them; return the settings."""
        exported = self._write_graph()
        spare = self.folder / "samples"
        spare.mkdir()
        reference = clean_prediction.find_reference(self.request.model, self.pipeline, self.labels, spare)
        scores = clean_prediction.predict_in_clean_process(self.folder, reference.inputs, self.labels)
        proof = parity.Comparison.of_scores(reference.scores, scores)
        proof.check(reference.source)
        where = "by predict.py in a process without torch, transformers and hfkit"
        _say(self.console, f"{reference.source}, {where}: scores within {proof.difference:.1e}.")
        self.settings["proof"] = {"rows": proof.rows, "difference": proof.difference, "source": reference.source}
        if self.request.int8:
            self._quantise(exported, reference, scores)
        shutil.rmtree(spare)
        contents.write_settings(self.folder, self.settings)
        return self.settings

    def _write_graph(self) -> OnnxPredictor:
        """Write the graph and what it needs, and compare it with the model on random batches."""
        contents.write_contents(self.folder, self.pipeline, self.settings["task"])
        try:
            with quantise.quiet():
                write_graph(self.model, self.folder / GRAPH_FILE)
        except Exception as error:  # whatever of torch's exporter
            raise UserError(
                f"PyTorch cannot export this model to ONNX ({first_sentence(error)}), so nothing was written: {parity.REPORT}."
            ) from error
        contents.write_settings(self.folder, self.settings)
        exported = OnnxPredictor.open(self.folder)
        shapes = parity.list_shapes(self.model)
        compared = parity.compare_shapes(self.model, exported.scorer.model)
        self.settings["shapes"] = {"difference": compared.difference, "rows_and_tokens": shapes}
        size = f"{GRAPH_FILE}: {(self.folder / GRAPH_FILE).stat().st_size / 1e6:,.1f} MB"
        batches = f"{len(shapes)} batches of sizes that were not traced"
        _say(self.console, f"{size}; {batches}: scores within {compared.difference:.1e} of PyTorch's.")
        return exported

    def _quantise(self, exported: OnnxPredictor, reference: clean_prediction.Reference, scores: np.ndarray) -> None:
        """Store the weights in 8 bits, and say what that costs."""
        labelled = None
        if self.request.data is not None:
            labelled = self._read_labelled(self.request.data)
        before = None if labelled is None else softmax(predict_rows(labelled, exported.scorer, exported.reads_texts))
        sizes = quantise.quantise(self.folder)
        self.settings["rows_at_once"] = 1
        contents.write_settings(self.folder, self.settings)
        small = OnnxPredictor.open(self.folder)
        after = clean_prediction.predict_in_clean_process(self.folder, reference.inputs, self.labels)
        said, values = quantise.describe_agreement(reference.source, scores, after)
        if labelled is not None and before is not None:
            rows = softmax(predict_rows(labelled, small.scorer, small.reads_texts))
            name = Path(str(self.request.data)).name
            said, measured = quantise.LabelledScores(name, np.array(labelled["label"]), before, rows).describe()
            values |= measured
        self.settings["int8"] = {"bytes_before": sizes[0], "bytes": sizes[1], **values}
        _say(
            self.console, f"int8: {sizes[1] / 1e6:,.1f} MB in place of {sizes[0] / 1e6:,.1f} MB, run row by row. {said}"
        )

    def _read_labelled(self, data: str) -> Any:
        """Read the labelled rows."""
        request = EvaluationRequest(
            self.request.model,
            data,
            text_column=self.request.text_column,
            label_column=self.request.label_column,
            revision=self.request.revision,
        )
        rows = read_rows(request, self.pipeline, self.labels)
        for note in rows.notes:
            _say(self.console, note.text)
        return rows.rows
