"""`hfkit train`: what the recipes do, from an installed package, by itself or under `accelerate launch -m hfkit`."""

from collections.abc import Callable, Sequence
from typing import Any

import typer

from ..flags.command_line import flag_names, take_option
from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS, RecipeFlags
from ..flags.paths import check_run_name
from ..training.launch import run_recipe

app = typer.Typer(help="Train a classifier of texts or images, with the flags of the recipes.", no_args_is_help=True)
# The recipe reads its flags and shows its help itself: typer hands all of them on.
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
_OPTIONS: dict[str, Any] = {"context_settings": _HANDED_ON, "add_help_option": False}


@app.command("text", **_OPTIONS)
def text(context: typer.Context) -> None:
    """Train a text classifier; `hfkit train text --help` explains the flags."""

    def main(argv: Sequence[str], name: str | None) -> None:
        """Train, and import what is heavy."""
        from ..tasks.text import train_texts

        train_texts(argv, name)

    _train(context.args, main, TEXT_FLAGS, "hfkit train text")


@app.command("image", **_OPTIONS)
def image(context: typer.Context) -> None:
    """Train an image classifier; `hfkit train image --help` explains the flags."""

    def main(argv: Sequence[str], name: str | None) -> None:
        """Train, and import what is heavy."""
        from ..tasks.image import train_images

        train_images(argv, name)

    _train(context.args, main, IMAGE_FLAGS, "hfkit train image")


def _train(
    argv: list[str], main: Callable[[Sequence[str], str | None], None], flags: RecipeFlags, command: str
) -> None:
    """Take the run's name out of a command line, and run the recipe with the rest.

    Raises:
        UserError: The name is none.

    """
    argv, name = take_option(argv, "--name", "--name wants the run's name: write --name reviews.")
    check_run_name(name, "output_dir" in flag_names(argv))
    run_recipe(lambda rest: main(rest, name), flags, argv, command)
