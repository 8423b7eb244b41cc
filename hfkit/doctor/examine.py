"""All checks, each of which may fail without ending the others."""

from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import UserError, first_sentence
from .finding import Finding

_REINSTALL = (
    "Install the packages again that the sentence names; if it stays, report it with the output of hfkit doctor --json."
)


def examine(model: str | None = None, with_round_trip: bool = True) -> Iterator[Finding]:
    """Look at what hfkit needs, and yield what was found, one by one.

    Args:
        model: A folder or Hub id whose files are looked at, too.
        with_round_trip: Whether a tiny model is trained, saved and loaded again, which takes half a minute.

    """
    checks: list[tuple[str, Callable[[], list[Finding]]]] = [
        ("packages", _check_packages),
        ("machine", _check_computer),
        ("caches", _check_caches),
        ("network", _check_network),
    ]
    for what, check in checks:
        yield from _guard(what, check)
    if model is not None:
        name = model
        yield from _guard("model", lambda: _check_model(name))
    if with_round_trip:
        yield from _guard("round trip", _check_round_trip)


def _guard(what: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """Run a check; one that fails itself is a finding."""
    try:
        return check()
    except UserError as error:
        return [Finding(what, "error", f"{error}".rstrip("."), "Mend what the sentence says.")]
    except Exception as error:  # a broken package may raise anything
        return [Finding(what, "error", f"{type(error).__name__}: {first_sentence(error)}", _REINSTALL)]


# Imported one by one: where torch is broken, what is said of the packages is wanted most.


def _check_packages() -> list[Finding]:
    from .packages import check_imports, check_packages

    return [*check_packages(), *check_imports()]


def _check_computer() -> list[Finding]:
    from .caches import cache_folders
    from .computer import check_devices, check_disk, check_memory, check_precision, check_threads

    disks = check_disk([Path.cwd(), *(folder for folder, _ in cache_folders().values())])
    return [*check_devices(), *check_precision(), *check_threads(), *check_memory(), *disks]


def _check_caches() -> list[Finding]:
    from .caches import check_caches

    return check_caches()


def _check_network() -> list[Finding]:
    from .network import check_network, check_token

    return [*check_network(), *check_token()]


def _check_model(name: str) -> list[Finding]:
    from .model import check_model

    return check_model(name)


def _check_round_trip() -> list[Finding]:
    from .round_trip import check_round_trip

    return check_round_trip()
