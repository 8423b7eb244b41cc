"""What a command line alone makes impossible is told before torch is imported, in the sentences of the later checks."""

import dataclasses
from pathlib import Path

import pytest
import transformers
from processes import run_recipe

from hfkit.errors import UserError
from hfkit.flags.early import _WHOLE_NUMBERS, check_early, check_profile_early
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.names import IMAGE_FLAGS, TEXT_FLAGS
from hfkit.flags.parsing import parse_recipe
from hfkit.training.checks import check_flags

MISTAKES = [
    ("fakenews", "--heat bigru", "Unknown flag 'heat': did you mean 'head'?"),
    ("fakenews", "--image_size 32", "Unknown flag 'image_size'"),
    ("cifar10", "--max_length 32", "Unknown flag 'max_length'"),
    ("fakenews", "--evaluation-strategy epoch", "write eval_strategy"),
    ("fakenews", "--head mlp", "Argument --head: invalid choice: 'mlp'"),
    ("fakenews", "--epochs many", "Argument --num_train_epochs: invalid float value: 'many'"),
    ("fakenews", "--summary perhaps", "Argument --summary: Truthy value expected: got perhaps"),
    ("fakenews", "--head_dropout 2", "--head_dropout is 2.0: write a number from 0 to below 1."),
    ("fakenews", "--feature_cache yes", "--feature_cache is yes: write auto, off, or a folder."),
    ("cifar10", "--train_sampling_strategy group_by_length", "is for texts"),
    ("fakenews", "--class_weights fake=2 real", "--class_weights has 'real': write none, balanced, or for each class"),
    ("cifar10", "--class_weights cat=-1", "--class_weights has 'cat=-1': write none, balanced, or for each class"),
    ("fakenews", "--class_weights balanced --train_sampling_strategy balanced", "both make up for rare classes"),
    ("fakenews", "--focal_gamma=-1", "--focal_gamma is -1: write 0 or more, such as 2."),
    ("fakenews", "--seed=-1", "--seed is -1: write a whole number from 0 to 4294967295."),
    ("cifar10", "--data_seed -1", "--data_seed is -1: write a whole number from 0"),
    ("fakenews", "--seed x", "Argument --seed: invalid int value: 'x'"),
    ("fakenews", "--epochs 0", "--num_train_epochs is 0: write a number above 0, such as 3, or --max_steps."),
    ("cifar10", "--config empty.yaml", "--num_train_epochs is 0: write a number above 0"),
    ("cifar10", "--gradient_accumulation_steps 0", "--gradient_accumulation_steps is 0: write at least 1."),
    ("fakenews", "--config nothing.yaml", "The configuration file nothing.yaml cannot be read: No such file"),
    ("fakenews", "--config wrong.yaml", "Unknown key of wrong.yaml 'haed': did you mean 'head'?"),
    ("fakenews", "--config moved.yaml", "There is no file or folder moved.csv"),
    ("fakenews", "--dataset nothing.csv", "There is no file or folder nothing.csv: check the path"),
    ("fakenews", "--backbone ./nothing", "The backbone ./nothing cannot be loaded: there is no such folder"),
    ("cifar10", "--dataset a/b/c", "There is no file or folder a/b/c"),
    ("cifar10", "--backbone ../vgg19", "The backbone ../vgg19 cannot be loaded: there is no such folder"),
    ("cifar10", "--backbone vgg19 --weights no.pth", "--weights no.pth: there is no such file"),
    ("fakenews", "--output-dir full", "The folder full is not empty: name another --output_dir"),
    ("fakenews", "--output_dir wrong.yaml", "--output_dir wrong.yaml is a file: name a folder."),
    ("fakenews", "--resume_from_checkpoint true", "--resume_from_checkpoint needs the run's folder"),
    ("fakenews", "--resume_from_checkpoint no --output_dir full", "write true to continue a run"),
    ("fakenews", "--resume_from_checkpoint true --output_dir full", "There is no run to continue in full"),
    ("fakenews", "--pooling mean --head bigru", "a BiGRU reads all tokens, so leave --pooling out"),
    ("fakenews", "--config pooled.yaml --head=bigru --pooling last", "--pooling last is for --head linear"),
    ("fakenews", "--help-all", "Unknown flag 'help_all': write --help all."),
    ("fakenews", "--unfreeze_from none --lr 1e-3", "write --head_learning_rate 0.001 for the head"),
    (
        "fakenews",
        "--peft lora --unfreeze_from all",
        "and --unfreeze_from all trains its own weights: leave --unfreeze_from",
    ),
    ("cifar10", "--unfreeze_from blocks.11 --peft lora", "and --unfreeze_from blocks.11 trains its own weights"),
    (
        "fakenews",
        "--config adapted.yaml --unfreeze_from all --peft lora",
        "and --unfreeze_from all trains its own weights",
    ),
    ("fakenews", "--peft prefix", "Argument --peft: invalid choice: 'prefix'"),
    ("fakenews", "--lora_rank 4", "--lora_rank is for --peft lora: add it, or leave --lora_rank out."),
    ("cifar10", "--unfreeze_from none --keep_adapter", "--keep_adapter is for --peft lora"),
    ("fakenews", "--peft lora --lora_rank 0", "--lora_rank is 0: write a whole number above 0, such as 8."),
    ("fakenews", "--peft lora --lora_alpha -1", "--lora_alpha is -1: write a whole number above 0, such as 16."),
    (
        "cifar10",
        "--peft lora --lora_targets auto qkv",
        "--lora_targets is auto qkv: write auto alone, or names of linear",
    ),
    ("cifar10", "--peft lora --lora_targets qkv qkv", "each of them once"),
    ("fakenews", "--peft lora --lora_targets layer..1", "--lora_targets is layer..1"),
    ("fakenews", "--config frozen.yaml --lr=1e-3", "write --head_learning_rate 0.001 for the head"),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder of a test, with configuration files and a folder that is not empty."""
    (tmp_path / "wrong.yaml").write_text("haed: bigru\n")
    (tmp_path / "moved.yaml").write_text("dataset: moved.csv\n")
    (tmp_path / "empty.yaml").write_text("num_train_epochs: 0\n")
    (tmp_path / "frozen.yaml").write_text("unfreeze_from: none\nlearning_rate: 0.1\n")
    (tmp_path / "adapted.yaml").write_text("peft: lora\nunfreeze_from: none\nlora_rank: 4\n")
    (tmp_path / "pooled.yaml").write_text("pooling: mean\n")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("recipe", "line", "message"), MISTAKES)
def test_the_early_check_says_what_the_later_one_says(recipe: str, line: str, message: str, folder: Path) -> None:
    with pytest.raises(UserError) as early:
        check_early(line.split(), TEXT_FLAGS if recipe == "fakenews" else IMAGE_FLAGS)
    assert message in str(early.value)
    assert "\n" not in str(early.value)
    if any(word in line for word in ("dataset", "backbone", "moved", "output")) and "resume" not in line:
        return  # told later than by the parser; the functions are the same ones
    with pytest.raises(UserError) as late:
        check_flags(parse_recipe(line.split(), TEXT if recipe == "fakenews" else IMAGE, (), ())[0])
    assert str(late.value) == str(early.value)


@pytest.mark.parametrize("number", [0, 11, 17, 20])
def test_a_recipe_ends_with_the_sentence_before_torch(number: int, folder: Path) -> None:
    recipe, line, message = MISTAKES[number]
    code, said, imported = run_recipe(recipe, *line.split(), folder=folder)
    assert (code, imported) == (2, "[]")
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (TEXT_FLAGS, ""),
        (TEXT_FLAGS, "--backbone bert-base-uncased --dataset user/data --seed 7 --no_load_best_model_at_end"),
        (TEXT_FLAGS, "--text-column a b --cleaning url --lr=1e-3 --epochs 2 --batch-size 8 --report_to none"),
        (TEXT_FLAGS, "--epochs 0 --max_steps 5 --seed 0 --data_seed 4294967295"),
        (TEXT_FLAGS, "--config frozen.yaml"),
        (TEXT_FLAGS, "--config pooled.yaml --head bigru"),
        (IMAGE_FLAGS, "--config frozen.yaml --unfreeze_from all --lr 1e-3"),
        (TEXT_FLAGS, "--peft lora --lr 1e-3"),
        (IMAGE_FLAGS, "--peft=lora --unfreeze_from none --lr 1e-3 --lora_rank 4 --lora_targets qkv blocks.11"),
        (TEXT_FLAGS, "--config adapted.yaml --lr 1e-3 --lora_alpha 8"),
        (TEXT_FLAGS, "--config adapted.yaml --unfreeze_from encoder.layer.1"),
        (TEXT_FLAGS, "--config adapted.yaml --peft none"),
        (TEXT_FLAGS, "--lr_scheduler_kwargs {} --max_steps -1 --summary --bf16 false --output_dir new"),
        (IMAGE_FLAGS, "--dataset digits --weights none --class_token no --label_names a b"),
    ],
)
def test_what_may_be_right_passes(flags: object, line: str, folder: Path) -> None:
    check_early(line.split(), flags)  # type: ignore[arg-type]
    assert not (folder / "new").exists()


def test_defaults_of_transformers_in_the_early_check() -> None:
    theirs = {item.name: item.default for item in dataclasses.fields(transformers.TrainingArguments)}
    assert {name: theirs[name] for name in _WHOLE_NUMBERS} == _WHOLE_NUMBERS


def test_names_are_left_to_the_parser_of_another_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later release may have flags that the table does not know."""
    monkeypatch.setattr("hfkit.flags.early.table_holds", lambda: False)
    check_early(["--a_new_flag", "1"], TEXT_FLAGS)
    with pytest.raises(UserError, match=r"There is no file or folder no\.csv"):
        check_early(["--a_new_flag", "1", "--dataset", "no.csv"], TEXT_FLAGS)


def test_flags_of_profile() -> None:
    check_profile_early("vgg19", ["--image-size", "96"], (TEXT_FLAGS, IMAGE_FLAGS))
    check_profile_early("bert-base-uncased", ["--max_length", "96"], (TEXT_FLAGS, IMAGE_FLAGS))
    with pytest.raises(UserError, match="Unknown flag 'imagesize': did you mean 'image_size'"):
        check_profile_early("vgg19", ["--imagesize", "96"], (TEXT_FLAGS, IMAGE_FLAGS))
    with pytest.raises(UserError, match="there is no such folder"):
        check_profile_early("./nothing", [], (TEXT_FLAGS, IMAGE_FLAGS))
