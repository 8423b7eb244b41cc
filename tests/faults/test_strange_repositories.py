"""A hostile repository gets findings, or is ok: never a traceback, code that runs, a file that is followed, or no end."""

import json
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults.campaign import Outcome, Record, attempt, report
from hostile_configurations import save_tiny
from strange_repositories import MARK, PARTS, Files, StrangeRepository, make_repository

from hfkit.connection import redact
from hfkit.errors import UserError, first_sentence, is_memory_full
from hfkit.hub import check as check_module
from hfkit.hub import limited_process, pushed_run
from hfkit.hub.strange_flags import safe_argv
from hfkit.models.checked_loading import read_shapes
from hfkit.prediction.loading import open_pipeline
from hfkit.visible import visible

COUNT = sum(map(len, PARTS))
"""Of hostile parts, each of which is tried alone by a seed of its own, and then several at once."""
NIGHTS = {"hfkit-text": 600, "hfkit-transformers-image": 200, "hfkit-timm": 200}
QUICK = range(0, COUNT, 9)
_OTHERS = (".json", ".txt", ".safetensors")
"""What `fetch_model` takes."""
_FORBIDDEN = {"--output_dir", "--feature_cache", "--report_to", "--push_to_hub", "--config"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """Return the files of a model of a family."""
    made: dict[str, Files] = {}

    def of(family: str) -> Files:
        if family not in made:
            folder = save_tiny(family, tmp_path_factory.mktemp(family))
            made[family] = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        return made[family]

    return of


@contextmanager
def limits(weight_bytes: int) -> Iterator[None]:
    """Let a block take no more time and memory than the process of `hub check` would.

    Raises:
        TimeoutError: It takes more time.
        AssertionError: It took more memory.

    """

    def stop(*_: object) -> None:
        raise TimeoutError("it takes too long")

    before, handler = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, signal.signal(signal.SIGALRM, stop)
    signal.alarm(int(limited_process.time_limit(weight_bytes)))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert taken < limited_process.memory_limit(weight_bytes), f"it took {taken:,} bytes"


def run_here(function: Callable[..., Any], arguments: tuple[Any, ...], weight_bytes: int) -> Any:
    """Stand for `run_limited` in this process."""
    try:
        with limits(weight_bytes):
            return json.loads(json.dumps(function(*arguments)))
    except (TimeoutError, AssertionError):
        raise
    except BaseException as error:
        reason = "it needs more memory" if is_memory_full(error) else first_sentence(ValueError(redact(error)))
        raise UserError(reason) from error


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Files], Path]:
    """Return a function that puts a repository into a folder from which hfkit reads in the place of the Hub."""
    here: list[Path] = []

    def read_file(_: str, name: str, __: str, errors: str = "strict") -> str:
        return (here[-1] / name).read_text("utf-8", errors)

    def list_sizes(*_: object) -> tuple[str, dict[str, int]]:
        files = [path for path in here[-1].rglob("*") if path.is_file()]
        return "0" * 40, {path.relative_to(here[-1]).as_posix(): path.stat().st_size for path in files}

    for module in (check_module, pushed_run):
        monkeypatch.setattr(module, "list_sizes", list_sizes)
        monkeypatch.setattr(module, "read_file", read_file)
    monkeypatch.setattr(check_module, "_read_header", lambda _, name: read_shapes([here[-1] / name]))
    monkeypatch.setattr(check_module, "run_limited", run_here)

    def fetch(*_: object) -> str:
        fetched = here[-1].with_name(f"{here[-1].name}-fetched")
        fetched.mkdir()
        for path in here[-1].iterdir():
            if path.suffix in _OTHERS:
                (fetched / path.name).write_bytes(path.read_bytes())
        return str(fetched)

    monkeypatch.setattr(check_module, "fetch_model", fetch)
    monkeypatch.setenv(MARK, str(tmp_path / "ran"))

    def put(files: Files) -> Path:
        folder = tmp_path / f"repository-{len(here)}"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        here.append(folder)
        return folder

    return put


def check(repository: StrangeRepository) -> str:
    """Look at the repository that was placed last as `hub check` does, and return what is silently wrong, or nothing."""
    findings = check_module.check_repository("me/strange")
    if repository.found and all(finding.well for finding in findings):
        return "all is said to be well"
    odd = [each for each in findings if visible(each.detail) != each.detail or len(each.detail) > 600]
    return f"{odd[0]} is no line that a person reads" if odd else ""


def reproduce(_: StrangeRepository) -> str:
    """Read what it says of its run as `reproduce` does."""
    pushed = pushed_run.read_pushed_run("me/strange")
    try:
        argv = safe_argv(pushed.flags, pushed.task, None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # which `reproduce` tells, too
        raise UserError(f"It was changed ({first_sentence(error)}).") from error
    return "it would decide where something goes" if _FORBIDDEN & set(argv) else ""


def predict(folder: Path, _: StrangeRepository) -> str:
    """Open it as `predict` does."""
    with limits(0):
        open_pipeline(str(folder))
    return ""


def try_repositories(model: Files, seeds: range, place: Callable[[Files], Path], mark: Path) -> Iterator[Outcome]:
    """Use the repositories of seeds in each way."""
    for seed in seeds:
        repository = make_repository(model, seed)
        folder = place(repository.files)
        ways: dict[str, Callable[[StrangeRepository], str]] = {
            "hub check": check,
            "reproduce": reproduce,
            "predict": partial(predict, folder),
        }
        for name, way in ways.items():
            outcome = attempt(
                f"whole repositories, {name}", f"seed {seed}, {repository.kind}", partial(way, repository)
            )
            if mark.exists():
                outcome = Outcome(outcome.input, outcome.fault, "silently wrong", "its code ran")
                mark.unlink()
            yield outcome


@pytest.mark.filterwarnings("ignore")
def test_an_honest_one_is_well(models: Callable[[str], Files], place: Callable[[Files], Path]) -> None:
    repository = make_repository(models("hfkit-text"), 0)
    files = {
        **models("hfkit-text"),
        **{name: repository.files[name] for name in ("README.md", "hfkit.yaml", "summary.json")},
    }
    place(files)
    findings = check_module.check_repository("me/strange")
    assert all(finding.well for finding in findings), findings
    assert reproduce(repository) == ""


@pytest.mark.filterwarnings("ignore")
def test_some(
    models: Callable[[str], Files], place: Callable[[Files], Path], tmp_path: Path, record_property: Record
) -> None:
    assert report(try_repositories(models("hfkit-text"), QUICK, place, tmp_path / "ran"), record_property) == []


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", NIGHTS)
def test_all(
    family: str,
    models: Callable[[str], Files],
    place: Callable[[Files], Path],
    tmp_path: Path,
    record_property: Record,
) -> None:
    seeds = range(NIGHTS[family])
    assert report(try_repositories(models(family), seeds, place, tmp_path / "ran"), record_property) == []
