"""`report/classification_report.json`: metrics by class and on average, written, and read in the form of earlier versions too."""

import json
from pathlib import Path
from typing import Any

from .tables import write_json

REPORT_FILE = "report/classification_report.json"
"""In the folder of a run, of an evaluation, and of a pushed model."""
_VERSION = 2
"""Of the form. In the first one the rows of the classes stood beside what else there is, and some names were refused."""


def write_report(folder: Path, split: str, report: dict[str, Any]) -> None:
    """Write a report of `evaluation.metrics` or `evaluation.label_set_metrics`.

    Args:
        folder: Of the run or the evaluation.
        split: What the rows are called.
        report: `classes` and `averages`, each with its rows by name, and what is of all rows together.

    """
    write_json(folder / REPORT_FILE, {"version": _VERSION, "split": split, **report})


def read_report(folder: Path) -> dict[str, Any]:
    """Return the report of a folder, empty where it has none, as no row had a label."""
    file = folder / REPORT_FILE
    return bring_up(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def bring_up(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report of any version in the form of this one."""
    if not report or "version" in report:
        return report
    rows = {name: row for name, row in report.items() if isinstance(row, dict)}
    averages = {name: row for name, row in rows.items() if name in ("macro avg", "micro avg", "weighted avg")}
    classes = {name: row for name, row in rows.items() if name not in averages}
    whole = {name: value for name, value in report.items() if name not in rows}
    return {"version": _VERSION, **whole, "classes": classes, "averages": averages}
