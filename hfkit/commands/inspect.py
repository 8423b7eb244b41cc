"""`hfkit inspect`: what data hold, and what training would make of them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .examples import examples
from .predict import ImageColumn, LabelColumn, NamePattern
from .table_options import Encoding, EncodingErrors, Header, Quoting, Separator


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
    text_column: Annotated[
        list[str] | None,
        typer.Option("--text_column", help="Column of the text, given twice for two; default: found by its name."),
    ] = None,
    label_column: LabelColumn = None,
    split_column: Annotated[
        str | None, typer.Option("--split_column", help="Column of a row's split; default: found by its name.")
    ] = None,
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
    from ..flags.paths import check_dataset_path
    from ..flags.tables import parse_table_flags

    table_flags = parse_table_flags(separator, header, quoting, encoding, encoding_errors)
    check_dataset_path(data)

    from ..inspection.configuration import write_inspection
    from ..inspection.inspect import inspect_data
    from ..inspection.show import show_inspection
    from ..run_folders.show import show_json, show_line

    flags = {
        "label_column": label_column,
        "split_column": split_column,
        "separator": table_flags.separator,
        "header": table_flags.header,
        "quoting": table_flags.quoting,
        "encoding": encoding,
        "encoding_errors": encoding_errors,
    }
    inspection = inspect_data(
        data,
        task,
        flags,
        {"text_column": text_column},
        {"image_column": image_column, "label_from_name": label_from_name},
    )
    if as_json:
        show_json(inspection.to_json())
    else:
        show_inspection(inspection)
    if write is not None:
        write_inspection(write.expanduser(), inspection)
        if not as_json:
            show_line(f"Written: {write}, for hfkit train {inspection.task} --config {write}")
