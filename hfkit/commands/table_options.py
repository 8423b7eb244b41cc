"""The options that say how a table is written, for the verbs that read one."""

from typing import Annotated

import typer

Separator = Annotated[
    str | None,
    typer.Option(
        "--separator", help="What parts cells: characters, or comma, semicolon, tab, pipe, space, none; default: found."
    ),
]
Header = Annotated[
    str | None, typer.Option("--header", help="false: the first line is a row, columns have numbers; default: found.")
]
Quoting = Annotated[
    str | None, typer.Option("--quoting", help="false: double quotes are part of the text; default: found.")
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Such as utf-8, utf-16, cp1252 or latin-1; default: found.")
]
EncodingErrors = Annotated[
    str, typer.Option("--encoding_errors", help="Bytes that are no character: strict refuses them; replace, ignore.")
]
