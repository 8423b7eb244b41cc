"""The `hfkit` command; each verb is a thin call of a function, and nothing heavy is imported before it is needed."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError
from ..features.store import FeatureStore

app = typer.Typer(help="hfkit: transfer learning of classifiers.", no_args_is_help=True, add_completion=False)
cache = typer.Typer(help="The feature cache: what frozen layers gave, stored for later runs.", no_args_is_help=True)
app.add_typer(cache, name="cache")
hub = typer.Typer(help="Models on the Hub.", no_args_is_help=True)
app.add_typer(hub, name="hub")

Folder = Annotated[Path | None, typer.Option(help="Folder of the cache; default: that of --feature_cache auto.")]


@cache.command("list")
def list_entries(folder: Folder = None) -> None:
    """List what is stored, the most recently used first."""
    from rich.console import Console
    from rich.table import Table

    store = FeatureStore(folder)
    items = store.items()
    size = sum(item.record["bytes"] for item in items)
    table = Table("key", "what", "MB", "last used")
    for item in items:
        used = datetime.fromtimestamp(item.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(item.folder.name[:8], item.record["of"], f"{item.record['bytes'] / 1e6:,.1f}", used)
    console = Console()
    if items:
        console.print(table)
    console.print(
        f"{len(items)} entries, {size / 1e6:,.1f} MB of at most {store.limit / 1e6:,.0f} MB, in {store.root}.",
        highlight=False,
        soft_wrap=True,
    )


@cache.command("clear")
def clear(folder: Folder = None) -> None:
    """Remove everything that is stored; runs compute it anew."""
    store = FeatureStore(folder)
    typer.echo(f"Removed {store.clear() / 1e6:,.1f} MB from {store.root}.")


@app.command("push")
def push(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub.")],
    license: Annotated[str, typer.Option(help="The model's license, by the Hub's name: mit, apache-2.0, ...")],
    language: Annotated[str | None, typer.Option(help="Language of the texts: en, ...")] = None,
    private: Annotated[bool, typer.Option(help="Make the repository private.")] = False,
    predictions: Annotated[bool, typer.Option(help="Upload held-out rows with their predictions, too.")] = False,
) -> None:
    """Prove that a run's model works for others, upload it, and prove it again from the Hub."""
    from ..hub.push import push_run

    push_run(run, repository, license, language, private, predictions)


@app.command("reproduce")
def reproduce(
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub, pushed by hfkit.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; default: main.")] = None,
    dataset: Annotated[str | None, typer.Option(help="The data, where it was no public one.")] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output_dir", help="Folder of the new run; default: runs/NAME-again.")
    ] = None,
) -> None:
    """Run a pushed model's configuration anew, and say whether its card's results hold."""
    from ..reproduce import reproduce as run_again

    folder = output_dir or Path("runs") / f"{repository.rpartition('/')[2]}-again"
    comparison = run_again(repository, folder, revision, dataset)
    for figure, row in comparison.items():
        verdict = "holds" if row["holds"] else "does NOT hold"
        interval = f"{row['low']:.4f} to {row['high']:.4f}"
        typer.echo(f"{figure}: {row['now']:.4f}; the card says {row['card']:.4f} ({interval}): {verdict}.")
    raise typer.Exit(0 if all(row["holds"] for row in comparison.values()) else 1)


@app.command("profile", context_settings={"ignore_unknown_options": True})
def profile(
    model: Annotated[str, typer.Argument(help="A run's folder, a Hub id, or a backbone as the recipes take it.")],
    flags: Annotated[
        list[str] | None,
        typer.Argument(help="Flags of the recipe, such as --image_size 96 or --token_learner_tokens 8."),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub id; default: main.")] = None,
) -> None:
    """Say what a model costs: parameters, multiply-accumulates, activation memory, and milliseconds a row here."""
    import torch
    from rich.console import Console
    from rich.table import Table

    from ..profile import model_of, profile_model

    found = profile_model(model_of(model, flags or [], revision))
    table = Table("of one row", "", title=f"{model}, {found.inputs}", title_justify="left")
    for name, value in (
        ("parameters of the backbone", f"{found.backbone_parameters:,}"),
        ("parameters of the head", f"{found.head_parameters:,}"),
        ("multiply-accumulates", f"{found.macs:,}"),
        ("of them attention products", f"{found.attention_macs:,}"),
        ("kept for the backward pass", f"{found.activation_bytes / 1e6:,.1f} MB"),
        *((f"forward, batches of {size}", f"{ms:.2f} ms") for size, ms in found.milliseconds.items()),
    ):
        table.add_row(name, value)
    Console().print(table)
    typer.echo(f"float32, {torch.get_num_threads()} CPU threads; the median of repeated passes of random rows.")


@hub.command("check")
def check(
    repository: Annotated[str, typer.Argument(help="USER/NAME on the Hub, anyone's.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit; default: main.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust_remote_code", help="Run the repository's code to see whether it predicts.")
    ] = False,
) -> None:
    """Look at a model before you trust it; none of its code runs unless you say so."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ..hub.check import check_repository

    findings = check_repository(repository, revision, trust_remote_code)
    table = Table("", "what", "found")
    for finding in findings:
        table.add_row("ok" if finding.well else "NO", finding.what, Text(finding.found))
    Console().print(table)
    raise typer.Exit(0 if all(finding.well for finding in findings) else 1)


def main() -> None:
    """Run the command; a user's mistake is one sentence and exit code 2."""
    try:
        app()
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
