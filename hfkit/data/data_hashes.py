"""What the rows of data are, as hashes: a run is not continued, and a rung not compared, on other rows or other labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from datasets import Dataset, DatasetDict

from .stored_rows import compute_fingerprint

DataHashes = dict[str, dict[str, Any]]
"""By split: `rows`, how many there are, and a hash of each of the columns below that it has; and `label_names`: `names`."""
_NAMES = "label_names"
_COLUMNS = {"row": "row numbers", "text": "texts", "digest": "images", "label": "labels"}
"""Columns of rows, and what a sentence calls their content."""


def hash_data(splits: DatasetDict, label_names: list[str]) -> DataHashes:
    """Hash the rows of each split: their numbers, their texts or the digests of their images, and their labels by name.

    The names of the labels stand beside them in their order, by which the rows of a head are told.
    """
    return {**{split: _hash_rows(rows, label_names) for split, rows in splits.items()}, _NAMES: {"names": label_names}}


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
    """Return the name of a label id, or the names of the labels of 0 and 1 for each label; None stays."""
    if value is None:
        return None
    if not isinstance(value, list):
        return label_names[value]
    return [name for name, is_there in zip(label_names, value, strict=True) if is_there]


def describe_changes(before: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what differs between the hashes of two readings of data, without a full stop; empty where nothing does."""
    renamed = _describe_names(before.get(_NAMES, {}).get("names"), now.get(_NAMES, {}).get("names"))
    parts = [renamed] if renamed else []
    for split in dict.fromkeys([*before, *now]):
        old, new = before.get(split), now.get(split)
        if split == _NAMES:
            continue
        if old is None or new is None:
            parts.append(f"{split} was {'not there' if old is None else 'there'}")
        elif old.get("rows") != new.get("rows"):
            parts.append(f"{split} has {new.get('rows')} rows, not {old.get('rows')}")
        else:
            changed = [name for column, name in _COLUMNS.items() if old.get(column) != new.get(column)]
            parts += [f"{split} has other {' and '.join(changed)}"] if changed else []
    return ", ".join(parts)


def _describe_names(before: Sequence[str] | None, now: Sequence[str] | None) -> str:
    """Say which labels have other names, or another order; nothing where one of the readings is of an earlier version."""
    if before is None or now is None or list(before) == list(now):
        return ""
    lost, new = ([name for name in one if name not in other] for one, other in ((before, now), (now, before)))
    if not lost and not new:
        return "the labels are in another order"
    return f"the labels are {_list_names(now)}, not {_list_names(before)}"


def _list_names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown
