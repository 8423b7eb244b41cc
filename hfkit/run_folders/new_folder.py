"""A new folder in `runs/` for what nobody named one."""

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
