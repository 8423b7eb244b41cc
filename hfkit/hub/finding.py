"""What a look at a model on the Hub found."""

from dataclasses import dataclass

from ..visible import visible

LARGEST_DETAIL = 500
"""Characters of a finding: what a person reads."""


@dataclass(frozen=True)
class Finding:
    """One line of the result: what was looked at, whether it is well, and the details, cut and without what steers a terminal."""

    what: str
    well: bool
    detail: str

    def __post_init__(self) -> None:
        detail = visible(" ".join(self.detail[:LARGEST_DETAIL].split()))
        more = len(self.detail) - LARGEST_DETAIL
        object.__setattr__(self, "detail", f"{detail} ... and {more:,} more characters" if more > 0 else detail)
