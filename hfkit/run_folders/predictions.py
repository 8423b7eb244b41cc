"""What runs predicted of held-out rows, read back, and matched row by row."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import UserError
from .manifest import RESULTS_FILE, checksums, read_manifest
from .show import clean_text
from .state import find_state, read_json

FILES = {"validation": "report/validation_predictions.csv", "test": "predictions.csv"}
"""Where a run leaves what it predicted; the second one is of test where there is a test split with labels."""
_ANSWERS = ("label", "label_score", "prediction", "answered")


def check_finished(run: Path, name: str) -> None:
    """Refuse what is no finished run.

    Raises:
        UserError: It is none; the sentence says what it is.

    """
    if not run.is_dir():
        raise UserError(f"There is no folder {name}: name the folder of a run (`hfkit runs` lists them).")
    if not (run / RESULTS_FILE).is_file():
        raise UserError(f"{name} is no finished run: it has no {RESULTS_FILE}.")
    state = find_state(run)
    if state.status != "finished":
        raise UserError(f"{name} cannot be compared, as it is {clean_text(state.describe())}.")


def read_predictions(run: Path, name: str, split: str) -> pd.DataFrame:
    """Return what a finished run predicted of a split, a row each, by their numbers in the split's file.

    Args:
        run: Its folder.
        name: What it is called.
        split: `validation` or `test`.

    Returns:
        Columns `label` and `prediction`, and what was classified where the run wrote it; all of it text.

    Raises:
        UserError: It did not write that, or the file is not what it wrote.

    """
    file = run / FILES[split]
    if split == "test" and "test_accuracy" not in read_json(run / RESULTS_FILE):
        raise UserError(f"{name} has no test split with labels: leave --test out to compare on validation.")
    if not file.is_file():
        raise UserError(
            f"{name} has no {FILES[split]}: its version of hfkit did not write what was predicted of {split} yet; train it "
            f"again (--config {run / 'hfkit.yaml'}), or compare on test (--test)."
        )
    if checksums(run, [file])[FILES[split]] != read_manifest(run).get(FILES[split]):
        raise UserError(f"{FILES[split]} of {name} is not what the run wrote.")
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        table.index = pd.Index(table.pop("row").astype(int), name="row")
        content = [column for column in table.columns if column not in _ANSWERS and not column.startswith("score_")]
        table = table[["label", "prediction", *content]]
    except (ValueError, KeyError) as error:
        raise UserError(f"{FILES[split]} of {name} is no table of predictions.") from error
    if table.index.has_duplicates or table.empty:
        raise UserError(f"{FILES[split]} of {name} has {'no rows' if table.empty else 'the same row twice'}.")
    return table


def match_rows(tables: Sequence[pd.DataFrame], names: Sequence[str], split: str) -> list[pd.DataFrame]:
    """Return tables of predictions with their rows in the order of the first, having made sure that they are the same rows.

    Args:
        tables: Of `read_predictions`.
        names: Of their runs.
        split: Of the rows.

    Raises:
        UserError: One has other rows than the first, or other labels or contents in them.

    """
    first, *others = tables
    matched = [first]
    for table, name in zip(others, names[1:], strict=True):
        common = first.index.intersection(table.index)
        if not len(common) == len(first) == len(table):
            raise UserError(
                f"{name} and {names[0]} were not evaluated on the same rows of {split}: {len(table):,} and {len(first):,} rows, "
                f"{len(common):,} in both by their numbers; only runs on the same data, cut by the same --seed and fractions, "
                "can be compared row by row."
            )
        table = table.loc[first.index]
        # The same rows may have been read as pairs and joined.
        other = {"prediction"} | ({"text"} if ("text_pair" in first) != ("text_pair" in table) else set())
        shared = [column for column in first.columns if column in table.columns and column not in other]
        for column in shared:
            _check_equal(first[column], table[column], names[0], name, split)
        matched.append(table)
    return matched


def _check_equal(ours: pd.Series, others: pd.Series, our_name: str, other_name: str, split: str) -> None:
    """Refuse rows that are not the same in both.

    Raises:
        UserError: Of such a row.

    """
    differ = ours != others
    if not differ.any():
        return
    position = int(differ.to_numpy().argmax())
    one, other = (clean_text(values.iloc[position])[:60] for values in (others, ours))
    count = f"{int(differ.sum()):,} of {len(ours):,} rows of {split}"
    raise UserError(
        f"{other_name} and {our_name} were not evaluated on the same data: {count} differ in their "
        f"{clean_text(str(ours.name))}, such as row {ours.index[position]}, '{one}' in {other_name} and '{other}' in {our_name}."
    )
