"""Predicts with a model in ONNX by onnxruntime, without PyTorch, transformers and hfkit.

    python predict.py "A text." "Another text."     # of a model of images: the files of photos
    python predict.py --json INPUTS.json            # a file with a JSON list of texts, or of files

    from predict import load                        # in this folder
    load().predict(["A text."])                     # [{"label": ..., "score": ..., "scores": {...}}]

Each line of the output is the answer for one input: the label, its score, the score of each label, and, where the model may keep
silent, whether it answers. A model that gives any number of labels answers by `labels`, a list, and the score of each label.
Needs onnxruntime and numpy; for texts tokenizers and emoji, for photos Pillow. hfkit itself predicts by this file, and copies it
into each folder that it exports.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from .scores import confidences, sigmoid, softmax

SETTINGS_FILE = "export.json"
GRAPH_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
SUMS_FILE = "manifest.json"
ROWS_AT_ONCE = 32


class OnnxModel:
    """A classifier in a folder; `prepare` and `stack` of a subclass say how an input gets into it.

    Attributes:
        settings: What `export.json` holds.
        label_names: In the order of the logits.
        answer_threshold: The lowest score with which an input is answered; None: each is.
        label_thresholds: The lowest score of each label with which an input gets it; None: an input has one label.
        rows_at_once: The most inputs of a batch, where their number changes the scores; None: any.

    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.label_names = [str(name) for name in settings["labels"]]
        self.answer_threshold = settings["answer_threshold"]
        self.label_thresholds: list[float] | None = settings.get("label_thresholds")
        self.rows_at_once: int | None = settings["rows_at_once"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = count_cores()
        options.log_severity_level = 4  # what it says has the names of a stranger's nodes, which may steer a terminal
        self.session = onnxruntime.InferenceSession(
            str(folder / GRAPH_FILE), options, providers=["CPUExecutionProvider"]
        )

    def prepare(self, content: Any) -> Any:
        """Return what is needed of one input."""
        raise NotImplementedError

    def stack(self, prepared: Sequence[Any]) -> dict[str, np.ndarray]:
        """Return what the graph takes for a batch."""
        raise NotImplementedError

    def run(self, prepared: Sequence[Any]) -> np.ndarray:
        """Return the logits (rows, classes) of inputs that are prepared."""
        size = self.rows_at_once or ROWS_AT_ONCE
        parts = [np.empty((0, len(self.label_names)), dtype=np.float32)]
        for start in range(0, len(prepared), size):
            parts += self.session.run(["logits"], self.stack(prepared[start : start + size]))
        return np.concatenate(parts)

    def predict(self, contents: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the answer for each input: `label`, `score`, `scores` by label, and `answered` where that is a question.

        Of a model that gives any number of labels it is `labels`, a list of names, and `scores` by label.
        """
        logits = self.run([self.prepare(content) for content in contents])
        if self.label_thresholds is not None:
            return [self._answer_labels(row, self.label_thresholds) for row in sigmoid(logits)]
        return [self._answer(row, sure) for row, sure in zip(softmax(logits), confidences(logits), strict=True)]

    def _answer_labels(self, scores: np.ndarray, thresholds: Sequence[float]) -> dict[str, Any]:
        by_label = dict(zip(self.label_names, scores.tolist(), strict=True))
        pairs = zip(by_label.items(), thresholds, strict=True)
        return {"labels": [name for (name, score), least in pairs if score >= least], "scores": by_label}

    def _answer(self, scores: np.ndarray, confidence: float) -> dict[str, Any]:
        best = int(scores.argmax())
        answer: dict[str, Any] = {"label": self.label_names[best], "score": float(scores[best])}
        answer["scores"] = dict(zip(self.label_names, scores.tolist(), strict=True))
        if self.answer_threshold is not None:
            answer["answered"] = bool(confidence >= self.answer_threshold)
        return answer


class TextModel(OnnxModel):
    """A classifier of texts, which are cleaned and cut as in training."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        super().__init__(folder, settings)
        from tokenizers import Tokenizer

        from ..models.cleaning import read_row, tokenizer_inputs
        from ..models.long_texts import CUT, choose_tokens

        self.read_row, self.tokenizer_inputs = read_row, tokenizer_inputs
        self.pair = settings.get("pair", "join")
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.long_texts = settings.get("long_texts", CUT)
        self.choose_tokens = None if self.long_texts == CUT else choose_tokens
        if self.choose_tokens is None:
            self.tokenizer.enable_truncation(settings["max_length"], direction=settings["truncation_side"])

    def prepare(self, content: str | dict[str, str]) -> list[int]:
        """Return the token ids of a text, or of two as `{"text": ..., "text_pair": ...}`."""
        return self.encode(content)[0]

    def encode(self, text: str | dict[str, str]) -> tuple[list[int], bool]:
        """Return the token ids of a text or of a pair, and whether it was cut; an empty text is one token at least."""
        read = self.tokenizer_inputs([self.read_row(text, self.pair)], self.settings["cleaning"], self.pair)
        text, *pair = (texts[0] for texts in read)
        encoding = self.tokenizer.encode(text, pair[0] if pair else None)
        ids, was_cut = encoding.ids, bool(encoding.overflowing)
        if self.choose_tokens is not None:
            chosen = self.choose_tokens(encoding.special_tokens_mask, self.settings["max_length"], self.long_texts)
            ids, was_cut = [ids[place] for place in chosen], len(chosen) < len(ids)
        return ids or [self.settings["pad_token_id"]], was_cut

    def stack(self, prepared: Sequence[list[int]]) -> dict[str, np.ndarray]:
        """Return `input_ids` and `attention_mask` (rows, tokens), padded on the right."""
        longest = max(map(len, prepared))
        ids = np.full((len(prepared), longest), self.settings["pad_token_id"], dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(prepared):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return {"input_ids": ids, "attention_mask": mask}


class ImageModel(OnnxModel):
    """A classifier of images, which are turned, resized and normalised as in training."""

    def prepare(self, content: Any) -> np.ndarray:
        """Return the pixel values (3, height, width) of a file, of `{"bytes", "path"}`, or of Pillow's image."""
        from ..data.image_files import as_rgb, find_image
        from .pixels import make_pixels

        cell = {"bytes": None, "path": content} if isinstance(content, str | Path) else content
        image = as_rgb(find_image(cell) if isinstance(cell, dict) else cell)
        pixels = self.settings["pixels"]
        size = (pixels["height"], pixels["width"])
        return make_pixels(np.asarray(image), size, pixels["interpolation"], pixels["mean"], pixels["std"])

    def stack(self, prepared: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return `pixel_values` (rows, 3, height, width)."""
        return {"pixel_values": np.stack(prepared)}


def load(folder: str | Path | None = None) -> TextModel | ImageModel:
    """Load the model of a folder; default: the one of this file.

    Raises:
        ValueError: A file is missing, or not what was exported.

    """
    folder = Path(__file__).parent if folder is None else Path(folder)
    check_files(folder)
    return open_checked(folder)


def check_files(folder: Path) -> None:
    """Compare the files of a folder with the sums that stand there; without a file of sums nothing is compared.

    Raises:
        ValueError: One is missing, or not what was exported.

    """
    if not (folder / SUMS_FILE).is_file():
        return
    remedy = f"export the model again, or delete {SUMS_FILE} if you changed it yourself"
    try:
        sums = json.loads((folder / SUMS_FILE).read_text(encoding="utf-8"))
        changed = [name for name, value in sums.items() if _sha256(folder / name) != value]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{folder} is damaged ({error}): {remedy}.") from error
    if changed:
        raise ValueError(f"{folder} is damaged ({changed[0]} is not what was exported): {remedy}.")


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def open_checked(folder: Path) -> TextModel | ImageModel:
    """Load the model of a folder whose files were compared with their sums."""
    settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    return (TextModel if settings["task"] == "text-classification" else ImageModel)(folder, settings)


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main() -> None:
    """Print the answer for each input of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="A text, or the file of a photo.")
    parser.add_argument("--json", type=Path, help="A file with a JSON list of them.")
    given = parser.parse_args()
    inputs = [*given.inputs, *(json.loads(given.json.read_text(encoding="utf-8")) if given.json else [])]
    if not inputs:
        parser.error("name a text or a file, or --json FILE")
    try:
        model = load()
    except ValueError as error:
        parser.exit(2, f"error: {error}\n")
    for start in range(0, len(inputs), ROWS_AT_ONCE):
        for answer in model.predict(inputs[start : start + ROWS_AT_ONCE]):
            print(json.dumps(answer))  # in ASCII: a label steers no terminal


if __name__ == "__main__":
    main()
