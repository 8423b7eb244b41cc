"""What the rows of data are, as hashes: a run is not continued, and a rung not compared, on other rows or other labels."""

from collections.abc import Mapping
from typing import Any

from datasets import Dataset, DatasetDict

from .stored_rows import compute_fingerprint

DataHashes = dict[str, dict[str, Any]]
"""By split: `rows`, how many there are, and a hash of each of the columns below that it has."""
_COLUMNS = {"row": "row numbers", "text": "texts", "digest": "images", "label": "labels"}
"""Columns of rows, and what a sentence calls their content."""


def hash_data(splits: DatasetDict, label_names: list[str]) -> DataHashes:
    """Hash the rows of each split: their numbers, their texts or the digests of their images, and their labels by name."""
    return {split: _hash_rows(rows, label_names) for split, rows in splits.items()}


def _hash_rows(rows: Dataset, label_names: list[str]) -> dict[str, Any]:
    hashes: dict[str, Any] = {"rows": len(rows)}
    for column in _COLUMNS:
        if column in rows.column_names:
            values = rows.select_columns(column)[column]  # without decoding images on the way
            if column == "label":
                values = [_name(value, label_names) for value in values]
            hashes[column] = compute_fingerprint("", {column: values})
    return hashes


def _name(value: Any, label_names: list[str]) -> Any:
    """Return the name of a label id, or the names of the labels of 0 and 1 for each label."""
    if not isinstance(value, list):
        return label_names[value]
    return [name for name, is_there in zip(label_names, value, strict=True) if is_there]


def describe_changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what differs between the hashes of two readings of data, without a full stop; empty where nothing does."""
    parts = []
    for split in dict.fromkeys([*before, *now]):
        old, new = before.get(split), now.get(split)
        if old is None or new is None:
            parts.append(f"{split} was {'not there' if old is None else 'there'}")
        elif old.get("rows") != new.get("rows"):
            parts.append(f"{split} has {new.get('rows')} rows, not {old.get('rows')}")
        else:
            changed = [name for column, name in _COLUMNS.items() if old.get(column) != new.get(column)]
            parts += [f"{split} has other {' and '.join(changed)}"] if changed else []
    return ", ".join(parts)
