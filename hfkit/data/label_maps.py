"""A JSON file beside a table that names its labels: not used, but pointed at."""

import json
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from ..notes import Note

_MOST_BYTES = 1 << 20


def note_label_map(folder: Path, names: Sequence[str], labels: Collection[str]) -> list[Note]:
    """Say which flag gives labels the names that a file has for them, such as `{"0": "beagle", "1": "pug"}`.

    Args:
        folder: Of the data.
        names: Paths from there of files that are not read as tables.
        labels: All labels of the images, as text.

    """
    for name in names:
        path = folder / name
        if path.suffix.lower() != ".json" or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
            continue
        if set(content) == set(labels) and all(label.isdecimal() for label in labels):
            values = shlex.join(content[label] for label in sorted(labels, key=int))
            text = f"{name} has names for the labels: --label_names {values[:500]} takes them over."
            return [Note("label_map", text, on_card=False)]
    return []
