"""The verbs of `hfkit`: each group of them is a file beside this one, and nothing heavy is imported before it is needed."""

from typing import Annotated

import typer

from .. import __version__
from . import cache, data, deploy, doctor, hub, predict, runs, train
from .several_values import TakesSeveralValues


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
app.command("inspect", cls=TakesSeveralValues)(data.inspect)
app.command("predict", cls=TakesSeveralValues)(predict.predict)
app.command("evaluate", cls=TakesSeveralValues)(predict.evaluate)
app.command("export", cls=TakesSeveralValues)(deploy.export)
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
