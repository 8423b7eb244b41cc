"""`hfkit inspect` and `hfkit ladder`: what data hold, and the cheapest training that is enough for them."""

import gc
import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from .examples import examples
from .ladder_json import ladder_console, show_ladder
from .predict import ImageColumn, LabelColumn, LabelSeparator, NamePattern
from .table_options import Encoding, EncodingErrors, Header, Quoting, Separator

TextColumn = Annotated[
    list[str] | None,
    typer.Option("--text_column", help="Column of the text, or two; default: found by its name."),
]
SplitColumn = Annotated[
    str | None, typer.Option("--split_column", help="Column of a row's split; default: found by its name.")
]


@examples(
    "hfkit inspect my_tweets.csv",
    "hfkit inspect my_tweets.csv --write run.yaml",
)
def inspect(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="The data, as training takes them: a file, a folder or a Hub id.")
    ],
    task: Annotated[
        Literal["text", "image"] | None, typer.Option(help="What the data are; default: found out.")
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: LabelSeparator = None,
    split_column: SplitColumn = None,
    image_column: ImageColumn = None,
    label_from_name: NamePattern = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="New YAML file for the flags that train on these data, with comments."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
    separator: Separator = None,
    header: Header = None,
    quoting: Quoting = None,
    encoding: Encoding = None,
    encoding_errors: EncodingErrors = "strict",
) -> None:
    """Say what data hold, without training: format, columns, labels, splits, lengths, what looks wrong, and how to train."""
    from ..flags.paths import check_dataset_path, check_new_file, expand
    from ..flags.tables import parse_table_flags

    table_flags = parse_table_flags(separator, header, quoting, encoding, encoding_errors)
    check_dataset_path(data)
    if write is not None:
        write = expand(write)
        check_new_file(write, "--write")

    of_labels = {"label_column": label_column, "label_separator": label_separator}
    flags = {**of_labels, "split_column": split_column, **vars(table_flags)}
    of_images = {"image_column": image_column, "label_from_name": label_from_name}
    gc.disable()  # imports and tables leave no cycles, and a tenth of the time would go into looking for them
    try:
        from ..inspection.run import inspect_data, tell_inspection

        inspection = inspect_data(data, task, flags, {"text_column": text_column}, of_images)
        tell_inspection(inspection, write, as_json)
    finally:
        gc.enable()


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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the table at the end as JSON; the rest goes to stderr.")
    ] = False,
) -> None:
    """Train in rising cost, from no net at all to the whole one, and say which is enough."""
    from ..flags.ladder import check_ladder_early

    check_ladder_early(data, flags or [], budget, None if output_dir is None else str(output_dir))

    from ..ladder.climb import climb
    from ..ladder.settings import make_settings

    settings = make_settings(data, flags or [], task, budget, output_dir)
    try:
        recommendation = climb(settings, ladder_console(as_json))
    except KeyboardInterrupt as error:
        options = {"--task": task, "--budget": budget, "--output_dir": settings.folder}
        words = ["hfkit", "ladder", data, *(flags or []), *(["--json"] if as_json else [])]
        words += [word for name, value in options.items() if value is not None for word in (name, str(value))]
        typer.echo(f"\nStopped. Go on where it was by:\n\n{shlex.join(words)}", err=True)
        raise typer.Exit(130) from error
    if as_json:
        show_ladder(settings.folder, None if recommendation is None else recommendation.rung.name)
    raise typer.Exit(0 if recommendation is not None else 1)
