"""The `hfkit` command: each group of verbs is a file beside this one, and nothing heavy is imported before it is needed."""

import sys
from typing import Annotated

import typer

from .. import __version__
from ..errors import UserError, describe_disk, end_shortly, first_sentence, guard_terminal, is_of_import
from . import cache, data, deploy, doctor, hub, predict, runs, train


def _normalize(name: str) -> str:
    """Let dashes in the name of an option be underscores, and the other way round."""
    return name.replace("-", "_")


app = typer.Typer(
    help="hfkit: transfer learning of classifiers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a log holds a plain traceback better
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _normalize},
)
app.add_typer(train.app, name="train")
app.add_typer(cache.app, name="cache")
app.add_typer(hub.app, name="hub")
app.command("inspect")(data.inspect)
app.command("predict")(predict.predict)
app.command("evaluate")(predict.evaluate)
app.command("export")(deploy.export)
app.command("demo")(deploy.demo)
app.command("push")(hub.push)
app.command("reproduce")(hub.reproduce)
app.command("runs")(runs.runs)
app.command("compare")(runs.compare)
app.command("clean")(runs.clean)
app.command("doctor")(doctor.doctor)
app.command("ladder", context_settings={"ignore_unknown_options": True})(data.ladder)
app.command("profile", context_settings={"ignore_unknown_options": True})(doctor.profile)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"hfkit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that come before a verb."""


def main() -> None:
    """Run the command; a user's mistake is one sentence and exit code 2, and so are disks and packages that do not do."""
    guard_terminal()
    end_shortly()
    try:
        app(prog_name="hfkit")
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(2) from error
    except Exception as error:
        disk = describe_disk(error)
        if "--debug" in sys.argv or not (disk or is_of_import(error)):
            raise
        package = f"a package cannot be imported ({first_sentence(error)}): hfkit doctor says which, and what to do."
        typer.echo(f"error: {UserError(disk or package)}", err=True)
        raise SystemExit(2) from error
