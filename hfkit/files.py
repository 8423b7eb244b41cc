"""Writing files so that a kill at any moment leaves the old one or the new one, never half of it."""

import os
from pathlib import Path


def write_file(path: Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) beside `path`, then rename it; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(beside, path)
