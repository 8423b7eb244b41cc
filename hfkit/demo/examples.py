"""Examples for the page: held-out rows of the run's own data, where its folder has them."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from ..models.cleaning import join_pair
from ..run_folders.predictions import FILES

MOST = 8
"""Examples of a page."""
_READ_ROWS = 2000
_LONGEST = 500
"""Characters of a text: a longer one would fill the page."""
_PHOTOS = "proof"
"""The folder of a run that holds photos of its held-out rows (hub/proof.py)."""


def find_examples(model: str, reads_texts: bool) -> list[str]:
    """Return texts, or files of photos, that the model was not trained on; none where the model's folder has none.

    Args:
        model: Folder of a run, of a saved or of an exported model, or a Hub id.
        reads_texts: Whether it classifies texts, and not photos.

    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return []
    try:
        return _find_texts(folder) if reads_texts else _find_photos(folder / _PHOTOS)
    except (OSError, ValueError, KeyError, TypeError, csv.Error):  # a folder of somebody else, or a damaged one
        return []


def _find_texts(run: Path) -> list[str]:
    """Return texts of what the run predicted, of each label in turn."""
    for name in (FILES["test"], FILES["validation"]):
        if (run / name).is_file():
            with (run / name).open(newline="", encoding="utf-8") as file:
                rows = list(islice(csv.DictReader(file), _READ_ROWS))
            return _choose([(row.get("label") or row["prediction"], _read_text(row)) for row in rows])
    return []


def _read_text(row: Mapping[str, str]) -> str:
    """Return the text of a row, or the two of a pair."""
    return join_pair(row["text"], row["text_pair"]) if "text_pair" in row else row["text"]


def _choose(rows: list[tuple[str, str]]) -> list[str]:
    """Return some of the texts that are short enough, the labels by turns, each text once."""
    by_label: dict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    for label, text in rows:
        if text.strip() and len(text) <= _LONGEST and text not in seen:
            seen.add(text)
            by_label[label].append(text)
    turns = [texts[turn] for turn in range(MOST) for texts in by_label.values() if turn < len(texts)]
    return turns[:MOST]


def _find_photos(folder: Path) -> list[str]:
    """Return files of photos, spread over those that the run keeps for its proof."""
    if not (folder / "rows.json").is_file():
        return []
    names = json.loads((folder / "rows.json").read_text(encoding="utf-8"))["inputs"]
    files = [folder / name for name in names if Path(name).name == name and (folder / name).is_file()]
    step = max(1, -(-len(files) // MOST))
    return [str(file) for file in files[::step]]
