"""A new folder in `runs/` for what nobody named one, and one set aside for a new beginning."""

from pathlib import Path


def make_new_folder(folder: Path) -> Path:
    """Make a folder that nobody else has, be it begun in the same second, and return it: NAME, or the next of NAME-2, NAME-3."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    number, new = 2, folder
    while True:
        try:
            new.mkdir()
            return new
        except FileExistsError:
            new, number = folder.with_name(f"{folder.name}-{number}"), number + 1


def set_aside(folder: Path) -> Path | None:
    """Rename a folder that cannot be gone on with; return its new place, or None where there is nothing."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    number = 1
    while (aside := folder.with_name(f"{folder.name}-set-aside-{number}")).exists():
        number += 1
    folder.rename(aside)
    return aside
