"""A finished run as HTML, as a page of its own and for a notebook; what comes from data is escaped by the templates."""

import base64
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_file
from ..visible import visible
from .page_contents import PAGE_FILE, collect_page, collect_run, find_shown_split, write_metric
from .tables import format_number

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["PAGE_FILE", "describe_accuracy", "render_run", "write_page"]
_LARGEST_PICTURE = 3_000_000
"""Bytes above which a picture is named and not shown: a notebook or page would hold it."""


def describe_accuracy(results: Mapping[str, Any]) -> str:
    """Say in some words how accurate a run's model is, with the 95 % interval."""
    prefix = find_shown_split(results)
    if prefix is None:
        return "no labelled rows were held out"
    return f"accuracy {write_metric(results, f'{prefix}_accuracy')} on {'validation' if prefix == 'eval' else prefix}"


def render_run(folder: Path, results: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    """Return the HTML of a finished run for a notebook.

    Args:
        folder: Of the run.
        results: As in `all_results.json`.
        summary: As in `summary.json`.

    """
    return _templates().get_template("run.html").render(collect_run(folder, results, summary))


def write_page(
    folder: Path, results: Mapping[str, Any], summary: Mapping[str, Any], notes: Sequence[str], commands: Sequence[str]
) -> None:
    """Write `report/report.html`: one file that shows a run or an evaluation without anything else.

    It needs no network and runs no script. What it shows of the rows, such as errors, is cut to what a person reads; all rows
    are in the tables beside it.

    Args:
        folder: Of the run or the evaluation, whose tables and pictures are there.
        results: By name, such as `test_accuracy`.
        summary: As in `summary.json`; of an evaluation `kind` and `rows`.
        notes: What was read, frozen, cached and cut, as it was printed.
        commands: Lines of the shell that use the model, and make it again.

    """
    accuracy = describe_accuracy(results)
    contents = collect_page(folder, results, summary, notes)
    contents |= {"accuracy": accuracy[0].upper() + accuracy[1:], "commands": "\n".join(commands)}
    write_file(folder / PAGE_FILE, _templates().get_template("page.html").render(contents))


@cache
def _templates() -> "Environment":
    """Return the templates of this folder, which escape all that is put into them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"cell": format_number, "data_url": _data_url, "is_large": _is_large}
    return templates


def _show(value: Any) -> Any:
    """Return what a template puts into a page; pieces of other templates are shown already."""
    return visible(value) if type(value) is str else value


def _is_large(path: Path) -> bool:
    return path.stat().st_size > _LARGEST_PICTURE


def _data_url(path: Path) -> str:
    """Return a PNG file as a URL that holds it."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
