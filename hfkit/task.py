"""What is to be trained on what: a model, its data in two forms, and what is to be said of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import DatasetDict

from .data.augmented import FrozenInputs
from .data.batching import Collator
from .data.chance import SharedEpoch
from .data.kept_columns import KeptColumns
from .data.stored_rows import read_column
from .models.base import BackboneClassifier
from .models.label_sets import is_multi_label
from .notes import Note


@dataclass
class Task:
    """What a recipe brings: a model, its data in two forms, and what it has to say about them.

    Attributes:
        rows: The splits as a person reads them, with a column `row`, one or more others but labels, and for images `image`
            and `digest`, which stand in no table.
        inputs: The same rows, encoded or encoded when they are read: what `forward` takes, `labels` where known, and
            perhaps `length` for the batches.
        data_notes: On the data: what was found, guessed, cut or dropped.
        notes: On the model and what it sees.
        learning_rate: Peak learning rate of the backbone where `--learning_rate` is not given, and the reason for it.
        tables: Tables for the run's folder, by file name, such as the dropped rows.
        usage: Lines of Python that load and use the saved model; `{folder}` stands for its folder.
        frozen: Train and validation as a frozen part of the model may see them once and for all.
        illustrate: Draws pictures of its own into the folder `report`: from that folder, the split that is shown, and the
            wrong predictions in it, the most confident first; their index is the position in the split.
        epoch: The epoch that random changes of `inputs` are drawn for; training sets it.
        filled_in: Flags of model and data that were not given, and what was chosen for them.
        kept: Other columns of the data, which stand beside the predictions.

    """

    model: BackboneClassifier
    processor: Any
    collator: Collator
    rows: DatasetDict
    inputs: DatasetDict
    label_names: list[str]
    data_notes: list[Note]
    notes: list[Note]
    learning_rate: tuple[float, str]
    tables: dict[str, pd.DataFrame]
    usage: str
    frozen: dict[str, FrozenInputs]
    illustrate: Callable[[Path, str, pd.DataFrame], None] | None = None
    epoch: SharedEpoch = field(default_factory=SharedEpoch)
    filled_in: dict[str, Any] = field(default_factory=dict)
    kept: KeptColumns = field(default_factory=dict)

    @property
    def is_multi_label(self) -> bool:
        """Whether each row has any number of labels: the column `label` is then 0 and 1 for each of them."""
        return is_multi_label(self.model.config)

    def training_labels(self) -> np.ndarray:
        """Return the label ids of the rows of train (rows,), or 0 and 1 of each label (rows, labels)."""
        return read_column(self.rows["train"], "label")

    def count_labels(self) -> dict[str, dict[str, int]]:
        """Return how many rows of each split that has labels have each label, by the label's name."""
        labels = {
            split: read_column(rows, "label") for split, rows in self.rows.items() if "label" in rows.column_names
        }
        counts = {
            split: ids.sum(axis=0) if ids.ndim > 1 else np.bincount(ids, minlength=len(self.label_names))
            for split, ids in labels.items()
        }
        return {
            name: {split: int(count[index]) for split, count in counts.items()}
            for index, name in enumerate(self.label_names)
        }
