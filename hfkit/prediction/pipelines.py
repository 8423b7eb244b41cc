"""`hfkit.load_pipeline`: the pipelines of saved models, with a fast `predict` for lists and tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from transformers import Pipeline

from ..connection import retry
from ..errors import UserError
from ..models import load_pipeline as load_models_pipeline
from ..models.image_pipeline import ImageClassificationPipeline as ModelsImagePipeline
from ..models.text_pipeline import TextClassificationPipeline as ModelsTextPipeline
from .contents import check_pairs, choose_text_columns, join_cells, read_run_columns
from .first_prediction import check_first_prediction
from .model_name import check_model_name
from .predicted_table import predict_contents, refuse_problems
from .python_rows import choose_keyword, find_photos, list_photos, list_texts, to_photo, to_table


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
        self,
        inputs: Any,
        text: str | Sequence[str] | None = None,
        batch_size: int | None = None,
        text_column: str | Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Predict texts in batches of similar length.

        Args:
            inputs: A list of texts, or a table with a column of texts, whose columns and index are kept: a DataFrame, a
                `datasets.Dataset` or a list of dictionaries.
            text: That column, or two that are read as in training; default: as in the run, or found by its name. A list's column
                is called so.
            batch_size: Texts of a batch; default: 32 on a CPU, else 128.
            text_column: The same as `text`, by the flag's name.

        Returns:
            The table (a list becomes a column `text`) with `prediction`, `confidence`, `score_LABEL` for each label, and
            `answered` where the model may keep silent. Where a text has any number of labels, `prediction` has their names with
            commas between them, and there is no `confidence`.

        Raises:
            TypeError: The inputs are neither a list nor a table, or a row is no text.
            ValueError: A text is missing or the name of a file, a column is not there, or a result would overwrite one.

        """
        chosen = choose_keyword(text, text_column, "text")
        given = [chosen] if isinstance(chosen, str) else chosen
        as_pairs = self.model.config.pair != "join"
        table = to_table(inputs, "text")
        if table is None:
            name = given[0] if given is not None and len(given) == 1 else "text"
            table, given = pd.DataFrame({name: list_texts(inputs)}, dtype=object), [name]
        columns = list(map(str, table.columns))
        if given is None and set(columns) == {"text", "text_pair"}:  # as a call takes a row of two columns
            given = ["text", "text_pair"]
        try:
            of_run = read_run_columns(self.model.name_or_path) if given is None else []
            positions, _ = choose_text_columns("The table", columns, given, of_run)
            check_pairs("The table", positions, as_pairs)
        except UserError as error:
            raise ValueError(str(error).replace("--text_column", "text").replace("text NAME", 'text="NAME"')) from error
        cells = zip(*(table.iloc[:, position].tolist() for position in positions), strict=True)
        contents = [join_cells(row, as_pairs) for row in cells]
        refuse_problems({row: problem for row, (_, problem) in enumerate(contents) if problem}, len(table))
        return predict_contents(self, table, [text for text, _ in contents], batch_size)


class ImageClassificationPipeline(ModelsImagePipeline):
    """The pipeline of a saved image model, and `predict` for many photos.

    Examples:
        >>> from hfkit import load_pipeline
        >>> classify = load_pipeline("runs/PHOTOS")  # an ImageClassificationPipeline
        >>> classify.predict(["my_photos/test/cat/0.png"]).columns.tolist()
        ['file', 'prediction', 'confidence', 'score_cat', 'score_dog']

    """

    def predict(
        self,
        inputs: Any,
        image: str | None = None,
        batch_size: int | None = None,
        image_column: str | None = None,
    ) -> pd.DataFrame:
        """Predict photos in batches, decoded by several threads.

        Args:
            inputs: A list of photos, or a table with a column of them, whose columns and index are kept: a DataFrame, a
                `datasets.Dataset` or a list of dictionaries. A photo is a path, one of Pillow's images, an array
                (height, width, 3) of uint8, or the bytes of a file.
            image: That column; default: found by its name.
            batch_size: Photos of a batch; default: as for texts.
            image_column: The same as `image`, by the flag's name.

        Returns:
            The table (a list of paths becomes a column `file`) with `prediction`, `confidence`, `score_LABEL` for each label,
            and `answered` where the model may keep silent.

        Raises:
            TypeError: The inputs are neither a list nor a table, or a row is no photo.
            ValueError: A photo is missing or cannot be read, a column is not there, or a result would overwrite one.

        """
        chosen = choose_keyword(image, image_column, "image")
        table = to_table(inputs, "photo")
        if table is not None:
            photos = table.iloc[:, find_photos(list(map(str, table.columns)), chosen)].tolist()
        else:
            photos = list_photos(inputs)
            names = [str(photo) if isinstance(photo, str | Path) else None for photo in photos]
            table = pd.DataFrame({"file": names}, dtype=object)
        contents = [to_photo(photo, row) for row, photo in enumerate(photos)]
        refuse_problems({row: "no photo" for row, content in enumerate(contents) if content is None}, len(photos))
        return predict_contents(self, table, contents, batch_size)


_CLASSES = {"text-classification": TextClassificationPipeline, "image-classification": ImageClassificationPipeline}


def load_pipeline(model: str | Path, **options: Any) -> Pipeline:
    """Load a saved hfkit model, a folder or a Hub id, as the `pipeline()` of its task with `predict`; no remote code is run.

    Args:
        model: Folder or Hub id of a model that hfkit saved.
        options: Further arguments of `transformers.pipeline`, such as `device` or `revision`.

    Raises:
        TypeError: The model is no name.
        ValueError: There is no such folder, it holds no model or that of a run that did not finish, the model is not one of
            hfkit's families, or it does not predict a short row.

    Examples:
        >>> from hfkit import load_pipeline
        >>> classify = load_pipeline("runs/NAME")
        >>> classify(["Drinking bleach cures COVID-19."])
        [{'label': '...', 'score': 0...}]

    """
    try:
        name = check_model_name(model)
    except UserError as error:
        raise ValueError(str(error)) from error
    classify = retry(lambda: load_models_pipeline(name, _CLASSES, **options))
    check_first_prediction(classify)
    return classify
