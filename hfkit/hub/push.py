"""Push a run to the Hub with proof: before anything is uploaded, and once more from what was uploaded."""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from ..data.kept_columns import is_own
from ..errors import UserError
from ..files import format_table, write_file
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..models import list_code
from ..run_folders.manifest import card_files, checksums, is_model_file, model_files
from .card import build_card
from .client import HTTPError, end_silent_connections, hub_errors, redact, retry
from .proof import prove
from .public_flags import public_configuration

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
_OURS = (*RESULT_FILES, *(f"report/{name}" for name in REPORT_FILES), *PREDICTION_FILES)
_OF_OTHER_MODELS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "pytorch_model.bin")
"""Names that other libraries give to a model, and that `pipeline()` would load in the place of ours."""
COMMIT_MESSAGE = "Push a proven model by hfkit"
PUSH_FILE = "pushed.json"


def push_run(
    run: Path,
    repo_id: str,
    license_name: str,
    language: str | None = None,
    private: bool = False,
    predictions: bool = False,
) -> dict[str, Any]:
    """Prove a run's model, upload it in one commit, load it back, prove it again, and tag the commit.

    Args:
        run: The run's folder.
        repo_id: `USER/NAME` on the Hub; it is made if it is not there.
        license_name: The model's license, by the Hub's name for it, such as `mit`.
        language: Language of the texts, such as `en`.
        private: Whether the repository is private; one that is there and public is refused then.
        predictions: Upload the predictions on held-out rows too, with what was classified.

    Returns:
        `repo_id`, `commit`, `tag`, `proven`, and the line of Python that loads exactly this model; also kept in the run.

    Raises:
        UserError: The proof fails (nothing is uploaded then), or the Hub refuses.

    """
    _check_run(run)
    check_can_push(repo_id, license_name, language)
    task = json.loads((run / "proof" / "rows.json").read_text(encoding="utf-8"))["task"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        tag = collect(run, folder, repo_id, license_name, language, predictions)
        print(f"Proof of {run}: {prove(run, str(folder))}. Uploading ...", flush=True)
        with hub_errors(repo_id):
            commit = _upload(folder, repo_id, private)
        line = f'pipeline("{task}", model="{repo_id}", revision="{commit}", trust_remote_code=True)'
        pushed = {"repo_id": repo_id, "commit": commit, "tag": tag, "proven": False, "python": line}
        write_file(run / PUSH_FILE, json.dumps(pushed, indent=2) + "\n")
        print(f"Uploaded to {repo_id} in one commit, {commit}.", flush=True)
        try:
            _prove_upload(run, folder, repo_id, commit, Path(name) / "cache")
        except UserError as error:
            raise UserError(
                f"Commit {commit} is on the Hub, but it is not proven: {error} Push again, or take it back there."
            ) from error
        with hub_errors(repo_id):
            retry(lambda: HfApi().create_tag(repo_id, tag=tag, revision=commit, exist_ok=True))
    pushed["proven"] = True
    write_file(run / PUSH_FILE, json.dumps(pushed, indent=2) + "\n")
    print(
        f"Commit {commit}, tag {tag}. To load exactly this model:\n\nfrom transformers import pipeline\n{line}",
        flush=True,
    )
    return pushed


def _prove_upload(run: Path, folder: Path, repo_id: str, commit: str, cache: Path) -> None:
    """Compare every file of a commit with what was uploaded, and prove the model that is there."""
    with hub_errors(repo_id):
        back = Path(retry(lambda: snapshot_download(repo_id, revision=commit, cache_dir=cache)))
    _compare_files(folder, back, repo_id)
    print(f"Proof of what is on the Hub: {prove(run, repo_id, commit)}.", flush=True)


def check_can_push(repo_id: str | None, license_name: str | None, language: str | None = None) -> None:
    """Find out before training whether it can be pushed afterwards.

    Raises:
        UserError: A name or a license is missing or none that the Hub knows, or the token is, or it cannot write there.

    """
    if not repo_id or not license_name:
        raise UserError(
            "--push_to_hub needs --hub_model_id USER/NAME and --license, the license of your model by the Hub's name for it, "
            "such as mit, apache-2.0 or cc-by-4.0."
        )
    if repo_id.count("/") != 1:
        raise UserError(f"{repo_id} is no name for a repository: write USER/NAME.")
    with hub_errors(repo_id):
        validate_repo_id(repo_id)
        end_silent_connections()
        account = retry(HfApi().whoami)
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise UserError(f"{repo_id}: the token may only read: make one with write access.")
    spaces = [account["name"], *(organization["name"] for organization in account.get("orgs", []))]
    if repo_id.partition("/")[0] not in spaces:
        raise UserError(
            f"{repo_id}: the token is of {account['name']}; write one of {', '.join(spaces)} before the slash."
        )
    front = yaml.safe_dump({"license": license_name, **({"language": language} if language else {})})
    _validate(ModelCard(f"---\n{front}---\n"), repo_id)


def _validate(card: ModelCard, repo_id: str) -> None:
    """Have the Hub check a card's front matter."""
    with hub_errors(repo_id):
        try:
            retry(card.validate)
        except ValueError as error:
            raise UserError(f"{repo_id}: the card is not valid ({redact(error)}).") from error


def collect(
    run: Path, folder: Path, repo_id: str, license_name: str, language: str | None, predictions: bool = False
) -> str:
    """Copy what others need of a run into a new folder, and return the tag of this model.

    Raises:
        UserError: The card is not valid, or a file names a folder of this machine.

    """
    _check_manifest(run)
    (folder / "report").mkdir(parents=True)
    names = [name for name in _OURS if predictions or name not in PREDICTION_FILES]
    files = [*model_files(run), *(run / name for name in names if (run / name).exists())]
    for file in files:
        shutil.copy(file, folder / file.relative_to(run))
    for name in PREDICTION_FILES:
        _drop_kept_columns(folder / name)
    _write_public_configuration(run, folder)
    content = {**checksums(folder, [path for path in folder.rglob("*") if path.is_file()])}
    content |= {"license": license_name, "language": str(language)}
    tag = f"hfkit-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]}"
    card = build_card(run, repo_id, tag, license_name, language)
    card.save(folder / "README.md")
    _check_manifest(run)  # once more, behind the last file that was read
    _check_privacy(folder, run)
    _validate(card, repo_id)
    return tag


def _drop_kept_columns(file: Path) -> None:
    """Take the user's other columns, such as ids, out of a table of predictions."""
    if file.exists():
        table = pd.read_csv(file, dtype=str, keep_default_na=False, lineterminator="\n")
        write_file(file, format_table(table[[column for column in table.columns if is_own(column)]]))


def _check_run(run: Path) -> None:
    """Refuse a folder that is no whole run."""
    needed = ("config.json", "manifest.json", "proof/rows.json", "all_results.json", "summary.json", "env.json")
    for name in (*needed, CONFIGURATION_FILE):
        if not (run / name).is_file():
            raise UserError(f"{run} is no finished run of hfkit: {name} is missing.")


def _check_manifest(run: Path) -> None:
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


def _write_public_configuration(run: Path, folder: Path) -> None:
    """Write the flags that the result depends on, without what names files of this machine."""
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    public = public_configuration(read_configuration(run / CONFIGURATION_FILE), summary)
    header = "# Runs this again: --config with this file; local data has to be named again by --dataset.\n"
    write_file(folder / CONFIGURATION_FILE, public.text(header))


def _check_privacy(folder: Path, run: Path) -> None:
    """Refuse to upload the name of a folder of this machine; words of the data and of the tokenizer may look like one."""
    flags = read_configuration(run / CONFIGURATION_FILE).flags
    named = [Path(str(flags[name])).expanduser() for name in ("dataset", "backbone", "weights") if flags.get(name)]
    folders = {Path.home(), Path.cwd(), run.resolve(), Path(tempfile.gettempdir())}
    folders |= {path.parent for path in named if path.is_absolute()}
    words = "|".join(re.escape(str(folder)) for folder in sorted(folders) if len(folder.parts) > 1)
    pattern = re.compile(rf"(?<![\w./-])({words})/")
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".yaml", ".md", ".csv", ".txt") and file.name not in _WORDS_OF_OTHERS:
            match = pattern.search(file.read_text(encoding="utf-8"))
            if match:
                raise UserError(f"{file.name} names the folder {match[1]} of this machine: nothing was pushed.")


_WORDS_OF_OTHERS = ("tokenizer.json", "predictions.csv", "errors.csv")


def _upload(folder: Path, repo_id: str, private: bool) -> str:
    """Make the repository where it is missing, and upload all files in one commit; return its hash."""
    api = HfApi()
    retry(lambda: api.create_repo(repo_id, private=private or None, exist_ok=True))
    try:
        there = retry(lambda: api.model_info(repo_id))
    except RepositoryNotFoundError as error:
        raise UserError(f"The name {repo_id} is taken by something that is no model: choose another one.") from error
    if private and not there.private:
        raise UserError(
            f"{repo_id} is there already, and public: nothing was pushed; make it private on the Hub first."
        )
    head = there.sha
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in files
    ]
    ours = {operation.path_in_repo for operation in operations}
    old = [name for name in retry(lambda: api.list_repo_files(repo_id, revision=head)) if _is_replaced(name)]
    old = [name for name in old if name not in ours]
    if old:
        print(
            f"Files of an earlier push or of another model go (its history keeps them): {', '.join(old)}.", flush=True
        )
    operations += [CommitOperationDelete(name) for name in old]
    return retry(lambda: _commit(api, repo_id, operations, str(head)))


def _is_replaced(name: str) -> bool:
    """Whether a file in the repository would be taken for a part of this model, or of what is said of it."""
    return is_model_file(name) or name in _OURS or name in _OF_OTHER_MODELS


def _commit(api: HfApi, repo_id: str, operations: list[Any], head: str) -> str:
    """Make the commit behind `head` and return its hash; where the answer is an error, look whether it was made after all.

    An answer can get lost. With its parent named, the commit can be made once only; what it holds is compared later.
    """
    try:
        made = api.create_commit(repo_id, operations, commit_message=COMMIT_MESSAGE, parent_commit=head)
        return str(made.oid)
    except (HTTPError, ConnectionError) as error:
        newest = api.list_repo_commits(repo_id)[0]
        if newest.commit_id == head or newest.title != COMMIT_MESSAGE:
            raise
        print(f"The Hub's answer was lost ({redact(error)}), but the commit is there.", flush=True)
        return str(newest.commit_id)


def _compare_files(folder: Path, back: Path, repo_id: str) -> None:
    """Refuse what came back changed, or with files of another model beside it."""
    sums = checksums(folder, [path for path in folder.rglob("*") if path.is_file()])
    back_sums = checksums(back, [path for path in back.rglob("*") if path.is_file() and path.name != ".gitattributes"])
    older = [name for name in back_sums if name not in sums and not _is_replaced(name)]  # of others
    names = sorted(name for name, _ in set(sums.items()) ^ set(back_sums.items()) if name not in older)
    if names:
        raise UserError(f"{repo_id} does not hold what was uploaded: {', '.join(names)} differ.")
