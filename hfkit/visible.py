"""Text of data, files and the Hub where a person reads it: what would steer a terminal or a page is shown, not obeyed."""

import logging
import re
import warnings
from typing import Any, TextIO

UNSEEN = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufff8"
    "\U00013430-\U00013438\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
"""Characters of a class of a regular expression that nobody sees."""
JOINERS = "\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f"
"""The same of those that change how others are written."""
_OBEYED = re.compile(
    "(\U0001f3f4[\U000e0061-\U000e007a]{2,6}\U000e007f)"  # the flags of England, Scotland and Wales
    "|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    f"{UNSEEN}\ufff9-\ufffb\U000e0000-\U000e0fff]"
    f"|(?<=[A-Za-z\xc0-\u024f])(?![{JOINERS}]*[\u0590-\u08ff])[{JOINERS}]+"
)
"""Control characters but for tabs and line feeds (escape, backspace, carriage return, and those of C1, such as CSI), line and
paragraph separators, what turns the direction of writing round, halves of characters, which no console can encode, and what
nobody sees, but for what emoji and some scripts are written with. Behind a Latin letter these are shown, too, unless a letter of
Hebrew or Arabic script follows, as in Persian with its endings."""

_PASSWORD = re.compile(r"(\w://)[^/@\s'\"]+@")
"""In front of an address."""


def visible(text: str) -> str:
    r"""Return a text with each character that would be obeyed written as `\u001b`; JSON keeps its values by that."""
    return _OBEYED.sub(_write_out, text)


def _write_out(match: re.Match[str]) -> str:
    """Return a character as JSON can write it, in one or two units; a flag as it is."""
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return match[1] or re.sub("....", r"\\u\g<0>", units)


def hide_passwords(text: str) -> str:
    """Return a text without the names and passwords that stand in front of addresses."""
    return _PASSWORD.sub(r"\1***@", text)


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once, on stdout or another stream."""
    print(visible(line), file=stream, flush=True)


class _VisibleRecord(logging.LogRecord):
    """A line of a log, of which nothing is obeyed."""

    def getMessage(self) -> str:  # noqa: N802 - the name is logging's
        """Return its text."""
        return visible(super().getMessage())


def make_logs_visible() -> None:
    """Let what any package logs or warns of from now on in this process steer no terminal, as lines on a stranger's fields."""
    logging.setLogRecordFactory(_VisibleRecord)
    warnings.formatwarning = _format_warning


_python_format = warnings.formatwarning


def _format_warning(*arguments: Any, **options: Any) -> str:
    """Return the lines of a warning as Python does, of which nothing is obeyed."""
    return visible(_python_format(*arguments, **options))
