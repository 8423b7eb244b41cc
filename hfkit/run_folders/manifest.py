"""`manifest.json`, which a run writes last: the SHA-256 of each of its model's files and of what its card is made of."""

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from ..errors import UserError
from ..files import write_file
from ..flags.configuration import CONFIGURATION_FILE

MANIFEST_FILE = "manifest.json"
_LARGEST = 5_000_000
"""Bytes of a manifest; a larger one is none."""
RESULTS_FILE = "all_results.json"
MODEL_FILES = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "*.py",
    "preprocessor_config.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "bpe.codes",
    "*.model",
    "chat_template.jinja",
)
"""Names of what `save_pretrained` writes for a model, its code, and its tokenizer or image processor."""

CARD_FILES = (
    "hfkit.yaml",
    "env.json",
    "summary.json",
    "predictions.csv",
    "*_results.json",
    "proof/rows.json",
    "report/*",
)
"""What a card is made of."""


def model_files(folder: Path) -> list[Path]:
    """Return the files of a saved model in a run's folder; results and checkpoints are none."""
    return sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern) if path.is_file()})


def is_model_file(name: str) -> bool:
    """Whether a file in a repository's root belongs to its model."""
    return any(fnmatch(name, pattern) for pattern in MODEL_FILES) and "/" not in name


def card_files(folder: Path) -> list[Path]:
    """Return what the card of a run is made of."""
    return sorted({path for pattern in CARD_FILES for path in folder.glob(pattern) if path.is_file()})


def checksums(folder: Path, files: list[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by their path in a folder."""
    sums = {}
    for path in files:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        sums[path.relative_to(folder).as_posix()] = digest.hexdigest()
    return sums


def write_manifest(folder: Path) -> None:
    """Write the sums of the model's files, and of what its card is made of."""
    sums = checksums(folder, [*model_files(folder), *card_files(folder)])
    write_file(folder / MANIFEST_FILE, json.dumps(sums, indent=2) + "\n")


def read_manifest(folder: Path) -> dict[str, str]:
    """Return what `write_manifest` wrote.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no manifest.

    """
    with (folder / MANIFEST_FILE).open("rb") as file:
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise ValueError(f"{MANIFEST_FILE} is larger than {_LARGEST / 1e6:g} MB.")
    content = json.loads(text)
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ValueError(f"{MANIFEST_FILE} is not a table of sums.")
    return content


def check_saved_model(folder: Path) -> None:
    """Compare what a model is loaded from with the sums that its run wrote; a folder without a manifest is not checked.

    Its Python files, which hfkit does not run, are left out.

    Raises:
        UserError: A file is missing or another one, or the manifest cannot be read.

    """
    if not (folder / MANIFEST_FILE).is_file():
        return
    remedy = f"take the folder from a copy, or delete its {MANIFEST_FILE} if you changed it yourself."
    try:
        manifest = read_manifest(folder)
        names = [name for name in manifest if is_model_file(name) and not name.endswith(".py")]
        names += [CONFIGURATION_FILE] if CONFIGURATION_FILE in manifest else []  # it names the columns of texts
        sums = checksums(folder, [folder / name for name in names if (folder / name).is_file()])
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder} holds a damaged model ({MANIFEST_FILE} cannot be read): {remedy}") from error
    for name in names:
        if name not in sums:
            raise UserError(f"{folder} holds a damaged model ({name} is missing): {remedy}")
        if sums[name] != manifest[name]:
            raise UserError(f"{folder} holds a damaged model ({name} is not what its run saved): {remedy}")
