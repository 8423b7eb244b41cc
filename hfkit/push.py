"""Push a run to the Hub with proof: before anything is uploaded, and once more from what was uploaded."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from .card import build_card
from .errors import UserError
from .files import write_file
from .hub import hub_errors
from .launch import CONFIGURATION_FILE
from .proof import checksums, is_model_file, model_files, prove
from .run_summary import is_local

RESULT_FILES = ("all_results.json", "eval_results.json", "test_results.json", "summary.json")
REPORT_FILES = ("confusion_matrix.png", "curves.png", "classification_report.json", "epochs.csv")
"""Of a run's `report/`: what shows no rows of the data."""
PUSH_FILE = "pushed.json"


def push_run(
    run: Path, repo_id: str, license_name: str, language: str | None = None, private: bool = False
) -> dict[str, str]:
    """Prove a run's model, upload it in one commit, load it back, prove it again, and tag the commit.

    Args:
        run: The run's folder.
        repo_id: `USER/NAME` on the Hub; it is made if it is not there.
        license_name: The model's license, by the Hub's name for it, such as `mit`.
        language: Language of the texts, such as `en`.
        private: Whether a new repository is private.

    Returns:
        `repo_id`, `commit`, `tag`, and the line of Python that loads exactly this model; also kept in the run.

    Raises:
        UserError: The proof fails (nothing is uploaded then), or the Hub refuses.

    """
    _check_run(run)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        tag = collect(run, folder, repo_id, license_name, language)
        print(f"Proof of {run}: {prove(run, str(folder))}.", flush=True)
        with hub_errors(repo_id):
            commit = _upload(folder, repo_id, private)
        print(f"Uploaded to {repo_id} in one commit, {commit}.", flush=True)
        with hub_errors(repo_id):
            back = Path(snapshot_download(repo_id, revision=commit, cache_dir=Path(name) / "cache"))
        _compare_files(folder, back, repo_id)
        print(f"Proof of what is on the Hub: {prove(run, repo_id, commit)}.", flush=True)
        with hub_errors(repo_id):
            HfApi().create_tag(repo_id, tag=tag, revision=commit, exist_ok=True)
    task = json.loads((run / "proof" / "rows.json").read_text(encoding="utf-8"))["task"]
    line = f'pipeline("{task}", model="{repo_id}", revision="{commit}", trust_remote_code=True)'
    pushed = {"repo_id": repo_id, "commit": commit, "tag": tag, "python": line}
    write_file(run / PUSH_FILE, json.dumps(pushed, indent=2) + "\n")
    print(
        f"Commit {commit}, tag {tag}. To load exactly this model:\n\nfrom transformers import pipeline\n{line}",
        flush=True,
    )
    return pushed


def check_can_push(repo_id: str | None, license_name: str | None) -> None:
    """Find out before training whether it can be pushed afterwards.

    Raises:
        UserError: A name or a license is missing, or the token is, or it cannot write.

    """
    if not repo_id or not license_name:
        raise UserError(
            "--push_to_hub needs --hub_model_id USER/NAME and --license, the license of your model by the Hub's name for it, "
            "such as mit, apache-2.0 or cc-by-4.0."
        )
    with hub_errors(repo_id):
        validate_repo_id(repo_id)
        token = HfApi().whoami().get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise UserError(f"{repo_id}: the token may only read: make one with write access.")


def collect(run: Path, folder: Path, repo_id: str, license_name: str, language: str | None) -> str:
    """Copy what others need of a run into a new folder, and return the tag of this model.

    Raises:
        UserError: The card is not valid, or a file names a folder of this machine.

    """
    folder.mkdir(parents=True)
    manifest = _check_manifest(run)
    for file in model_files(run):
        shutil.copy(file, folder / file.name)
    for name in RESULT_FILES:
        if (run / name).exists():
            shutil.copy(run / name, folder / name)
    (folder / "report").mkdir()
    for name in REPORT_FILES:
        if (run / "report" / name).exists():
            shutil.copy(run / "report" / name, folder / "report" / name)
    _write_public_configuration(run, folder)
    tag = f"hfkit-{hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:12]}"
    card = build_card(run, repo_id, tag, license_name, language)
    card.save(folder / "README.md")
    _check_privacy(folder, run)
    with hub_errors(repo_id):
        card.validate()
    return tag


def _check_run(run: Path) -> None:
    """Refuse a folder that is no whole run."""
    for name in ("config.json", "manifest.json", "proof/rows.json", CONFIGURATION_FILE, "all_results.json"):
        if not (run / name).is_file():
            raise UserError(f"{run} is no finished run of hfkit: {name} is missing.")


def _check_manifest(run: Path) -> dict[str, str]:
    """Compare the files with the sums that the run noted at its end, and what config.json names with what is there."""
    manifest = dict(json.loads((run / "manifest.json").read_text(encoding="utf-8")))
    found = checksums(model_files(run))
    changes = [f"{name} is missing" for name in manifest if name not in found]
    changes += [f"{name} is new" for name in found if name not in manifest]
    changes += [f"{name} is another one" for name in found if name in manifest and found[name] != manifest[name]]
    if changes:
        raise UserError(
            f"{run} is not what its run saved: {'; '.join(changes)} (SHA-256 in manifest.json). Nothing was pushed."
        )
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    code = [*config.get("auto_map", {}).values(), *(p["impl"] for p in config.get("custom_pipelines", {}).values())]
    missing = sorted({f"{name.partition('.')[0]}.py" for name in code} - set(found))
    if missing or not config.get("auto_map"):
        raise UserError(f"{run}: config.json names code that is not there ({', '.join(missing) or 'no auto_map'}).")
    return manifest


def _write_public_configuration(run: Path, folder: Path) -> None:
    """Write the flags without what names folders of this machine."""
    flags = yaml.safe_load((run / CONFIGURATION_FILE).read_text(encoding="utf-8"))
    public = {
        key: value
        for key, value in flags.items()
        if not (isinstance(value, str) and is_local(value)) and not key.startswith(("hub_", "push_"))
    }
    head = "# Runs this again: --config with this file; local data has to be named anew by --dataset.\n"
    write_file(folder / CONFIGURATION_FILE, head + yaml.safe_dump(public, sort_keys=True, allow_unicode=True))


def _check_privacy(folder: Path, run: Path) -> None:
    """Refuse to upload the name of a folder of this machine."""
    private = {str(Path.home()), str(Path.cwd()), str(run.resolve()), tempfile.gettempdir()} - {"/"}
    for file in folder.rglob("*"):
        if file.suffix in (".json", ".yaml", ".md", ".csv", ".txt"):
            text = file.read_text(encoding="utf-8")
            found = next((path for path in private if f"{path}/" in text), None)
            if found:
                raise UserError(f"{file.name} names the folder {found} of this machine: nothing was pushed.")


def _upload(folder: Path, repo_id: str, private: bool) -> str:
    """Make the repository where it is missing, and upload all files in one commit; return its hash."""
    api = HfApi()
    api.create_repo(repo_id, private=private or None, exist_ok=True)
    try:
        head = api.repo_info(repo_id).sha
    except RepositoryNotFoundError as error:
        raise UserError(f"The name {repo_id} is taken by something that is no model: choose another one.") from error
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in files
    ]
    ours = {operation.path_in_repo for operation in operations}
    # Files of another model that was here before would be loaded with this one.
    old = [name for name in api.list_repo_files(repo_id, revision=head) if is_model_file(name) and name not in ours]
    operations += [CommitOperationDelete(name) for name in old]
    made = api.create_commit(repo_id, operations, commit_message="Push a proven model by hfkit", parent_commit=head)
    return str(made.oid)


def _compare_files(folder: Path, back: Path, repo_id: str) -> None:
    """Refuse what came back changed, or with files of another model beside it."""
    sums, found = checksums(model_files(folder)), checksums(model_files(back))
    if sums != found:
        names = sorted({name for name, _ in set(sums.items()) ^ set(found.items())})
        raise UserError(f"{repo_id} does not hold what was uploaded: {', '.join(names)} differ.")
