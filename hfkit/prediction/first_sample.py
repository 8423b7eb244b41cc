"""A row of ours, by which a model that was just loaded predicts first; nothing here imports torch."""

from typing import Any

from PIL import Image

_TEXT = "A text of a few words."


def first_sample(reads_texts: bool, reads_pairs: bool) -> Any:
    """Return one short text, a pair of two, or one small grey picture."""
    if not reads_texts:
        return Image.new("RGB", (16, 16), (128, 128, 128))
    return {"text": _TEXT, "text_pair": _TEXT} if reads_pairs else _TEXT
