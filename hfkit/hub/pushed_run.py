"""What a repository says of the run that it was pushed from; all of it is a stranger's."""

from dataclasses import dataclass
from typing import Any

import yaml

from ..errors import UserError, first_sentence
from ..flags.configuration import CONFIGURATION_FILE, parse_configuration
from ..models.config_checks import parse_json
from ..report.summary import SUMMARY_FILE
from .client import hub_errors, read_file
from .fetch import list_sizes
from .read_card import read_card

_REPORT = "report/classification_report.json"
_LARGEST = 1_000_000
"""Bytes of a file that a run wrote."""
_LARGEST_REPORT = 50_000_000
"""The same of a report, which has a confusion matrix."""
_MOST_CLASSES = 5000


@dataclass(frozen=True)
class PushedRun:
    """What is said of a run.

    Attributes:
        results: Those of the card, by split and metric.
        task: Of `pipeline()`.
        report: On one split, with its confusion matrix; empty where there is none.
        flags: Those of its `hfkit.yaml`, which a stranger may have written.

    """

    results: dict[tuple[str, str], float]
    task: str
    report: dict[str, Any]
    flags: dict[str, Any]


def read_pushed_run(repo_id: str, revision: str | None = None) -> PushedRun:
    """Fetch and read what a repository says of its run.

    Raises:
        UserError: A file is not there, is too large, or is not what hfkit writes.

    """
    commit, sizes = list_sizes(repo_id, revision)
    # Without labels there is no report.
    names = ["README.md", CONFIGURATION_FILE, SUMMARY_FILE, *([_REPORT] if _REPORT in sizes else [])]
    for name in names:
        if sizes.get(name, 0) > (_LARGEST_REPORT if name == _REPORT else _LARGEST):
            raise UserError(
                f"{name} of {repo_id} has {sizes[name] / 1e6:,.1f} MB and is not read: hfkit writes no such file."
            )
    with hub_errors(repo_id):
        files = {name: read_file(repo_id, name, commit) for name in names}
    try:
        content = parse_configuration(files[CONFIGURATION_FILE], f"{CONFIGURATION_FILE} of {repo_id}")
        results = getattr(read_card(files["README.md"]), "eval_results", None) or []
        return PushedRun(
            {(str(r.dataset_split), str(r.metric_type)): float(r.metric_value) for r in results},
            parse_json(files[SUMMARY_FILE], SUMMARY_FILE)["task"],
            _check_report(parse_json(files.get(_REPORT, "{}"), _REPORT)),
            {**content.filled_in, **content.flags},
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as error:
        raise UserError(
            f"{repo_id} was not pushed by hfkit, or its files were changed ({first_sentence(error)})."
        ) from error


def _check_report(report: dict[str, Any]) -> dict[str, Any]:
    """Refuse a report whose confusion matrix is none, before a training is compared with it.

    Raises:
        ValueError: As above.

    """
    confusion = report.get("confusion")
    if confusion is None:
        return report
    is_square = isinstance(confusion, list) and 0 < len(confusion) <= _MOST_CLASSES
    rows = confusion if is_square else []
    counts = all(isinstance(row, list) and len(row) == len(rows) for row in rows) and all(
        isinstance(count, int) and 0 <= count < 2**53 for row in rows for count in row
    )
    if not (is_square and counts and isinstance(report.get("split"), str)):
        raise ValueError(f"{_REPORT} has no confusion matrix of a split")
    return report
