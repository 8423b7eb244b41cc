"""What a ladder prints with `--json`: its table, from the file that it left, and the rest beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def ladder_console(as_json: bool) -> "Console":
    """Return where a ladder speaks on its way: on stderr where stdout is for JSON."""
    from ..console import make_console

    return make_console(is_error=as_json)


def show_ladder(folder: Path, recommended: str | None) -> None:
    """Print a finished ladder as JSON: its folder, the name of the recommended rung, and a row for each rung."""
    from ..report.tables import read_rows
    from ..run_folders.show import show_json

    show_json({"folder": str(folder), "recommended": recommended, "rungs": read_rows(folder / "table.csv")})
