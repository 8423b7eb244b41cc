"""The console that everything is printed on: text is shown as it is, be it markup or what steers a terminal."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from .visible import visible


class PlainConsole(Console):
    """A console of rich on which no text is markup, and none steers the terminal; styles come from `Text` and tables alone."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does."""
        super().print(*(visible(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does; what tables and other objects hold goes through here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


def make_console(is_quiet: bool = False, is_error: bool = False) -> Console:
    """Return where a command prints; in a notebook as plain text, so that it stays one with what others print and the bars.

    Rich would make a piece of HTML of each line there, and of long ones a scroll bar.

    Args:
        is_quiet: Print nothing.
        is_error: Print to stderr.

    """
    return PlainConsole(quiet=is_quiet, stderr=is_error, markup=False, force_jupyter=False)


def plain(text: str, style: str = "") -> Text:
    """Return a text in a style; rich's own `Text` drops some of what would be obeyed, so that nobody sees it."""
    return Text(visible(text), style)
