"""What a result depends on besides data and flags: versions of packages, and our own code."""

import hashlib
from importlib.metadata import version
from pathlib import Path


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    packages = "hfkit torch torchvision timm transformers tokenizers datasets accelerate evaluate scikit-learn emoji"
    return {package: version(package) for package in packages.split()}


def code_checksum() -> str:
    """Return a sum over the files that say how a model computes and how texts are cleaned."""
    digest = hashlib.sha256()
    for file in sorted((Path(__file__).parent / "models").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
