"""What the HTML of a run shows, read from the files of its folder; nothing here is HTML."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..evaluation.intervals import with_interval
from ..evaluation.metrics import LABEL_SCORE
from ..run_folders.find import EVALUATION_FILE
from .abstention import read_abstention
from .baselines import compared_baselines, read_baselines, shown_baselines
from .class_report import read_report
from .tables import ErrorKind, classification_table, group_errors

PAGE_FILE = "report/report.html"
"""The page of a run or an evaluation, in its folder."""
_RUN_PICTURES = (
    "confusion_matrix.png",
    "f1_by_label.png",
    "curves.png",
    "learning_curve.png",
    "samples.png",
    "errors.png",
)
_PAGE_PICTURES = (*_RUN_PICTURES, "reliability.png", "coverage.png", "token_maps.png")
MOST_KINDS = 12
"""Pairs of true and predicted class whose errors a page shows; the most frequent ones."""
MOST_ERRORS = 10
"""Of each kind, the most confident ones."""
MOST_ISSUES = 30
MOST_CHARACTERS = 400
"""Of a text that a page shows."""
_FILES = {
    "Settings of the run": "hfkit.yaml",
    "Versions and machine": "env.json",
    "What was evaluated": EVALUATION_FILE,
}
_SECTIONS = {
    "result": "Result",
    "classes": "Classes",
    "confidence": "Scores",
    "errors": "Errors",
    "labels": "Labels to look at",
    "done": "What was done",
    "again": "Use it again",
}


def find_shown_split(results: Mapping[str, Any]) -> str | None:
    """Return the prefix of the split that results are told of: `test` where it has labels, else `eval`, or None."""
    return next((prefix for prefix in ("test", "eval") if f"{prefix}_accuracy" in results), None)


def collect_run(folder: Path, results: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Collect what is shown in a notebook; arguments as of `html.render_run`."""
    about = [summary.get("kind")]
    if summary.get("backbone"):
        about.append(f"Backbone {summary['backbone']}, head {summary.get('head')}.")
    baselines = read_baselines(folder)
    return {
        "name": folder.resolve().name,
        "folder": folder,
        "page": folder / PAGE_FILE if (folder / PAGE_FILE).is_file() else None,
        "about": " ".join(map(str, filter(None, about))),
        "results": _result_table(results, summary),
        "split": "" if baselines is None else str(baselines["split"].iloc[0]),
        "baselines": None if baselines is None else shown_baselines(baselines),
        "compared": [] if baselines is None else [each.sentence() for each in compared_baselines(baselines)],
        "answers": [line for line in read_abstention(folder).split("\n\n") if line],
        "pictures": _find_pictures(folder, _RUN_PICTURES),
    }


def collect_page(
    folder: Path, results: Mapping[str, Any], summary: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """Collect what a page of its own shows; arguments as of `html.write_page`."""
    report, prefix = read_report(folder), find_shown_split(results)
    rows = None if prefix is None else (summary.get("rows") or {}).get("validation" if prefix == "eval" else prefix)
    errors = _read_table(folder / "report" / "errors.csv")
    contents = collect_run(folder, results, summary) | {
        "pictures": _find_pictures(folder, _PAGE_PICTURES),
        "rows": rows,
        "classes": classification_table(report) if report else None,
        **_collect_errors(errors, rows),
        "label_issues": _show_label_issues(_read_table(folder / "report" / "label_issues.csv")),
        "notes": notes,
        "files": [
            (title, (folder / name).read_text(encoding="utf-8"))
            for title, name in _FILES.items()
            if (folder / name).is_file()
        ],
    }
    missing = {"labels"} if contents["label_issues"] is None else set()
    missing |= {"classes", "confidence", "errors"} if not report else set()
    missing |= set() if contents["has_confidence"] else {"confidence"}
    return contents | {"sections": [(id, title) for id, title in _SECTIONS.items() if id not in missing]}


def _result_table(results: Mapping[str, Any], summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return accuracy and macro F1 with their 95 % intervals, and the rows, of each split that was evaluated."""
    table = pd.DataFrame(columns=["rows", "accuracy (95 %)", "macro F1 (95 %)"])
    for prefix, split in (("eval", "validation"), ("test", "test")):
        if f"{prefix}_accuracy" in results:
            metrics = [write_metric(results, f"{prefix}_{name}") for name in ("accuracy", "macro_f1")]
            table.loc[split] = [(summary.get("rows") or {}).get(split, ""), *metrics]
    return table


def write_metric(results: Mapping[str, Any], name: str) -> str:
    """Write a metric with its interval; runs of earlier versions have none."""
    value, low, high = (results.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None or low is None or high is None:
        return "" if value is None else f"{value:.4f}"
    return with_interval(value, low, high)


def _find_pictures(folder: Path, names: Sequence[str]) -> dict[str, Path]:
    return {name: folder / "report" / name for name in names if (folder / "report" / name).is_file()}


def _read_table(file: Path) -> pd.DataFrame | None:
    """Read a table of ours; a text such as `NA` or `01` stays a text, and a carriage return in one ends no row."""
    if not file.is_file():
        return None
    table = pd.read_csv(file, keep_default_na=False, dtype=str, lineterminator="\n")
    return table.astype({name: float for name in ("confidence", LABEL_SCORE, "loss", "score") if name in table})


def _collect_errors(errors: pd.DataFrame | None, rows: int | None) -> dict[str, Any]:
    """Return what is shown of the wrong rows, by kinds of errors, or with any number of labels a row by their loss."""
    if errors is not None and "loss" in errors:
        total = "" if rows is None else f" of {rows:,}"
        summary = f"{len(errors):,}{total} rows have a wrong label. All are in report/errors.csv."
        shown = errors.head(MOST_ISSUES).set_index("row")
        shown = shown[["loss", "missing", "surplus", *shown.columns.drop(["loss", "missing", "surplus", "prediction"])]]
        listed = [{"title": "The rows with the highest loss", "rows": _shorten(shown)}] if len(shown) else []
        return {"has_confidence": False, "error_summary": summary, "errors": listed}
    kinds = [] if errors is None else group_errors(errors)
    shown_kinds = [_show_kind(*kind) for kind in kinds[:MOST_KINDS]]
    return {"has_confidence": True, "error_summary": _summarise_errors(kinds, rows), "errors": shown_kinds}


def _summarise_errors(kinds: list[ErrorKind], rows: int | None) -> str:
    """Say how many rows are wrong, and which of them are shown."""
    if not kinds:
        return "No row is wrong."
    total = "" if rows is None else f" of {rows:,}"
    shown = f"the {MOST_KINDS} most frequent of {len(kinds)} kinds" if len(kinds) > MOST_KINDS else "every kind"
    wrong = sum(len(errors) for _, errors in kinds)
    return (
        f"{wrong:,}{total} rows are wrong. Shown are, of {shown}, up to {MOST_ERRORS} rows that the model was the surest of. "
        "All are in report/errors.csv."
    )


def _show_kind(classes: tuple[str, str], errors: pd.DataFrame) -> dict[str, Any]:
    """Return the title and the most confident rows of one kind of error."""
    shown = errors.head(MOST_ERRORS).drop(columns=["label", "prediction"]).set_index("row")
    # How sure it was stands first: a long text would push it out of sight.
    shown = shown[["confidence", *shown.columns.drop("confidence")]]
    return {"title": f"{', taken for '.join(classes)}: {len(errors):,} rows", "rows": _shorten(shown)}


def _show_label_issues(issues: pd.DataFrame | None) -> dict[str, Any] | None:
    if issues is None or not len(issues):
        return None
    title = (
        f"{issues['row'].nunique():,} rows of train have a label that is unlikely, the most suspicious first. "
        "All are in report/label_issues.csv."
    )
    shown = issues.head(MOST_ISSUES).set_index("row").drop(columns=["group"], errors="ignore")
    return {"title": title, "rows": _shorten(shown)}


def _shorten(table: pd.DataFrame) -> pd.DataFrame:
    """Cut long texts, and say how long they are."""

    def cut(value: Any) -> Any:
        """Cut one cell."""
        if not isinstance(value, str) or len(value) <= MOST_CHARACTERS:
            return value
        return f"{value[:MOST_CHARACTERS]}… ({len(value):,} characters)"

    return table.map(cut)
