"""What a run shows: tables on the console, pictures and tables in the run's folder."""

import io
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.metrics import ConfusionMatrixDisplay

from .evaluation import probabilities_of
from .files import write_file

matplotlib.use("Agg")

EPOCH_COLUMNS = {
    "loss": "train\nloss",
    "accuracy": "train\naccuracy",
    "eval_loss": "validation\nloss",
    "eval_accuracy": "validation\naccuracy",
    "eval_macro_f1": "validation\nmacro F1",
    "epoch_seconds": "seconds",
}


def epoch_table(log_history: list[dict[str, float]]) -> pd.DataFrame:
    """Bring the Trainer's log history to one row an epoch: losses, accuracies and seconds."""
    rows: dict[int, dict[str, float]] = {}
    for entry in log_history:
        epoch = entry.get("epoch")
        if epoch is None:
            continue
        row = rows.setdefault(int(np.ceil(round(epoch, 6))), {})
        row.update({column: entry[column] for column in EPOCH_COLUMNS if column in entry})
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(EPOCH_COLUMNS))
    table.index.name = "epoch"
    return table[table.notna().any(axis=1)].sort_index()


def classification_table(report: dict[str, Any]) -> pd.DataFrame:
    """Bring a classification report to one row a class and one an average."""
    rows = {name: row for name, row in report.items() if isinstance(row, dict)}
    table = pd.DataFrame.from_dict(rows, orient="index")[["precision", "recall", "f1-score", "support"]]
    return table.astype({"support": int}).rename(columns={"f1-score": "F1"})


def prediction_table(
    texts: pd.DataFrame, logits: np.ndarray, references: np.ndarray | None, label_names: list[str]
) -> pd.DataFrame:
    """List all predictions: the rows of `texts`, label where known, prediction, and the score of every label."""
    probabilities = probabilities_of(logits)
    table = texts.copy()
    if references is not None:
        table["label"] = [label_names[number] for number in references]
    table["prediction"] = [label_names[number] for number in probabilities.argmax(axis=-1)]
    for number, name in enumerate(label_names):
        table[f"score_{name}"] = probabilities[:, number]
    return table


def write_table(path: Path, table: pd.DataFrame, index: bool = False) -> None:
    """Write a table as CSV."""
    write_file(path, table.to_csv(index=index, lineterminator="\n"))


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people: indented."""
    write_file(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def markdown_table(table: pd.DataFrame) -> str:
    """Write a table in Markdown; what could break it (a bar, a tag) is escaped."""
    head = [str(table.index.name or ""), *map(str, table.columns)]
    lines = [head, ["---", *["---:"] * len(table.columns)]]
    lines += [[str(name), *(_number(value) for value in row)] for name, *row in table.itertuples()]
    return "\n".join("| " + " | ".join(map(_escape_markdown, line)) + " |" for line in lines) + "\n"


def _escape_markdown(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return str(value)


def console_table(title: str, table: pd.DataFrame) -> Table:
    """Make a rich table; text from the data is shown as it is, without markup."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    shown.add_column(str(table.index.name or ""))
    for column in table.columns:
        numeric = pd.api.types.is_numeric_dtype(table[column])
        shown.add_column(Text(str(column)), justify="right" if numeric else "left", overflow="fold")
    for name, *row in table.itertuples():
        shown.add_row(Text(str(name)), *(Text(_number(value)) for value in row))
    return shown


def show_results(
    console: Console,
    split: str,
    report: dict[str, Any],
    confusion: np.ndarray,
    errors: pd.DataFrame,
    label_names: list[str],
) -> None:
    """Print the results of one split: figures, confusion matrix, and the most confident errors of each kind."""
    console.print(f"\n[bold]{split}[/bold]: accuracy {report['accuracy']:.4f}")
    console.print(console_table("Figures by class", classification_table(report)))
    columns = [f"predicted {name}" for name in label_names]
    matrix = pd.DataFrame(confusion, index=[f"true {name}" for name in label_names], columns=columns)
    console.print(console_table("Confusion matrix", matrix))
    for (label, prediction), rows in errors.groupby(["label", "prediction"], sort=True):
        title = f"{len(rows)} rows that are {label} but predicted {prediction}, the most confident first"
        shown = rows.head(3).set_index("row")[["confidence", "text"]]
        shown["text"] = [" ".join(text.split())[:160] for text in shown["text"]]
        console.print(console_table(title, shown))


def draw_curves(path: Path, epochs: pd.DataFrame) -> None:
    """Draw loss and accuracy of train and validation over the epochs (PNG)."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.subplots(1, 2)
    for axis, figure_name in zip(axes, ("loss", "accuracy"), strict=True):
        for column, label in ((figure_name, "train"), (f"eval_{figure_name}", "validation")):
            values = epochs[column].dropna()
            axis.plot(values.index, values, marker="o", label=label)
        axis.set(
            title=figure_name.capitalize(), xlabel="epoch", xticks=list(epochs.index)[:: max(len(epochs) // 10, 1)]
        )
        axis.grid(alpha=0.3)
        axis.legend()
    _save(path, figure)


def draw_confusion(path: Path, confusion: np.ndarray, label_names: list[str], title: str) -> None:
    """Draw a confusion matrix (PNG)."""
    size = 3.5 + 0.5 * len(label_names)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axis = figure.subplots()
    escaped = [name.replace("$", r"\$") for name in label_names]  # a dollar would start a formula
    display = ConfusionMatrixDisplay(confusion, display_labels=escaped)
    display.plot(
        ax=axis, cmap="Blues", values_format="d", xticks_rotation="vertical" if len(escaped) > 4 else "horizontal"
    )
    axis.set_title(title)
    _save(path, figure)


def _save(path: Path, figure: Figure) -> None:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_file(path, content.getvalue())
