"""YAML from others."""

import pytest
import yaml

from hfkit.flags.plain_yaml import read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))


def test_what_a_run_writes_is_read() -> None:
    columns = ["premise", "hypothesis"]
    content = {"text_column": columns, "keep_columns": columns, "seed": 1, "loss": {"gamma": 2.0}}
    text = yaml.safe_dump(content)
    assert "*id001" in text
    assert read_yaml(text) == content
    assert read_yaml("") is None
    assert read_yaml("a: 1\n---\nb: 2\n"[:5]) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        *(BOMB, "a: &a [*a]\n", "a: *b\n", "a: " + "[" * 100_000, "a: " + "[" * 99 + "]" * 99, "{" * 5),
        *("a: 1" + ":1" * 400_000, "a: 1" + ":1" * 400 + ".5", 'a: !!int "1' + ":1" * 400_000 + '"'),
    ],
    ids=[
        "bomb",
        "itself",
        "nothing",
        "deep-and-open",
        "deep",
        "broken",
        "base 60",
        "base 60, no whole number",
        "base 60, with a tag",
    ],
)
def test_what_has_no_end_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
