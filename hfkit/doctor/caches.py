"""The caches: where they are, how large, and whether they can be written."""

import os
from pathlib import Path

import datasets
import huggingface_hub

from ..features.store import FeatureStore
from ..files import describe_bytes
from ..run_folders.state import measure_folder
from .computer import find_existing
from .finding import Finding


def cache_folders() -> dict[str, tuple[Path, str]]:
    """Return the folder of each cache, and the environment variable that moves it."""
    return {
        "feature cache": (FeatureStore().root, "HFKIT_CACHE"),
        "datasets cache": (Path(datasets.config.HF_DATASETS_CACHE), "HF_HOME"),
        "Hub cache": (Path(huggingface_hub.constants.HF_HUB_CACHE), "HF_HOME"),
    }


def check_caches() -> list[Finding]:
    """Return a finding for each cache."""
    return [_check_cache(name, folder, variable) for name, (folder, variable) in cache_folders().items()]


def _check_cache(name: str, folder: Path, variable: str) -> Finding:
    size = describe_bytes(measure_folder(folder).bytes) if folder.is_dir() else "nothing yet"
    if not os.access(find_existing(folder), os.W_OK):
        remedy = f"Make it writable, or set {variable} to a folder that is."
        return Finding(name, "error", f"{folder} cannot be written", remedy)
    return Finding(name, "ok", f"{size} in {folder}")
