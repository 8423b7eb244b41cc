"""Push a run to the Hub with proof: before anything is uploaded, and once more from what was uploaded."""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard, snapshot_download
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.utils._validators import validate_repo_id

from ..connection import ask, retry
from ..errors import UserError
from ..files import write_file
from ..run_folders.manifest import checksums, is_model_file
from ..visible import say
from .client import hub_errors, look_up, validate_card
from .collect import OWN_FILES, check_run, collect
from .commit import make_commit, tag_commit
from .proof import prove

_OF_OTHER_MODELS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "pytorch_model.bin")
"""Names that other libraries give to a model, and that `pipeline()` would load in the place of ours."""
PUSH_FILE = "pushed.json"


def push_run(
    run: Path,
    repo_id: str,
    license_name: str,
    language: str | None = None,
    private: bool = False,
    predictions: bool = False,
    name_private: bool = False,
) -> dict[str, Any]:
    """Prove a run's model, upload it in one commit, load it back, prove it again, and tag the commit.

    Args:
        run: The run's folder.
        repo_id: `USER/NAME` on the Hub; it is made if it is not there.
        license_name: The model's license, by the Hub's name for it, such as `mit`.
        language: Language of the texts, such as `en`.
        private: Whether the repository is private; one that is there and public is refused then.
        predictions: Upload the predictions on held-out rows too, with what was classified.
        name_private: Name a data set and a backbone that are private on the Hub, too.

    Returns:
        `repo_id`, `commit`, `tag`, `proven`, and the line of Python that loads exactly this model; also kept in the run.

    Raises:
        UserError: The proof fails (nothing is uploaded then), or the Hub refuses.

    """
    check_run(run)
    check_can_push(repo_id, license_name, language)
    task = json.loads((run / "proof" / "rows.json").read_text(encoding="utf-8"))["task"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        tag = collect(run, folder, repo_id, license_name, language, predictions, name_private)
        say(f"Proof of {run}: {prove(run, str(folder))}. Uploading ...")
        with hub_errors(repo_id):
            commit = _upload(folder, repo_id, private, tag)
        line = f'pipeline("{task}", model="{repo_id}", revision="{commit}", trust_remote_code=True)'
        pushed = {"repo_id": repo_id, "commit": commit, "tag": tag, "proven": False, "python": line}
        write_file(run / PUSH_FILE, json.dumps(pushed, indent=2) + "\n")
        say(f"Uploaded to {repo_id} in one commit, {commit}.")
        try:
            _prove_upload(run, folder, repo_id, commit, Path(name) / "cache")
        except UserError as error:
            raise UserError(
                f"Commit {commit} is on the Hub, but it is not proven: {error} Push again, or take it back there."
            ) from error
    pushed["proven"] = True
    write_file(run / PUSH_FILE, json.dumps(pushed, indent=2) + "\n")
    try:
        with hub_errors(repo_id):
            tag_commit(repo_id, tag, commit)
    except UserError as error:
        raise UserError(f"Commit {commit} is on the Hub and proven, but has no tag: {error} Push again.") from error
    say(f"Commit {commit}, tag {tag}. To load exactly this model:\n\nfrom transformers import pipeline\n{line}")
    return pushed


def _prove_upload(run: Path, folder: Path, repo_id: str, commit: str, cache: Path) -> None:
    """Compare every file of a commit with what was uploaded, and prove the model that is there."""
    with hub_errors(repo_id):
        back = Path(ask(lambda: snapshot_download(repo_id, revision=commit, cache_dir=cache)))
        _compare_files(folder, back, repo_id)
        say(f"Proof of what is on the Hub: {retry(lambda: prove(run, repo_id, commit))}.")


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
        role, spaces = ask(_read_account)
    if role == "read":
        raise UserError(f"{repo_id}: the token may only read: make one with write access.")
    if repo_id.partition("/")[0] not in spaces:
        raise UserError(f"{repo_id}: the token is of {spaces[0]}; write one of {', '.join(spaces)} before the slash.")
    front = yaml.safe_dump({"license": license_name, **({"language": language} if language else {})})
    validate_card(ModelCard(f"---\n{front}---\n"), repo_id)


def _read_account() -> tuple[str, list[str]]:
    """Return what the token may do, and whose name may stand before the slash: the user's, and the organizations'."""
    account = HfApi().whoami()
    spaces = [account["name"], *(organization["name"] for organization in account.get("orgs", []))]
    return str(account.get("auth", {}).get("accessToken", {}).get("role")), spaces


def _upload(folder: Path, repo_id: str, private: bool, tag: str) -> str:
    """Make the repository where it is missing, and upload all files in one commit; return its hash."""
    api = HfApi()
    ask(lambda: api.create_repo(repo_id, private=private or None, exist_ok=True))
    try:
        head, there = look_up(repo_id)
    except RepositoryNotFoundError as error:
        raise UserError(f"The name {repo_id} is taken by something that is no model: choose another one.") from error
    if private and not there.private:
        raise UserError(
            f"{repo_id} is there already, and public: nothing was pushed; make it private on the Hub first."
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in files
    ]
    ours = {operation.path_in_repo for operation in operations}
    old = [name for name in ask(lambda: api.list_repo_files(repo_id, revision=head)) if _is_replaced(name)]
    old = [name for name in old if name not in ours]
    if old:
        say(f"Files of an earlier push or of another model go (its history keeps them): {', '.join(old)}.")
    operations += [CommitOperationDelete(name) for name in old]
    return make_commit(repo_id, operations, head, tag)


def _is_replaced(name: str) -> bool:
    """Whether a file in the repository would be taken for a part of this model, or of what is said of it."""
    return is_model_file(name) or name in OWN_FILES or name in _OF_OTHER_MODELS


def _compare_files(folder: Path, back: Path, repo_id: str) -> None:
    """Refuse what came back changed, or with files of another model beside it."""
    sums = checksums(folder, [path for path in folder.rglob("*") if path.is_file()])
    back_sums = checksums(back, [path for path in back.rglob("*") if path.is_file() and path.name != ".gitattributes"])
    older = [name for name in back_sums if name not in sums and not _is_replaced(name)]  # of others
    names = sorted(name for name, _ in set(sums.items()) ^ set(back_sums.items()) if name not in older)
    if names:
        raise UserError(f"{repo_id} does not hold what was uploaded: {', '.join(names)} differ.")
