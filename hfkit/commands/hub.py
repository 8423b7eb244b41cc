"""`hfkit push`, `hfkit reproduce` and `hfkit hub check`: models on the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import Stopped
from .examples import examples

app = typer.Typer(help="Models on the Hub.", no_args_is_help=True)

Revision = Annotated[str | None, typer.Option(help="Branch, tag or commit; default: main.")]


@examples("hfkit push runs/NAME USER/NAME --license mit --language en")
def push(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub.")],
    license: Annotated[str, typer.Option(help="The model's license, by the Hub's name: mit, apache-2.0, ...")],
    language: Annotated[str | None, typer.Option(help="Language of the texts: en, ...")] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    predictions: Annotated[bool, typer.Option(help="Upload held-out rows with their predictions, too.")] = False,
    name_private: Annotated[
        bool, typer.Option("--name_private", help="Name data and a backbone that are private on the Hub.")
    ] = False,
) -> None:
    """Prove that a run's model works for others, upload it, and prove it again from the Hub."""
    from ..hub.push import push_run

    push_run(run, repository, license, language, private, predictions, name_private)


@examples("hfkit reproduce USER/NAME")
def reproduce(
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub, pushed by hfkit.")],
    revision: Revision = None,
    dataset: Annotated[str | None, typer.Option(help="The data, where it was no public one.")] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output_dir", help="Folder of the new run, or of one that this command began; default: runs/NAME-again."
        ),
    ] = None,
) -> None:
    """Run a pushed model's configuration again, and say whether its card's results hold."""
    from ..flags.paths import check_new_or_begun, expand

    folder = expand(output_dir) if output_dir else Path("runs") / f"{repository.rpartition('/')[2]}-again"
    check_new_or_begun(folder)

    from ..reproduce import reproduce as run_again

    try:
        comparison = run_again(repository, folder, revision, dataset)
    except Stopped as stopped:
        from ..training.stopped import describe_stop

        given = {"--revision": revision, "--dataset": dataset}
        words = [word for flag, value in given.items() if value is not None for word in (flag, value)]
        typer.echo(f"\n{describe_stop(stopped, ['hfkit', 'reproduce', repository, *words], ())}", err=True)
        raise typer.Exit(128 + stopped.number) from stopped
    for metric, row in comparison.items():
        verdict = "holds" if row["holds"] else "does NOT hold"
        interval = f"{row['low']:.4f} to {row['high']:.4f}"
        typer.echo(f"{metric}: {row['now']:.4f}; the card says {row['card']:.4f} ({interval}): {verdict}.")
    raise typer.Exit(0 if all(row["holds"] for row in comparison.values()) else 1)


@app.command("check")
@examples(
    "hfkit hub check USER/NAME",
    "hfkit hub check USER/NAME --trust_remote_code",
)
def check(
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub, anyone's.")],
    revision: Revision = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust_remote_code", help="Run the repository's code to see whether it predicts.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")] = False,
) -> None:
    """Look at a model before you trust it; none of its code runs unless you say so."""
    from dataclasses import asdict

    from ..hub.check import check_repository
    from ..run_folders.show import show_json, show_table

    findings = check_repository(repository, revision, trust_remote_code)
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        rows = [["ok" if finding.well else "NO", finding.what, finding.detail] for finding in findings]
        show_table(["", "what", "found"], rows)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)
