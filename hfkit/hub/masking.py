"""What is put in the place of what a text names, where it is shown to everyone."""

import re

_FILLERS = {"mail": "name@example.org", "handle": "@user", "address": "https://example.org", "number": "000"}
_MASKED = re.compile(
    r"(?P<address>(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)+/\S*)"
    r"|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<handle>@+\w(?:[\w.-]*\w)?)"
    r"|(?P<number>\+?\d[\d ()/.-]{6,}\d)",
    re.IGNORECASE,
)
"""What a text may name, each with a filler."""


def mask(text: str) -> str:
    """Put fillers in the place of handles, mail addresses, links and long numbers; names of persons stay."""
    return _MASKED.sub(lambda match: _FILLERS[str(match.lastgroup)], text)
