"""What is exported to where, and how an export speaks."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console


@dataclass(frozen=True)
class ExportRequest:
    """What is exported to where.

    Attributes:
        model: Folder of a run or of a saved model, or a Hub id.
        folder: The new one.
        int8: Whether the weights are stored in 8 bits.
        data: Labelled rows that tell what that costs; None: the run's held-out rows tell whether the labels stay.
        revision: Branch, tag or commit of a Hub id.
        text_column: Of the labelled rows; None: found.
        label_column: The same.

    """

    model: str
    folder: Path
    int8: bool = False
    data: str | None = None
    revision: str | None = None
    text_column: list[str] | None = None
    label_column: str | None = None


def say(console: Console, text: str) -> None:
    """Print a line as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
