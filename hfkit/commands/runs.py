"""`hfkit runs`, `hfkit compare` and `hfkit clean`: what trainings left in their folders. None of them imports torch."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .examples import examples

if TYPE_CHECKING:
    from ..run_folders.record import RunRecord, Score

_SHORT = 24
"""Letters of a dataset's name that a table has room for; of a longer path its last part is shown."""
Folder = Annotated[Path, typer.Argument(help="Folder with runs in it or below it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")]


@examples(
    "hfkit runs",
    "hfkit runs --test --json",
)
def runs(
    folder: Folder = Path("runs"),
    test: Annotated[bool, typer.Option("--test", help="Show scores of test, too: once you have chosen.")] = False,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first: data, backbone, what trains, validation accuracy, minutes, size, and what became of them."""
    from ..files import describe_bytes
    from ..run_folders.find import describe_evaluations, find_run_folders, name_run
    from ..run_folders.record import read_record, to_json
    from ..run_folders.show import show_json, show_line, show_table

    folder = folder.expanduser()
    records = sorted(map(read_record, find_run_folders(folder)), key=lambda record: -record.written)
    if as_json:
        show_json([to_json(record, name_run(record.folder, folder), test) for record in records])
        return
    if not records:
        show_line(f"There are no runs in {folder}. {describe_evaluations(folder)}".rstrip())
        return
    columns = ["run", "data", "what trains", "validation", *(["test"] if test else []), "min", "MB", "state"]
    rows = [_cells(record, name_run(record.folder, folder), test) for record in records]
    show_table(columns, rows, numbers=("min", "MB"), whole=("run",), give_way=("MB", "min", "data", "what trains"))
    size = describe_bytes(sum(record.bytes for record in records))
    show_line(
        f"{len(records)} run{'' if len(records) == 1 else 's'}, {size}, in {folder}. Scores: accuracy, with its 95 % interval."
    )
    show_line(describe_evaluations(folder))


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


@examples(
    "hfkit compare runs/ONE runs/OTHER",
    "hfkit compare runs/ONE runs/OTHER --test --output rows.csv",
)
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
    from ..flags.paths import check_new_file, expand
    from ..run_folders.compare import compare_flags, compare_runs, name_runs
    from ..run_folders.show import show_json
    from ..run_folders.show_comparison import (
        comparison_to_json,
        show_comparison,
        show_flags,
        write_disagreements,
    )

    if output is not None:
        output = expand(output)
        check_new_file(output, "--output")
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


@examples(
    "hfkit clean",
    "hfkit clean --yes",
)
def clean(
    folder: Folder = Path("runs"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete what is listed, without a question.")] = False,
    unfinished: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN", help="A run whose checkpoints go although it could be resumed; may be given several times."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List checkpoints of finished runs and folders of failed ones with their sizes, and delete them if you say so."""
    from ..files import describe_bytes
    from ..run_folders.clean import carry_out, plan_cleaning
    from ..run_folders.find import describe_evaluations, name_run
    from ..run_folders.show import show_json, show_line, show_table

    plan, folder = plan_cleaning(folder, unfinished or []), folder.expanduser()
    listed = [{**asdict(each), "run": name_run(each.run, folder), "folder": str(each.folder)} for each in plan.removals]
    kept = [{"run": name_run(each.run, folder), "reason": each.reason} for each in plan.kept]
    if not as_json:
        rows = [
            [each["run"], Path(each["folder"]).name, each["kind"], f"{each['bytes'] / 1e6:,.1f}"] for each in listed
        ]
        if rows:
            show_table(["run", "folder", "what it is", "MB"], rows, numbers=["MB"], whole=["run"])
        for each in kept:
            show_line(f"Left alone: {each['run']} {each['reason']}.")
        show_line(f"{len(rows)} folder{'' if len(rows) == 1 else 's'} to delete, {describe_bytes(plan.bytes)}.")
        show_line(describe_evaluations(folder))
    agreed = bool(plan.removals) and (yes or (not as_json and _ask()))
    freed, failures = carry_out(plan) if agreed else (0, [])
    if as_json:
        show_json({"removals": listed, "kept": kept, "bytes": plan.bytes, "freed": freed, "failures": failures})
    elif agreed:
        for failure in failures:
            show_line(failure)
        show_line(f"{describe_bytes(freed)} freed.")
    elif plan.removals:
        show_line("Nothing was deleted: --yes deletes what is listed.")
    raise typer.Exit(1 if failures else 0)


def _ask() -> bool:
    """Ask for consent on a terminal; elsewhere there is none."""
    return _is_terminal() and typer.confirm("Delete them?")


def _is_terminal() -> bool:
    return sys.stdin.isatty()
