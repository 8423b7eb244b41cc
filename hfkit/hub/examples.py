"""The texts that a model card shows."""

import json
from pathlib import Path

import numpy as np

from ..visible import visible
from .masking import mask
from .proof import HARD_TEXTS


def find_examples(run: Path) -> list[str]:
    """Return two short held-out texts of which the model is sure, one for each of two classes, with names masked.

    Of a model that reads pairs there are none: the Hub's widget takes one text.
    """
    proof = json.loads((run / "proof" / "rows.json").read_text(encoding="utf-8"))
    examples: dict[int, tuple[float, str]] = {}
    for text, scores in zip(proof["inputs"], proof["scores"], strict=True):
        if not isinstance(text, str) or text in HARD_TEXTS or not 20 <= len(text) <= 200:
            continue
        shown = mask(text)
        if visible(shown) == shown and "\n" not in shown:
            label = int(np.argmax(scores))
            examples[label] = max(examples.get(label, (0.0, "")), (max(scores), shown))
    return [text for _, text in list(examples.values())[:2]]


def write_example(run: Path, widget: list[str]) -> str:
    """Return a text, or two of a pair, as `pipeline()` takes them."""
    if json.loads((run / "config.json").read_text(encoding="utf-8")).get("pair", "join") != "join":
        return json.dumps({"text": "Some text.", "text_pair": "Another text."})
    return visible(json.dumps(widget[0] if widget else "Some text.", ensure_ascii=False))
