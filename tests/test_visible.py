"""What of data, files and the Hub is shown to a person: characters that would be obeyed are written out, wherever it appears."""

import io
import json
import logging
import warnings

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from rich.table import Table
from rich.text import Text

from hfkit import console
from hfkit.errors import UserError
from hfkit.prediction import console as prediction_console
from hfkit.report import html
from hfkit.report.console import console_table
from hfkit.report.tables import escape_markdown, markdown_table
from hfkit.run_folders.show import show_line, show_table
from hfkit.visible import make_logs_visible, say, visible

OBEYED = [
    "\x1b[2J",
    "\x9b31m",
    "\x1b]0;title\x07",
    "\x90q\x9c",
    "\u202egpj",
    "\u2066x",
    "a\rb",
    "a\x08b",
    "\x7f",
    "\u2028",
    "a\u200bb",
    "\u200fx\u061c",
    "\U000e0041",
    "real\u2800",
    "re\ufe0fal",
    "re\u200dal",
    "\U0001d173",
]
"""Escape, CSI, OSC, DCS, an override and an isolate of the direction, carriage return, backspace, and what else steers."""
SEEN = "1\ufe0f\u20e3 \u2764\ufe0f a\tb\nc \N{WOMAN}\u200d\N{PERSONAL COMPUTER} é "
SEEN += "PDF\u200c\u0647\u0627 "
SEEN += "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
LABEL = "[red]label[/red] " + " ".join(OBEYED)


def is_plain(shown: str) -> bool:
    """Tell whether a console shows a label and obeys nothing of it; carriage returns may become spaces."""
    written = [visible(part) for part in OBEYED if part not in ("a\rb", "\u2028")]
    return "[red]label[/red]" in shown and visible(shown) == shown and all(part in shown for part in written)


def test_what_would_be_obeyed_is_written_out() -> None:
    assert visible(SEEN) == SEEN
    assert visible("\x1b[2J\u202e\r\x9b") == r"\u001b[2J\u202e\u000d\u009b"
    for part in [*OBEYED, "\ud83d"]:  # half of a character, which no console can encode
        assert visible(part).isprintable()
        assert json.loads(visible(json.dumps(part, ensure_ascii=False))) == part, "the value of JSON stays"


def test_a_log_obeys_no_text() -> None:
    """Of any package, whatever writes it where."""
    stream = io.StringIO()
    logger = logging.getLogger("of.another.package")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    before = logging.getLogRecordFactory()
    try:
        make_logs_visible()
        logger.error("Can't set %s", LABEL)
    finally:
        logging.setLogRecordFactory(before)
        logger.removeHandler(handler)
    assert is_plain(stream.getvalue())


def test_a_warning_obeys_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python shows what this function makes of it."""
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    try:
        make_logs_visible()
    finally:
        logging.setLogRecordFactory(before)
    shown = warnings.formatwarning(f"Can't set {LABEL}", UserWarning, "a.py", 1, "a line")
    assert is_plain(shown)
    assert shown.startswith("a.py:1: UserWarning: Can't set")


def test_a_console_obeys_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A line, a text of rich's own, and a table, whoever made them."""
    table = Table(title=console.plain(LABEL))
    table.add_row(LABEL)
    one = pd.DataFrame({LABEL: [LABEL]}, index=pd.Index([LABEL], name=LABEL))
    for content in (LABEL, console.plain(LABEL), table, console_table(LABEL, one)):
        printer = console.make_console()
        printer.print(content, width=2000, soft_wrap=True)
        assert is_plain(capsys.readouterr().out)
    console.make_console(is_error=True).print(LABEL, soft_wrap=True)
    assert is_plain(capsys.readouterr().err)
    console.make_console().print(Text("\x1b[2J\u202e"))
    assert capsys.readouterr().out == "\\u001b[2J\\u202e\n"


def test_styles_of_ours_are_kept() -> None:
    printer = console.PlainConsole(file=io.StringIO(), force_terminal=True, color_system="standard", markup=False)
    printer.print(Text("bold", "bold"))
    assert printer.file.getvalue() == "\x1b[1mbold\x1b[0m\n"  # type: ignore[attr-defined]


def test_lines_and_tables_of_files_obey_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    show_line(LABEL)
    assert is_plain(capsys.readouterr().out)
    show_table([LABEL], [[LABEL]], title=LABEL)
    assert is_plain(capsys.readouterr().out)
    say(LABEL)
    assert is_plain(capsys.readouterr().out)


def test_an_error_obeys_nothing_and_is_one_line() -> None:
    shown = str(UserError(f"A label is called {LABEL}\nerror: another."))
    assert is_plain(shown)
    assert "\n" not in shown
    assert UserError("x\x1b")._render_traceback_() == [r"UserError: x\u001b"]


def test_json_on_a_console_obeys_nothing_and_keeps_its_values() -> None:
    shown = prediction_console._dump({"prediction": LABEL})
    assert visible(shown) == shown
    assert json.loads(shown) == {"prediction": LABEL}


def test_a_page_obeys_nothing() -> None:
    page = html._templates().from_string("<b>{{ name }}</b>{% import 'parts.html' as parts %}{{ parts.lines([name]) }}")
    shown = page.render(name=f"<i>{LABEL}")
    assert shown == f"<b>&lt;i&gt;{visible(LABEL)}</b><p>&lt;i&gt;{visible(LABEL)}</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "# a",
            "#",
            "> a",
            "- a",
            "+ a",
            "1. a",
            "12) a",
            "===",
            "---",
            "***",
            "~~~",
            "~~a~~",
            "    a",
            "```",
            "*a*",
            "__a__",
        ),
        *(
            "<b>a</b>",
            "<!-- a",
            "&lt;",
            "[a](https://example.org)",
            "![a](b.png)",
            "[a]: b",
            "<https://example.org>",
            "a|b",
        ),
        *("https://example.org", "HTTP://example.org", "www.example.org", "mailto:a@example.org", "a@example.org"),
        *("@user", "$x$", "$$x$$", r"\(x\)", r"\[x\]", r"\\(x\\)", "a  \nb", "a\\\nb", "`a`", "a\r\n\r\n# b"),
    ],
)
def test_text_on_a_card_is_text(text: str) -> None:
    """In a line of its own, in an item of a list, and in a table; no address, mention or formula is found in the page either."""
    joiner, line = "\N{WORD JOINER}", " ".join(text.splitlines()).strip()
    for before, after in (("", ""), ("- ", ""), ("| a |\n| --- |\n| ", " |")):
        tokens = (
            MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"{before}{escape_markdown(text)}{after}")
        )
        inline = [token for token in tokens if token.type == "inline"][-1]
        assert {child.type for child in inline.children or []} <= {"text", "text_special"}
        assert "".join(child.content for child in inline.children or []).replace(joiner, "") == line
        assert not {token.type for token in tokens} & {
            "heading_open",
            "blockquote_open",
            "fence",
            "html_block",
            "code_block",
            "hr",
        }
        shown = "".join(child.content for child in inline.children or [])
        assert not [
            part for part in ("://", "www.", "@u", "@e", "$x", "$$", r"\(", r"\[", "mailto:") if part in shown.lower()
        ]
    assert "$" not in escape_markdown(text)


def test_numbers_in_tables_stay_as_they_are() -> None:
    table = pd.DataFrame({"a": [0.5, -1.0], "b": ["12", "-3"]}, index=["x", "1.5"])
    assert markdown_table(table) == "|  | a | b |\n| --- | ---: | ---: |\n| x | 0.5000 | 12 |\n| 1.5 | -1.0000 | -3 |\n"
