"""`hfkit ladder`: on one's own data, the cheapest training that is enough."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .examples import examples


@examples(
    "hfkit ladder my_tweets.csv --budget 30m",
    "hfkit ladder my_photos --backbone efficientnet_lite0 --image_size 96",
)
def ladder(
    data: Annotated[str, typer.Argument(help="The data, as the recipes take them: a file, a folder or a Hub id.")],
    flags: Annotated[
        list[str] | None,
        typer.Argument(
            help="--backbone with one or more names, and flags of the recipes such as --text_column, --label_column, "
            "--max_length, --image_size, --seed or --num_train_epochs."
        ),
    ] = None,
    task: Annotated[
        Literal["text", "image"] | None, typer.Option(help="What the data are; default: found out.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Time for all rungs, such as 90s, 10m or 2h; what exceeds it is left out.")
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output_dir", help="Folder, new or of a ladder to go on with; default: runs/ladder-NAME-TIME."),
    ] = None,
) -> None:
    """Train in rising cost, from no net at all to the whole one, and say which is enough."""
    from ..flags.ladder import check_ladder_early

    check_ladder_early(data, flags or [], budget, None if output_dir is None else str(output_dir))

    from ..ladder.climb import climb
    from ..ladder.settings import make_settings

    settings = make_settings(data, flags or [], task, budget, output_dir)
    try:
        recommendation = climb(settings)
    except KeyboardInterrupt as error:
        typer.echo(f"\nStopped. The same command with --output_dir {settings.folder} goes on where it was.", err=True)
        raise typer.Exit(130) from error
    raise typer.Exit(0 if recommendation is not None else 1)
