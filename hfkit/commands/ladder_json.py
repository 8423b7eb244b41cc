"""The table of a ladder as JSON, from the file that it left."""

from pathlib import Path


def show_ladder(folder: Path, recommended: str | None) -> None:
    """Print a finished ladder as JSON: its folder, the name of the recommended rung, and a row for each rung."""
    from ..report.tables import read_rows
    from ..run_folders.show import show_json

    show_json({"folder": str(folder), "recommended": recommended, "rungs": read_rows(folder / "table.csv")})
