"""One thing that was looked at, and what to do where it is not well."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One line of the result.

    Attributes:
        what: What was looked at.
        level: `ok`; `warning`: it works, but not as it could; `error`: something does not work.
        detail: What was found.
        remedy: What to do, a sentence; empty where all is well.

    """

    what: str
    level: Level
    detail: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.level == "ok") == bool(self.remedy):
            raise ValueError(f"The finding on {self.what} is {self.level} and has the remedy '{self.remedy}'.")
