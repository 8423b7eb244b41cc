"""Logits of a block of texts or photos, in batches, as the model's own pipeline prepares them."""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from transformers import DataCollatorWithPadding, Pipeline

from ..data.image_files import READING_ERRORS, describe_reading_error
from ..data.images import open_image
from ..data.tokens import Reading, encode_texts
from ..data.transforms import resize
from ..errors import FORWARD_ERRORS, UserError, first_sentence, is_memory_full
from ..evaluation.predict import predict_alone
from ..machine import available_cores
from ..models.base import BackboneClassifier
from .predictor import Advance, Scored, Scorer

BATCH_SIZES = {"cpu": 32, "other": 128}
"""Rows of a batch on a CPU, and on other devices, where nothing else is asked for."""


def make_scorer(pipeline: Pipeline, batch_size: int | None = None) -> Scorer:
    """Return the scorer for a pipeline of hfkit's: of texts, or of photos as `{"bytes", "path"}` or Pillow's images."""
    pipeline.model.to(memory_format=torch.channels_last).eval()
    is_cpu = pipeline.model.device.type == "cpu"
    batch_size = batch_size or BATCH_SIZES["cpu" if is_cpu else "other"]
    if pipeline.tokenizer is not None:
        return TextScorer(pipeline.model, pipeline.tokenizer, batch_size)
    return PhotoScorer(pipeline.model, pipeline.image_processor, batch_size)


@contextmanager
def refusing_rows() -> Iterator[None]:
    """Turn what a model raises on rows into a sentence: files that do not fit each other show in some rows alone.

    Raises:
        UserError: In the place of the model's error; memory that is full stays what it is.

    """
    try:
        yield
    except BaseException as error:
        is_panic = (
            type(error).__name__ == "PanicException"
        )  # of tokenizers, such as a pattern without end; no Exception
        if is_memory_full(error) or not (is_panic or isinstance(error, FORWARD_ERRORS)):
            raise
        raise UserError(
            f"The model does not predict these rows ({type(error).__name__}: {first_sentence(error)}): its files do not fit "
            "each other, so take them from a copy, or train it again."
        ) from error


@dataclass
class TextScorer:
    """Predicts texts, those of similar length together."""

    model: BackboneClassifier
    tokenizer: Any
    batch_size: int

    def score(self, contents: Sequence[str], advance: Advance) -> Scored:
        """Return the logits of texts, cleaned and cut as in training."""
        if not contents:
            return Scored(np.empty((0, self.model.config.num_labels), dtype=np.float32))
        with refusing_rows():
            encoded = encode_texts(contents, self.tokenizer, Reading.of(self.model.config))
            longer = sum(encoded.pop("longer"))
            collator = DataCollatorWithPadding(self.tokenizer)
            logits = predict_alone(self.model, Dataset.from_dict(encoded), collator, self.batch_size, advance)
        return Scored(logits, truncated=0 if self.model.config.reads_windows else longer)


@dataclass
class PhotoScorer:
    """Predicts photos; while a batch is computed, the next one is decoded and resized by several threads."""

    model: BackboneClassifier
    processor: Any
    batch_size: int

    def score(self, contents: Sequence[Any], advance: Advance) -> Scored:
        """Return the logits of photos, and what is wrong with those that cannot be read."""
        logits = [np.empty((0, self.model.config.num_labels), dtype=np.float32)]
        problems: dict[int, str] = {}
        starts = range(0, len(contents), self.batch_size)
        with ThreadPoolExecutor(available_cores()) as pool, warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # Pillow warns of what is an error here
            pending = self._submit(pool, contents, 0)
            for start in starts:
                ready, pending = pending, self._submit(pool, contents, start + self.batch_size)
                pixels = self._collect(ready, start, problems)
                if pixels:
                    logits.append(self._forward(pixels))
                advance(len(ready))
        return Scored(np.concatenate(logits), problems)

    def _submit(
        self, pool: ThreadPoolExecutor, contents: Sequence[Any], start: int
    ) -> "list[Future[torch.Tensor | str]]":
        """Let the photos of a batch be decoded."""
        return [pool.submit(self._pixels, content) for content in contents[start : start + self.batch_size]]

    def _pixels(self, content: Any) -> torch.Tensor | str:
        """Return the pixels (3, height, width) of uint8 of a photo, or what is wrong with it."""
        try:
            image = open_image(content) if isinstance(content, dict) else _as_rgb(content)
            return resize([image], self.processor)[0]
        except READING_ERRORS as error:
            return describe_reading_error(error)

    @staticmethod
    def _collect(ready: "list[Future[torch.Tensor | str]]", start: int, problems: dict[int, str]) -> list[torch.Tensor]:
        """Return the pixels of a batch, and note what cannot be read."""
        pixels = []
        for position, future in enumerate(ready, start):
            result = future.result()
            if isinstance(result, str):
                problems[position] = result
            else:
                pixels.append(result)
        return pixels

    def _forward(self, pixels: list[torch.Tensor]) -> np.ndarray:
        """Return the logits (photos, classes) of the pixels (3, height, width) of uint8 of each photo."""
        with refusing_rows():
            values = self.processor(torch.stack(pixels), do_resize=False, return_tensors="pt")["pixel_values"]
            logits = self.model(values.to(self.model.device, self.model.dtype)).logits
        return np.asarray(logits.float().cpu().numpy())


def _as_rgb(image: Image.Image) -> Image.Image:
    """Return an image that is in memory as `pipeline()` takes it: turned by its EXIF orientation, in RGB."""
    from transformers.image_utils import load_image

    return load_image(image)
