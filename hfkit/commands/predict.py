"""`hfkit predict`: a saved model's answers for a text, a photo, a table, lines or a folder of photos."""

from pathlib import Path
from typing import Annotated

import typer


def predict(
    model: Annotated[str, typer.Argument(help="A run's folder, a saved model's folder, or a Hub id.")],
    given: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A CSV, TSV, JSONL or parquet file, - for lines on stdin, a folder of photos, a photo, or a text in quotes.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV file for all rows; default: the first rows are shown.")
    ] = None,
    text_column: Annotated[
        list[str] | None,
        typer.Option(
            "--text_column", help="Column of the text, given twice for two; default: the run's, or found by its name."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: all rows, or with --output a summary.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an output that was not finished.")] = False,
    batch_size: Annotated[
        int | None, typer.Option("--batch_size", help="Rows of a batch; default: 32 on a CPU, else 128.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Predict with a saved model: the user's columns, then prediction, confidence and the score of each label."""
    from ..flags.prediction import check_prediction_early

    kind = check_prediction_early(model, given, output, overwrite, resume, batch_size)

    from ..prediction.prepare import Request
    from ..prediction.run import run_prediction

    try:
        unreadable = run_prediction(
            Request(model, given, kind, output, text_column, as_json, resume, batch_size, revision)
        )
    except KeyboardInterrupt as error:
        goes_on = "" if output is None or given == "-" else " The same command with --resume goes on where it was."
        typer.echo(f"\nStopped.{goes_on}", err=True)
        raise typer.Exit(130) from error
    raise typer.Exit(1 if unreadable else 0)
