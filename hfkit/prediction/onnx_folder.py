"""The files of a model in ONNX: found, and checked before they are used; nothing here imports torch."""

import json
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..flags.paths import EXPORT_FILE
from ..models.cleaning import STEPS
from ..models.tokenizer_checks import check_rules_of
from ..run_folders.manifest import checksums, read_manifest

SETTINGS_FILE = EXPORT_FILE
GRAPH_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
TASKS = ("text-classification", "image-classification")
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos", "nearest")
LARGEST_SIDE = 4096
"""Pixels; a larger image size is a mistake, or an attack on the memory."""


def is_onnx_folder(folder: Path) -> bool:
    """Whether `hfkit export` wrote a folder."""
    return (folder / SETTINGS_FILE).is_file() and not (folder / "config.json").is_file()


def read_settings(folder: Path) -> dict[str, Any]:
    """Return what `export.json` of a folder holds, checked: it may be anybody's, and nothing in it is code or a path.

    Raises:
        UserError: A file is missing or damaged, or a value is none.

    """
    try:
        sums = _check_sums(folder)
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        _check_settings(settings)
        if settings["task"] == TASKS[0]:
            tokenizer = folder / TOKENIZER_FILE
            if TOKENIZER_FILE not in sums:
                raise ValueError("the manifest does not name the tokenizer")
            check_rules_of(tokenizer, tokenizer.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise UserError(
            f"The exported model {folder} is damaged ({reason}): export it again by hfkit export."
        ) from error
    return dict(settings)


def _check_sums(folder: Path) -> dict[str, str]:
    """Compare the files with the manifest, and return what it holds.

    Raises:
        ValueError: One is missing, or another one.

    """
    sums = read_manifest(folder)
    for name in sums:
        if Path(name).name != name:
            raise ValueError(f"{name} is no file of the folder")
        if not (folder / name).is_file():
            raise ValueError(f"{name} is missing")
    if not {SETTINGS_FILE, GRAPH_FILE} <= set(sums):
        raise ValueError("the manifest does not name the model")
    now = checksums(folder, [folder / name for name in sums])
    changed = [name for name, value in now.items() if value != sums[name]]
    if changed:
        raise ValueError(f"{changed[0]} is not what was written")
    return sums


def _check_settings(settings: dict[str, Any]) -> None:
    """Refuse values of other types, or that would need much memory.

    Raises:
        ValueError: There are such.

    """
    rows = settings["rows_at_once"]
    labels = settings["labels"]
    least = settings["answer_threshold"]
    of_labels = settings.get("label_thresholds")
    well = {
        "task": settings["task"] in TASKS,
        "labels": isinstance(labels, list) and 1 < len(labels) == len(set(map(str, labels))),
        "rows_at_once": rows is None or _is_whole(rows, 1),
        "answer_threshold": least is None or _is_share(least),
        "label_thresholds": of_labels is None
        or (isinstance(of_labels, list) and len(of_labels) == len(labels) and all(map(_is_share, of_labels))),
    }
    if settings["task"] == TASKS[0]:
        well["max_length"] = _is_whole(settings["max_length"], 1)
        well["pad_token_id"] = _is_whole(settings["pad_token_id"], 0)
        well["truncation_side"] = settings["truncation_side"] in ("left", "right")
        well["cleaning"] = all(step in STEPS for step in settings["cleaning"])
    else:
        pixels = settings["pixels"]
        well["height"], well["width"] = (_is_whole(pixels[name], 1, LARGEST_SIDE) for name in ("height", "width"))
        well["interpolation"] = pixels["interpolation"] in INTERPOLATIONS
        well["mean"], well["std"] = (len(list(map(float, pixels[name]))) == 3 for name in ("mean", "std"))
    wrong = [name for name, is_well in well.items() if not is_well]
    if wrong:
        raise ValueError(f"{SETTINGS_FILE} has no {wrong[0]} that can be used")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_whole(value: object, least: int, most: int = 2**31) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
