"""What predicts rows, of PyTorch or of ONNX: from texts or photos to logits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from .results import ResultColumns

Advance = Callable[[int], object]
"""Is told after each batch how many rows it had."""


@dataclass(frozen=True)
class Scored:
    """What a model gave for the contents of a block.

    Attributes:
        logits: (readable contents, classes) in float32, in the order of the contents.
        problems: What is wrong with contents that cannot be read, by their position.
        truncated: Texts that were cut at the model's `max_length`.

    """

    logits: np.ndarray
    problems: dict[int, str] = field(default_factory=dict)
    truncated: int = 0


class Scorer(Protocol):
    """Predicts blocks of one kind of content."""

    batch_size: int

    def score(self, contents: Sequence[Any], advance: Advance) -> Scored:
        """Return the logits of all contents that can be read."""
        ...


class Predictor(Protocol):
    """A model that was opened by its name.

    Attributes:
        scorer: What predicts.
        results: The columns of its predictions.
        reads_texts: Whether it classifies texts, and not photos.
        reads_pairs: Whether a row is a pair of texts.

    """

    results: ResultColumns

    @property
    def scorer(self) -> Scorer:
        """See above."""
        ...

    @property
    def reads_texts(self) -> bool:
        """See above."""
        ...

    @property
    def reads_pairs(self) -> bool:
        """See above."""
        ...

    def text_columns(self) -> list[str]:
        """Return the text columns that it was trained with, where that is known."""
        ...

    def checksum(self, *settings: str) -> str:
        """Return a checksum of all that predictions depend on, and of further settings."""
        ...
