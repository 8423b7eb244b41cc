"""What a run says of itself in `summary.json`, for its card: no paths, nothing of the machine but versions."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from ..backbones.checkpoints import timm_name
from ..backbones.families import is_checkpoint
from ..backbones.packaged import LITE0, MINILM
from ..data.image_sources import HUB_NAMES
from ..files import write_file
from ..flags.kinds import Arguments, TextModelArguments
from ..models import FAMILIES
from ..models.fdvit import FDVIT_SIZES, published_name
from ..notes import Note
from ..task import Task

SUMMARY_FILE = "summary.json"
METRICS = {"accuracy": "accuracy", "macro_f1": "f1"}
"""Metrics of a card's front matter, and the Hub's names for them."""

DATASETS = {
    "sample": "a small hand-written sample that proves nothing about accuracy",
    "constraint": "the English tweets of Constraint@AAAI-2021 (COVID-19 fake news, Patwa et al., arXiv 2011.03327)",
    "digits": "scikit-learn's digits",
    "cifar10": "CIFAR-10",
}
"""Datasets with names of their own, as a sentence goes on after "trained on"."""


OWN_DATA = "the author's own data"
OWN_MODEL = "a model of the author's own"
"""What data and backbones are called that are not named."""


def write_summary(folder: Path, task: Task, arguments: Arguments[Any, Any], notes: list[Note]) -> dict[str, Any]:
    """Write what was trained on what, and return it.

    Args:
        folder: Of the run.
        task: Model and data.
        arguments: Flags.
        notes: What was chosen for model and training.

    """
    what = "texts" if isinstance(arguments.model, TextModelArguments) else "images"
    what += " with any number of labels each" if task.is_multi_label else ""
    summary = {
        "task": FAMILIES[task.model.config.model_type].task,
        "kind": f"A classifier of {what}, trained on {dataset_name(arguments.data.dataset)}.",
        "backbone": Path(str(arguments.model.backbone)).name,
        "base_model": find_base_model(arguments),
        "head": arguments.model.head,
        "dataset": dataset_name(arguments.data.dataset),
        "dataset_id": dataset_id(arguments.data.dataset),
        "dataset_config": arguments.data.dataset_config,
        "dataset_revision": arguments.data.dataset_revision,
        "cut_from_train": [note.split for note in task.data_notes if note.code == "split_cut"],
        "rows": {split: len(rows) for split, rows in task.rows.items()},
        "classes": task.count_labels(),
        "data_lines": [_without_folders(note.text, arguments) for note in task.data_notes if note.on_card],
        "lines": [_without_folders(note.text, arguments) for note in notes if note.on_card],
    }
    summary["data_lines"] += describe_dropped_rows(task)
    write_file(folder / SUMMARY_FILE, json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    return summary


def describe_dropped_rows(task: Task) -> list[str]:
    """Return a sentence on the rows that were dropped, if there are any."""
    if "dropped_rows.csv" not in task.tables:
        return []
    dropped = Counter(task.tables["dropped_rows.csv"]["split"])
    return [f"Dropped rows: {', '.join(f'{n} of {split}' for split, n in dropped.items())}."]


def _without_folders(line: str, arguments: Arguments[Any, Any]) -> str:
    """Leave out what flags name on this machine."""
    weights = getattr(arguments.model, "weights", None)
    for name, filler in (
        (arguments.data.dataset, OWN_DATA),
        (arguments.model.backbone, OWN_MODEL),
        (weights, OWN_MODEL),
    ):
        if name is not None and "/" in name and is_local(name):
            line = line.replace(name, filler)
    return line


def is_local(name: str) -> bool:
    """Whether a dataset or backbone is a file, a folder or a value here."""
    if ":" in name:  # data in memory, or a path of Windows: the Hub's ids have none
        return True
    return Path(name).expanduser().exists() or name.startswith((".", "/", "~")) or name.count("/") > 1


def dataset_id(dataset: str) -> str | None:
    """Return the Hub id of a dataset, or None where it is not from the Hub."""
    if dataset in HUB_NAMES and not Path(dataset).exists():  # a folder of that name is read in its place
        return HUB_NAMES[dataset]
    return None if dataset in DATASETS or is_local(dataset) else dataset


def dataset_name(dataset: str) -> str:
    """Return what a card calls a dataset; one's own has no name there."""
    if dataset in HUB_NAMES and Path(dataset).exists():
        return OWN_DATA
    return DATASETS.get(dataset) or dataset_id(dataset) or OWN_DATA


def find_base_model(arguments: Arguments[Any, Any]) -> str | None:
    """Return the Hub id of the weights that training began with, or None where they are not from the Hub."""
    backbone = str(arguments.model.backbone)
    if isinstance(arguments.model, TextModelArguments):
        return MINILM if backbone == "minilm" else None if is_local(backbone) else backbone
    if arguments.model.weights != "default" or backbone == LITE0:  # those of LITE0 are a package's
        return None
    if backbone in FDVIT_SIZES:
        return published_name(backbone)
    import timm

    if is_checkpoint(backbone):
        return None if is_local(backbone) else backbone
    name = timm_name(backbone)
    known = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    return getattr(known, "hf_hub_id", None) or None
