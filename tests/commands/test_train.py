"""`hfkit train` does what the recipes do, with the same flags, and calls the run after its data."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from typer.testing import CliRunner

import hfkit
from hfkit.commands.main import app
from hfkit.flags.early import check_early
from hfkit.flags.help import full_help, short_help
from hfkit.flags.names import IMAGE_FLAGS, TEXT_FLAGS, RecipeFlags
from hfkit.tasks.train import name_after_data

BOTH = pytest.mark.parametrize(("verb", "flags"), [("text", TEXT_FLAGS), ("image", IMAGE_FLAGS)])


@BOTH
def test_help_is_that_of_the_recipe_but_for_the_examples(verb: str, flags: RecipeFlags) -> None:
    for asked in ("-h", "--help"):
        assert CliRunner().invoke(app, ["train", verb, asked]).stdout == short_help(flags, f"hfkit train {verb}") + "\n"
    examples, rest = short_help(flags, f"hfkit train {verb}").split("\n\n", 1)
    of_the_recipe = re.sub(r"--name NAME .*\n--json .*\n\n", "", rest)
    assert of_the_recipe == short_help(flags).split("\n\n", 1)[1]
    for line in examples.splitlines()[1:]:
        argv = line.split(f"hfkit train {verb}")[1].split()
        check_early([item for item in argv if item not in ("--dataset", "my_tweets.csv", "my_photos")], flags)
    assert CliRunner().invoke(app, ["train", verb, "--help", "all"]).stdout == full_help(flags) + "\n"


@pytest.mark.parametrize("verb", ["text", "image"])
def test_flags_are_handed_on_as_they_are(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], str | None]] = []
    monkeypatch.setattr(f"hfkit.tasks.{verb}.train_{verb}s", lambda argv, name: (calls.append((list(argv), name)), {}))
    argv = ["--lr=1e-3", "--batch-size", "4", "--label_names", "b", "a", "--no_baselines", "--warmup_steps", "-1"]
    for more, name in (([], None), (["--name", "mine"], "mine"), (["--name=mine"], "mine")):
        result = CliRunner().invoke(app, ["train", verb, *argv[:1], *more, *argv[1:]])
        assert (result.exit_code, result.output) == (0, "")
        assert calls.pop() == (argv, name)


@pytest.mark.parametrize(
    ("more", "name"), [([], "my-reviews"), (["--name", "mine"], "mine"), (["--config", "run.yaml"], "other")]
)
def test_the_run_is_called_after_its_data(
    more: Sequence[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my reviews.csv").touch()
    Path("other.parquet").touch()
    Path("run.yaml").write_text("dataset: other.parquet\n")
    names: list[str] = []
    monkeypatch.setattr("hfkit.tasks.train.prepare_task", lambda *_: None)
    monkeypatch.setattr("hfkit.tasks.train.train_classifier", lambda _, __, name: (Path(), names.append(name) or {}))
    data = [] if "--config" in more else ["--dataset", "my reviews.csv"]
    result = CliRunner().invoke(app, ["train", "text", *data, "--backbone", "bert-base-uncased", *more])
    assert result.exit_code == 0, result.output
    assert names == [name]


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("data/reviews.csv", "reviews"),
        ("reviews.v2.parquet", "reviews.v2"),
        ("stanfordnlp/imdb", "imdb"),
        ("photos/", "photos"),
        ("sample", "sample"),
        ("../übung (1).tsv", "übung-1"),
        ("..", ROOT.name),
        ("?", "run"),
    ],
)
def test_names_after_data(dataset: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "tests")
    assert name_after_data(dataset) == name


def test_a_mistake_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(app, ["train", "text", "--seed", "-1"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_the_package_is_a_module_that_runs() -> None:
    process = subprocess.run([sys.executable, "-m", "hfkit", "--version"], capture_output=True, text=True, check=True)
    assert process.stdout == f"hfkit {hfkit.__version__}\n"


@pytest.mark.slow
def test_it_trains_under_the_launcher(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """In a folder without a clone, by the module, as `accelerate launch -m hfkit` does."""
    flags = f"--backbone {tiny_backbone} --dataset {tweets} --max_length 24 --use_cpu true --bf16 false --max_steps 2"
    flags += (
        " --eval_strategy no --save_strategy no --load_best_model_at_end false --disable_tqdm true --baselines false"
    )
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1", "-m", "hfkit"]
    environment: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    process = subprocess.run(
        [*launch, "train", "text", *flags.split()], capture_output=True, text=True, cwd=tmp_path, **environment
    )
    assert process.returncode == 0, process.stderr
    [folder] = (tmp_path / "runs").iterdir()
    assert re.fullmatch(rf"{tweets.name}-\d{{8}}-\d{{6}}", folder.name)
    assert "test_accuracy" in json.loads((folder / "test_results.json").read_text())
