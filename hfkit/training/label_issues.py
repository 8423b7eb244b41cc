"""Training rows whose label is unlikely, as a solved head says of them out of fold."""

import numpy as np
import pandas as pd
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from rich.console import Console

from ..evaluation.intervals import accuracy_interval, with_interval
from ..evaluation.label_issues import list_label_issues, list_label_set_issues
from ..evaluation.label_kinds import MultiLabel, softmax
from ..features.solution import Solution
from ..report.rows import readable_rows, write_rows
from ..task import Task
from .settings import RunSettings

LABEL_ISSUES_FILE = "report/label_issues.csv"
_SHOWN = 20


def wants_label_issues(settings: RunSettings, console: Console) -> bool:
    """Tell whether flags ask for doubtful labels that are not there yet; a run that is continued keeps those of its start."""
    if not settings.training.label_issues or settings.checkpoint is None:
        return bool(settings.training.label_issues)
    is_there = [(settings.folder / LABEL_ISSUES_FILE).is_file()]
    if PartialState().num_processes > 1:
        broadcast_object_list(is_there)  # the main process writes the file, and may do so before others look
    if is_there[0]:
        console.print(f"\nLabel issues: {LABEL_ISSUES_FILE} stays as the run's start wrote it.", highlight=False)
    return not is_there[0]


def write_label_issues(task: Task, settings: RunSettings, solution: Solution, console: Console) -> None:
    """Write the rows with doubtful labels, the most suspicious first, and say how many there are, or why that is not known.

    Args:
        task: With the rows of train that the head was solved on.
        settings: Of the run.
        solution: The head; it saw no row that it scores.
        console: Where to print.

    """
    if solution.out_of_fold is None:
        if settings.training.label_issues:
            console.print(
                "\nLabel issues: none are looked for, as no training row could be scored out of fold.", highlight=False
            )
        return
    rows = task.rows["train"]
    labels = np.array(task.frozen["train"].labels)[solution.rows]
    shown = readable_rows(rows.select(solution.rows))
    issues = _list_issues(task, solution, labels)
    line = _describe(task, issues, len(labels), len(rows))
    texts = shown.drop(columns="row").iloc[issues["row"].to_numpy()].reset_index(drop=True)
    issues["row"] = shown["row"].to_numpy()[issues["row"].to_numpy()]
    texts = texts.rename(columns={name: f"{name}_of_row" for name in texts.columns if name in issues.columns})
    write_rows(settings.folder / LABEL_ISSUES_FILE, issues.join(texts), task.kept.get("train"))
    sure = say_how_sure(solution.out_of_fold, labels)
    console.print(f"\n{line} {sure}", markup=False, highlight=False, soft_wrap=True)


def _list_issues(task: Task, solution: Solution, labels: np.ndarray) -> pd.DataFrame:
    """Return what is doubtful of the rows that were scored out of fold; `row` is the position among them."""
    assert solution.out_of_fold is not None
    if solution.is_multi_label:
        scores = MultiLabel().scores(solution.out_of_fold)
        return list_label_set_issues(scores, labels, task.label_names, solution.groups)
    return list_label_issues(softmax(solution.out_of_fold), labels, task.label_names, groups=solution.groups)


def _describe(task: Task, issues: pd.DataFrame, scored: int, total: int) -> str:
    """Say how many rows have a doubtful label, of how many, and of any number of labels a row which ones."""
    seen = f"{scored:,} training rows"
    if scored < total:
        seen = f"the {scored:,} training rows that were scored out of fold, of {total:,},"
    line = f"{issues['row'].nunique():,} of {seen} have a doubtful label: {LABEL_ISSUES_FILE}."
    if not task.is_multi_label or not len(issues):
        return line
    counts = issues["label"].value_counts()
    by_label = ", ".join(f"{name} {count:,}" for name, count in counts.head(_SHOWN).items())
    more = f" and {len(counts) - _SHOWN} labels more" if len(counts) > _SHOWN else ""
    return f"{line} By label: {by_label}{more}."


def say_how_sure(out_of_fold: np.ndarray, labels: np.ndarray) -> str:
    """Say how often the head that tells doubtful labels agrees with the given ones, on rows that it did not see.

    Args:
        out_of_fold: (rows, classes) logits, each row's by a fit without its fold.
        labels: (rows,) ids of the given labels, or (rows, labels) 0 and 1; then rows count whose labels are all right.

    """
    several = labels.ndim > 1
    right = ((out_of_fold > 0) == labels).all(axis=1) if several else out_of_fold.argmax(axis=1) == labels
    most_frequent = np.unique(labels, axis=0, return_counts=True)[1].max() / len(labels)
    low, high = accuracy_interval(int(right.sum()), len(labels))
    sentence = (
        f"The head that tells them is right on {'all labels of ' if several else ''}{with_interval(right.mean(), low, high)} of "
        "these rows out of fold, as their labels are now"
    )
    if low <= most_frequent:
        alone = "the most frequent labels" if several else "the largest class"
        return f"{sentence}, which is not surely more than {alone} alone: do not change labels by this list."
    return f"{sentence}: look at a row before you change its label."
