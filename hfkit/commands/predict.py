"""`hfkit predict` and `hfkit evaluate`: a saved model on rows without labels, and on rows with them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .examples import examples
from .table_options import Encoding, EncodingErrors, Header, Quoting, Separator

TextColumn = Annotated[
    list[str] | None,
    typer.Option("--text_column", help="Column of the text, or two; default: the run's, or found."),
]
LabelColumn = Annotated[
    list[str] | None,
    typer.Option("--label_column", help="Column of the label, or several; default: a run's, or found."),
]
LabelSeparator = Annotated[
    str | None,
    typer.Option("--label_separator", help="What stands between a row's labels; default: a run's, or found."),
]
ImageColumn = Annotated[
    str | None, typer.Option("--image_column", help="Column of the image, or of its file; default: found.")
]
KeepColumns = Annotated[
    list[str] | None,
    typer.Option("--keep_columns", help="Columns of texts beside the predictions, or none; default: an id."),
]
BatchSize = Annotated[int | None, typer.Option("--batch_size", help="Rows of a batch; default: 32 on a CPU, else 128.")]
NamePattern = Annotated[
    str | None,
    typer.Option(
        "--label_from_name",
        help='How names of images have the label, such as "{label}_{number}"; default: they do not.',
    ),
]


@examples(
    'hfkit predict runs/NAME "Drinking bleach cures COVID-19."',
    "hfkit predict runs/NAME my_tweets.csv --output labelled.csv",
)
def predict(
    model: Annotated[
        str, typer.Argument(help="A run's folder, a saved model's or an exported model's folder, or a Hub id.")
    ],
    given: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A table (CSV, TSV, TXT, JSON, JSONL, parquet, ...), - for lines on stdin, a folder of photos, a photo, or a "
            "text in quotes.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file for all rows; default: the first rows are shown.")
    ] = None,
    text_column: Annotated[
        list[str] | None,
        typer.Option("--text_column", help="Column of the text, or two; default: the run's, or found by its name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: all rows, or with --output a summary.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an output that was not finished.")] = False,
    batch_size: BatchSize = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
    separator: Separator = None,
    header: Header = None,
    quoting: Quoting = None,
    encoding: Encoding = None,
    encoding_errors: EncodingErrors = "strict",
) -> None:
    """Predict with a saved model: the user's columns, then prediction, confidence and the score of each label."""
    from ..flags.paths import expand
    from ..flags.prediction import check_prediction_early
    from ..flags.tables import parse_table_flags

    output = None if output is None else expand(output)
    table_flags = parse_table_flags(separator, header, quoting, encoding, encoding_errors)
    kind = check_prediction_early(model, given, output, overwrite, resume, batch_size)

    from ..prediction import prepare, run

    try:
        unreadable = run.run_prediction(
            prepare.Request(
                model, given, kind, output, text_column, as_json, resume, batch_size, revision, table_flags, overwrite
            )
        )
    except KeyboardInterrupt as error:
        goes_on = "" if output is None or given == "-" else " The same command with --resume goes on where it was."
        typer.echo(f"\nStopped.{goes_on}", err=True)
        raise typer.Exit(130) from error
    raise typer.Exit(1 if unreadable else 0)


@examples("hfkit evaluate runs/NAME my_tweets.csv")
def evaluate(
    model: Annotated[str, typer.Argument(help="A run's folder, a saved model's folder, or a Hub id.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="Labelled data, as training takes them: a file, a folder or a Hub id.")
    ],
    output_dir: Annotated[
        Path | None,
        typer.Option("--output_dir", help="New folder of the report; default: runs/evaluate-NAME-TIME."),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, validation or test; default: the whole of one file, else test where there is one."),
    ] = None,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    label_separator: LabelSeparator = None,
    keep_columns: KeepColumns = None,
    image_column: ImageColumn = None,
    label_from_name: NamePattern = None,
    batch_size: BatchSize = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON, and nothing else.")] = False,
    separator: Separator = None,
    header: Header = None,
    quoting: Quoting = None,
    encoding: Encoding = None,
    encoding_errors: EncodingErrors = "strict",
) -> None:
    """Evaluate a saved model on labelled data: metrics with intervals, confusion matrix, errors, pictures."""
    from ..flags.paths import expand
    from ..flags.prediction import check_evaluation_early
    from ..flags.tables import parse_table_flags

    output_dir = None if output_dir is None else expand(output_dir)
    table_flags = parse_table_flags(separator, header, quoting, encoding, encoding_errors)
    check_evaluation_early(model, data, output_dir, split, batch_size, label_from_name)

    from ..console import make_console
    from ..data.bars import lines_above_bars
    from ..evaluate import EvaluationRequest, evaluate_model
    from ..run_folders.show import json_value, show_json

    columns: dict[str, Any] = {"text_column": text_column, "label_column": label_column, "image_column": image_column}
    own: dict[str, Any] = {
        "label_separator": label_separator,
        "keep_columns": keep_columns,
        "label_from_name": label_from_name,
    }
    how: dict[str, Any] = {"split": split, "batch_size": batch_size, "revision": revision, "table_flags": table_flags}
    request = EvaluationRequest(model, data, output_dir, **columns, **own, **how)
    with lines_above_bars():
        folder, results = evaluate_model(request, make_console(as_json))
    if as_json:
        show_json(json_value({"output_dir": str(folder), **results}))
