"""What a result depends on besides data and flags: versions of packages, and our own code."""

import hashlib
from importlib.metadata import version
from pathlib import Path


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    packages = (
        "hfkit torch torchvision timm transformers tokenizers datasets accelerate evaluate scikit-learn emoji pillow"
    )
    return {package: version(package) for package in packages.split()}


def code_checksum() -> str:
    """Return a sum over the files that say how a model computes, how rows get to it, and how its states are stored."""
    digest, folder = hashlib.sha256(), Path(__file__).parent
    others = (
        "data/images.py",
        "data/resized.py",
        "data/transforms.py",
        "data/augmented.py",
        "features/hidden_states.py",
    )
    for file in [*sorted((folder / "models").glob("*.py")), *(folder / name for name in others)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
