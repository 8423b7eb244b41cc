"""The labels of rows for a model that there is already: where they stand, and whether the model has them."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ..errors import UserError
from .label_kinds import check_labels_of_model
from .label_reading import LabelForm, Labels, read_labels
from .label_sets import LabelSets, match_label_sets

_SHOWN = 20


@dataclass(frozen=True)
class LabelColumns:
    """Where the labels of rows stand.

    Attributes:
        given: The columns that were given; none: they are found.
        usual: Those of the model's run, which are taken where all of them are there.
        separator: What stands between the labels of a row.
        is_multi_label: Whether the model gives each row any number of labels.
        names: Its labels, which columns of 0 and 1 are called by; none of a model that gives each row one.

    """

    given: Sequence[str] = ()
    usual: Sequence[str] = ()
    separator: str | None = None
    is_multi_label: bool = False
    names: Sequence[str] = ()

    def known(self, columns: Sequence[str]) -> list[str]:
        """Return the label columns of a table as far as they are known; none: they have to be found.

        Args:
            columns: Those that it has.

        """
        usual = (each for each in (self.usual, self.names) if each and set(each) <= set(columns))
        return list(self.given or next(usual, ()))

    def form(self, columns: Sequence[str], names: Sequence[str]) -> LabelForm:
        """Return how labels stand in columns of a table, for a model with these names of labels."""
        separator = self.separator if len(columns) == 1 else None
        are_found = not self.given and not self.is_multi_label
        return LabelForm(columns, separator, are_found, self.is_multi_label, names)

    def read(
        self, dataset: str, tables: Mapping[str, pd.DataFrame], columns: Sequence[str], names: Sequence[str]
    ) -> Labels:
        """Return the labels of rows of texts.

        Args:
            dataset: What messages call them.
            tables: By split.
            columns: The label columns.
            names: The model's labels.

        Raises:
            UserError: A cell is no label, or the rows have any number of labels, and the model gives each row one.

        """
        labels = read_labels(dataset, tables, self.form(columns, names))
        self.refuse_sets(dataset, labels)
        return labels

    def refuse_sets(self, dataset: str, labels: Labels) -> None:
        """Refuse rows with any number of labels for a model that gives each row one.

        Raises:
            UserError: As above.

        """
        if labels.sets is not None and not self.is_multi_label:
            raise UserError(
                f"{dataset} has any number of labels a row, and the model gives each row one: they cannot be compared."
            )


def check_labels(dataset: str, table: pd.DataFrame, labels: Labels, names: list[str]) -> None:
    """Refuse rows without labels, and a label that the model does not have, with the nearest that it has.

    Args:
        dataset: What messages call the source.
        table: With `row` and `label` as text, or as sets of labels; those that stand in places get the names of the model's.
        labels: How they were read.
        names: The model's labels.

    Raises:
        UserError: As above.

    """
    if table["label"].isna().all():
        raise UserError(f"{dataset} has no labels: predict it by hfkit predict.")
    if labels.sets is None:
        check_labels_of_model(table, labels.column, names)
    else:
        _check_columns(dataset, labels.sets, names)
        match_label_sets({"": table}, labels.sets, names)
    for row, cell in zip(table["row"], table["label"], strict=True):
        for label in cell if labels.sets is not None else [cell]:
            if label not in names:
                raise _unknown_label(dataset, label, row, labels.column, names)


def _check_columns(dataset: str, labels: LabelSets, names: Sequence[str]) -> None:
    """Refuse columns of 0 and 1 of which one is missing: no row would have that label.

    Raises:
        UserError: As above.

    """
    missing = [name for name in names if name not in labels.columns]
    if labels.places == labels.columns and missing:
        raise UserError(
            f"{dataset} says nothing of {', '.join(missing[:_SHOWN])} in the columns {labels.shown_columns}: give a column of 0 "
            "and 1 for each label of the model, by --label_column where they have no such names."
        )


def _unknown_label(dataset: str, label: str, row: int, column: str, names: list[str]) -> UserError:
    """Return the error of a label that the model does not have."""
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(label).lower(), list(by_lower), n=2)
    hint = f"did you mean {' or '.join(by_lower[name] for name in near)}? " if near else ""
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return UserError(
        f"{dataset} has the label '{label}' in column '{column}' (row {row}, counted from 0), which the model does not "
        f"have: {hint}its labels are {shown}."
    )
