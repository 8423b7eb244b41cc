"""Class weights as they are written, and what is refused."""

import pytest

from hfkit.errors import UserError
from hfkit.flags.class_weights import match_class_weights, parse_class_weights
from hfkit.flags.keywords import flag_to_argv
from hfkit.flags.training_flags import TrainingFlags


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["none"], "none"),
        (["balanced"], "balanced"),
        (["fake=2", "real=.5"], {"fake": 2.0, "real": 0.5}),
        (["a=b=3", "no news=1e-1"], {"a=b": 3.0, "no news": 0.1}),
        (['{"fake": 2, "real": 1.5}'], {"fake": 2.0, "real": 1.5}),
    ],
)
def test_what_is_understood(values: list[str], expected: object) -> None:
    assert parse_class_weights(values) == expected
    assert TrainingFlags(class_weights=values).class_weights == values


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["even"],
        ["none", "balanced"],
        ["fake="],
        ["=2"],
        ["fake=0"],
        ["fake=-1"],
        ["fake=nan"],
        ["fake=inf"],
        ["a=1", "a=1"],
        ["{"],
        ['{"a": [1]}'],
    ],
)
def test_what_is_refused(values: list[str]) -> None:
    with pytest.raises(UserError, match="write none, balanced, or for each class once its name"):
        parse_class_weights(values)


def test_weights_by_name() -> None:
    assert match_class_weights({"real": 3.0}, ["fake", "real"]) == (1.0, 3.0)
    with pytest.raises(UserError, match=r"names 'fale', which is no class of the data: did you mean fake\?"):
        match_class_weights({"fale": 3.0}, ["fake", "real"])
    with pytest.raises(UserError, match="the classes are fake, real"):
        match_class_weights({"x": 3.0}, ["fake", "real"])


def test_python_and_files_say_the_same() -> None:
    """A text, and a dictionary."""
    assert TrainingFlags(class_weights="balanced").class_weights == ["balanced"]  # type: ignore[arg-type]
    [item] = flag_to_argv("class_weights", {"fake": 2})
    assert parse_class_weights([item.partition("=")[2]]) == {"fake": 2.0}
