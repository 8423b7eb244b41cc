"""`hfkit export` and `hfkit demo`: a model without PyTorch, and a page to try it on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .examples import examples


@examples(
    "hfkit export runs/NAME --to onnx",
    "hfkit export runs/NAME --to onnx --int8 --data my_tweets.csv",
)
def export(
    model: Annotated[
        str, typer.Argument(help="A run's folder, a saved model's folder, or a Hub id of an hfkit model.")
    ],
    to: Annotated[Literal["onnx"], typer.Option("--to", help="The format.")] = "onnx",
    int8: Annotated[
        bool,
        typer.Option(
            "--int8", help="Store matrices in 8 bits: a quarter of the size, and scores that differ a little."
        ),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="Labelled rows, for --int8: accuracy before and after; default: held-out rows of the run."),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output_dir", help="New folder; default: MODEL-onnx, or MODEL-onnx-int8, beside the model."),
    ] = None,
    text_column: Annotated[
        list[str] | None,
        typer.Option("--text_column", help="Of --data: column of the text, or two; default: found."),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label_column", help="Of --data: column of the label; default: found by its name.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Write a model as ONNX with a small predict.py, and prove that it gives the same scores without PyTorch."""
    from ..flags.export import check_export_early

    folder = check_export_early(model, int8, data, output_dir)

    from ..console import make_console
    from ..export.request import ExportRequest
    from ..export.run import export_model

    export_model(ExportRequest(model, folder, int8, data, revision, text_column, label_column), make_console())


@examples("hfkit demo runs/NAME")
def demo(
    model: Annotated[
        str, typer.Argument(help="A run's folder, a saved model's or an exported model's folder, or a Hub id.")
    ],
    host: Annotated[
        str, typer.Option(help="Address that the page listens on; the default is this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Its port; default: the first free one from 7860 on.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Open a page in the browser to try a model on: one text or photo, examples of the run, or a whole table."""
    from ..flags.demo import check_demo_early
    from ..visible import visible

    warning = check_demo_early(model, host, port)
    if warning is not None:
        typer.echo(visible(warning), err=True)

    from ..console import make_console
    from ..demo.launch import launch_page

    launch_page(model, host, port, revision, make_console())
