"""`hfkit profile`, `hfkit export` and `hfkit demo`: what a model costs, the model without PyTorch, and a page to try it on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .examples import examples


@examples(
    "hfkit profile minilm",
    "hfkit profile efficientnet_lite0 --image_size 96",
)
def profile(
    model: Annotated[str, typer.Argument(help="A run's folder, a Hub id, or a backbone as the recipes take it.")],
    flags: Annotated[
        list[str] | None,
        typer.Argument(help="Flags of the recipe, such as --image_size 96 or --token_learner_tokens 8."),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")] = False,
) -> None:
    """Say what a model costs: parameters, multiply-accumulates, activation memory, and milliseconds a row here."""
    from ..flags.early import check_profile_early
    from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS

    check_profile_early(model, flags or [], (TEXT_FLAGS, IMAGE_FLAGS))

    from dataclasses import asdict

    import torch

    from ..backbones.find import find_model
    from ..profile import profile_model
    from ..run_folders.show import show_json, show_line, show_table

    cost = profile_model(find_model(model, flags or [], revision))
    threads = torch.get_num_threads()
    if as_json:
        show_json({"model": model, **asdict(cost), "threads": threads})
        return
    rows = [
        ["parameters of the backbone", f"{cost.backbone_parameters:,}"],
        ["parameters of the head", f"{cost.head_parameters:,}"],
        ["multiply-accumulates", f"{cost.macs:,}"],
        ["of them attention products", f"{cost.attention_macs:,}"],
        ["kept for the backward pass", f"{cost.activation_bytes / 1e6:,.1f} MB"],
        *([f"forward, batches of {size}", f"{ms:.2f} ms"] for size, ms in cost.milliseconds.items()),
    ]
    show_table(["of one row", ""], rows, title=f"{model}, {cost.inputs}")
    show_line(f"float32, {threads} CPU threads; the median of repeated forward passes of random rows.")


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
        typer.Option("--text_column", help="Of --data: column of the text, twice for two; default: found."),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option("--label_column", help="Of --data: column of the label; default: found by its name.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Write a model as ONNX with a small predict.py, and prove that it gives the same scores without PyTorch."""
    from ..flags.export import check_export_early

    folder = check_export_early(model, int8, data, output_dir)

    from rich.console import Console

    from ..export.request import ExportRequest
    from ..export.run import export_model

    export_model(ExportRequest(model, folder, int8, data, revision, text_column, label_column), Console())


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

    warning = check_demo_early(model, host, port)
    if warning is not None:
        typer.echo(warning, err=True)

    from rich.console import Console

    from ..demo.launch import launch_page

    launch_page(model, host, port, revision, Console())
