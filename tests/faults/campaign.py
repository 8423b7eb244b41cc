"""What came of faults: each is tried once and is clean, a traceback, silently wrong, or lost something; the table counts them.

`pytest -m nightly tests/faults` tries them all and prints the table at its end.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pytest

from hfkit.errors import LONGEST, UserError

Record = Callable[[str, object], None]
"""The fixture `record_property`."""
Verdict = Literal["clean", "traceback", "silently wrong", "lost"]
COUNTS = "faults"
"""The property of a test's report that holds what it tried."""
_COLUMNS = ("tried", "clean", "traceback", "silently wrong", "lost")


class LostError(Exception):
    """What was whole before a fault is gone, or is of no use any more."""


@dataclass(frozen=True)
class Outcome:
    """What came of one fault.

    Attributes:
        input: The kind of input that was faulty, such as `tables`.
        fault: What was wrong with it, with its seed.
        verdict: `clean`: it was refused in a sentence, or read with a word on what was left out.
        how: What happened; empty where that is clean.

    """

    input: str
    fault: str
    verdict: Verdict
    how: str = ""


def attempt(kind: str, fault: str, try_it: Callable[[], str]) -> Outcome:
    """Try a fault.

    Args:
        kind: The kind of input.
        fault: What is wrong with it.
        try_it: Does what a user does with it, and returns what is silently wrong then, or an empty text; raises `LostError`.

    """
    try:
        how = try_it()
    except UserError as error:
        how = _find_flaw(str(error))
        return Outcome(kind, fault, "traceback" if how else "clean", how)
    except LostError as error:
        return Outcome(kind, fault, "lost", str(error))
    except Exception as error:  # what this is about: nothing but a refusal may be raised
        return Outcome(kind, fault, "traceback", f"{type(error).__name__}: {error!s:.200}")
    return Outcome(kind, fault, "silently wrong" if how else "clean", how)


def _find_flaw(message: str) -> str:
    """Say why a refusal is no sentence that a person reads, or nothing."""
    if "\n" in message or not message.strip() or len(message) > LONGEST or not message.isprintable():
        return f"a refusal of {len(message)} characters: {message[:200]!r}"
    return ""


def report(outcomes: Iterable[Outcome], record_property: Record) -> list[str]:
    """Leave the counts to the table at the end, and return a line for each fault that is not clean."""
    outcomes = list(outcomes)
    for kind in dict.fromkeys(outcome.input for outcome in outcomes):
        verdicts = [outcome.verdict for outcome in outcomes if outcome.input == kind]
        record_property(COUNTS, [kind, len(verdicts), *(verdicts.count(name) for name in _COLUMNS[1:])])
    return [f"{each.fault}: {each.verdict}, {each.how}" for each in outcomes if each.verdict != "clean"]


def format_table(counts: Sequence[Sequence[object]]) -> str:
    """Return the table of all that was tried; tests of the same kind of input are added up.

    Args:
        counts: For each test the kind of input, and the numbers of the columns.

    """
    rows: dict[str, list[int]] = {}
    for kind, *numbers in counts:
        sums = rows.setdefault(str(kind), [0] * len(_COLUMNS))
        rows[str(kind)] = [one + int(str(other)) for one, other in zip(sums, numbers, strict=True)]
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"  {name}" for name in _COLUMNS)]
    for kind, numbers in rows.items():
        cells = (f"  {number:>{len(name)},}" for number, name in zip(numbers, _COLUMNS, strict=True))
        lines.append(f"{kind:<{width}}" + "".join(cells))
    return "\n".join(lines)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table at the end of all tests, also where they ran in several processes."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    counts = [
        value
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == COUNTS
    ]
    if counts:
        terminalreporter.section("faults")
        terminalreporter.write_line(format_table(counts))
