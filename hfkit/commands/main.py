"""The `hfkit` command: a user's mistake is one sentence; its verbs are in verbs.py."""

import sys

import typer

from ..errors import UserError, describe_disk, end_shortly, first_sentence, guard_terminal, is_of_import
from .verbs import app as app


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
