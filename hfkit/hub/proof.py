"""The proof that a saved model works for others: a process without hfkit loads it and must give the run's own scores.

At its end a run writes `proof/`, up to 64 held-out rows with their scores, and its manifest (run_folders/manifest.py). Both stay
with the run; what is pushed is checked against them.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from datasets import Dataset, DatasetDict
from PIL import Image

from ..connection import redact
from ..data.images import open_image
from ..data.tokens import Reading, join_pair, show_row, tokenize
from ..errors import UserError
from ..evaluation.label_kinds import label_kind
from ..evaluation.predict import predict_logits
from ..files import write_file
from ..models import FAMILIES
from ..models.base import BackboneClassifier
from ..task import Task

PROOF_ROWS = 64
TOLERANCE = 1e-5
"""Largest difference of a score, in float32."""

HARD_TEXTS = ("", "Stay safe \U0001f637 and read https://example.org/covid?page=1 #covid19")
"""An empty text, and one with an emoji and an address; each proof has them."""

CLEAN_PROCESS_SECONDS = 3600
HUB_FAULT = 75
"""The code that the process without hfkit ends with where the Hub failed: mail programs' for "try again"."""


def write_proof(folder: Path, model: BackboneClassifier, task: Task, split: str) -> None:
    """Write held-out rows with the scores that the saved model gives them; all processes call it, the main one writes.

    The scores are computed on the CPU, as those of the process that has no hfkit: a GPU rounds otherwise.

    Args:
        folder: Of the run.
        model: The saved model, in float32.
        task: The task, with the rows.
        split: The held-out split.

    """
    main = PartialState().is_main_process
    rows = task.rows[split]
    inputs: list[Any] = []
    if "image" in rows.column_names:
        chosen = _spread(len(rows), PROOF_ROWS)
        inputs += [_store_image(folder / "proof", rows[number]["image"], number) for number in chosen] if main else []
        encoded = task.inputs[split].select(chosen)
    else:
        reading = Reading.of(model.config)
        texts = _choose_texts(list(task.rows[split]["text"]), reading.pair != "join")
        inputs += map(show_row, texts)
        proof = Dataset.from_dict({"row": range(len(texts)), "text": texts})
        tokens, _ = tokenize(DatasetDict(proof=proof), task.processor, reading)
        encoded = tokens["proof"]
    logits = predict_logits(model, encoded, task.collator, PROOF_ROWS, torch.device("cpu"))
    content = {
        "task": FAMILIES[model.config.model_type].task,
        "labels": task.label_names,
        "inputs": inputs,
        "scores": label_kind(model.config).scores(logits).tolist(),
    }
    if main:
        write_file(folder / "proof" / "rows.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _choose_texts(texts: list[str], are_pairs: bool) -> list[str]:
    """Return the hard texts, of pairs each with the other, the longest one, and others spread over the split."""
    hard = tuple(map(join_pair, HARD_TEXTS, HARD_TEXTS[::-1])) if are_pairs else HARD_TEXTS
    others = [texts[number] for number in _spread(len(texts), PROOF_ROWS - len(HARD_TEXTS) - 1)]
    return [*hard, max(texts, key=len), *others]


def _spread(total: int, number: int) -> list[int]:
    """Return so many positions, evenly spread."""
    return np.unique(np.linspace(0, total - 1, min(number, total)).round().astype(int)).tolist()


def _store_image(folder: Path, cell: dict[str, Any], number: int) -> str:
    """Write an image as it is, bytes for bytes, and return the file's name."""
    content = cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()
    open_image({"bytes": content, "path": None}).close()
    with tempfile.TemporaryFile() as file:
        file.write(content)
        kind = (Image.open(file).format or "png").lower()
    name = f"{number:06}.{kind}"
    write_file(folder / name, content)
    return name


def prove(run: Path, model: str, revision: str | None = None) -> str:
    """Load a model in a process without hfkit and compare labels and scores with the run's; return a sentence on it.

    Args:
        run: The run's folder, with `proof/`.
        model: A folder, or a Hub id.
        revision: Commit of a Hub id.

    Raises:
        ConnectionError: The Hub failed in a way that may pass.
        UserError: The model cannot be loaded, or gives other labels or scores: the sentence says which.

    """
    proof = json.loads((run / "proof" / "rows.json").read_text(encoding="utf-8"))
    is_image = proof["task"] == "image-classification"
    inputs = [str((run / "proof" / name).resolve()) for name in proof["inputs"]] if is_image else proof["inputs"]
    prediction = load_in_clean_process(model, revision, proof["task"], inputs)
    if prediction["labels"] != proof["labels"]:
        raise UserError(f"{model} has the labels {prediction['labels']}, but the run has {proof['labels']}.")
    expected, scores = np.array(proof["scores"]), np.array(prediction["scores"], dtype=float)
    worst = np.abs(expected - scores).max(axis=1)
    wrong = int((~(worst <= TOLERANCE)).sum())
    if wrong:
        row = int(np.argmax(np.nan_to_num(worst, nan=np.inf)))
        raise UserError(
            f"{model} gives other scores than the run for {wrong} of {len(scores)} rows: for row {row} of "
            f"{run / 'proof' / 'rows.json'} {np.round(scores[row], 6).tolist()}, and not {np.round(expected[row], 6).tolist()}."
        )
    return f"{len(scores)} rows, labels equal, largest difference of a score {worst.max():.1e}"


def load_in_clean_process(
    model: str,
    revision: str | None,
    task: str,
    inputs: list[Any],
    memory_bytes: int | None = None,
    seconds: float = CLEAN_PROCESS_SECONDS,
) -> dict[str, Any]:
    """Run `clean_process.py`, which has no hfkit, no standard input and an empty cache of modules.

    Args:
        model: A folder, or a Hub id.
        revision: Commit of a Hub id.
        task: Of the pipeline.
        inputs: Texts, pairs of texts, or files of images.
        memory_bytes: Of a stranger's model, what it may take besides what importing torch maps. It gets no token, no GPU and
            nothing of the environment. Its code still runs as the user, who could read the user's files and reach the network.
        seconds: After which it is stopped.

    Raises:
        ConnectionError: The Hub failed in a way that may pass.
        UserError: It failed; its last line says how.

    """
    request = {"model": model, "revision": revision, "task": task, "inputs": inputs, "memory_bytes": memory_bytes}
    request["hub_fault"] = HUB_FAULT
    with tempfile.TemporaryDirectory() as folder:
        script, file = Path(folder) / "clean_process.py", Path(folder) / "request.json"
        # From its own folder: beside hfkit's files, those would be found in the place of the standard library's.
        shutil.copy(Path(__file__).with_name("clean_process.py"), script)
        file.write_text(json.dumps(request), encoding="utf-8")  # a command line would be too short for long texts
        try:
            finished = subprocess.run(
                [sys.executable, str(script), str(file)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=make_environment(folder, with_token=memory_bytes is None),
                cwd=folder,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(f"{model} was not loaded in {seconds:.0f} s by a process without hfkit.") from error
    if finished.returncode != 0:
        reason = redact((finished.stderr.strip() or "no message").splitlines()[-1])
        if finished.returncode == HUB_FAULT and not Path(model).is_dir():
            raise ConnectionError(reason)
        raise UserError(f"{model} cannot be loaded without hfkit ({reason}).")
    return dict(json.loads(finished.stdout.strip().splitlines()[-1]))


def make_environment(folder: str, with_token: bool) -> dict[str, str]:
    """Return the environment of the process without hfkit; without the token only what it takes to run Python, and no home."""
    environment = dict(os.environ)
    if not with_token:
        environment = {name: value for name, value in environment.items() if name in _HARMLESS}
        environment |= {"HOME": folder, "HF_HOME": folder, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return {**environment, "HF_MODULES_CACHE": folder, "TOKENIZERS_PARALLELISM": "false"}


_HARMLESS = frozenset(
    "PATH LANG LC_ALL PYTHONPATH LD_LIBRARY_PATH SYSTEMROOT TEMP TMP TMPDIR OMP_NUM_THREADS "
    "HF_ENDPOINT HF_HUB_OFFLINE".split()
)
