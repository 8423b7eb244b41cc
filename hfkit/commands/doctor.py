"""`hfkit doctor`: what may keep hfkit from working here."""

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
