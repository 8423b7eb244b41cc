"""What is put in the place of what a text names, where it is shown to everyone."""

import re

from ..visible import JOINERS, UNSEEN

_FILLERS = {
    "secret": "TOKEN",
    "address": "https://example.org",
    "mail": "name@example.org",
    "handle": "@user",
    "user": "u/user",
    "number": "000",
}
_STOP = "[.\N{FULLWIDTH FULL STOP}\N{IDEOGRAPHIC FULL STOP}\N{HALFWIDTH IDEOGRAPHIC FULL STOP}]"
_AT = r"(?:[@\N{FULLWIDTH COMMERCIAL AT}]|&#(?:0*64|x0*40);|&commat;|\s+@\s+|\s*[(\[{<]\s*(?:at|@)\s*[)\]}>]\s*)"
_DOT = rf"(?:{_STOP}|&#(?:0*46|x0*2e);|&period;|\s+\.\s*(?=\w)|\s*[(\[{{<]\s*(?:dot|\.)\s*[)\]}}>]\s*|\s+dot\s+)"
_MARKS = r"\u0300-\u036f"
_LETTERS = rf"\w{_MARKS}-"
"""Of a name, with marks that stand for themselves."""
_DOMAIN = r"(?:com|org|net|edu|gov|info|biz|io|co|de|uk|fr|eu|ch|nl|ca|au|jp|ru|br)\b"
_MASKED = re.compile(
    # A key that begins like no word is found inside of one, too.
    r"(?P<secret>(?:hf_|gh[opsur]_|github_pat_|glpat-)[\w-]{20,}|(?-i:A[KS]IA[0-9A-Z]{16})"
    r"|(?<![^\W_])(?:hf_|gh[opsur]_|github_pat_|glpat-|AKIA|ASIA|AIza|[sr]k[-_](?:live_|test_|proj-|ant-)?|xox[a-z]-|npm_|pypi-)"
    r"[\w-]{8,}|(?<![^\W_])ya29\.[\w-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
    r"|(?<![^\W_])eyJ[\w-]+\.[\w-]+\.[\w-]+)"
    r"|(?P<address>(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)+/\S*)"
    rf"|(?P<mail>(?<![{_LETTERS}.+])[{_LETTERS}.+]+(?:{_AT}[{_LETTERS}]+(?:{_DOT}[{_LETTERS}]+)+|\s+at\s+[\w-]+(?:\s+dot\s+[\w-]+)+"
    rf"|\s+at\s+(?:[\w-]+\.)+{_DOMAIN}))"
    r"|(?P<handle>[@\N{FULLWIDTH COMMERCIAL AT}]+"
    rf"\w(?:[{_LETTERS}.]*[\w{_MARKS}])?)"
    r"|(?P<user>(?<![\w/])/?u/[\w-]{2,})"
    r"|(?P<number>\+?\d[\d ()/.-]{6,}\d)",
    re.IGNORECASE,
)
"""What a text may name, each with a filler: keys, addresses, mail addresses also where they are spelled out, names, numbers."""


_UNSEEN = re.compile(f"[{UNSEEN}]|(?<=[!-~])[{JOINERS}]+(?=[!-~])")
"""What nobody sees, and can stand inside of what is looked for; what emoji are written with stays."""


def mask(text: str) -> str:
    """Put fillers in the place of keys, links, mail addresses, handles and long numbers; names of persons stay."""
    return _MASKED.sub(lambda match: _FILLERS[str(match.lastgroup)], _UNSEEN.sub("", text))
