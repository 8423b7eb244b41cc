"""Several values behind one flag, wherever a word can be nothing else."""

import pytest
from typer.main import get_command

from hfkit.commands.main import app
from hfkit.commands.several_values import TakesSeveralValues, repeat_flags

VERBS = getattr(get_command(app), "commands")  # noqa: B009


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("m in.csv --text_column a b", "m in.csv --text_column a --text_column b"),
        ("m in.csv --text-column=a b -o x.csv", "m in.csv --text-column=a --text-column b -o x.csv"),
        ("m in.csv --text_column a b --json --text_column c", "m in.csv --text_column a --text_column b --json --text_column c"),
        ("m - --text_column a -", "m - --text_column a --text_column -"),
        ("--text_column a m in.csv", None),
        ("m --text_column a in.csv", None),
        ("m in.csv --json extra", None),
        ("m in.csv --text_column a --output x.csv extra", None),
        ("m in.csv -oout.csv --unknown b c", None),
        ("m --text_column a -- in.csv b", None),
    ],
)  # fmt: skip
def test_a_word_behind_a_value_is_a_value_where_no_argument_is_missing(given: str, read: str | None) -> None:
    assert repeat_flags(given.split(), VERBS["predict"].params) == (read or given).split()


def test_every_verb_with_such_a_flag_takes_them() -> None:
    several = {name for name, verb in VERBS.items() if any(getattr(each, "multiple", False) for each in verb.params)}
    assert {name for name in several if not isinstance(VERBS[name], TakesSeveralValues)} <= {"clean"}
    context = VERBS["evaluate"].make_context(
        "evaluate", ["m", "in.csv", "--label_column", "a", "b", "--keep_columns", "c"]
    )
    assert (list(context.params["label_column"]), list(context.params["keep_columns"])) == (["a", "b"], ["c"])
