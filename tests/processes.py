"""Processes of their own, and which heavy packages they imported until their end."""

import subprocess
import sys
from pathlib import Path

from conftest import ROOT

HEAVY = {"torch", "transformers", "datasets", "numpy", "pandas", "timm"}
_SCRIPT = f"""
import runpy, sys
del sys.argv[0]
try:
    if sys.argv[0] == "hfkit":
        from hfkit.commands.main import main
        main()
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print(sorted({HEAVY} & set(sys.modules)))
"""


def run_recipe(name: str, *argv: str, folder: Path = ROOT) -> tuple[int, str, str]:
    """Run a recipe; return its exit code, what it wrote to stderr, and the heavy packages that it imported."""
    return _run([str(ROOT / "recipes" / f"{name}.py"), *argv], folder)


def run_command(*argv: str) -> tuple[int, str, str]:
    """Run the `hfkit` command; return its exit code, what it wrote to stderr, and the heavy packages that it imported."""
    return _run(["hfkit", *argv], ROOT)


def _run(argv: list[str], folder: Path) -> tuple[int, str, str]:
    process = subprocess.run([sys.executable, "-c", _SCRIPT, *argv], capture_output=True, text=True, cwd=folder)
    return process.returncode, process.stderr, process.stdout.splitlines()[-1]
