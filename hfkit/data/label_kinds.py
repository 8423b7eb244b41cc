"""Labels that need a word: numbers, one label written in two ways, words for nothing, and several labels in a cell."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from ..errors import UserError
from ..notes import Note
from ..visible import JOINERS, UNSEEN
from .combined_labels import note_combined
from .label_reading import LabelForm as LabelForm  # for those who read and name labels
from .label_reading import Labels
from .label_reading import read_labels as read_labels
from .label_sets import name_label_sets
from .labels import check_kind
from .splits import name_labels

MOST_NUMBERS = 50
"""More whole numbers than these are no classes but amounts."""
_NOTHING = ("nan", "null", "none", "na", "n/a", "<na>", "nil", "-", "--", "?", "undefined")
_OF_EXCEL = ("#n/a", "#value!", "#ref!", "#name?", "#div/0!", "#null!", "#num!")
"""What a spreadsheet shows where it cannot compute a cell."""
_INTEGER = re.compile(r"[+-]?\d+")
_WHOLE = re.compile(r"([+-]?\d+)\.0*")
_SHOWN = 4
_UNSEEN = re.compile(f"[{UNSEEN}{JOINERS}]")
_DIFFER = "differ only in case, spaces, hyphens, leading zeros, marks that are not seen, or how a letter is encoded"


def prepare_labels(
    tables: Mapping[str, pd.DataFrame],
    column: str,
    has_names: bool,
    label_names: list[str] | None,
    are_folders: bool = False,
) -> list[Note]:
    """Bring the `label` column of every table to texts of classes, refuse what is none, and say what needs a word.

    Args:
        tables: Tables by split, their labels as text or None.
        column: Name of the label column in the source, for messages.
        has_names: Whether the source itself states the names of the classes.
        label_names: `--label_names`: with it, labels that look like one, or like amounts, are classes.
        are_folders: Whether the labels are names of folders: these are classes, also where they are numbers.

    Raises:
        UserError: There are more whole numbers than `MOST_NUMBERS`, or two labels are most probably one.

    """
    notes = write_whole_numbers(tables.values(), column)
    counts = tables["train"]["label"].value_counts()
    if not has_names and label_names is None:
        if not are_folders:
            _check_numbers(list(counts.index), column)
        _check_twins({str(label): int(count) for label, count in counts.items()}, column)
    elif label_names is not None:
        notes += _note_twins({str(label): int(count) for label, count in counts.items()}, column)
    return [
        *notes,
        *([] if has_names or are_folders else _note_scale(list(counts.index), column)),
        *_note_nothing(counts, "class", "take these folders out" if are_folders else "leave these cells empty"),
        *note_combined(list(counts.index), column),
    ]


def name_classes(
    tables: dict[str, pd.DataFrame],
    labels: Labels,
    stated: list[str] | None,
    label_names: list[str] | None,
    are_folders: bool = False,
) -> tuple[list[str], list[Note]]:
    """Check the `label` column of every table, give its labels their names, and say what needs a word.

    Args:
        tables: Tables by split, with `row` and `label`.
        labels: How the labels were read.
        stated: Names of the classes that the source itself states.
        label_names: `--label_names`.
        are_folders: Whether the labels are names of folders.

    Returns:
        The names in the order of the label ids, and notes.

    Raises:
        UserError: The labels are no classes, a name does not fit, or a split has a label that train does not have.

    """
    if labels.sets is not None:
        names, notes = name_label_sets(tables, labels.sets, stated, label_names)
        counts = pd.Series(
            [name for row in tables["train"]["label"].dropna() for name in row], dtype=object
        ).value_counts()
        if stated is None and label_names is None:
            _check_twins({str(name): int(count) for name, count in counts.items()}, labels.column)
        return names, [*labels.notes, *notes, *_note_nothing(counts, "label", "leave these cells empty")]
    stated = stated or labels.class_names
    notes = [*labels.notes, *prepare_labels(tables, labels.column, stated is not None, label_names, are_folders)]
    names = name_labels(tables, labels.column, stated, label_names)
    return names, notes


def check_labels_of_model(table: pd.DataFrame, column: str, names: Collection[str]) -> None:
    """Write labels such as 1.0 as 1 where a model has them so, and refuse those that are no classes.

    Raises:
        UserError: They are decimal numbers.

    """
    if not set(table["label"].dropna()) <= set(names):
        write_whole_numbers([table], column)
        check_kind(table["label"], column)


def write_whole_numbers(tables: Iterable[pd.DataFrame], column: str) -> list[Note]:
    """Write labels such as 1.0 as 1 where all are whole numbers, and say so."""
    frames = list(tables)
    values = {value for table in frames for value in table["label"].dropna()}
    whole = {value: match[1] for value in values if (match := _WHOLE.fullmatch(value))}
    if not whole or not all(value in whole or _INTEGER.fullmatch(value) for value in values):
        return []
    for table in frames:
        table["label"] = table["label"].map(lambda value: whole.get(value, value), na_action="ignore")
    shown = ", ".join(sorted(whole)[:_SHOWN])
    return [Note("labels", f"The labels in column '{column}' are whole numbers, and {shown} are written so.")]


def _check_numbers(values: list[str], column: str) -> None:
    """Refuse many whole numbers.

    Raises:
        UserError: As above.

    """
    if len(values) > MOST_NUMBERS and all(map(_INTEGER.fullmatch, values)):
        numbers = sorted(map(int, values))
        raise UserError(
            f"The labels in column '{column}' are {len(values)} different whole numbers ({numbers[0]} to {numbers[-1]}), "
            f"more than {MOST_NUMBERS}: that looks like an amount, and regression is not supported. If they are classes, "
            "write their names in the data, or give --label_names, one for each in numeric order."
        )


def _check_twins(counts: Mapping[str, int], column: str) -> None:
    """Refuse two labels that are most probably one.

    Raises:
        UserError: Two labels differ only in how they are written.

    """
    twins = _find_twins(counts)
    if twins is not None:
        one, other = twins
        raise UserError(
            f"The labels '{_visible(one)}' ({counts[one]} rows) and '{_visible(other)}' ({counts[other]} rows) in column "
            f"'{column}' {_DIFFER}: write them alike in the data, or name all labels by --label_names to keep both "
            f"({' '.join(sorted(map(_visible, counts))[:20])})."
        )


def _note_twins(counts: Mapping[str, int], column: str) -> list[Note]:
    """Say that two labels which are most probably one were both named."""
    twins = _find_twins(counts)
    if twins is None:
        return []
    one, other = map(_visible, twins)
    return [
        Note(
            "labels",
            f"The labels '{one}' and '{other}' in column '{column}' {_DIFFER}, and are two since both are named.",
        )
    ]


def _find_twins(labels: Iterable[str]) -> tuple[str, str] | None:
    """Return two labels that differ only in how they are written."""
    first: dict[str, str] = {}
    for label in labels:
        twin = first.setdefault(_plain(label), label)
        if twin != label:
            return twin, label
    return None


def _plain(label: str) -> str:
    """Return a label without what does not count: case, spaces, hyphens and underscores between words, marks, leading zeros."""
    normal = unicodedata.normalize("NFKC", label)
    seen = "".join(letter for letter in normal if not _is_unseen(letter))
    words = re.sub(r"(?<=[^\W_])[\s_-]+(?=[^\W_])", " ", " ".join(seen.split()))
    return (words.lstrip("0") or "0") if re.fullmatch("[0-9]+", words) else words.casefold()


def _visible(label: str) -> str:
    """Return a label with the characters that nobody sees as their numbers."""
    return "".join(f"\\u{ord(letter):04x}" if _is_unseen(letter) else letter for letter in label)


def _is_unseen(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf" or _UNSEEN.fullmatch(letter) is not None


def _note_scale(values: list[str], column: str) -> list[Note]:
    """Say of three and more whole numbers that their order does not count."""
    if len(values) < 3 or not all(map(_INTEGER.fullmatch, values)):
        return []
    numbers = sorted(map(int, values))
    text = (
        f"The labels in column '{column}' are {len(values)} whole numbers ({numbers[0]} to {numbers[-1]}): they are trained as "
        "classes, whose order does not count."
    )
    return [Note("labels", text)]


def _note_nothing(counts: "pd.Series[int]", what: str, remedy: str) -> list[Note]:
    """Say of words for nothing that they are classes, or labels."""
    named = {str(value): int(count) for value, count in counts.items() if str(value).lower() in (*_NOTHING, *_OF_EXCEL)}
    if not named:
        return []
    shown = ", ".join(f"'{value}' ({count} rows)" for value, count in named.items())
    return [Note("labels", f"A {what} is called {shown}: {remedy} if they mean that there is no label.")]
