"""What an inspection found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from ..data.split_names import SPLIT_NAMES
from ..notes import Note


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        kind: What its cells are, in a word: text, number, whole number, yes or no, list, ...
        different: How many different values it has; None where they cannot be counted.
        missing: How many cells are empty.
        example: Its first cell that is not empty.
        role: What training would use it as: text, label, split, id or image; empty where it is not used.
        why: How that was found; empty where it is not used.

    """

    name: str
    kind: str
    different: int | None
    missing: int
    example: str
    role: str = ""
    why: str = ""


@dataclass(frozen=True)
class Spread:
    """How something is spread over the rows, such as the words of a text.

    Attributes:
        what: What was counted.
        least: The smallest.
        median: The median.
        high: Not exceeded by 95 % of the rows.
        most: The largest.

    """

    what: str
    least: float
    median: float
    high: float
    most: float


@dataclass(frozen=True)
class Inspection:
    """What data hold.

    Attributes:
        data: Their name, as it was given.
        task: `text` or `image`.
        columns: Of the table; none where folders or names of files say the labels of images.
        classes: Rows by label and split, in the order of the label ids; splits that training would cut are counted as cut.
        spreads: Lengths of texts, or sizes of images.
        notes: What was found, guessed or dropped, and what looks wrong: the notes of a training.
        refusal: Why training would stop; None where it would not.
        command: The command that trains on these data; None where training would stop.
        flags: The flags of data that this command has, by name.
        is_multi_label: Whether a row has any number of labels.

    """

    data: str
    task: str
    columns: list[Column] = field(default_factory=list)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    spreads: list[Spread] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    refusal: str | None = None
    command: str | None = None
    flags: dict[str, Any] = field(default_factory=dict)
    is_multi_label: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it for other programs: as it is, each note with its code."""
        return asdict(self) | {"notes": [{"code": note.code, "text": note.text} for note in self.notes]}


def count_classes(names: Sequence[str], labels: "Mapping[str, pd.Series[Any]]") -> dict[str, dict[str, int]]:
    """Return how many rows of each label each split has, splits in the order train, validation, test.

    Args:
        names: The labels in the order of their ids.
        labels: Of the rows of each split; a row that has several counts for each.

    """
    counts = {split: labels[split].explode().value_counts() for split in SPLIT_NAMES if split in labels}
    return {name: {split: int(count.get(name, 0)) for split, count in counts.items()} for name in names}
