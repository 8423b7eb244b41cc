"""What came of a rung, as files: written for those without a net, read back for all."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..flags.configuration import CONFIGURATION_FILE
from ..report.tables import write_json, write_table
from ..run_folders.manifest import MANIFEST_FILE, RESULTS_FILE, checksums, write_manifest
from ..run_folders.new_folder import set_aside as set_aside
from ..run_folders.predictions import FILES
from ..run_folders.state import read_json
from ..run_folders.sums import has_whole_checkpoint
from .rule import Answers, Outcome
from .rungs import Rung

_SECONDS = ("train_runtime", "train_feature_seconds", "eval_runtime", "test_runtime")


def read_outcome(rung: Rung, folder: Path, seconds: float | None) -> Outcome | None:
    """Read a finished rung back; None where it is not finished, or its files were changed.

    Args:
        rung: Which.
        folder: Its folder.
        seconds: What it took, or None where that is not known: then what training and predicting took.

    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        results = json.loads((folder / RESULTS_FILE).read_text("utf-8"))
        names = [RESULTS_FILE, *(name for name in FILES.values() if (folder / name).exists())]
        if checksums(folder, [folder / name for name in names]) != {name: manifest[name] for name in names}:
            return None
        validation = _read_answers(folder / FILES["validation"])
        test = _read_answers(folder / FILES["test"]) if "test_accuracy" in results else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    known = sum(float(results.get(name, 0.0)) for name in _SECONDS)
    return Outcome(rung.name, max(seconds or 0.0, known), rung.has_model, validation, test)


def write_outcome(folder: Path, seconds: float, predictions: dict[str, tuple[pd.DataFrame, dict[str, float]]]) -> None:
    """Write what a rung without a net predicted, with its metrics, as a run leaves them.

    Args:
        folder: Of the rung.
        seconds: What fitting and predicting took.
        predictions: By split: columns `row`, `label` and `prediction`, and the metrics.

    """
    results: dict[str, Any] = {"train_runtime": seconds}
    for split, (table, metrics) in predictions.items():
        write_table(folder / FILES[split], table)
        prefix = "eval" if split == "validation" else split
        results |= {f"{prefix}_{name}": value for name, value in metrics.items()}
    write_json(folder / RESULTS_FILE, results)
    write_manifest(folder)


def can_go_on(folder: Path) -> bool:
    """Tell whether a rung that is not finished has a whole checkpoint and the flags that it was begun with."""
    return (folder / CONFIGURATION_FILE).is_file() and has_whole_checkpoint(folder)


def remaining_share(folder: Path) -> float:
    """Return which share of its steps a rung that can be gone on with has still to take, by its newest checkpoint."""
    steps = []
    for file in folder.glob("checkpoint-*/trainer_state.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):  # a damaged one is the resume's to tell
            state = read_json(file)
            steps.append((int(state.get("global_step", 0)), int(state.get("max_steps", 0))))
    step, most = max(steps, default=(0, 0))
    return 1 - min(step / most, 1.0) if most > 0 else 1.0


def last_written(folder: Path) -> float:
    """Return when something below a folder was written last, in seconds since the epoch; 0 where there is nothing."""
    return max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)


def _read_answers(file: Path) -> Answers:
    """Read which rows are right; labels may look like numbers or like nothing."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False, usecols=["row", "label", "prediction"])
    return Answers(table["row"].to_numpy(dtype=int), (table["label"] == table["prediction"]).to_numpy(dtype=bool))
