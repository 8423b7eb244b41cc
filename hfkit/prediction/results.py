"""The columns of a prediction: what is predicted, how surely, the score of each label, and whether it is answered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..errors import UserError
from .scores import confidences, sigmoid, softmax

if TYPE_CHECKING:
    from ..models.base import BackboneClassifier


@dataclass(frozen=True)
class ResultColumns:
    """The columns that are added to the user's, called as in a run's predictions.csv.

    Attributes:
        label_names: In the order of the label ids.
        answer_threshold: The lowest confidence of a row that is answered; None: there is no column `answered`.
        confidences: From logits to how sure the model is of each row.
        label_thresholds: The lowest score of each label with which a row gets it, where a row has any number of labels: the
            column `prediction` has their names with commas between them, and there is no column `confidence`. None: a row has
            one label.
        label_scores: From logits to the score of each label, where a row has any number of them.

    """

    label_names: list[str]
    answer_threshold: float | None
    confidences: Callable[[np.ndarray], np.ndarray] = confidences
    label_thresholds: Sequence[float] | None = None
    label_scores: Callable[[np.ndarray], np.ndarray] = sigmoid

    @classmethod
    def of_model(cls, model: "BackboneClassifier") -> "ResultColumns":
        """Return those of a model, whose thresholds were chosen by PyTorch's own arithmetic."""
        import torch

        from ..models.answering import confidences
        from ..models.label_sets import DEFAULT_THRESHOLD, is_multi_label, label_scores

        config = model.config
        names = [str(config.id2label[number]) for number in range(config.num_labels)]
        thresholds = None
        if is_multi_label(config):
            thresholds = config.label_thresholds or [DEFAULT_THRESHOLD] * config.num_labels
        return cls(
            names,
            config.answer_threshold,
            lambda logits: confidences(torch.from_numpy(logits)).numpy(),
            thresholds,
            lambda logits: label_scores(torch.from_numpy(logits)).numpy(),
        )

    @property
    def names(self) -> list[str]:
        """Names of the columns, in their order."""
        scores = [f"score_{name}" for name in self.label_names]
        if self.label_thresholds is not None:
            return ["prediction", *scores]
        return ["prediction", "confidence", *scores, *([] if self.answer_threshold is None else ["answered"])]

    def check_free(self, source: str, columns: Sequence[str]) -> None:
        """Refuse a table that has one of these columns: it would be overwritten.

        Raises:
            UserError: It has.

        """
        taken = [column for column in columns if column in self.names]
        if taken:
            raise UserError(
                f"{source} has {'a column' if len(taken) == 1 else 'columns'} {', '.join(taken)}, which the prediction would "
                "overwrite: rename or remove what is there."
            )

    def values(self, logits: np.ndarray) -> list[list[Any]]:
        """Return a row of values for each row of logits (rows, classes), in the order of `names`."""
        if self.label_thresholds is not None:
            return self._label_values(self.label_scores(logits), self.label_thresholds)
        scores = softmax(logits)
        predictions = [self.label_names[number] for number in scores.argmax(axis=-1)]
        columns: list[list[Any]] = [predictions, scores.max(axis=-1).tolist(), *scores.T.tolist()]
        if self.answer_threshold is not None:
            columns.append((self.confidences(logits) >= self.answer_threshold).tolist())
        return [list(row) for row in zip(*columns, strict=True)]

    def _label_values(self, scores: np.ndarray, thresholds: Sequence[float]) -> list[list[Any]]:
        """Return the names of each row's labels, and all scores (rows, labels)."""
        chosen = scores >= np.asarray(thresholds)
        names = [", ".join(self.label_names[label] for label in np.flatnonzero(row)) for row in chosen]
        return [[name, *row] for name, row in zip(names, scores.tolist(), strict=True)]

    def table(self, logits: np.ndarray) -> pd.DataFrame:
        """Return the columns as a table."""
        return pd.DataFrame(self.values(logits), columns=self.names)


def write_number(value: object) -> object:
    """Return how a value is written in CSV: a score with the seven digits that float32 has."""
    return f"{value:.7g}" if isinstance(value, float) else value
