"""`hfkit cache`: what the feature cache holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UserError, os_reason
from .examples import examples

if TYPE_CHECKING:
    from ..features.store import FeatureStore

app = typer.Typer(help="The feature cache: what frozen layers gave, stored for later runs.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option(help="Folder of the cache; default: that of --feature_cache auto.")]


@app.command("list")
@examples("hfkit cache list", "hfkit cache list --json")
def list_items(
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in the place of a table.")] = False,
) -> None:
    """List what is stored, the most recently used first."""
    from rich.table import Table

    from ..console import make_console
    from ..features.store import FeatureStore
    from ..run_folders.show import show_json

    store = FeatureStore(folder)
    with _told(store):
        items = store.entries()
    size = sum(item.bytes for item in items)
    if as_json:
        stored = [
            {
                "key": item.folder.name,
                "what": item.what,
                "bytes": item.bytes,
                "last_used": item.used,
                "folder": str(item.folder),
            }
            for item in items
        ]
        show_json({"folder": str(store.root), "limit": store.limit, "bytes": size, "items": stored})
        return
    table = Table("key", "what", "MB", "last used")
    for item in items:
        used = datetime.fromtimestamp(item.used).strftime("%Y-%m-%d %H:%M")
        table.add_row(item.folder.name[:8], item.what, f"{item.bytes / 1e6:,.1f}", used)
    console = make_console()
    if items:
        console.print(table)
    count = f"{len(items)} cache item{'' if len(items) == 1 else 's'}"
    console.print(
        f"{count}, {size / 1e6:,.1f} MB of at most {store.limit / 1e6:,.0f} MB, in {store.root}.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@app.command("clear")
@examples("hfkit cache clear")
def clear(folder: Folder = None) -> None:
    """Remove everything that is stored and that no run uses now; runs compute it again."""
    from ..features.store import FeatureStore

    store = FeatureStore(folder)
    with _told(store):
        removed, in_use, refusals = store.clear()
        stay = f" {in_use / 1e6:,.1f} MB stay, which runs read or write now." if in_use else ""
        if removed or not refusals:
            typer.echo(f"Removed {removed / 1e6:,.1f} MB from {store.root}.{stay}")
        if refusals:
            raise refusals[0]


@contextmanager
def _told(store: "FeatureStore") -> Iterator[None]:
    """Say in a sentence where the folder cannot be read or written."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or store.root} cannot be read or written ({os_reason(error)}): name another folder "
            "by --folder or the environment variable HFKIT_CACHE, or change who may write this one."
        ) from error
