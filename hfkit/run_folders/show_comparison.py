"""A comparison of runs as tables and sentences, as JSON, and as a file."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..evaluation.intervals import with_interval
from ..files import format_table, write_file
from ..flags.paths import check_new_file
from .compare import PREDICTION, Comparison, FlagDifference, Pair
from .show import clean_text, show_line, show_table

_LONGEST = 160
"""Letters of a text in a table."""
_CHOSEN_ON_VALIDATION = (
    "Training in steps chooses its best checkpoint, the weight of n-grams and the thresholds of labels on validation; --test "
    "compares on rows that chose nothing."
)


def write_disagreements(output: Path | None, comparison: Comparison) -> None:
    """Write all rows on which the runs disagree as CSV, where a file is named.

    Raises:
        UserError: The file is there already, or cannot be written.

    """
    if output is None:
        return
    check_new_file(output, "--output")
    try:
        content = format_table(comparison.disagreements, index=True)
        write_file(output, content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise UserError(f"--output {output} cannot be written: {error.strerror}.") from error


def show_flags(flags: Sequence[FlagDifference], names: Sequence[str]) -> None:
    """Print the flags that differ, with a mark at values that a run chose itself; a run without flags has no column."""
    if not flags:
        show_line("No flag differs.")
        return
    columns = [name for name in names if name in flags[0].values]
    rows = [[each.name, *(_describe_value(each, name) for name in columns)] for each in flags]
    show_table(["flag", *columns], rows, title="Flags that differ")
    if any(each.filled_in for each in flags):
        show_line("* not given: chosen by the run.")


def _describe_value(flag: FlagDifference, name: str) -> str:
    value = flag.values[name]
    text = "–" if value is None else " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{text[:_LONGEST]}{' *' if name in flag.filled_in else ''}"


def show_comparison(comparison: Comparison, shown: int, output: Path | None) -> None:
    """Print accuracies, the paired tests in sentences, and the first rows on which the runs disagree.

    Args:
        comparison: What to show.
        shown: How many rows.
        output: Where all of them were written, or None.

    """
    title = f"The {comparison.rows:,} rows of {comparison.split}"
    rows = [[name, with_interval(*accuracy)] for name, accuracy in comparison.accuracies.items()]
    show_table(["run", "accuracy (95 %)"], rows, title=title, whole=["run"])
    if comparison.split == "validation":
        show_line(_CHOSEN_ON_VALIDATION)
    for pair in comparison.pairs:
        show_line(pair.sentence())
    if len(comparison.pairs) > 1:
        first = comparison.pairs[0].first
        show_line(f"Each run is compared with the first, {first}; of many such tests one may come out by chance alone.")
    listed = comparison.disagreements
    if len(listed) and shown:
        title = f"Rows on which they disagree, {min(shown, len(listed)):,} of {len(listed):,}"
        cells = [[str(row), *(text[:_LONGEST] for text in texts)] for row, *texts in listed.head(shown).itertuples()]
        show_table(["row", *map(str, listed.columns)], cells, title=title)
    if output is not None:
        show_line(f"All {len(listed):,} rows on which they disagree are in {output}.")


def comparison_to_json(flags: Sequence[FlagDifference], comparison: Comparison, shown: int) -> dict[str, Any]:
    """Return a comparison as what JSON can hold, with as many rows of disagreement as are to be shown."""
    listed = comparison.disagreements
    return {
        "split": comparison.split,
        "rows": comparison.rows,
        "flags": [
            {
                "name": each.name,
                "values": {name: _to_json(value) for name, value in each.values.items()},
                "filled_in": each.filled_in,
            }
            for each in flags
        ],
        "runs": [
            {"run": name, "accuracy": value, "accuracy_low": low, "accuracy_high": high}
            for name, (value, low, high) in comparison.accuracies.items()
        ],
        "pairs": [_pair_to_json(pair) for pair in comparison.pairs],
        "disagreements": len(listed),
        "disagreeing_rows": [_row_to_json(row) for row in listed.head(shown).reset_index().to_dict("records")],
    }


def _pair_to_json(pair: Pair) -> dict[str, Any]:
    return {
        "run": pair.name,
        "against": pair.first,
        "difference": pair.paired.difference,
        "difference_low": pair.paired.low,
        "difference_high": pair.paired.high,
        "p_value": pair.paired.p_value,
        "is_told_apart": pair.paired.is_told_apart,
        "sentence": clean_text(pair.sentence()),
        "only_run_right": pair.only_it,
        "only_against_right": pair.only_first,
        "disagreements": pair.disagreements,
    }


def _row_to_json(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row with its predictions by run."""
    predictions = {name.removeprefix(PREDICTION): row[name] for name in row if name.startswith(PREDICTION)}
    return {**{name: row[name] for name in row if not name.startswith(PREDICTION)}, "predictions": predictions}


def _to_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
