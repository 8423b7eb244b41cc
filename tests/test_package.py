"""The package as a whole: what importing costs, and that its pages tell the truth."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ROOT
from typer.main import get_command

from hfkit.commands.main import app
from hfkit.flags import parsing
from hfkit.flags.command_line import ALIASES
from hfkit.flags.kinds import IMAGE, TEXT


def test_importing_is_light() -> None:
    code = "import sys, hfkit; print(sorted({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules)), hfkit.__version__)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.split("]")[0] == "["


def test_what_is_imported_is_required() -> None:
    """What another package happens to bring may be gone with its next version."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "hfkit").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    imported = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"hfkit"}
    _, _, rest = (ROOT / "pyproject.toml").read_text().partition("\ndependencies = [\n")
    required = set(re.findall(r'^ +"([a-z0-9-]+)', rest.partition("\n]")[0], re.MULTILINE))
    for extra in ("onnx", "demo-page"):
        required |= set(re.findall(r'"([a-z]+)>', rest.partition(f"\n{extra} = ")[2].partition("\n")[0]))
    called_otherwise = {
        "sklearn": "scikit-learn",
        "yaml": "pyyaml",
        "PIL": "pillow",
        "iterstrat": "iterative-stratification",
    }
    assert {called_otherwise.get(name, name.replace("_", "-")) for name in imported} - required == set()


def test_public_names_are_there() -> None:
    import hfkit

    for name in hfkit.__all__:
        assert getattr(hfkit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = hfkit.nothing


def test_readme_holds_the_two_commands() -> None:
    commands = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("pip install -e")]
    assert len(commands) == 2
    assert (
        'pip install -e ".[demo]" && accelerate launch -q --config_file accelerate_config.yaml recipes/fakenews.py'
        in commands
    )
    assert 'pip install -e ".[test]" && pytest' in commands


@pytest.mark.parametrize(
    "page",
    [
        *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
        "README.md",
        "recipes/README.md",
        "recipes/fakenews.py",
        "recipes/cifar10.py",
        "CHANGELOG.md",
    ],
)
def test_flags_named_on_a_page_exist(page: str) -> None:
    parsers = {"recipes/fakenews.py": [TEXT], "recipes/cifar10.py": [IMAGE]}.get(page, [TEXT, IMAGE])
    known = {option for kinds in parsers for option in parsing._Parser(kinds)._option_string_actions}
    known |= {f"--{alias}" for alias in ALIASES}
    launcher = {"--config_file", "--multi_gpu", "--num_processes", "--help", "--config", "--logdir", "--index"}
    launcher |= {"--name", "--install"}  # of `hfkit train` alone, and of typer: --install-completion
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9_]+", (ROOT / page).read_text()))
    scripts = "".join(script.read_text() for script in (ROOT / "benchmarks").glob("*.py"))
    of_benchmarks = set(re.findall(r'add_argument\(\s*"(--[a-z_]+)"', scripts))
    assert named - launcher - of_benchmarks - set(_options(get_command(app))) <= known


def _options(command: Any) -> Iterator[str]:
    """Yield the options of a command and of the commands below it."""
    for parameter in command.params:
        yield from parameter.opts
    for below in getattr(command, "commands", {}).values():
        yield from _options(below)


def test_the_map_names_every_room() -> None:
    block = (ROOT / "README.md").read_text().split("## Map")[1].split("```")[1]
    lines = block.strip().splitlines()
    assert len(lines) == 10
    paths = [path.rstrip(":") for path in re.findall(r"(?<![\w/.])[.\w]+/[\w/]*", block)]
    assert all((ROOT / path).exists() for path in paths), paths
    assert {f"hfkit/{room}/" for room in _rooms()} <= set(paths)
    files = {path.stem for path in (ROOT / "hfkit").glob("*.py")} - {"__init__"}
    assert all(re.search(rf"\b{file}\b", block) for file in files)


def _rooms() -> set[str]:
    return {path.parent.name for path in (ROOT / "hfkit").glob("*/__init__.py")}


def test_the_contract_of_the_floors_names_every_room() -> None:
    """Import-linter leaves out what a contract does not name."""
    tomllib = pytest.importorskip("tomllib")  # of Python 3.11
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    named = {name.strip() for layer in contract["layers"] for name in layer.split(":")}
    files = {path.stem for path in (ROOT / "hfkit").glob("*.py")} - {"__init__"}
    assert {name for name in named if not name.startswith("(")} == _rooms() | files
    assert not {name.strip("()") for name in named if name.startswith("(")} & (_rooms() | files)
    assert contract["exhaustive"] is True
