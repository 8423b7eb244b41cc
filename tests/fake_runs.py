"""Folders as runs leave them, without a training."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from hfkit.run_folders.manifest import write_manifest

FLAGS = {"dataset": "tweets", "backbone": "models/minilm", "head": "linear", "unfreeze_from": "all", "seed": 42}
TEXTS = [f"text {number}" for number in range(1, 9)]
LABELS = ["fake", "real"] * 4


def write_checkpoint(run: Path, step: int, is_whole: bool = True) -> Path:
    """Write a checkpoint of 1,000 bytes and its state."""
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "optimizer.pt").write_bytes(bytes(1000))
    if is_whole:
        (folder / "trainer_state.json").write_text("{}")
    return folder


def write_run(
    folder: Path, wrong: int = 2, flags: dict[str, Any] | None = None, steps: tuple[int, ...] = (), **options: Any
) -> Path:
    """Write a finished run whose first `wrong` rows of validation, and first of test, are wrong.

    Args:
        folder: Of the run.
        wrong: Rows of validation.
        flags: Besides `FLAGS`.
        steps: Of its checkpoints.
        options: `filled_in`, and `texts` and `labels` of the rows.

    """
    texts, labels = options.get("texts", TEXTS), options.get("labels", LABELS)
    folder.mkdir(parents=True)
    content = {**FLAGS, **(flags or {}), "filled_in": options.get("filled_in", {"learning_rate": 2e-5})}
    (folder / "hfkit.yaml").write_text(yaml.safe_dump(content))
    (folder / "env.json").write_text("{}")
    (folder / "report").mkdir()
    for name, errors in (("report/validation_predictions.csv", wrong), ("predictions.csv", 1)):
        write_predictions(folder / name, texts, labels, errors)
    accuracy = 1 - wrong / len(labels)
    results = {"eval_accuracy": accuracy, "test_accuracy": 0.875, "train_runtime": 90.0, "eval_runtime": 30.0}
    (folder / "all_results.json").write_text(json.dumps(results))
    (folder / "summary.json").write_text(json.dumps({"rows": {"validation": len(labels), "test": len(labels)}}))
    (folder / "model.safetensors").write_bytes(bytes(5000))
    for step in steps:
        write_checkpoint(folder, step)
    write_manifest(folder)
    return folder


def write_predictions(file: Path, texts: list[str], labels: list[str], wrong: int) -> None:
    """Write what a run predicted: all rows right but the first `wrong` ones."""
    other = {"fake": "real", "real": "fake"}
    table = pd.DataFrame({"row": range(1, len(labels) + 1), "text": texts, "label": labels})
    table["prediction"] = [other[label] if number < wrong else label for number, label in enumerate(labels)]
    table["score_fake"], table["score_real"] = 0.5, 0.5
    table.to_csv(file, index=False)


def write_unfinished_run(folder: Path, steps: tuple[int, ...] = ()) -> Path:
    """Write what a run leaves that was killed; without checkpoints it is one that failed."""
    folder.mkdir(parents=True)
    (folder / "hfkit.yaml").write_text(yaml.safe_dump(FLAGS))
    (folder / "env.json").write_text("{}")
    for step in steps:
        write_checkpoint(folder, step)
    return folder
