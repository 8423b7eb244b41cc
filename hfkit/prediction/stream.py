"""From rows to predictions: block by block, each sorted by length inside, and written in the input's order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ..data.bars import lines_above_bars
from ..errors import UserError
from .output import Output
from .predictor import Advance, Scorer
from .results import ResultColumns, write_number
from .rows import BLOCK, Row, RowSource, cell_text, iter_blocks

ReadContent = Callable[[Row], tuple[Any, str]]
"""From a row to what the model reads, and why that cannot be read (an empty text where it can)."""


@dataclass(frozen=True)
class Block:
    """Rows of one block with their predictions, in the input's order.

    Attributes:
        rows: Those that could be read.
        logits: (rows, classes) in float32.
        unreadable: The others, each with its reason.
        truncated: Texts that were cut.

    """

    rows: list[Row]
    logits: np.ndarray
    unreadable: list[tuple[Row, str]] = field(default_factory=list)
    truncated: int = 0

    @property
    def size(self) -> int:
        """How many rows of the input it has."""
        return len(self.rows) + len(self.unreadable)


def predict_block(rows: list[Row], scorer: Scorer, read: ReadContent, advance: Advance) -> Block:
    """Predict the rows of a block that can be read, and say of the others why they cannot."""
    reasons: dict[int, str] = {}
    positions: list[int] = []
    contents: list[Any] = []
    for position, row in enumerate(rows):
        content, problem = (None, row.problem) if row.problem else read(row)
        if problem:
            reasons[position] = problem
        else:
            positions.append(position)
            contents.append(content)
    advance(len(reasons))
    scored = scorer.score(contents, advance)
    reasons |= {positions[place]: problem for place, problem in scored.problems.items()}
    unreadable = [(rows[position], reasons[position]) for position in sorted(reasons)]
    readable = [row for position, row in enumerate(rows) if position not in reasons]
    return Block(readable, scored.logits, unreadable, scored.truncated)


@dataclass
class Prediction:
    """A model at work on a source.

    Attributes:
        source: Where the rows come from.
        scorer: The model.
        read: What of a row the model reads.
        results: The columns that are added.
        block: Rows of a block.

    """

    source: RowSource
    scorer: Scorer
    read: ReadContent
    results: ResultColumns
    block: int = field(default_factory=lambda: BLOCK)

    def blocks(self, done: int = 0, most: int | None = None) -> Iterator[Block]:
        """Predict block by block, with the rate and the time left on stderr where that is a terminal.

        Args:
            done: Rows that were predicted before and are passed over; the blocks stay the same.
            most: Read so many rows at the most.

        """
        rows = islice(self.source.rows(), done, most)
        total = self.source.total if most is None or self.source.total is None else min(most, self.source.total)
        bar = tqdm(total=total, initial=done, unit=" rows", desc="Predicting", disable=None, leave=False)
        with lines_above_bars(), bar:
            for block in iter_blocks(rows, self.block):
                yield predict_block(block, self.scorer, self.read, bar.update)

    def write(self, output: Output) -> None:
        """Predict all rows that the output does not have yet, and make it whole.

        Raises:
            UserError: The output cannot be written.

        """
        header = [*self.source.columns, *self.results.names]
        bad_header = list(self.unreadable_row(Row(0, [""] * len(self.source.columns)), ""))
        if not output.progress.rows:
            output.append(header, [], bad_header, [])
        for block in self.blocks(output.progress.rows):
            output.append(header, self.table(block), bad_header, self.bad_table(block))
            output.commit(block.size, len(block.unreadable), block.truncated)
        output.finish()

    def table(self, block: Block) -> list[list[Any]]:
        """Return the readable rows of a block as they are written: the user's cells, and what was predicted."""
        values = self.results.values(block.logits)
        return [
            [*map(cell_text, row.cells), *map(write_number, added)]
            for row, added in zip(block.rows, values, strict=True)
        ]

    def bad_table(self, block: Block) -> list[list[Any]]:
        """Return the rows of a block that cannot be read, as they are written."""
        return [list(self.unreadable_row(row, reason).values()) for row, reason in block.unreadable]

    def unreadable_row(self, row: Row, reason: str) -> dict[str, Any]:
        """Return where a row is that cannot be read, and why: of photos also the file."""
        file = {"file": row.cells[0]} if self.source.columns == ["file"] and row.cells else {}
        return {self.source.counts: row.number, **file, "reason": reason}

    def records(self, block: Block) -> list[dict[str, Any]]:
        """Return the readable rows of a block with the names of the columns, as values and not as texts."""
        names = [*self.source.columns, *self.results.names]
        values = self.results.values(block.logits)
        return [
            dict(zip(names, [*row.cells, *added], strict=True)) for row, added in zip(block.rows, values, strict=True)
        ]


def check_kind_fits(reads_texts: bool, is_photos: bool, name: str) -> None:
    """Refuse photos for a model of texts, and texts for a model of images.

    Raises:
        UserError: As above.

    """
    if is_photos and reads_texts:
        raise UserError(
            f"The model classifies texts, and {name} is a photo or holds photos: name a table, or a text in quotes."
        )
    if not is_photos and not reads_texts:
        raise UserError(
            f"The model classifies photos, and {name} holds none: name a folder of photos, a photo, or a parquet file of images."
        )
