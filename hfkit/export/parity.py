"""Whether a graph of ONNX gives the scores of the model of PyTorch: on batches of other sizes, and on rows with known scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import UserError, first_sentence
from ..evaluation.label_kinds import label_kind
from ..models.base import BackboneClassifier
from .graph import make_inputs

if TYPE_CHECKING:
    from ..prediction.onnx_model import OnnxModel  # imports onnxruntime

REPORT = "please report it with the versions of torch, onnxscript and onnxruntime"
TOLERANCE = 1e-4
"""Largest difference of a score, which is a probability; in float32 it is about 1e-6."""


@dataclass(frozen=True)
class Comparison:
    """Rows that were compared.

    Attributes:
        rows: How many.
        difference: The largest of a score.
        same_label: Rows with the same label.

    """

    rows: int
    difference: float
    same_label: int

    @classmethod
    def of_scores(cls, expected: np.ndarray, scores: np.ndarray) -> "Comparison":
        """Compare scores (rows, classes); what is no number differs from everything."""
        worst = np.nan_to_num(np.abs(expected - scores), nan=np.inf).max()
        return cls(len(expected), float(worst), int((expected.argmax(axis=1) == scores.argmax(axis=1)).sum()))

    def check(self, what: str) -> None:
        """Refuse scores that differ.

        Raises:
            UserError: They do.

        """
        if not self.difference <= TOLERANCE:
            raise UserError(
                f"The exported model gives other scores than the model of PyTorch for {what} (a score differs by "
                f"{self.difference:.1e}, more than {TOLERANCE:g}), so nothing was written: {REPORT}."
            )


def list_shapes(model: BackboneClassifier) -> list[tuple[int, int]]:
    """Return rows and tokens of batches that were not traced: one row and one token, a few, and the longest."""
    return [(1, 1), (2, 7), (5, getattr(model.config, "max_length", 1))]


@torch.no_grad()
def compare_shapes(model: BackboneClassifier, exported: "OnnxModel") -> Comparison:
    """Compare the scores of random batches of three sizes that were not traced.

    Raises:
        UserError: They differ.

    """
    pairs = []
    for seed, (rows, tokens) in enumerate(list_shapes(model)):
        limit = getattr(model.config, "max_length", tokens)
        inputs = make_inputs(model, rows, min(tokens, limit), seed)
        arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in inputs.items()}
        try:
            [logits] = exported.session.run(["logits"], arrays)
        except Exception as error:  # onnxruntime has classes of its own
            raise UserError(
                f"The exported graph does not take {rows} rows of {tokens} tokens ({first_sentence(error)}), so nothing was "
                f"written: {REPORT}."
            ) from error
        kind = label_kind(model.config)
        pairs.append((kind.scores(model(**inputs).logits.numpy()), kind.scores(logits)))
    comparison = Comparison.of_scores(*(np.concatenate(scores) for scores in zip(*pairs, strict=True)))
    comparison.check("random batches")
    return comparison
