"""Weights in 8 bits by onnxruntime's dynamic quantiser, and what that costs in accuracy."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError, first_sentence
from ..evaluation.intervals import accuracy_interval, with_interval
from ..evaluation.paired import compare_paired
from ..prediction.onnx_folder import GRAPH_FILE
from .graph import measure_graph, quiet

OPERATORS = ["MatMul", "Gemm", "Gather"]
"""What is stored in 8 bits: matrix products and tables of embeddings. Convolutions in 8 bits are slower than in float32."""


def quantise(folder: Path) -> tuple[int, int]:
    """Replace the graph of a folder by one whose weights have 8 bits, and return the bytes before and after.

    Activations are scaled anew for each batch, so that the scores of a row depend on the others: such a model is run row by row.

    Raises:
        UserError: It has no weights that can be stored so, or the quantiser fails.

    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph, small = folder / GRAPH_FILE, folder / "model.int8.onnx"
    before = measure_graph(folder)
    is_split = any(path.name.startswith(GRAPH_FILE) and path != graph for path in folder.iterdir())
    try:
        with quiet():
            quantize_dynamic(
                graph,
                small,
                op_types_to_quantize=OPERATORS,
                weight_type=QuantType.QInt8,
                # A scale for each column, and 7 of the 8 bits: on processors without VNNI sums of full bytes overflow. Of MiniLM
                # on 150 tweets, on such a processor, 99 % of the labels stay so, and 97 % without either.
                per_channel=True,
                reduce_range=True,
                use_external_data_format=is_split,
                extra_options={
                    "DefaultTensorType": 1
                },  # of float32: what the graph does not say of values inside of it
            )
    except Exception as error:  # of onnx, onnxruntime or protobuf, which have classes of their own
        raise UserError(
            f"onnxruntime cannot store this model in 8 bits ({first_sentence(error)}): leave --int8 out."
        ) from error
    for path in folder.iterdir():
        if path.name.startswith(GRAPH_FILE):
            path.unlink()
    small.rename(graph)
    after = measure_graph(folder)
    if after >= 0.95 * before:
        raise UserError(
            f"Almost nothing of this model can be stored in 8 bits ({before / 1e6:.1f} MB would become {after / 1e6:.1f} MB): "
            "convolutions stay in float32; leave --int8 out."
        )
    return before, after


@dataclass(frozen=True)
class LabelledScores:
    """Scores of labelled rows, in float32 and in 8 bits.

    Attributes:
        name: What the rows are called.
        labels: (rows,) label ids.
        before: (rows, classes) in float32.
        after: The same in 8 bits.

    """

    name: str
    labels: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def describe(self) -> tuple[str, dict[str, Any]]:
        """Return a sentence on accuracy before and after, and the same as values."""
        right = [scores.argmax(axis=1) == self.labels for scores in (self.before, self.after)]
        values: dict[str, Any] = {"data": self.name, "rows": len(self.labels)}
        texts = []
        for name, which in zip(("float32", "int8"), right, strict=True):
            accuracy = float(which.mean())
            low, high = accuracy_interval(int(which.sum()), len(which))
            values |= {f"{name}_accuracy": accuracy, f"{name}_accuracy_low": low, f"{name}_accuracy_high": high}
            texts.append(f"{with_interval(accuracy, low, high)} in {name}")
        paired = compare_paired(right[1], right[0])
        values |= {"difference": paired.difference, "difference_low": paired.low, "difference_high": paired.high}
        values["p_value"] = paired.p_value
        said = f"Accuracy on {len(self.labels):,} rows of {self.name}: {', '.join(texts)}. {paired.sentence('int8', 'float32')}"
        return said, values


def describe_agreement(source: str, before: np.ndarray, after: np.ndarray) -> tuple[str, dict[str, Any]]:
    """Return a sentence on how often scores (rows, classes) give the same label in float32 and in int8, and the values in it."""
    same = before.argmax(axis=1) == after.argmax(axis=1)
    low, high = accuracy_interval(int(same.sum()), len(same))
    difference = float(np.abs(before - after).max())
    values = {"rows": len(same), "same_label": int(same.sum()), "same_label_low": low, "same_label_high": high}
    said = (
        f"int8 gives the label of float32 in {same.mean():.1%} ({low:.1%} to {high:.1%}) of {source}; a score differs by "
        f"{difference:.3f} at the most. --data FILE measures the accuracy."
    )
    return said, {**values, "largest_difference": difference}
