"""Versions of Python and of packages, against the ranges that the installed hfkit names in its metadata."""

import platform
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ..errors import first_sentence
from .finding import Finding

PACKAGE = "hfkit"
_BUILT = ("torch", "torchvision", "timm", "transformers.modeling_utils", "peft")
"""Modules that are built for each other; those behind one that fails would fail for its reason."""


def check_packages() -> list[Finding]:
    """Return a finding for each version that is outside of its range, and one on all the others."""
    supported = metadata(PACKAGE)["Requires-Python"] or ""
    python = platform.python_version()
    if not SpecifierSet(supported).contains(python, prereleases=True):
        remedy = f"Install a Python {supported}, and hfkit into it."
        return [Finding("packages", "error", f"Python {python}, where hfkit needs {supported}", remedy)]
    needed = [Requirement(line) for line in requires(PACKAGE) or []]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong, well = [], [f"hfkit {version(PACKAGE)}", f"Python {python}"]
    for requirement in needed:
        installed = _find_version(requirement.name)
        if installed is not None and requirement.specifier.contains(installed, prereleases=True):
            well.append(f"{requirement.name} {installed}")
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        detail = f"{requirement.name} {installed or 'is missing'}, where hfkit needs {requirement.specifier or 'any version'}"
        wrong.append(Finding("packages", "error", detail, f"Run: pip install '{wanted}'"))
    return [*wrong, Finding("packages", "ok", f"in the supported ranges: {', '.join(well)}")]


def check_imports() -> list[Finding]:
    """Import what has to be built for each other: a torchvision of another torch is in its range, and ends every training."""
    for name in _BUILT:
        try:
            import_module(name)
        except Exception as error:  # compiled code raises what it likes
            package = name.partition(".")[0]
            detail = f"{package} {_find_version(package)} cannot be imported ({type(error).__name__}: {first_sentence(error)})"
            remedy = "Run: pip install --force-reinstall torch torchvision, both in one command and from one index"
            return [Finding("packages", "error", detail, f"{remedy}; then {package}, if it still fails.")]
    return []


def _find_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
