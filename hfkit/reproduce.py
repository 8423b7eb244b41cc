"""Run again what a model on the Hub says of its training, and compare the results with its card."""

import importlib.util
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import hf_hub_download

from .arguments import IMAGE, TEXT
from .errors import UserError
from .evaluation import accuracy_interval
from .hub import hub_errors
from .launch import CONFIGURATION_FILE
from .run_summary import DATASETS, dataset_id, is_local

RECIPES = {"text-classification": "fakenews", "image-classification": "cifar10"}
"""The recipe of each task."""

TRAINING_FLAGS = frozenset(
    "num_train_epochs max_steps learning_rate head_learning_rate weight_decay warmup_steps per_device_train_batch_size "
    "per_device_eval_batch_size gradient_accumulation_steps lr_scheduler_type lr_scheduler_kwargs lr_decay_per_epoch lr_floor "
    "train_sampling_strategy eval_strategy save_strategy logging_strategy load_best_model_at_end metric_for_best_model "
    "early_stopping_patience class_weights label_smoothing_factor optim adam_beta1 adam_beta2 adam_epsilon max_grad_norm seed "
    "data_seed bf16 fp16".split()
)
"""Flags of training that are taken from a fetched configuration: none of them writes elsewhere, pushes, reports or runs code."""


def reproduce(repo_id: str, folder: Path, revision: str | None = None, dataset: str | None = None) -> dict[str, Any]:
    """Run a model's configuration anew and compare the accuracies.

    Args:
        repo_id: `USER/NAME` on the Hub, pushed by hfkit.
        folder: Where the new run goes.
        revision: Branch, tag or commit; default: main.
        dataset: The data, where it was no public one.

    Returns:
        For each split `card`, `now`, `low` and `high` (the card's 95 % interval), and `holds`.

    Raises:
        UserError: The repository has no configuration, or the data has to be named.

    """
    with hub_errors(repo_id):
        names = (CONFIGURATION_FILE, "all_results.json", "summary.json", "config.json")
        files = {name: Path(hf_hub_download(repo_id, name, revision=revision)).read_text("utf-8") for name in names}
    stored = json.loads(files["all_results.json"])
    summary = json.loads(files["summary.json"])
    words = safe_words(yaml.safe_load(files[CONFIGURATION_FILE]), summary["task"], dataset)
    now = _recipe(RECIPES[summary["task"]]).main([*words, "--output_dir", str(folder)])
    comparison = {}
    for prefix, split in (("eval", "validation"), ("test", "test")):
        before, after = stored.get(f"{prefix}_accuracy"), now.get(f"{prefix}_accuracy")
        if before is not None and after is not None:
            rows = summary["rows"][split]
            low, high = accuracy_interval(round(before * rows), rows)
            comparison[split] = {"card": before, "now": after, "low": low, "high": high, "holds": low <= after <= high}
    return comparison


def safe_words(flags: Any, task: str, dataset: str | None) -> list[str]:
    """Return the words of a command line for a fetched configuration, without what a stranger must not decide here.

    Raises:
        UserError: It is no configuration, or the data or the backbone was on the other machine.

    """
    if not isinstance(flags, dict) or task not in RECIPES:
        raise UserError(f"{CONFIGURATION_FILE} there is no configuration of hfkit.")
    kinds = TEXT if task == "text-classification" else IMAGE
    known = {item.name for kind in kinds[:2] for item in fields(kind)} | TRAINING_FLAGS
    taken = {key: value for key, value in flags.items() if key in known and value is not None}
    taken["dataset"] = dataset or taken.get("dataset")
    if taken["dataset"] is None or not (dataset or taken["dataset"] in DATASETS or dataset_id(str(taken["dataset"]))):
        raise UserError("The data of that run was no public one: name it by --dataset.")
    for key, public in (("backbone", ()), ("weights", ("default", "none"))):
        value = str(taken.get(key, "default"))
        if is_local(value) or (public and value not in public) or (key == "backbone" and key not in taken):
            raise UserError(
                f"The {key} of that run was a file of its machine: run the recipe with a --{key} of your own."
            )
    words = []
    for key, value in taken.items():
        values = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        words += [f"--{key}", *(str(item).lower() if isinstance(item, bool) else str(item) for item in values)]
    return words


def _recipe(name: str) -> Any:
    """Import a recipe, which stands beside the package.

    Raises:
        UserError: hfkit was installed without its recipes.

    """
    file = Path(__file__).parent.parent / "recipes" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise UserError(f"{file} is missing: clone hfkit's repository and install it from there (pip install -e .).")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
