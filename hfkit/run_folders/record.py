"""What a run was about and what came of it, read from its own files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..flags.configuration import CONFIGURATION_FILE, Configuration, read_configuration
from .manifest import RESULTS_FILE
from .state import READING_ERRORS, SUMMARY_FILE, RunState, find_state, measure_folder, read_json

LADDER_FILE = "ladder.json"
_SECONDS = ("train_runtime", "train_feature_seconds", "eval_runtime", "test_runtime")
_WITHOUT_NET = "no net"


@dataclass(frozen=True)
class Score:
    """An accuracy with its 95 % interval; the ends are None where the run did not write them and they cannot be computed."""

    accuracy: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RunRecord:
    """What a run was about and what came of it; texts are as they stand in its files.

    Attributes:
        folder: Of the run.
        state: What became of it.
        dataset: As the flag has it; empty where that is not known, as below.
        backbone: Its name; of a path the last part.
        trains: The head, and which layers of the backbone.
        validation: Accuracy there.
        test: The same of test.
        minutes: What training and predicting took.
        bytes: Of the folder.
        written: When the newest file in it was written, in seconds since 1970.

    """

    folder: Path
    state: RunState
    dataset: str = ""
    backbone: str = ""
    trains: str = ""
    validation: Score | None = None
    test: Score | None = None
    minutes: float | None = None
    bytes: int = 0
    written: float = 0.0


def read_record(folder: Path) -> RunRecord:
    """Read a run; what is damaged marks it as such and leaves a gap, and is no error."""
    state, size = find_state(folder), measure_folder(folder)
    record = RunRecord(folder, state, bytes=size.bytes, written=size.written)
    for add in (_add_flags, _add_results):
        try:
            record = add(record)
        except READING_ERRORS as error:
            detail = state.detail or f"{' '.join(str(error).split()).rstrip('.') or type(error).__name__}"
            status = state.status if state.status == "running" else "damaged"
            record = replace(record, state=RunState(status, detail, state.checkpoints))
    return record


def read_run_configuration(folder: Path) -> Configuration:
    """Return a run's flags; none where it has no `hfkit.yaml`, as a rung without a net.

    Raises:
        UserError: It cannot be read, or is none.

    """
    file = folder / CONFIGURATION_FILE
    if not file.is_file():
        return Configuration({})
    return read_configuration(file)


def _add_flags(record: RunRecord) -> RunRecord:
    """Add data, backbone and what trains."""
    configuration = read_run_configuration(record.folder)
    flags = {**configuration.filled_in, **configuration.flags}
    if not flags:
        return _add_ladder(record)
    return replace(
        record,
        dataset=_text(flags.get("dataset")),
        backbone=Path(_text(flags.get("backbone"))).name,
        trains=_describe_trained(flags),
    )


def _add_ladder(record: RunRecord) -> RunRecord:
    """Add the data of a rung without a net from the ladder that it is of."""
    flags = read_json(record.folder.parent / LADDER_FILE).get("flags") or {}
    return replace(record, dataset=_text(flags.get("dataset")), trains=_WITHOUT_NET if flags else "")


def _describe_trained(flags: Mapping[str, Any]) -> str:
    """Say in a few words what is trained."""
    head = f"{_text(flags.get('head')) or 'default'} head"
    ngrams = flags.get("ngrams")
    if ngrams not in (None, "none", ["none"]):
        head += " and n-grams"
    if flags.get("solver") == "convex":
        return f"{head}, solved"
    if flags.get("solver") == "both":
        head += ", solved first"
    if flags.get("peft") == "lora":
        return f"{head} and LoRA adapters"
    layers = _text(flags.get("unfreeze_from"))
    return {"none": head, "all": f"{head}, all layers", "": head}.get(layers, f"{head}, from {layers}")


def _text(value: object) -> str:
    """Return a flag's value as text; of what can be no flag nothing."""
    if value is None:
        return ""
    return str(value)[:300] if isinstance(value, str | int | float) else "?"


def _add_results(record: RunRecord) -> RunRecord:
    """Add scores and minutes."""
    results = read_json(record.folder / RESULTS_FILE)
    rows = read_json(record.folder / SUMMARY_FILE).get("rows") or {}
    seconds = [_number(results.get(name)) or 0.0 for name in _SECONDS]
    return replace(
        record,
        validation=_read_score(results, "eval", _number(rows.get("validation"))),
        test=_read_score(results, "test", _number(rows.get("test"))),
        minutes=sum(seconds) / 60 if "train_runtime" in results else None,
    )


def _read_score(results: Mapping[str, Any], prefix: str, rows: float | None) -> Score | None:
    """Return an accuracy with its interval, which runs of earlier versions did not write: then Wilson's of the split's rows."""
    accuracy, low, high = (_number(results.get(f"{prefix}_accuracy{end}")) for end in ("", "_low", "_high"))
    if accuracy is None:
        return None
    if (low is None or high is None) and rows and 0 <= accuracy <= 1:
        from ..evaluation.intervals import accuracy_interval  # scipy takes a second, and newer runs have no need of it

        low, high = accuracy_interval(round(accuracy * rows), int(rows))
    return Score(accuracy, low, high)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def to_json(record: RunRecord, name: str, with_test: bool) -> dict[str, Any]:
    """Return a record as what JSON can hold."""
    scores = {"validation": record.validation, **({"test": record.test} if with_test else {})}
    content: dict[str, Any] = {
        "run": name,
        "folder": str(record.folder),
        "status": record.state.status,
        "detail": record.state.detail,
        "can_be_resumed": record.state.can_be_resumed,
        "dataset": record.dataset,
        "backbone": record.backbone,
        "trains": record.trains,
    }
    for split, score in scores.items():
        content[f"{split}_accuracy"] = score.accuracy if score else None
        content[f"{split}_accuracy_low"] = score.low if score else None
        content[f"{split}_accuracy_high"] = score.high if score else None
    return {**content, "minutes": record.minutes, "bytes": record.bytes, "written": record.written}
