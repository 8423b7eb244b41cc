"""What the Trainer would write of a run, written so that a kill or a full disk leaves the file of before, or the new one."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from ..files import write_file
from ..run_folders.manifest import RESULTS_FILE


def save_metrics(folder: Path, split: str, metrics: dict[str, Any], begins: bool = False) -> None:
    """Write the results of a split, and put them into `all_results.json`; one that was damaged is written anew.

    Args:
        folder: Of the run.
        split: `train`, `eval` or `test`.
        metrics: Results by name.
        begins: Whether `all_results.json` begins with them, whatever is in it.

    """
    before = None
    if not begins:
        with contextlib.suppress(FileNotFoundError, ValueError):
            before = json.loads((folder / RESULTS_FILE).read_bytes())
    together = {**before, **metrics} if isinstance(before, dict) else metrics
    for file, content in ((f"{split}_results.json", metrics), (RESULTS_FILE, together)):
        write_file(folder / file, json.dumps(content, indent=4, sort_keys=True))


def save_state(folder: Path, state: TrainerState) -> None:
    """Write what the Trainer knows of its course, as `TrainerState.load_from_json` reads it."""
    write_file(folder / TRAINER_STATE_NAME, json.dumps(asdict(state), indent=2, sort_keys=True) + "\n")
