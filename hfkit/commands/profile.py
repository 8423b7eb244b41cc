"""`hfkit profile`: what a model costs."""

from typing import Annotated

import typer


def profile(
    model: Annotated[str, typer.Argument(help="A run's folder, a Hub id, or a backbone as the recipes take it.")],
    flags: Annotated[
        list[str] | None,
        typer.Argument(help="Flags of the recipe, such as --image_size 96 or --token_learner_tokens 8."),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Say what a model costs: parameters, multiply-accumulates, activation memory, and milliseconds a row here."""
    from ..flags.early import check_profile_early
    from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS

    check_profile_early(model, flags or [], (TEXT_FLAGS, IMAGE_FLAGS))

    import torch
    from rich.console import Console
    from rich.table import Table

    from ..backbones.find import find_model
    from ..profile import profile_model

    cost = profile_model(find_model(model, flags or [], revision))
    table = Table("of one row", "", title=f"{model}, {cost.inputs}", title_justify="left")
    for name, value in (
        ("parameters of the backbone", f"{cost.backbone_parameters:,}"),
        ("parameters of the head", f"{cost.head_parameters:,}"),
        ("multiply-accumulates", f"{cost.macs:,}"),
        ("of them attention products", f"{cost.attention_macs:,}"),
        ("kept for the backward pass", f"{cost.activation_bytes / 1e6:,.1f} MB"),
        *((f"forward, batches of {size}", f"{ms:.2f} ms") for size, ms in cost.milliseconds.items()),
    ):
        table.add_row(name, value)
    Console().print(table)
    typer.echo(f"float32, {torch.get_num_threads()} CPU threads; the median of repeated forward passes of random rows.")
