"""What a solved head says of the training rows: doubtful labels, and how accuracy grows with the rows."""

import numpy as np
from rich.console import Console

from ..features.learning_curve import NoCurveError, measure_learning_curve
from ..report.learning_curve import describe_curve, write_curve
from ..task import Task
from .label_issues import write_label_issues
from .settings import RunSettings
from .solver import Solved, describe_inputs


def report_solved(
    task: Task, settings: RunSettings, solved: Solved, console: Console, label_issues: bool = True
) -> None:
    """Write and print what a solved head says of the training rows; the main process calls it.

    Args:
        task: With the rows that the head was solved on.
        settings: Of the run.
        solved: The head.
        console: Where to print.
        label_issues: Whether doubtful labels are written.

    """
    if label_issues:
        write_label_issues(task, settings, solved.solution, console)
    report_learning_curve(task, settings, solved, console)


def report_learning_curve(task: Task, settings: RunSettings, solved: Solved, console: Console) -> None:
    """Measure the learning curve of a solved head, and write, draw and say it; or say why there is none."""
    solution = solved.solution
    inputs = describe_inputs(task, settings, solved.features, solved.groups)
    try:
        points = measure_learning_curve(inputs, solution)
    except NoCurveError as reason:
        line = f"Learning curve: none, for {reason}."
    else:
        write_curve(settings.folder, points, np.asarray(inputs.labels)[solution.rows])
        line = describe_curve(points, len(inputs.labels))
    console.print(f"\n{line}", markup=False, highlight=False, soft_wrap=True)
