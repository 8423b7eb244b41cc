"""A refusal is one line that a person reads, whatever of the data is in it."""

import pickle

from hfkit.errors import LONGEST, UserError


def test_a_refusal_keeps_its_begin_and_its_end() -> None:
    """What was understood stands at the begin, and what to write instead at the end."""
    message = f"The label {'x' * 190_977} is none: write one of the data's."
    shown = str(UserError(message))
    assert len(shown) <= LONGEST
    assert shown.startswith("The label xxx")
    assert shown.endswith("xxx is none: write one of the data's.")
    left_out = int(shown.partition("[... ")[2].partition(" characters")[0].replace(",", ""))
    assert len(shown) - len(f" [... {left_out:,} characters ...] ") + left_out == len(message)


def test_a_refusal_is_one_line_that_can_be_printed() -> None:
    error = UserError("caf\udce9.jpg\nhas \x1b[31ma\0 label\t“ß”.")
    assert str(error) == "caf\\udce9.jpg has \\u001b[31ma\\u0000 label “ß”."
    assert str(error).encode().decode() == str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
