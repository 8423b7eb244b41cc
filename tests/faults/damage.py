"""Files as a bad disk, a cut copy or a slip of the hand leaves them; chosen by a seed."""

import random
from pathlib import Path


def _flip(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def damage_file(folder: Path, files: list[str], seed: int) -> tuple[str, str]:
    """Damage one file of a folder.

    Args:
        folder: Which.
        files: Paths in it, one of which is chosen.
        seed: Of the choice: of the file, the kind and the place.

    Returns:
        The file's path in the folder, and what was done to it.

    """
    chance = random.Random(seed)
    name = chance.choice(files)
    path = folder / name
    content = path.read_bytes()
    place, bit = chance.randrange(max(len(content), 1)), chance.randrange(8)
    kind = chance.choice(("flipped", "flipped", "flipped", "cut", "zeros", "empty", "removed"))
    if kind == "removed":
        path.unlink()
    elif kind == "empty" or not content:
        path.write_bytes(b"" if content else b"\0")
    elif kind == "flipped":
        path.write_bytes(_flip(content, place, bit))
    else:
        path.write_bytes(content[:place] if kind == "cut" else content[:place] + bytes(len(content) - place))
    return name, f"seed {seed}, {name} {kind} at {place}"


def list_files(folder: Path) -> list[str]:
    """Return the paths of all files in a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
