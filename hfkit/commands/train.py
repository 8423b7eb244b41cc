"""`hfkit train`: what the recipes do, from an installed package, by itself or under `accelerate launch -m hfkit`."""

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from ..flags.command_line import flag_names, take_option
from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS, RecipeFlags
from ..flags.paths import check_run_name
from ..training.launch import run_recipe

app = typer.Typer(help="Train a classifier of texts or images, with the flags of the recipes.", no_args_is_help=True)
# The recipe reads its flags and shows its help itself: typer hands all of them on.
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
_Main = Callable[[Sequence[str], str | None], tuple[Path, dict[str, float]]]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON; the rest goes to stderr.")]
_OPTIONS: dict[str, Any] = {"context_settings": _HANDED_ON, "add_help_option": False}


@app.command("text", **_OPTIONS)
def text(context: typer.Context, as_json: AsJson = False) -> None:
    """Train a text classifier; `hfkit train text --help` explains the flags."""

    def main(argv: Sequence[str], name: str | None) -> tuple[Path, dict[str, float]]:
        """Train, and import what is heavy."""
        from ..tasks.text import train_texts

        return train_texts(argv, name)

    _train(context.args, main, TEXT_FLAGS, "hfkit train text", as_json)


@app.command("image", **_OPTIONS)
def image(context: typer.Context, as_json: AsJson = False) -> None:
    """Train an image classifier; `hfkit train image --help` explains the flags."""

    def main(argv: Sequence[str], name: str | None) -> tuple[Path, dict[str, float]]:
        """Train, and import what is heavy."""
        from ..tasks.image import train_images

        return train_images(argv, name)

    _train(context.args, main, IMAGE_FLAGS, "hfkit train image", as_json)


def _train(argv: list[str], main: _Main, flags: RecipeFlags, command: str, as_json: bool) -> None:
    """Take the run's name out of a command line, and run the recipe with the rest.

    Raises:
        UserError: The name is none.

    """
    argv, name = take_option(argv, "--name", "--name wants the run's name: write --name reviews.")
    check_run_name(name, "output_dir" in flag_names(argv))

    def run(rest: Sequence[str]) -> None:
        """Train, and print the results once more where a program reads them."""
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            folder, results = main(rest, name)
        if as_json and os.environ.get("RANK", "0") == "0":
            from ..run_folders.show import json_value, show_json

            show_json(json_value({"output_dir": str(folder), **results}))

    run_recipe(run, flags, argv, f"{command} --json" if as_json else command)
