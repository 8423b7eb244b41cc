"""Training rows whose label is unlikely, as a solved head says of them out of fold."""

import numpy as np
from rich.console import Console

from ..evaluation.label_issues import list_label_issues
from ..evaluation.metrics import softmax
from ..report.tables import write_table
from ..task import Task
from .fitted import Fitted
from .report import readable_rows
from .settings import RunSettings

LABEL_ISSUES_FILE = "report/label_issues.csv"


def write_label_issues(task: Task, settings: RunSettings, fitted: Fitted, console: Console) -> None:
    """Write the rows with doubtful labels, the most suspicious first, and say how many there are; nothing without such scores."""
    if fitted.solved is None or not fitted.trainer.is_world_process_zero():
        return
    solution = fitted.solved.solution
    if solution.out_of_fold is None:
        return
    rows = task.rows["train"]
    labels = np.array(task.frozen["train"].labels)[solution.rows]
    shown = readable_rows(rows.select(solution.rows))
    issues = list_label_issues(softmax(solution.out_of_fold), labels, task.label_names, groups=solution.groups)
    texts = shown.drop(columns="row").iloc[issues["row"].to_numpy()].reset_index(drop=True)
    issues["row"] = shown["row"].to_numpy()[issues["row"].to_numpy()]
    texts = texts.rename(columns={name: f"{name}_of_row" for name in texts.columns if name in issues.columns})
    write_table(settings.folder / LABEL_ISSUES_FILE, issues.join(texts))
    line = f"\n{len(issues):,} of {len(labels):,} training rows have a doubtful label: {LABEL_ISSUES_FILE}."
    console.print(line, markup=False, highlight=False, soft_wrap=True)
