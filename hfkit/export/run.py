"""One export from its request to its end: the folder is written beside its name, proved, and renamed."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers import Pipeline

from ..errors import UserError, first_sentence, os_reason
from ..prediction.loading import open_pipeline
from ..prediction.onnx_predictor import OnnxPredictor
from . import clean_prediction, contents, parity
from .graph import write_graph
from .int8 import Float32, store_in_8_bits
from .request import ExportRequest, say


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
        raise UserError(f"{folder} cannot be written ({os_reason(error)}): name another --output_dir.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    say(
        console,
        f"Exported to {folder}: hfkit predict {folder} INPUT, or python {folder / 'predict.py'} INPUT without hfkit.",
    )
    return settings


class _Export:
    """An export at work in a folder."""

    def __init__(self, request: ExportRequest, folder: Path, console: Console) -> None:
        self.request, self.folder, self.console = request, folder, console
        self.pipeline: Pipeline = open_pipeline(request.model, request.revision)
        self.model = self.pipeline.model.to("cpu", torch.float32).eval()
        self.pipeline.device = torch.device("cpu")
        self.settings = contents.make_settings(self.pipeline, request.model, request.revision)
        self.labels: list[str] = self.settings["labels"]
        if request.int8 and self.settings["label_thresholds"] is not None:
            raise UserError(
                "--int8 measures its cost on models of one label a row, and this one gives any number: leave --int8 out."
            )

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
        say(self.console, f"{reference.source}, {where}: scores within {proof.difference:.1e}.")
        self.settings["proof"] = {"rows": proof.rows, "difference": proof.difference, "source": reference.source}
        if self.request.int8:
            before = Float32(exported, reference, scores)
            say(self.console, store_in_8_bits(self.request, self.pipeline, self.settings, before, self.console))
        shutil.rmtree(spare)
        contents.write_settings(self.folder, self.settings)
        return self.settings

    def _write_graph(self) -> OnnxPredictor:
        """Write the graph and what it needs, and compare it with the model on random batches."""
        contents.write_contents(self.folder, self.pipeline, self.settings["task"])
        try:
            size = write_graph(self.model, self.folder)
        except Exception as error:  # whatever of torch's exporter
            raise UserError(
                f"PyTorch cannot export this model to ONNX ({first_sentence(error)}), so nothing was written: {parity.REPORT}."
            ) from error
        contents.write_settings(self.folder, self.settings)
        exported = OnnxPredictor.open(self.folder)
        shapes = parity.list_shapes(self.model)
        compared = parity.compare_shapes(self.model, exported.scorer.model)
        self.settings["shapes"] = {"difference": compared.difference, "rows_and_tokens": shapes}
        batches = f"{len(shapes)} batches of sizes that were not traced"
        say(
            self.console,
            f"model.onnx: {size / 1e6:,.1f} MB; {batches}: scores within {compared.difference:.1e} of PyTorch's.",
        )
        return exported
