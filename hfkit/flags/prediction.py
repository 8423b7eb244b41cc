"""The command line of a prediction, and refusals of its paths; nothing here imports torch."""

import csv
import os
from pathlib import Path

from ..errors import UserError
from ..files import try_lock
from .configuration import CONFIGURATION_FILE
from .paths import (
    EXPORT_FILE,
    check_can_be_written,
    check_dataset_path,
    check_is_folder,
    describe_unfinished_run,
    is_missing_path,
)
from .prediction_input import InputKind, existing_path, find_input_kind, find_near_name
from .values import check_name_pattern

BUSY = "Another process writes {} now: wait until it ends, or name another --output."
"""Why an output is refused."""


def check_model_path(model: str) -> None:
    """Refuse a model that looks like a path where nothing is, a folder without a model, and a run that did not finish.

    Raises:
        UserError: As above.

    """
    if not model.strip():
        raise UserError("The model's name is empty: name the folder of a run or of a saved model, or a Hub id.")
    folder = Path(os.path.expanduser(model))
    if folder.is_file():
        raise UserError(f"{model} is a file: name the folder of a run or of a saved model, or a Hub id.")
    if is_missing_path(model):
        near = find_near_name(model)
        instead = f"did you mean {near}?" if near else "check the path, or write a Hub id."
        raise UserError(f"There is no model {model} (no such folder, from {Path.cwd()}): {instead}")
    if not folder.is_dir() or any((folder / name).is_file() for name in ("config.json", EXPORT_FILE)):
        return
    if (folder / CONFIGURATION_FILE).is_file():
        raise UserError(describe_unfinished_run(model))
    raise UserError(f"The folder {model} holds no model: name the folder of a finished run or of a saved model.")


def check_output(output: Path | None, given: str, overwrite: bool, resume: bool) -> None:
    """Refuse an output that would overwrite something, or that cannot be gone on with.

    Args:
        output: The file that is written; None: none.
        given: The input.
        overwrite: Whether an earlier output may be replaced.
        resume: Whether an earlier command is gone on with.

    Raises:
        UserError: As above.

    """
    if output is None:
        if overwrite or resume:
            raise UserError(f"--{'resume' if resume else 'overwrite'} is for --output: add --output out.csv.")
        return
    if overwrite and resume:
        raise UserError("--overwrite begins again and --resume goes on: give one of them.")
    if resume and given == "-":
        raise UserError("--resume needs an input that can be read again: save the lines to a file, and name it.")
    if output.suffix.lower() != ".csv":
        raise UserError(f"--output {output}: predictions are written as CSV, so write {output.stem or 'out'}.csv.")
    check_can_be_written(output.parent, "--output", output)
    if output.is_dir():
        raise UserError(f"--output {output} is a folder: name a file in it.")
    path = existing_path(given)
    if path is not None and output.exists() and output.samefile(path):
        raise UserError(f"--output {output} is the input itself: name another file.")
    check_is_free(output)
    check_is_new(output, overwrite, resume)


def check_is_free(output: Path) -> None:
    """Refuse an output that another process writes now.

    Raises:
        UserError: As above.

    """
    try:
        with lock_file(output).open("rb") as file:
            is_locked = try_lock(file, exclusive=False) is False
    except OSError:  # there is none
        return
    if is_locked:
        raise UserError(BUSY.format(output))


def is_finished(output: Path) -> bool:
    """Whether an output is whole: it is there with the columns of a prediction, and no part of it is.

    That of a model that gives a row any number of labels has no column `confidence`, and one of scores for each label.
    """
    if part_file(output).exists() or not output.is_file():
        return False
    csv.field_size_limit(2**31 - 1)
    try:
        with output.open(newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):
        return False
    return "prediction" in columns and any(name == "confidence" or name.startswith("score_") for name in columns)


def check_is_new(output: Path, overwrite: bool, resume: bool) -> None:
    """Refuse to write over a file, or to begin where an earlier command stopped.

    Args:
        output: The file that is written.
        overwrite: Whether an earlier output may be replaced.
        resume: Whether an earlier command is gone on with; there is nothing to do where it finished.

    Raises:
        UserError: As above.

    """
    if overwrite or (resume and is_finished(output)):
        return
    part = part_file(output)
    if part.exists():
        if resume:
            return
        raise UserError(
            f"{part} is left of an earlier command: add --resume to go on with it, or --overwrite to begin again."
        )
    for path in (output, unreadable_file(output)):
        if path.exists():
            raise UserError(f"{path} is there already: name another --output, or add --overwrite to replace it.")


def unreadable_file(output: Path) -> Path:
    """Return where the rows that cannot be read are listed."""
    return output.with_name(f"{output.stem}.unreadable.csv")


def lock_file(output: Path) -> Path:
    """Return which file is locked while a process writes an output."""
    return output.with_name(f"{output.name}.lock")


def part_file(path: Path) -> Path:
    """Return where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


def check_prediction_early(
    model: str, given: str, output: Path | None, overwrite: bool, resume: bool, batch_size: int | None
) -> InputKind:
    """Refuse what the command line alone makes impossible, and tell what the input is.

    Raises:
        UserError: As above.

    """
    check_model_path(model)
    kind = find_input_kind(given, model)
    _check_batch_size(batch_size)
    if output is not None and kind in (InputKind.TEXT, InputKind.PHOTO):
        raise UserError(f"--output is for tables, folders and lines, not for {kind.value}: leave it out.")
    check_output(output, given, overwrite, resume)
    return kind


def check_evaluation_early(
    model: str,
    dataset: str | None,
    output_dir: Path | None,
    split: str | None,
    batch_size: int | None,
    label_from_name: str | None = None,
) -> None:
    """Refuse what the command line of an evaluation alone makes impossible; data that are a value in Python are None.

    Raises:
        UserError: As above.

    """
    check_model_path(model)
    if dataset is not None:
        check_dataset_path(dataset)
    _check_batch_size(batch_size)
    check_name_pattern(label_from_name)
    if split not in (None, "train", "validation", "test"):
        raise UserError(f"--split {split}: write train, validation or test.")
    folder = check_is_folder(str(output_dir or "runs"))
    if output_dir is not None and folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"The folder {folder} is not empty: name another --output_dir.")


def _check_batch_size(batch_size: int | None) -> None:
    if batch_size is not None and batch_size < 1:
        raise UserError(f"--batch_size is {batch_size}: write a number above 0.")
