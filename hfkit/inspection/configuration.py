"""Write a configuration with comments, to train by `--config`."""

from pathlib import Path
from typing import Any

import yaml

from ..data.columns import have_no_names
from ..errors import UserError
from ..files import write_file
from ..flags.paths import check_new_file
from .command import BACKBONES
from .result import Inspection

_COMMENTS = {
    "dataset": "The data.",
    "text_column": "Column of the text.",
    "image_column": "Column of the image, or of its file.",
    "label_column": "Column of the label, or of several.",
    "label_separator": "What stands between the labels of a row.",
    "header": "Whether the first line has the names of the columns.",
    "split_column": "Column that says train, validation or test of each row.",
    "backbone": "The pretrained model.",
    "unfreeze_from": "What trains: none (the head alone, solved), a layer from which on, or all.",
}


def write_inspection(path: Path, inspection: Inspection) -> None:
    """Write the flags that train on inspected data as YAML, with what was found as comments.

    Raises:
        UserError: The file is there or cannot be written, or training would stop.

    """
    if inspection.refusal is not None:
        raise UserError(f"{path} is not written, since training would stop: {inspection.refusal}")
    check_new_file(path, "--write")
    write_file(path, make_configuration(inspection))


def make_configuration(inspection: Inspection) -> str:
    """Return the content of the file: each flag with a comment; what was found by itself is written out beside what was given."""
    guessed = {name: value for name, value in _guessed_flags(inspection).items() if name not in inspection.flags}
    flags = {**inspection.flags, **guessed, "backbone": BACKBONES[inspection.task], "unfreeze_from": "none"}
    lines = [f"# Trains on these data: hfkit train {inspection.task} --config THIS_FILE"]
    lines += [f"# {' '.join(note.text.split())}" for note in inspection.notes]
    for name, value in flags.items():
        comment = _COMMENTS.get(name)
        lines += ["", f"# {comment}"] if comment else [""]
        lines.append(yaml.safe_dump({name: value}, allow_unicode=True).rstrip())
    return "\n".join(lines) + "\n"


def _guessed_flags(inspection: Inspection) -> dict[str, Any]:
    """Return the flags that say what was found of the columns, so that the file reads the same table."""
    roles: dict[str, list[str]] = {}
    for column in inspection.columns:
        roles.setdefault(column.role, []).append(column.name)
    flags: dict[str, Any] = {}
    if roles.get("text"):
        flags["text_column"] = roles["text"]
    labels = roles.get("label", [])
    # Columns of 0 and 1 that are classes are so where nobody names them.
    if len(labels) > 1 and not inspection.is_multi_label:
        labels = []
    for flag, names in (
        ("image_column", roles.get("image")),
        ("label_column", labels),
        ("split_column", roles.get("split")),
    ):
        if names:
            flags[flag] = names if len(names) > 1 else names[0]
    if inspection.columns and have_no_names([column.name for column in inspection.columns]):
        flags["header"] = False
    return flags
