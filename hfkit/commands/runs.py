"""`hfkit runs`, `hfkit compare` and `hfkit clean`: what trainings left in their folders. None of them imports torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..run_folders.record import RunRecord, Score

_SHORT = 24
"""Letters of a dataset's name that a table has room for; of a longer path its last part is shown."""
Folder = Annotated[Path, typer.Argument(help="Folder with runs in it or below it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")]


def runs(
    folder: Folder = Path("runs"),
    test: Annotated[bool, typer.Option("--test", help="Show scores of test, too: once you have chosen.")] = False,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first: data, backbone, what trains, validation accuracy, minutes, size, and what became of them."""
    from ..run_folders.find import find_run_folders, name_run
    from ..run_folders.record import read_record, to_json
    from ..run_folders.show import show_json, show_line, show_table
    from ..run_folders.state import describe_bytes

    folder = folder.expanduser()
    records = sorted(map(read_record, find_run_folders(folder)), key=lambda record: -record.written)
    if as_json:
        show_json([to_json(record, name_run(record.folder, folder), test) for record in records])
        return
    if not records:
        show_line(f"There are no runs in {folder}.")
        return
    columns = ["run", "data", "what trains", "validation", *(["test"] if test else []), "min", "MB", "state"]
    rows = [_cells(record, name_run(record.folder, folder), test) for record in records]
    show_table(columns, rows, numbers=("min", "MB"))
    size = describe_bytes(sum(record.bytes for record in records))
    show_line(
        f"{len(records)} run{'' if len(records) == 1 else 's'}, {size}, in {folder}. Scores: accuracy, with its 95 % interval."
    )


def _cells(record: "RunRecord", name: str, with_test: bool) -> list[str]:
    """Return a row of the table of runs."""
    scores = [_describe_score(record.validation), *([_describe_score(record.test)] if with_test else [])]
    minutes = "" if record.minutes is None else f"{record.minutes:.1f}"
    data = record.dataset if len(record.dataset) <= _SHORT else Path(record.dataset).name
    trains = ", ".join(filter(None, [record.backbone, record.trains]))
    return [name, data, trains, *scores, minutes, f"{record.bytes / 1e6:,.1f}", record.state.describe()]


def _describe_score(score: "Score | None") -> str:
    if score is None:
        return ""
    ends = "" if score.low is None or score.high is None else f" {score.low:.3f}–{score.high:.3f}"
    return f"{score.accuracy:.3f}{ends}"


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of finished runs: the others are compared with the first.")
    ],
    test: Annotated[bool, typer.Option("--test", help="Compare on test, and not on validation.")] = False,
    rows: Annotated[int, typer.Option(min=0, help="How many of the rows to show on which they disagree.")] = 5,
    output: Annotated[
        Path | None, typer.Option(help="CSV file for all rows on which they disagree; none is overwritten.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs: flags that differ, a paired test of each against the first, and the rows on which they disagree."""
    from ..run_folders.compare import compare_flags, compare_runs, name_runs
    from ..run_folders.show import show_json
    from ..run_folders.show_comparison import (
        check_is_new,
        comparison_to_json,
        show_comparison,
        show_flags,
        write_disagreements,
    )

    check_is_new(output)
    names = name_runs(runs)
    flags = compare_flags(runs, names)
    if not as_json:
        show_flags(flags, names)
    comparison = compare_runs(runs, "test" if test else "validation")
    write_disagreements(output, comparison)
    if as_json:
        show_json(comparison_to_json(flags, comparison, rows))
    else:
        show_comparison(comparison, rows, output)
