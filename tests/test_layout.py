"""The rules of the house that no linter knows: sizes of files and functions, imports, and rooms that say what they are for."""

import ast
from importlib import import_module
from pathlib import Path

from conftest import ROOT

TREES = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "hfkit").rglob("*.py"))}
SCRIPTS = TREES | {
    path: ast.parse(path.read_text()) for name in ("recipes", "benchmarks") for path in (ROOT / name).glob("*.py")
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_files_are_short() -> None:
    lengths = {_name(path): path.read_text().count("\n") for path in SCRIPTS}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_functions_are_short() -> None:
    functions = [
        (f"{_name(path)}: {node.name}", _lines(node))
        for path, tree in SCRIPTS.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [function for function in functions if function[1] > 60] == []


def _imported(tree: ast.Module) -> set[str]:
    """Return the modules of hfkit that a file imports."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if node.level or str(node.module).startswith("hfkit")]
    return {f"{'.' * node.level}{node.module or alias.name}" for node in ours for alias in node.names}


def test_a_file_leans_on_few_others() -> None:
    """Ten imports of hfkit are enough; more of them mean that a file does two things, but for one that exports what others do."""
    files = {path: tree for path, tree in TREES.items() if path.name != "__init__.py"}
    imports = {_name(path): sorted(_imported(tree)) for path, tree in files.items()}
    assert {name: modules for name, modules in imports.items() if len(modules) > 10} == {}


def test_everything_is_printed_on_one_kind_of_console() -> None:
    """One that takes no text for markup and lets none steer the terminal: `hfkit.console` makes it, and its texts."""
    made = [
        f"{_name(path)}: {node.func.id}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Console", "Text")
    ]
    assert made == ["hfkit/console.py: Text"]


def test_a_room_says_what_it_is_for() -> None:
    rooms = {_name(path): tree for path, tree in TREES.items() if path.name == "__init__.py"}
    assert [name for name, tree in rooms.items() if not ast.get_docstring(tree)] == []


def test_rooms_use_the_doors_of_each_other() -> None:
    """A room's `__all__` names its files for other rooms; the others are its own affair. `models` exports classes instead."""
    rooms = [
        path.parent for path in TREES if path.name == "__init__.py" and path.parent.name not in ("hfkit", "models")
    ]
    doors = {room.name: set(import_module(f"hfkit.{room.name}").__all__) for room in rooms}
    assert all((room / f"{name}.py").exists() for room in rooms for name in doors[room.name])
    used = {
        (_name(path), *module.lstrip(".").split(".")[:2])
        for path, tree in TREES.items()
        for module in _imported(tree)
        if module.startswith("..") or (module.startswith(".") and path.parent.name == "hfkit")
    }
    past = [(user, room, name) for user, room, *names in used for name in names if name not in doors.get(room, {name})]
    assert past == []
