"""The table of names against the installed transformers, and what `--help` shows of them."""

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import transformers
from processes import run_recipe

from hfkit.flags import help as help_page
from hfkit.flags.command_line import ALIASES, spell_out
from hfkit.flags.early import check_early
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.names import IMAGE_FLAGS, TABLE_OF, TEXT_FLAGS, TRAINER_FLAGS, RecipeFlags, known_names
from hfkit.flags.parsing import _Parser, parse_arguments
from hfkit.tasks.train import name_after_data
from hfkit.training.folder import make_folder

BOTH = pytest.mark.parametrize("flags", [TEXT_FLAGS, IMAGE_FLAGS])


def test_the_table_has_the_flags_of_the_installed_transformers() -> None:
    if ".".join(transformers.__version__.split(".")[:2]) != TABLE_OF:
        pytest.skip("another minor release: its names are left to the full parser")
    assert {item.name for item in dataclasses.fields(transformers.TrainingArguments) if item.init} == TRAINER_FLAGS
    for kinds, flags in ((TEXT, TEXT_FLAGS), (IMAGE, IMAGE_FLAGS)):
        options = _Parser(kinds)._option_string_actions
        known = {option.lstrip("-").replace("-", "_") for option in options} | {"config"}
        assert known == known_names(flags)


@BOTH
def test_our_flags_are_those_of_the_full_dataclasses(flags: RecipeFlags) -> None:
    """Our default wins over that of transformers, and nothing of ours is added behind the light dataclasses."""
    kinds = TEXT if flags is TEXT_FLAGS else IMAGE
    assert kinds[:2] == (flags.model, flags.data)
    whole = {item.name: item for item in dataclasses.fields(kinds[2])}
    for item in dataclasses.fields(flags.training):
        assert (whole[item.name].default, whole[item.name].init) == (item.default, item.init)
    assert set(whole) == {item.name for item in dataclasses.fields(flags.training)} | {
        item.name for item in dataclasses.fields(transformers.TrainingArguments)
    }


@BOTH
def test_short_help(flags: RecipeFlags) -> None:
    text = help_page.short_help(flags)
    names = re.findall(r"^  (?:--\w+, )*--(\w+)", text, flags=re.MULTILINE)
    assert 20 < len(names) == len(set(names)) <= 30
    assert set(names) <= known_names(flags)
    assert max(map(len, text.splitlines())) <= 100
    assert text.index("Examples:") < text.index("Data:") < text.index("Model:") < text.index("What trains:")
    assert text.index("What trains:") < text.index("Training:") < text.index("Output:")
    examples = [line for line in text.split("\n\n")[0].splitlines() if "accelerate launch" in line]
    assert len(examples) == 3
    for example in examples:
        argv = [
            word for word in example.split(".py")[1].split() if word not in ("my_tweets.csv", "my_photos", "--dataset")
        ]
        check_early(argv, flags)
        parse_arguments(argv, (), TEXT if flags is TEXT_FLAGS else IMAGE)
    assert all(f"--{alias}, --{name}" in text for alias, name in ALIASES.items())


def test_defaults_that_help_states() -> None:
    assert "(default: 128)" in help_page.short_help(TEXT_FLAGS)
    assert "(default: 10.0)" in help_page.short_help(IMAGE_FLAGS)
    theirs = {item.name: item.default for item in dataclasses.fields(transformers.TrainingArguments)}
    for name, (_, default) in help_page.FURTHER_FLAGS.items():
        assert name == "config" or theirs[name] == default, name


@BOTH
def test_the_default_folder_is_the_one_that_help_states(
    flags: RecipeFlags, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [stated] = re.findall(r"default: (runs/DATA-TIME) after the data", help_page.short_help(flags))
    arguments = SimpleNamespace(given_output_dir=None, training=SimpleNamespace(process_index=0))
    folder = make_folder(arguments, name_after_data("data/my reviews.csv"))
    pattern = stated.replace("DATA", "my-reviews").replace("TIME", r"\d{8}-\d{6}")
    assert re.fullmatch(pattern, folder.as_posix())


@BOTH
def test_all_help_names_every_flag(flags: RecipeFlags) -> None:
    text = help_page.full_help(flags)
    explained = set(re.findall(r"^  (?:--\w+, )*--(\w+)", text, flags=re.MULTILINE))
    named = explained | set(re.findall(r"\w+", text[text.index("Known too") :]))
    switches = {name for name in known_names(flags) if name.startswith("no_")} | {"h", "help"}
    assert known_names(flags) - switches <= named
    assert not explained & set(help_page.WITHOUT_EFFECT)
    assert max(map(len, text.splitlines())) <= 100


def test_flags_without_effect_are_flags() -> None:
    assert set(help_page.WITHOUT_EFFECT) <= TRAINER_FLAGS


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_is_printed_without_torch(asked: str) -> None:
    code, said, imported = run_recipe("cifar10", "--head", "linear", asked)
    assert (code, said, imported) == (0, "", "[]")


def test_help_of_the_parser_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        help_page.show_help(["--help", "all"], TEXT_FLAGS)
    assert ended.value.code == 0
    assert "Of transformers' Trainer:" in capsys.readouterr().out
    help_page.show_help(["--head", "linear"], TEXT_FLAGS)
    assert capsys.readouterr().out == ""


def test_spellings() -> None:
    line = ["--head-learning_rate", "-1", "--lr=1e-3", "--output-dir", "my-run", "--batch-size", "8", "--epochs=2"]
    expected = "--head_learning_rate -1 --learning_rate=1e-3 --output_dir my-run --per_device_train_batch_size 8"
    assert spell_out(line) == [*expected.split(), "--num_train_epochs=2"]
    training = parse_arguments(["--lr", "1e-3", "--epochs", "2", "--batch_size", "8"], (), TEXT).training
    assert (training.learning_rate, training.num_train_epochs, training.per_device_train_batch_size) == (1e-3, 2, 8)
