"""Flags in YAML are read as they are spelled, or refused in one sentence that says the line."""

import json
from pathlib import Path

import pytest
import yaml

from hfkit.errors import UserError
from hfkit.flags.command_line import to_argv
from hfkit.flags.configuration import Configuration, read_configuration
from hfkit.flags.kinds import TEXT
from hfkit.flags.parsing import parse_arguments, parse_recipe
from hfkit.flags.yaml_flags import LARGEST_FILE, MOST_VALUES, parse_flags

SPELLINGS = (
    *("no", "yes", "on", "off", "y", "n", "No", "YES", "true", "false", "True", "FALSE"),
    *(
        "0123456",
        "007",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "+5",
        "-0",
        "12:30:00",
        "190:20:30",
        "2024-02-31",
        "2024-02-29",
    ),
    *("2001-12-14t21:59:43.10-05:00", "1e3", "1.10", "1.0", "1.", ".5", "6.02e23", ".inf", ".nan", "nan", "inf", "10"),
    *("12345678901234567890123", "9" * 400, "0.1", "-3", "café", "١٢", "a b", "a#b", "="),
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_value_is_what_was_written(text: str) -> None:
    """Whatever YAML 1.1 makes of it, on the command line there is its spelling, alone, in a list, and as a key."""
    flags = parse_flags(f"label_column: {text}\nlabel_names: [{text}, z]\nclass_weights: {{{text}: 2}}\n", "The file f")
    assert to_argv(flags, None, "key") == [
        *("--label_column", text, "--label_names", text, "z"),
        *("--class_weights", json.dumps({text: 2})),
    ]


def test_what_hfkit_writes_keeps_its_types() -> None:
    """Values of an earlier run are compared with those of a command line, and are the same."""
    flags = {
        **{"seed": 7, "learning_rate": 1e-05, "weight_decay": 0.01, "header": False, "bf16": True, "dataset": "no"},
        **{"label_names": ["no", "1e3", "12:30:00", "0123", "null", "~", "", "true"], "layers": [1, 2]},
        **{"class_weights": {"no": 1.5, "1": 2}, "lr_scheduler_kwargs": {"min_lr": 1e-06, "deep": {"a": [True, None]}}},
    }
    written = Configuration(flags, {"warmup_steps": 0.1, "bf16": False})
    read = parse_flags(written.text(), "The file f", ("filled_in",))
    assert read == {**flags, "filled_in": written.filled_in}
    assert [type(read[name]) for name in flags] == [type(value) for value in flags.values()]


def test_options_within_a_flag_are_what_yaml_says() -> None:
    text = "lr_scheduler_kwargs: {a: no, b: 1e-5, c: 2.50, d: 010, e: 'no', f: 2024-02-31, g: 1e999}"
    expected = {"a": False, "b": 1e-5, "c": 2.5, "d": "010", "e": "no", "f": "2024-02-31", "g": "1e999"}
    assert parse_flags(text, "f") == {"lr_scheduler_kwargs": expected}


def test_anchors_and_other_encodings() -> None:
    text = "text_column: &names [a, é]\nlabel_names: *names\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert parse_flags(text.encode(encoding), "f") == {"text_column": ["a", "é"], "label_names": ["a", "é"]}


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} {{k: [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}, *{before}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "is empty"),
        (b"- a\n", "must hold lines of the form"),
        (b"false", "must hold lines of the form"),
        (b"0", "must hold lines of the form"),
        (b"filled_in: 3", "under filled_in"),
        (b"seed: !!int abc", "has the tag !!int .line 1.: leave it out"),
        (b"a: 1\nseed: !!python/object/apply:os.system [ls]", "has the tag .*line 2"),
        (b"a: !!timestamp 2024-02-31", "has the tag"),
        (b"a: !!set {b}", "has the tag"),
        (b"seed: 1\nb: 2\nseed: 3", "has the key 'seed' twice .line 3.: keep one"),
        (b"learning-rate: 1\nlearning_rate: 3", "has the key 'learning_rate' twice"),
        (b"a: {b: 1, b: 2}", "has the key 'b' twice"),
        (b"x: &x {b: 1}\ny: {<<: *x}", "has a merge key"),
        (b"a:\n\t- b", "is not YAML: .*line 2"),
        (b"a: [b, , c]", "is not YAML"),
        (b"a:\n- b\n-\n", "empty or null .line 3"),
        (b"a: [b, null]", "empty or null"),
        (b"a: [[b]]", "a text must stand"),
        (b"? [a]\n: b", "a text must stand"),
        (b"a: \0\0", "is not YAML"),
        (b"a: \xff\xfe", "is not YAML"),
        (b"a: 1\n---\nb: 2", "is not YAML"),
        (b"a: *b", "is not YAML"),
        (b'a: "\\U7fffffff"', "is not YAML that can be read"),
        (b"[" * 1500, "nested too deeply"),
        (b"a: " + b"{b: " * 3000, "nested too deeply"),
        (b"a: &a {b: *a}", "nested too deeply"),
        (LAUGHS.encode(), f"more than {MOST_VALUES:,} values"),
        (b"a" * (LARGEST_FILE + 1), "is larger than 2 MB"),
    ],
)
def test_what_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=f"^The file f .*{message}"):
        parse_flags(content, "The file f", ("filled_in",))


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "run.yaml").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(UserError, match="larger than"):
        read_configuration(tmp_path / "run.yaml")


def test_a_value_is_never_taken_for_a_flag() -> None:
    assert to_argv({"text_column": "--seed"}, None, "key") == ["--text_column=--seed"]
    with pytest.raises(UserError, match="'label_names' has an item that begins with two dashes"):
        to_argv({"label_names": ["--seed", "3"]}, None, "key")


def test_a_run_without_flags_does_not_go_on(tmp_path: Path) -> None:
    """Its default would be another training."""
    run = tmp_path / "run"
    (run / "checkpoint-3").mkdir(parents=True)
    (run / "hfkit.yaml").touch()
    with pytest.raises(UserError, match=r"hfkit\.yaml is empty"):
        parse_recipe(["--output_dir", str(run), "--resume_from_checkpoint", "true"], TEXT, (), ())


def test_words_are_labels_and_switches(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("label_column: 0123\nclass_weights: [no=2, yes=1]\nbf16: no\nheader: no\nmax_length: 1e3\n")
    with pytest.raises(UserError, match="max_length: invalid int value: '1e3'"):
        parse_arguments(["--config", str(path)], (), TEXT)
    path.write_text(path.read_text().replace("1e3", "64"))
    arguments = parse_arguments(["--config", str(path)], (), TEXT)
    assert (arguments.data.label_column, arguments.data.header, arguments.training.bf16) == (["0123"], False, False)
    assert yaml.safe_load(Configuration(arguments.flags).text())["label_column"] == ["0123"]
