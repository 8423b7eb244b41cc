"""`manifest.json`, which a run writes last: the SHA-256 of each of its model's files and of what its card is made of."""

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from ..files import write_file

MANIFEST_FILE = "manifest.json"
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
    content = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ValueError(f"{MANIFEST_FILE} is not a table of sums.")
    return content
