"""A stranger's run is begun, continued or taken as it is; no other run is, and none that evaluates or saves without end."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_runs import FLAGS, write_checkpoint, write_run, write_unfinished_run

from hfkit.errors import UserError
from hfkit.flags.kinds import TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.flags.paths import check_new_or_begun
from hfkit.hub.strange_flags import check_times
from hfkit.tasks import again

ARGV = ["--dataset", "tweets", "--backbone", "models/minilm", "--seed", "7"]


def write_begun(folder: Path, **options: Any) -> Path:
    write_unfinished_run(folder, **options)
    (folder / "hfkit.yaml").write_text(yaml.safe_dump({**FLAGS, "seed": 7}))
    return folder


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the command lines that are read to be trained by."""
    lines: list[list[str]] = []
    kinds, _, make_task = again._RECIPES["text-classification"]

    def read(argv: list[str]) -> tuple[None, str]:
        lines.append(argv)
        return None, ""

    monkeypatch.setitem(again._RECIPES, "text-classification", (kinds, read, make_task))
    monkeypatch.setattr(again, "train", lambda *_: (Path(), {"test_accuracy": 0.5}))
    return lines


def test_a_run_is_begun_continued_and_taken(tmp_path: Path, asked: list[list[str]]) -> None:
    def run_again(folder: Path) -> dict[str, float]:
        check_new_or_begun(folder)
        return again.run_again(ARGV, "text-classification", folder)

    assert run_again(tmp_path / "new")["test_accuracy"] == 0.5
    write_begun(tmp_path / "begun", steps=(3,))
    assert run_again(tmp_path / "begun")["test_accuracy"] == 0.5
    ends = ["--output_dir", str(tmp_path / "begun"), "--resume_from_checkpoint", "true"]
    assert asked == [[*ARGV, "--output_dir", str(tmp_path / "new")], [*ARGV, *ends]]
    finished = write_run(tmp_path / "finished", flags={"seed": 7})
    assert run_again(finished)["test_accuracy"] == 0.875
    assert len(asked) == 2
    (finished / "all_results.json").write_text('{"test_accuracy": 1}')
    with pytest.raises(UserError, match=r"all_results\.json is not what the run wrote"):
        run_again(finished)


def test_a_run_without_a_checkpoint_begins_anew(
    tmp_path: Path, asked: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as one with a solved head, which writes none; nothing of it is lost."""
    folder = write_begun(tmp_path / "begun", steps=())
    files = {file.name for file in folder.iterdir()}
    assert again.run_again(ARGV, "text-classification", folder)["test_accuracy"] == 0.5
    assert asked == [[*ARGV, "--output_dir", str(folder)]]
    assert {file.name for file in (tmp_path / "begun-set-aside-1").iterdir()} == files
    assert "it is now" in capsys.readouterr().out


@pytest.mark.parametrize("write", [write_run, write_begun])
def test_another_run_is_neither_continued_nor_taken(tmp_path: Path, asked: list[list[str]], write: Any) -> None:
    folder = write(tmp_path / "mine", **({"flags": {"seed": 7}} if write is write_run else {}))
    with pytest.raises(UserError, match="holds another run: it was started with seed 7, not 3; name another"):
        again.run_again([*ARGV[:-1], "3"], "text-classification", folder)
    assert not asked
    write_checkpoint(tmp_path / "no-run", 3)
    with pytest.raises(UserError, match="is not empty"):
        check_new_or_begun(tmp_path / "no-run")


ROWS = 8000
"""Of which a batch holds 4: 4,000 steps in 2 epochs."""


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            "--save_strategy steps --save_steps 1",
            "has save_steps 1, by which a run of 4,000 steps would write a checkpoint 4,0",
        ),
        (
            "--eval_strategy steps --eval_steps 3",
            "has eval_steps 3, .* would evaluate 1,333 times, and at most 1,000 is run",
        ),
        ("--eval_strategy steps --eval_steps 0.0001", "would evaluate 10,000 times"),
        ("--eval_strategy steps --eval_steps 1e-320", "would evaluate inf times"),
        ("--eval_strategy steps --eval_steps nan", "would evaluate nan times"),
        ("--eval_strategy steps --logging_steps 1", "has eval_steps 1, "),
        (
            "--logging_strategy steps --logging_steps 2 --max_steps 900000",
            "would write a line into its log 450,000 times",
        ),
        ("--save_strategy steps --save_steps 4", ""),
        ("--save_strategy steps --save_steps 1 --max_steps 1000", ""),
        ("--save_steps 1 --eval_steps 1", ""),
        ("--logging_strategy steps --logging_steps 1", ""),
        ("--save_strategy steps --save_steps 1 --gradient_accumulation_steps 4", ""),
        ("--save_strategy steps --save_steps 1 --solver convex", ""),
    ],
)
def test_evaluations_and_checkpoints_of_a_stranger_are_bounded(flags: str, sentence: str) -> None:
    argv = ["--num_train_epochs", "2", "--per_device_train_batch_size", "4", "--load_best_model_at_end", "false"]
    training = parse_arguments([*argv, *flags.split()], (), TEXT).training
    if sentence:
        with pytest.raises(UserError, match=sentence):
            check_times(training, ROWS)
    else:
        check_times(training, ROWS)
