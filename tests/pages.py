"""The pages of the documentation as blocks of code, each with the reason why it is not run, where there is one."""

import re
from dataclasses import dataclass
from pathlib import Path

from hub_client import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: The name of the page's file.
        line: Where the block begins, counted from 1.
        language: What stands behind the fence: `bash`, `python`, or nothing for what a command prints.
        text: What stands in it.
        not_run: The reason in the comment in front of it; None: it runs.

    """

    page: str
    line: int
    language: str
    text: str
    not_run: str | None

    def commands(self) -> list[str]:
        """Return the commands of a block of bash: comments are dropped, a line that goes on is joined, `&&` parts two."""
        joined = re.sub(r"\s*\\\n\s*", " ", self.text)
        lines = [re.sub(r"\s+# .*", "", line).strip() for line in joined.splitlines()]
        return [command for line in lines if line and not line.startswith("#") for command in line.split(" && ")]


def read_blocks(page: Path, text: str | None = None) -> list[Block]:
    """Return the blocks of a page, in their order; `text` is what stands in it, where it is not read."""
    text = page.read_text() if text is None else text
    return [_make_block(page.name, text, match) for match in _FENCE.finditer(text)]


def _make_block(page: str, text: str, match: "re.Match[str]") -> Block:
    reason = _NOT_RUN.search(text[: match.start()])
    line = text.count("\n", 0, match.start()) + 1
    return Block(page, line, match[1], match[2], reason[1] if reason else None)
