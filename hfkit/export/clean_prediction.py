"""Rows with known scores, and what an exported folder gives for them where torch, transformers and hfkit cannot be imported."""

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transformers import Pipeline

from ..connection import redact
from ..errors import UserError
from ..evaluation.label_kinds import label_kind
from ..hub.proof import CLEAN_PROCESS_SECONDS, HARD_TEXTS, make_environment
from ..models.cleaning import join_pair, show_row
from ..prediction.scorer import make_scorer

SAMPLE_TEXTS = (*HARD_TEXTS, "A text.", "A longer text, with more words than there are tokens in a short one. " * 20)


@dataclass(frozen=True)
class Reference:
    """Inputs with the scores that the model of PyTorch gives them.

    Attributes:
        inputs: Texts, pairs of texts, or files of images.
        scores: (rows, classes).
        source: What they are called.

    """

    inputs: list[Any]
    scores: np.ndarray
    source: str


def find_reference(model: str, pipeline: Pipeline, labels: list[str], spare: Path) -> Reference:
    """Return the held-out rows that a run keeps as a proof, or where there are none a few samples.

    Args:
        model: Folder of a run, or another model's name.
        pipeline: Of the model.
        labels: The model's, in their order.
        spare: A folder for samples of images.

    Raises:
        UserError: The proof is of another model.

    """
    file = Path(model).expanduser() / "proof" / "rows.json"
    if file.is_file():
        proof = json.loads(file.read_text(encoding="utf-8"))
        if proof["labels"] != labels:
            raise UserError(
                f"{file} has the labels {proof['labels']}, but the model has {labels}: name a finished run."
            )
        is_image = proof["task"] == "image-classification"
        inputs = [str((file.parent / name).resolve()) for name in proof["inputs"]] if is_image else proof["inputs"]
        return Reference(inputs, np.array(proof["scores"]), f"{len(inputs)} held-out rows of the run")
    contents, samples = _make_samples(pipeline, spare)
    logits = make_scorer(pipeline).score(contents, lambda rows: None).logits
    scores = label_kind(pipeline.model.config).scores(logits)
    return Reference(samples, scores, f"{len(samples)} samples, as the model keeps no held-out rows")


def _make_samples(pipeline: Pipeline, folder: Path) -> tuple[list[Any], list[Any]]:
    """Return samples as the model's scorer takes them, and as `predict.py` does; images are written into a folder."""
    if pipeline.tokenizer is None:
        files = _make_images(folder)
        return [{"bytes": None, "path": name} for name in files], list(files)
    texts = list(SAMPLE_TEXTS)
    if pipeline.model.config.pair != "join":
        texts = list(map(join_pair, SAMPLE_TEXTS, SAMPLE_TEXTS[::-1]))
    return list(texts), list(map(show_row, texts))


def _make_images(folder: Path) -> list[str]:
    """Write three images of noise, always the same, and return their files."""
    random = np.random.default_rng(0)
    files = []
    for number, (width, height) in enumerate([(64, 48), (300, 400), (33, 91)]):
        file = folder / f"{number}.png"
        Image.fromarray(random.integers(0, 256, (height, width, 3)).astype("uint8")).save(file)
        files.append(str(file))
    return files


def predict_in_clean_process(folder: Path, inputs: list[Any], labels: list[str]) -> np.ndarray:
    """Return the scores (rows, classes) that the `predict.py` of a folder gives in a process without torch and the others.

    Raises:
        UserError: It failed, or gives other labels.

    """
    finished = _run_script(folder.resolve(), inputs)
    if finished.returncode != 0:
        reason = redact((finished.stderr.strip() or "no message").splitlines()[-1])
        raise UserError(
            f"The exported model cannot be run without torch and transformers ({reason}): nothing was written."
        )
    answers = [json.loads(line) for line in finished.stdout.splitlines()]
    if len(answers) != len(inputs) or any(list(answer["scores"]) != labels for answer in answers):
        raise UserError(
            f"The exported model does not give a score for each of {', '.join(labels)}: nothing was written."
        )
    return np.array([list(answer["scores"].values()) for answer in answers])


def _run_script(folder: Path, inputs: list[Any]) -> "subprocess.CompletedProcess[str]":
    """Run `clean_process.py` on a folder, without the token and with a home of its own.

    Raises:
        UserError: It takes too long.

    """
    with tempfile.TemporaryDirectory() as name:
        script, file = Path(name) / "clean_process.py", Path(name) / "inputs.json"
        # From its own folder: beside hfkit's files, those would be found in the place of the standard library's.
        shutil.copy(Path(__file__).with_name("clean_process.py"), script)
        file.write_text(json.dumps(inputs), encoding="utf-8")
        environment = make_environment(name, with_token=False)
        try:
            return subprocess.run(
                [sys.executable, str(script), str(folder), str(file)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                env={**environment, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
                cwd=name,
                timeout=CLEAN_PROCESS_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"The exported model did not end in {CLEAN_PROCESS_SECONDS} s in a process of its own: nothing was written."
            ) from error
