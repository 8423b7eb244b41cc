"""Write a configuration with comments, to train by `--config`."""

from pathlib import Path

import yaml

from ..errors import UserError
from ..files import write_file
from .command import BACKBONES
from .result import Inspection

_COMMENTS = {
    "dataset": "The data.",
    "text_column": "Column of the text.",
    "image_column": "Column of the image, or of its file.",
    "label_column": "Column of the label, or of several.",
    "label_separator": "What stands between the labels of a row.",
    "split_column": "Column that says train, validation or test of each row.",
    "backbone": "The pretrained model.",
    "unfreeze_from": "What trains: none (the head alone, solved), a layer from which on, or all.",
}


def write_inspection(path: Path, inspection: Inspection) -> None:
    """Write the flags that train on inspected data as YAML, with what was found as comments.

    Raises:
        UserError: The file is there, its folder is not, or training would stop.

    """
    if inspection.refusal is not None:
        raise UserError(f"{path} is not written, since training would stop: {inspection.refusal}")
    if path.exists():
        raise UserError(f"{path} is there already: name another file by --write.")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: there is no folder {path.parent}.")
    write_file(path, make_configuration(inspection))


def make_configuration(inspection: Inspection) -> str:
    """Return the content of the file: each flag with a comment; what was found by itself is written out."""
    roles: dict[str, list[str]] = {}
    for column in inspection.columns:
        roles.setdefault(column.role, []).append(column.name)
    labels = roles.get("label", [])
    if len(labels) > 1 and not inspection.is_multi_label:  # columns of 0 and 1 that are classes if nobody names them
        labels = []
    found = {"text_column": roles.get("text"), "label_column": labels, "split_column": roles.get("split")}
    chosen = {
        name: names if name == "text_column" or len(names) > 1 else names[0] for name, names in found.items() if names
    }
    flags = {**inspection.flags, **chosen, "backbone": BACKBONES[inspection.task], "unfreeze_from": "none"}
    lines = [f"# Trains on these data: hfkit train {inspection.task} --config THIS_FILE"]
    lines += [f"# {' '.join(note.text.split())}" for note in inspection.notes]
    for name, value in flags.items():
        comment = _COMMENTS.get(name)
        lines += ["", f"# {comment}"] if comment else [""]
        lines.append(yaml.safe_dump({name: value}, allow_unicode=True).rstrip())
    return "\n".join(lines) + "\n"
