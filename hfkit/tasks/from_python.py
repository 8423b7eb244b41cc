"""Training from Python, as in a notebook: data that are values or names, flags as keywords, and a finished run back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..flags.keywords import flag_to_argv, keywords_to_argv
from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS
from ..flags.paths import check_run_name
from ..flags.tables import take_table_flags
from ..training.process_state import own_process_state
from .finished_run import Run
from .image import make_image_task, read_image_flags
from .text import make_text_task, read_text_flags
from .train import train
from .values import read_value

_NAME = "memory"
"""What a run is called whose data have no name."""


def train_text_classifier(
    data: Any,
    *,
    text: str | Sequence[str] | None = None,
    label: str | Sequence[str] | None = None,
    labels: Any = None,
    name: str | None = None,
    **flags: Any,
) -> Run:
    """Train a text classifier, as `hfkit train text` does, and return the finished run.

    Args:
        data: A pandas DataFrame, a list of texts with `labels`, of (text, label) pairs or of dictionaries, a
            `datasets.Dataset`, a dictionary of splits (train, validation, test) of these, or the name of a file, a folder or a
            Hub dataset. It stays as it is.
        text: The text column, or two of a pair; default: found by its name.
        label: The label column; default: found by its name. Several columns of 0 and 1: each text has any number of labels.
        labels: Labels of a list of texts, in its order; where each is a list, a text has any number of labels.
        name: What the name of the run's folder begins with; default: what the data are called.
        flags: The flags of `hfkit train text --help` as keywords, such as `backbone="minilm"`, `unfreeze_from="none"` or
            `num_train_epochs=3`; None for the default.

    Raises:
        TypeError: The data or a keyword is of a kind that is not understood.
        ValueError: It is of such a kind, and not as it must be.
        UserError: A flag, a column, a label or the backbone is not as it must be.

    Examples:
        >>> import pandas as pd
        >>> from hfkit import train_text_classifier
        >>> table = pd.read_csv("my_tweets.csv")
        >>> run = train_text_classifier(table, text="tweet", label="label", backbone="minilm", unfreeze_from="none")
        Backbone minilm, head layers, dataset memory:... Solver: convex (default on a frozen backbone).
        ...
        >>> run.predict(["one text", "another one"]).columns.tolist()
        ['text', 'prediction', 'confidence', 'score_fake', 'score_real']

    """
    columns = {"text_column": text, "label_column": label}
    given = _join_keywords(columns, flags)
    texts, label_column = given.get("text_column"), given.get("label_column")
    return _train(
        name,
        keywords_to_argv(given, TEXT_FLAGS),
        lambda: read_value(
            "text",
            data,
            labels,
            texts,
            label_column,
            table_flags=take_table_flags(given),
            split_column=given.get("split_column"),
        ),
        (read_text_flags, make_text_task),
    )


def train_image_classifier(
    data: Any,
    *,
    image: str | None = None,
    label: str | Sequence[str] | None = None,
    labels: Any = None,
    name: str | None = None,
    **flags: Any,
) -> Run:
    """Train an image classifier, as `hfkit train image` does, and return the finished run.

    Args:
        data: A folder with one folder for each class, with or without splits above; a DataFrame or a `datasets.Dataset` with a
            column of images; a list of images with `labels`, of (image, label) pairs or of dictionaries; a dictionary of splits
            of these; or the name of a parquet file or a Hub dataset. An image is a path, one of Pillow's, an array
            (height, width, 3) of uint8, or the bytes of a file. It stays as it is.
        image: The image column; default: found by its type or name.
        label: The label column; default: found by its name. Several columns of 0 and 1: each image has any number of labels.
        labels: Labels of a list of images, in its order; where each is a list, an image has any number of labels.
        name: What the name of the run's folder begins with; default: what the data are called.
        flags: The flags of `hfkit train image --help` as keywords; None for the default.

    Raises:
        TypeError: The data or a keyword is of a kind that is not understood.
        ValueError: It is of such a kind, and not as it must be.
        UserError: A flag, a column, a label, an image or the backbone is not as it must be.

    Examples:
        >>> from hfkit import train_image_classifier
        >>> run = train_image_classifier("my_photos", backbone="efficientnet_lite0", unfreeze_from="none")
        Backbone efficientnet_lite0, head layers, dataset my_photos. Solver: convex (default on a frozen backbone).
        ...
        >>> run.predict(["my_photos/test/cat/0.png"])["prediction"].tolist()
        ['cat']

    """
    columns = {"image_column": image, "label_column": label}
    given = _join_keywords(columns, flags)
    image_column, label_column = given.get("image_column"), given.get("label_column")
    return _train(
        name,
        keywords_to_argv(given, IMAGE_FLAGS),
        lambda: read_value("image", data, labels, image_column, label_column, split_column=given.get("split_column")),
        (read_image_flags, make_image_task),
    )


def _join_keywords(columns: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return all flags; a column has a short keyword and the flag's name.

    Raises:
        TypeError: A column is given by both.

    """
    for flag, value in columns.items():
        if value is not None and flags.get(flag) is not None:
            raise TypeError(f"{flag.removesuffix('_column')}=... and {flag}=... are the same: give one of them.")
    return {**{flag: value for flag, value in columns.items() if value is not None}, **flags}


def _train(
    name: str | None,
    argv: list[str],
    read: Callable[[], tuple[Any, str]],
    task: tuple[Callable[[Sequence[str]], Any], Callable[..., Any]],
) -> Run:
    """Train on data that are a name or a value, in a state of the process of its own.

    Args:
        name: Of the run, or None.
        argv: All flags but that of the data.
        read: Reads data that are a value, and says what the flag `dataset` is.
        task: What reads the flags, and what makes the task.

    """
    read_flags, make_task = task
    check_run_name(name, any(item.startswith("--output_dir=") for item in argv))
    with own_process_state():
        source, dataset = read()
        arguments, line = read_flags([*flag_to_argv("dataset", dataset), *argv])
        usual = None if source is None else _NAME
        folder, _ = train(arguments, line, lambda given: make_task(given, source), name or usual)
    return Run(folder)
