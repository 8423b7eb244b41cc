"""A terminal for tests: what a command shows in one, line by line, when it has ended."""

import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path

COLUMNS, ROWS = 120, 50
BAR = re.compile(r"([^|]*: *)?\d+%\|[^|]*\| [\d,.kMG]+/[\d,.kMG]+ \[[^\]]*\]")
"""A whole bar of tqdm, alone on its line."""
_PARTS = re.compile(r"\x1b\[([\d;?]*)([A-Za-z])|\x1b[()].|(.)", re.DOTALL)


def run_in_terminal(argv: Sequence[str], folder: Path) -> tuple[int, list[str]]:
    """Run a Python module in a terminal; return its exit code and the lines of the screen with all that scrolled out of it."""
    outer, inner = pty.openpty()
    ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "TQDM_MININTERVAL": "0"}
    process = subprocess.Popen(
        [sys.executable, "-m", *argv], stdin=inner, stdout=inner, stderr=inner, cwd=folder, env=environment
    )
    os.close(inner)
    written = b""
    while True:
        try:
            written += (part := os.read(outer, 65536))
        except OSError:  # so Linux says that the other end is closed
            break
        if not part:
            break
    os.close(outer)
    return process.wait(), show(written.decode(errors="replace"))


def show(written: str) -> list[str]:
    """Return the lines that a terminal shows of what was written to it: returns, line feeds, cursor keys and clearing."""
    lines, row, column = [""], 0, 0
    for match in _PARTS.finditer(written):
        values, kind, letter = match.groups()
        count = int(values) if values and values.isdigit() else 1
        if kind == "A":
            row = max(row - count, 0)
        elif kind == "B":
            row += count
        elif kind == "K":
            lines[row] = lines[row][:column] if values in ("", "0", None) else ""
        elif letter == "\r":
            column = 0
        elif letter == "\n":
            row += 1
        elif letter is not None and letter.isprintable():
            if column == COLUMNS:
                row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row].ljust(column)[:column] + letter + lines[row][column + 1 :]
            column += 1
        lines += [""] * (row + 1 - len(lines))
    return [line.rstrip() for line in lines]


def torn_lines(lines: Sequence[str]) -> list[str]:
    """Return the lines that hold a part of a bar, and are no whole bar alone."""
    return [
        line for line in lines if re.search(r"\d%\||it/s|s/it|\d+/\d+ \[\d", line) and not BAR.fullmatch(line.strip())
    ]
