"""What a run says of the answers that its model gives and does not give: sentences, and the file of them."""

from pathlib import Path

from ..evaluation.abstention import Abstention
from ..files import write_file

ABSTENTION_FILE = "report/abstention.md"
_TITLE = "# When it answers"


def describe_abstention(abstention: Abstention, metrics: dict[str, float], rows: int, is_halved: bool) -> list[str]:
    """Say in plain sentences what is promised and what of test is answered, or why nothing can be promised.

    Args:
        abstention: What certifying gave.
        metrics: `measure_answers` of test; empty where there is no test split.
        rows: Of test.
        is_halved: Whether one half of validation certifies, and the other does not.

    """
    if abstention.threshold is None:
        lines = [f"{abstention.sentence()} It answers every row."]
        if abstention.rows_needed is not None and is_halved:
            lines.append("As half of validation certifies, validation needs twice as many.")
        return lines
    coverage = metrics.get("coverage", abstention.coverage)
    lines = [f"{abstention.promise}; it answers {100 * coverage:.1f} % of the rows.", abstention.sentence()]
    if metrics:
        answered = f"Of the {rows:,} rows of test it answers {_percent(metrics, 'coverage')}"
        if "answered_error" in metrics:
            answered += f"; of these answers {_percent(metrics, 'answered_error')} are wrong"
        lines.append(f"{answered}; 95 % intervals in parentheses.")
    lines.append(
        "The promise is for rows that are drawn as those of validation were; of rows from elsewhere nothing is promised."
    )
    return lines


def _percent(metrics: dict[str, float], name: str) -> str:
    value, low, high = (100 * metrics[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def write_abstention(folder: Path, lines: list[str]) -> None:
    """Write the sentences into a run's folder."""
    write_file(folder / ABSTENTION_FILE, "\n\n".join([_TITLE, *lines]) + "\n")


def read_abstention(run: Path) -> str:
    """Return the sentences of a run, in paragraphs; nothing where it has none."""
    file = run / ABSTENTION_FILE
    return file.read_text(encoding="utf-8").removeprefix(_TITLE).strip() if file.exists() else ""
