"""Finished runs beside each other: flags that differ, paired tests against the first, and the rows on which they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UserError
from ..evaluation.intervals import accuracy_interval
from ..evaluation.paired import PairedResult, compare_paired
from .predictions import check_finished, match_rows, read_predictions
from .record import read_run_configuration

PREDICTION = "prediction of "
"""What the name of a column begins with; the run's name goes on."""


@dataclass(frozen=True)
class FlagDifference:
    """A flag that has not the same value in all runs.

    Attributes:
        name: Of the flag.
        values: By run; None where it has none.
        filled_in: Runs that chose the value themselves.

    """

    name: str
    values: dict[str, Any]
    filled_in: list[str]


@dataclass(frozen=True)
class Pair:
    """A run against the first one.

    Attributes:
        name: Of the run.
        first: Name of the first one.
        paired: What the paired test gave; a positive difference is for the run.
        only_it: Rows that it alone has right.
        only_first: Rows that the first one alone has right.
        disagreements: Rows of which the two predict different classes.

    """

    name: str
    first: str
    paired: PairedResult
    only_it: int
    only_first: int
    disagreements: int

    def sentence(self) -> str:
        """Say which is better, and by which rows."""
        rows = f"Rows that it alone has right: {self.only_it:,}; that {self.first} alone has right: {self.only_first:,}"
        disagreements = f"on which they disagree: {self.disagreements:,}"
        return f"{self.paired.sentence(self.name, self.first)} {rows}; {disagreements}."


@dataclass(frozen=True)
class Comparison:
    """Finished runs on the same rows.

    Attributes:
        split: Of the rows.
        accuracies: By run: accuracy, and lower and upper end of its 95 % interval.
        pairs: Each run but the first against the first.
        rows: How many there are.
        disagreements: The rows on which not all agree: what was classified, `label`, and `prediction of NAME` for each run.

    """

    split: str
    accuracies: dict[str, tuple[float, float, float]]
    pairs: list[Pair]
    rows: int
    disagreements: pd.DataFrame


def name_runs(runs: Sequence[Path]) -> list[str]:
    """Return what the runs are called: their paths as they were given; having made sure that they are finished, and several.

    Raises:
        UserError: They are not.

    """
    if len(runs) < 2:
        raise UserError("A comparison needs two runs or more: name their folders (`hfkit runs` lists them).")
    names = [run.as_posix() for run in runs]
    places = [run.expanduser().resolve() for run in runs]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise UserError(f"{names[number]} is named twice: compare it with other runs.")
    for run, name in zip(runs, names, strict=True):
        check_finished(run.expanduser(), name)
    return names


def compare_flags(runs: Sequence[Path], names: Sequence[str]) -> list[FlagDifference]:
    """Return the flags whose values differ, by name, whether they were given or filled in.

    A run without flags, such as a ladder's rung without a net, is left out.

    Args:
        runs: Their folders.
        names: What they are called.

    Raises:
        UserError: A run's flags cannot be read.

    """
    configurations = {}
    for run, name in zip(runs, names, strict=True):
        configuration = read_run_configuration(run.expanduser())
        if configuration.flags:
            configurations[name] = configuration
    differences = []
    for flag in sorted({flag for each in configurations.values() for flag in (*each.flags, *each.filled_in)}):
        values = {name: each.flags.get(flag, each.filled_in.get(flag)) for name, each in configurations.items()}
        first, *others = values.values()
        if any(value != first for value in others):
            filled_in = [name for name, each in configurations.items() if flag not in each.flags]
            differences.append(FlagDifference(flag, values, [name for name in filled_in if values[name] is not None]))
    return differences


def compare_runs(runs: Sequence[Path], split: str) -> Comparison:
    """Compare finished runs by what they predicted of the same rows.

    Args:
        runs: Their folders, two or more; the others are compared with the first.
        split: `validation` or `test`.

    Raises:
        UserError: One is not finished, did not write its predictions, or was evaluated on other rows.

    """
    names = name_runs(runs)
    tables = [read_predictions(run.expanduser(), name, split) for run, name in zip(runs, names, strict=True)]
    tables = match_rows(tables, names, split)
    right = [(table["prediction"] == table["label"]).to_numpy(dtype=bool) for table in tables]
    accuracies = {
        name: (float(one.mean()), *accuracy_interval(int(one.sum()), len(one)))
        for name, one in zip(names, right, strict=True)
    }
    pairs = [
        Pair(
            name,
            names[0],
            compare_paired(one, right[0]),
            int((one & ~right[0]).sum()),
            int((right[0] & ~one).sum()),
            int((table["prediction"] != tables[0]["prediction"]).sum()),
        )
        for name, one, table in zip(names[1:], right[1:], tables[1:], strict=True)
    ]
    return Comparison(split, accuracies, pairs, len(tables[0]), _list_disagreements(tables, names))


def _list_disagreements(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Return the rows on which not all runs agree, with what was classified where one of them wrote it."""
    whole = max(tables, key=lambda table: len(table.columns))
    listed = whole.drop(columns=["label", "prediction"])
    listed["label"] = whole["label"]
    for table, name in zip(tables, names, strict=True):
        listed[f"{PREDICTION}{name}"] = table["prediction"]
    predictions = pd.concat([table["prediction"] for table in tables], axis=1)
    return listed[predictions.ne(predictions.iloc[:, 0], axis=0).any(axis=1)]
