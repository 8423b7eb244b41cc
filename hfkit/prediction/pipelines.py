"""`hfkit.load_pipeline`: the pipelines of saved models, with a fast `predict` for lists and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import Pipeline

from ..data.columns import find_column
from ..errors import UserError
from ..models import load_pipeline as load_models_pipeline
from ..models.image_pipeline import ImageClassificationPipeline as ModelsImagePipeline
from ..models.text_pipeline import TextClassificationPipeline as ModelsTextPipeline
from .contents import choose_text_columns, join_cells, read_run_columns
from .results import ResultColumns
from .rows import BLOCK, is_missing
from .scorer import make_scorer

_PHOTO_COLUMNS = ("file", "path", "image", "img", "picture", "photo")


class TextClassificationPipeline(ModelsTextPipeline):
    """The pipeline of a saved text model, and `predict` for many texts.

    Examples:
        >>> from hfkit import load_pipeline
        >>> classify = load_pipeline("runs/NAME")  # a TextClassificationPipeline
        >>> classify("Drinking bleach cures COVID-19.")
        [{'label': '...', 'score': 0...}]
        >>> classify.predict(["one text", "another one"]).columns.tolist()
        ['text', 'prediction', 'confidence', 'score_fake', 'score_real']

    """

    def predict(
        self, inputs: Any, text_column: str | Sequence[str] | None = None, batch_size: int | None = None
    ) -> pd.DataFrame:
        """Predict texts in batches of similar length.

        Args:
            inputs: A list of texts, or a table with a column of texts, whose columns and index are kept.
            text_column: That column, or two to be joined; default: as in the run, or found by its name.
            batch_size: Texts of a batch; default: 32 on a CPU, else 128.

        Returns:
            The table (a list becomes a column `text`) with `prediction`, `confidence`, `score_LABEL` for each label, and
            `answered` where the model may keep silent.

        Raises:
            ValueError: A text is missing, a column is not there, or a result would overwrite one.

        """
        table = inputs if isinstance(inputs, pd.DataFrame) else pd.DataFrame({"text": _as_list(inputs)}, dtype=object)
        given = [text_column] if isinstance(text_column, str) else text_column
        given = given if isinstance(inputs, pd.DataFrame) else ["text"]
        try:
            of_run = read_run_columns(self.model.name_or_path) if given is None else []
            positions, _ = choose_text_columns("The table", list(map(str, table.columns)), given, of_run)
        except UserError as error:
            raise ValueError(str(error)) from error
        cells = zip(*(table.iloc[:, position].tolist() for position in positions), strict=True)
        contents = [join_cells(row) for row in cells]
        _refuse_problems({row: problem for row, (_, problem) in enumerate(contents) if problem}, len(table))
        return _predict(self, table, [text for text, _ in contents], batch_size)


class ImageClassificationPipeline(ModelsImagePipeline):
    """The pipeline of a saved image model, and `predict` for many photos.

    Examples:
        >>> from hfkit import load_pipeline
        >>> classify = load_pipeline("runs/PHOTOS")  # an ImageClassificationPipeline
        >>> classify.predict(["my_photos/test/cat/0.png"]).columns.tolist()
        ['file', 'prediction', 'confidence', 'score_cat', 'score_dog']

    """

    def predict(self, inputs: Any, image_column: str | None = None, batch_size: int | None = None) -> pd.DataFrame:
        """Predict photos in batches, decoded by several threads.

        Args:
            inputs: A list of paths or of Pillow's images, or a table with a column of them, whose columns and index are kept.
            image_column: That column; default: found by its name.
            batch_size: Photos of a batch; default: as for texts.

        Returns:
            The table (a list of paths becomes a column `file`) with `prediction`, `confidence`, `score_LABEL` for each label,
            and `answered` where the model may keep silent.

        Raises:
            ValueError: A photo is missing or cannot be read, a column is not there, or a result would overwrite one.

        """
        if isinstance(inputs, pd.DataFrame):
            columns = list(map(str, inputs.columns))
            try:
                column = image_column or find_column("The table", columns, _PHOTO_COLUMNS, "image_column")
            except UserError as error:
                raise ValueError(str(error)) from error
            if columns.count(column) != 1:
                raise ValueError(f"The table has no column '{column}' of its own, only: {', '.join(columns)}.")
            table, photos = inputs, inputs.iloc[:, columns.index(column)].tolist()
        else:
            photos = _as_list(inputs)
            names = [str(photo) if isinstance(photo, str | Path) else None for photo in photos]
            table = pd.DataFrame({"file": names}, dtype=object)
        missing = {row: "no photo" for row, photo in enumerate(photos) if is_missing(photo)}
        _refuse_problems(missing, len(photos))
        contents = [{"bytes": None, "path": str(photo)} if isinstance(photo, str | Path) else photo for photo in photos]
        return _predict(self, table, contents, batch_size)


_CLASSES = {"text-classification": TextClassificationPipeline, "image-classification": ImageClassificationPipeline}


def load_pipeline(model: str, **options: Any) -> Pipeline:
    """Load a saved hfkit model, a folder or a Hub id, as the `pipeline()` of its task with `predict`; no remote code is run.

    Args:
        model: Folder or Hub id of a model that hfkit saved.
        options: Further arguments of `transformers.pipeline`, such as `device` or `revision`.

    Raises:
        ValueError: The model is not one of hfkit's families, or the folder of a run that did not finish.

    Examples:
        >>> from hfkit import load_pipeline
        >>> classify = load_pipeline("runs/NAME")
        >>> classify(["Drinking bleach cures COVID-19."])
        [{'label': '...', 'score': 0...}]

    """
    return load_models_pipeline(model, _CLASSES, **options)


def _as_list(inputs: Any) -> list[Any]:
    """Return the rows of a list, an array or a column; a single text or photo is one row.

    Raises:
        TypeError: It is nothing.

    """
    if is_missing(inputs):
        raise TypeError(f"The rows are {inputs}: give a list or a DataFrame.")
    if isinstance(inputs, str | Path) or not hasattr(inputs, "__iter__"):
        return [inputs]
    return inputs.tolist() if hasattr(inputs, "tolist") else list(inputs)


def _refuse_problems(problems: dict[int, str], total: int) -> None:
    """Refuse rows that cannot be read, by their position from 0.

    Raises:
        ValueError: There are some.

    """
    if problems:
        first = min(problems)
        raise ValueError(
            f"{len(problems)} of {total} rows cannot be read (the first is row {first}, counted from 0: {problems[first]}): "
            "leave them out, or give an empty text '' in place of a missing one."
        )


def _predict(pipeline: Pipeline, table: pd.DataFrame, contents: list[Any], batch_size: int | None) -> pd.DataFrame:
    """Return a table with the predictions of its contents."""
    results = ResultColumns.of_model(pipeline.model)
    try:
        results.check_free("The table", list(map(str, table.columns)))
    except UserError as error:
        raise ValueError(str(error)) from error
    scorer = make_scorer(pipeline, batch_size)
    parts = [np.empty((0, len(results.label_names)), dtype=np.float32)]
    problems: dict[int, str] = {}
    for start in range(0, len(contents), BLOCK):
        scored = scorer.score(contents[start : start + BLOCK], lambda rows: None)
        problems |= {start + position: problem for position, problem in scored.problems.items()}
        parts.append(scored.logits)
    _refuse_problems(problems, len(contents))
    added = results.table(np.concatenate(parts))
    return pd.concat([table, added.set_axis(table.index)], axis=1)
