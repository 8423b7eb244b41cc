"""What travels to the Hub of a run: its model, its results, its card and its flags, checked against what the run saved."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..data.kept_columns import is_own
from ..errors import UserError
from ..files import format_table, write_file
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..models import list_code
from ..run_folders.manifest import card_files, checksums, model_files
from .card import build_card
from .client import validate_card
from .public_summary import write_public_settings

RESULT_FILES = ("all_results.json", "eval_results.json", "test_results.json", "summary.json")
REPORT_FILES = (
    "confusion_matrix.png",
    "f1_by_label.png",
    "curves.png",
    "classification_report.json",
    "epochs.csv",
    "baselines.csv",
    "abstention.md",
)
"""Of a run's `report/`: what shows no rows of the data."""
PREDICTION_FILES = ("predictions.csv", "report/errors.csv")
"""Rows of the data, which are uploaded only where it is asked for."""
OWN_FILES = (*RESULT_FILES, *(f"report/{name}" for name in REPORT_FILES), *PREDICTION_FILES)


def collect(
    run: Path,
    folder: Path,
    repo_id: str,
    license_name: str,
    language: str | None,
    predictions: bool = False,
    name_private: bool = False,
) -> str:
    """Copy what others need of a run into a new folder, and return the tag of this model.

    Raises:
        UserError: The card is not valid, or a file names a folder of this machine, or what is private on the Hub.

    """
    check_manifest(run)
    (folder / "report").mkdir(parents=True)
    names = [name for name in OWN_FILES if predictions or name not in PREDICTION_FILES]
    files = [*model_files(run), *(run / name for name in names if (run / name).exists())]
    for file in files:
        shutil.copy(file, folder / file.relative_to(run))
    for name in PREDICTION_FILES:
        _drop_kept_columns(folder / name)
    private = write_public_settings(run, folder, name_private)
    content = {**checksums(folder, [path for path in folder.rglob("*") if path.is_file()])}
    content |= {"license": license_name, "language": str(language)}
    tag = f"hfkit-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]}"
    card = build_card(run, folder, repo_id, tag, license_name, language)
    card.save(folder / "README.md")
    check_manifest(run)  # once more, behind the last file that was read
    _check_privacy(folder, run, [name for name in private if name != repo_id])
    validate_card(card, repo_id)
    return tag


def _drop_kept_columns(file: Path) -> None:
    """Take the user's other columns, such as ids, out of a table of predictions."""
    if file.exists():
        table = pd.read_csv(file, dtype=str, keep_default_na=False, lineterminator="\n")
        write_file(file, format_table(table[[column for column in table.columns if is_own(column)]]))


def check_run(run: Path) -> None:
    """Refuse a folder that is no whole run."""
    needed = ("config.json", "manifest.json", "proof/rows.json", "all_results.json", "summary.json", "env.json")
    for name in (*needed, CONFIGURATION_FILE):
        if not (run / name).is_file():
            raise UserError(f"{run} is no finished run of hfkit: {name} is missing.")


def check_manifest(run: Path) -> None:
    """Compare the files with the sums that the run noted at its end, and what config.json names with what is there."""
    manifest = dict(json.loads((run / "manifest.json").read_text(encoding="utf-8")))
    model = model_files(run)
    sums = checksums(run, [*model, *card_files(run)])
    changes = [f"{name} is missing" for name in manifest if name not in sums]
    changes += [f"{path.name} is new" for path in model if path.name not in manifest]
    changes += [f"{name} is another one" for name in sums if name in manifest and sums[name] != manifest[name]]
    if changes:
        raise UserError(
            f"{run} is not what its run saved: {'; '.join(changes)} (SHA-256 in manifest.json). Nothing was pushed."
        )
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    missing = sorted({f"{name.partition('.')[0]}.py" for name in list_code(config)} - set(sums))
    if missing or not config.get("auto_map"):
        raise UserError(f"{run}: config.json names code that is not there ({', '.join(missing) or 'no auto_map'}).")
    for file in (run / "tokenizer_config.json", run / "preprocessor_config.json"):
        code = list_code(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else []
        if code:  # as earlier versions took it over from a backbone
            raise UserError(
                f"{file} names code of others ({', '.join(code)}), which would run wherever the model is loaded with "
                "trust_remote_code=True: train it again, which leaves that out. Nothing was pushed."
            )


def _check_privacy(folder: Path, run: Path, private: Sequence[str] = ()) -> None:
    """Refuse to upload the name of a folder of this machine, or a private id; words of the data may look like one."""
    flags = read_configuration(run / CONFIGURATION_FILE).flags
    named = [Path(str(flags[name])).expanduser() for name in ("dataset", "backbone", "weights") if flags.get(name)]
    folders = {Path.home(), Path.cwd(), run.resolve(), Path(tempfile.gettempdir())}
    folders |= {path.parent for path in named if path.is_absolute()}
    words = "|".join(re.escape(str(folder)) for folder in sorted(folders) if len(folder.parts) > 1)
    pattern = re.compile(rf"(?<![\w./-])({words})/")
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".yaml", ".md", ".csv", ".txt") and file.name not in _WORDS_OF_OTHERS:
            text = file.read_text(encoding="utf-8")
            if match := pattern.search(text):
                raise UserError(f"{file.name} names the folder {match[1]} of this machine: nothing was pushed.")
            if there := [name for name in private if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", text)]:
                raise UserError(
                    f"{file.name} names {there[0]}, which is private: nothing was pushed; --name_private allows it."
                )


_WORDS_OF_OTHERS = ("tokenizer.json", "predictions.csv", "errors.csv")
