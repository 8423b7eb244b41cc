"""`hfkit doctor` and `hfkit profile`: what may keep hfkit from working here, and what a model costs here."""

from typing import Annotated

import typer

from .examples import examples


@examples(
    "hfkit doctor",
    "hfkit doctor runs/NAME --quick",
)
def doctor(
    model: Annotated[str | None, typer.Argument(help="A model's folder or Hub id, to look at its files, too.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out the round trip: training, saving and loading a tiny model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")] = False,
) -> None:
    """Look at packages, devices, disk, caches, network, a model's files and a toy round trip, and say what to mend."""
    from ..flags.paths import check_backbone_path

    if model is not None:
        check_backbone_path(model)

    from dataclasses import asdict

    from ..doctor.examine import examine
    from ..run_folders.show import show_json, show_line, show_table

    if not quick:
        typer.echo("Looking, and training a tiny model: half a minute ...", err=True)
    findings = list(examine(model, with_round_trip=not quick))
    errors, warnings = (sum(each.level == level for each in findings) for level in ("error", "warning"))
    if as_json:
        show_json([asdict(each) for each in findings])
    else:
        show_table(["", "what", "found"], [[each.level, each.what, each.detail] for each in findings])
        for each in findings:
            if each.remedy:
                show_line(f"{each.level}: {each.what}: {each.detail}. {each.remedy}")
        show_line(f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}.")
    raise typer.Exit(1 if errors else 0)


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
    from pathlib import Path

    import torch

    from ..backbones.find import find_model
    from ..profile import profile_model
    from ..run_folders.manifest import check_saved_model
    from ..run_folders.show import show_json, show_line, show_table

    check_saved_model(Path(model).expanduser())
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
