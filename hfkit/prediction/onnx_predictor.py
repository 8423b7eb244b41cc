"""A model in ONNX in `hfkit predict`: what `predict.py` of its folder gives, in batches, and row by row what cannot be read."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..data.image_files import READING_ERRORS, describe_reading_error
from ..errors import UserError, first_sentence
from ..run_folders.manifest import MANIFEST_FILE
from .first_sample import first_sample
from .onnx_folder import read_settings
from .predictor import Advance, Scored
from .results import ResultColumns

BATCH_SIZE = 32
_PACKAGES = ("tokenizers", "numpy", "emoji", "pillow")


@dataclass
class OnnxPredictor:
    """A folder that `hfkit export` wrote."""

    folder: Path
    settings: dict[str, Any]
    scorer: "OnnxScorer"
    results: ResultColumns

    @classmethod
    def open(cls, folder: Path, batch_size: int | None = None) -> "OnnxPredictor":
        """Load the model of a folder.

        Args:
            folder: Its files are checked against their sums.
            batch_size: Rows of a batch; None: 32. Of a model whose scores depend on the batch always one.

        Raises:
            UserError: onnxruntime is not installed, or a file is damaged.

        """
        if find_spec("onnxruntime") is None:
            raise UserError(f"{folder} is a model in ONNX, which needs onnxruntime: run pip install 'hfkit[onnx]'.")
        from .onnx_model import open_checked

        settings = read_settings(folder)
        try:
            model = open_checked(folder)
            _check_first_prediction(model, settings)
        except Exception as error:  # of onnxruntime or tokenizers, which have classes of their own
            raise UserError(
                f"The exported model {folder} cannot be loaded ({first_sentence(error)}): export it again by hfkit export."
            ) from error
        size = model.rows_at_once or batch_size or BATCH_SIZE
        results = ResultColumns(model.label_names, model.answer_threshold, label_thresholds=model.label_thresholds)
        return cls(folder, settings, OnnxScorer(model, size, settings["task"] == "text-classification"), results)

    @property
    def reads_texts(self) -> bool:
        """Whether it classifies texts."""
        return self.scorer.reads_texts

    @property
    def reads_pairs(self) -> bool:
        """Whether a row is a pair of texts."""
        return str(self.settings.get("pair", "join")) != "join"

    def text_columns(self) -> list[str]:
        """Return those of the run that it was exported from."""
        return [str(name) for name in self.settings.get("text_column") or []]

    def checksum(self, *settings: str) -> str:
        """Return a checksum of its files' sums, of the packages that compute, and of further settings."""
        import onnxruntime

        digest = hashlib.sha256((self.folder / MANIFEST_FILE).read_bytes())
        # Its package has other names, too, such as onnxruntime-gpu.
        versions = {"onnxruntime": onnxruntime.__version__, **{name: version(name) for name in _PACKAGES}}
        for text in (*(f"{name} {value}" for name, value in versions.items()), *settings):
            digest.update(f"\0{text}".encode())
        return digest.hexdigest()


def _check_first_prediction(model: Any, settings: dict[str, Any]) -> None:
    """Predict one short text, or one small grey picture, before the user's rows.

    Raises:
        ValueError: It does not give one number for each label.

    """
    sample = first_sample(settings["task"] == "text-classification", settings.get("pair", "join") != "join")
    (logits,) = model.session.run(["logits"], model.stack([model.prepare(sample)]))
    if logits.shape != (1, len(model.label_names)) or not np.isfinite(logits).all():
        raise ValueError(f"it does not give one number for each of its {len(model.label_names)} labels")


@dataclass
class OnnxScorer:
    """Predicts texts, those of similar length together, or photos, which several threads decode."""

    model: Any
    batch_size: int
    reads_texts: bool

    def score(self, contents: Sequence[Any], advance: Advance) -> Scored:
        """Return the logits of contents, and what is wrong with photos that cannot be read."""
        if self.reads_texts:
            return self._score_texts(contents, advance)
        logits = [self.model.run([])]
        problems: dict[int, str] = {}
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(contents), self.batch_size):
                part = contents[start : start + self.batch_size]
                pixels = []
                for position, result in enumerate(pool.map(self._prepare_photo, part), start):
                    if isinstance(result, str):
                        problems[position] = result
                    else:
                        pixels.append(result)
                logits.append(self.model.run(pixels))
                advance(len(part))
        return Scored(np.concatenate(logits), problems)

    def _prepare_photo(self, content: Any) -> np.ndarray | str:
        """Return the pixel values of a photo, or what is wrong with it."""
        try:
            return np.asarray(self.model.prepare(content))
        except READING_ERRORS as error:
            return describe_reading_error(error)

    def _score_texts(self, contents: Sequence[str], advance: Advance) -> Scored:
        """Return the logits of texts, cleaned and cut as in training."""
        encoded = [self.model.encode(text) for text in contents]
        order = sorted(range(len(encoded)), key=lambda row: -len(encoded[row][0]))
        logits = np.empty((len(encoded), len(self.model.label_names)), dtype=np.float32)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            logits[rows] = self.model.run([encoded[row][0] for row in rows])
            advance(len(rows))
        return Scored(logits, truncated=sum(was_cut for _, was_cut in encoded))
