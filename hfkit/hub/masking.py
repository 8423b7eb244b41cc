"""What is put in the place of what a text names, where it is shown to everyone."""

import re

_FILLERS = {
    "secret": "TOKEN",
    "address": "https://example.org",
    "mail": "name@example.org",
    "handle": "@user",
    "user": "u/user",
    "number": "000",
}
_AT = r"(?:[@\N{FULLWIDTH COMMERCIAL AT}]|\s*[(\[{<]\s*at\s*[)\]}>]\s*)"
_DOT = r"(?:\.|\s*[(\[{<]\s*dot\s*[)\]}>]\s*|\s+dot\s+)"
_MASKED = re.compile(
    r"(?P<secret>\b(?:hf_|gh[opsur]_|github_pat_|glpat-|AKIA|ASIA|AIza|[sr]k[-_](?:live_|test_|proj-|ant-)?|xox[a-z]-|npm_|pypi-)"
    r"[\w-]{8,}|\beyJ[\w-]+\.[\w-]+\.[\w-]+)"
    r"|(?P<address>(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)+/\S*)"
    rf"|(?P<mail>[\w.+-]+(?:{_AT}[\w-]+(?:{_DOT}[\w-]+)+|\s+at\s+[\w-]+(?:\s+dot\s+[\w-]+)+))"
    r"|(?P<handle>[@\N{FULLWIDTH COMMERCIAL AT}]+\w(?:[\w.-]*\w)?)"
    r"|(?P<user>(?<![\w/])/?u/[\w-]{2,})"
    r"|(?P<number>\+?\d[\d ()/.-]{6,}\d)",
    re.IGNORECASE,
)
"""What a text may name, each with a filler: keys, addresses, mail addresses also where they are spelled out, names, numbers."""


def mask(text: str) -> str:
    """Put fillers in the place of keys, links, mail addresses, handles and long numbers; names of persons stay."""
    return _MASKED.sub(lambda match: _FILLERS[str(match.lastgroup)], text)
