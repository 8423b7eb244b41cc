"""What counts as clean, and the table of it."""

from faults.campaign import LostError, attempt, format_table, report

from hfkit.errors import UserError


def fail(error: Exception) -> str:
    raise error


def test_verdicts_and_their_table() -> None:
    outcomes = [
        attempt("tables", "refused", lambda: fail(UserError("The table is none: name another."))),
        attempt("tables", "read", lambda: ""),
        attempt("tables", "lost", lambda: "3 rows are lost"),
        attempt("images", "broken", lambda: fail(KeyError("mode"))),
        attempt("images", "says nothing", lambda: fail(UserError(" "))),
        attempt("images", "gone", lambda: fail(LostError("the results"))),
    ]
    verdicts = [each.verdict for each in outcomes]
    assert verdicts == ["clean", "clean", "silently wrong", "traceback", "traceback", "lost"]
    counts: list[list[object]] = []
    lines = report(outcomes, lambda _, value: counts.append(list(value)))  # type: ignore[call-overload]
    assert lines[0] == "lost: silently wrong, 3 rows are lost"
    assert lines[1] == "broken: traceback, KeyError: 'mode'"
    assert [line.split() for line in format_table([*counts, ["tables", 1_200, 1_200, 0, 0, 0]]).split("\n")] == [
        ["tried", "clean", "traceback", "silently", "wrong", "lost"],
        ["tables", "1,203", "1,202", "0", "1", "0"],
        ["images", "3", "0", "2", "0", "1"],
        ["all", "1,206", "1,202", "2", "1", "1"],
    ]
