"""What speaks for a label: parts of one text or photo, with how much each raises the label's log-odds."""

from dataclasses import dataclass, field

import torch
from PIL import Image

from ..models.base import BackboneClassifier
from ..models.label_sets import is_multi_label

FOR_COLOUR, AGAINST_COLOUR = (239, 68, 60), (128, 90, 213)
"""Red and purple, which Gradio has for values above and below 0."""


@dataclass(frozen=True)
class Explanation:
    """What a page shows.

    Attributes:
        message: Which label is explained, how, and what is left out; or why there is no explanation.
        pieces: Of a text as the model reads it: pieces with values from -1 to 1, None where there is none.
        image: The photo as the model reads it, under a heat map; None: of texts.

    """

    message: str
    pieces: list[tuple[str, float | None]] = field(default_factory=list)
    image: Image.Image | None = None


def log_odds(model: BackboneClassifier, logits: torch.Tensor, label: int) -> torch.Tensor:
    """Return the log-odds (batch,) of a label of `logits` (batch, labels), against all others.

    Of two labels they are the difference of the logits. Of any number of labels a row each is judged by itself, and its logit
    is its log-odds. Unlike a score they do not level off near 0 and 1.
    """
    logits = logits.float()
    if is_multi_label(model.config):
        return logits[:, label]
    others = [other for other in range(logits.shape[-1]) if other != label]
    return logits[:, label] - logits[:, others].logsumexp(dim=-1)


def predicted_label(model: BackboneClassifier, logits: torch.Tensor) -> tuple[int, str]:
    """Return the id and the name of the label with the highest of `logits` (1, labels)."""
    label_id = int(logits[0].argmax())
    return label_id, str(model.config.id2label[label_id])


def describe_choice(model: BackboneClassifier) -> str:
    """Say which of several labels is explained; nothing where a row has one."""
    return "Of the labels it is the one with the highest score." if is_multi_label(model.config) else ""
