"""Print an inspection."""

from ..run_folders.show import show_line, show_table
from .result import Inspection

_CLASSES = 30
_COLUMNS = 60


def show_inspection(inspection: Inspection) -> None:
    """Print columns, classes, lengths or sizes, notes, and the command that trains, or why training would stop."""
    if inspection.columns:
        _show_columns(inspection)
    if inspection.classes:
        _show_classes(inspection)
    if inspection.spreads:
        rows = [
            [each.what, *(f"{value:,.0f}" for value in (each.least, each.median, each.high, each.most))]
            for each in inspection.spreads
        ]
        names = ["least", "median", "95 % at most", "most"]
        show_table(["each row", *names], rows, numbers=names)
    for note in inspection.notes:
        show_line(f"- {note.text}")
    if inspection.refusal is not None:
        show_line(f"Training would stop: {inspection.refusal}")
    if inspection.command is not None:
        show_line(f"Train on it: {inspection.command}")


def _show_columns(inspection: Inspection) -> None:
    rows = [
        [
            column.name,
            column.kind,
            _count(column.different),
            _count(column.missing),
            column.example,
            _role(column.role, column.why),
        ]
        for column in inspection.columns[:_COLUMNS]
    ]
    names = ["column", "kind", "different", "empty", "example", "used as"]
    show_table(names, rows, inspection.data, numbers=("different", "empty"))
    _show_rest(len(inspection.columns) - _COLUMNS, "columns")


def _show_classes(inspection: Inspection) -> None:
    splits = list(next(iter(inspection.classes.values())))
    largest = sorted(inspection.classes, key=lambda name: -sum(inspection.classes[name].values()))
    names = list(inspection.classes) if len(largest) <= _CLASSES else largest[:_CLASSES]
    rows = [[name, *(f"{inspection.classes[name][split]:,}" for split in splits)] for name in names]
    if not inspection.is_multi_label:  # whose rows would be counted several times
        rows.append(["all", *(f"{sum(counts[split] for counts in inspection.classes.values()):,}" for split in splits)])
    show_table(["label", *splits], rows, "" if inspection.columns else inspection.data, numbers=splits)
    _show_rest(len(largest) - _CLASSES, "labels, which have fewer rows")


def _show_rest(count: int, what: str) -> None:
    if count > 0:
        show_line(f"... and {count:,} other {what}.")


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _role(role: str, why: str) -> str:
    return f"{role} ({why})" if why else role
