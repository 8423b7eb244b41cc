"""What has to be installed to use a pushed model without hfkit."""

import json
import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_OF_CODE = ("emoji", "timm", "torchvision")
"""What the code that travels with a model imports besides torch and transformers."""
_OF_TOKENIZERS = {
    **dict.fromkeys(("BioGptTokenizer", "FlaubertTokenizer", "FSMTTokenizer", "XLMTokenizer"), ("sacremoses",)),
    **dict.fromkeys(("CpmTokenizer", "CpmAntTokenizer", "RoFormerTokenizer"), ("rjieba",)),
    "BertweetTokenizer": ("emoji",),
}
"""Packages that a tokenizer of transformers imports, by its class."""
_LOWEST = {"sacremoses": ">=0.1", "rjieba": ">=0.1.13"}
"""Of packages for which no metadata names one."""
_JAPANESE = {"sudachi": ("sudachipy", "sudachidict-core"), "jumanpp": ("rhoknp",)}
"""Those of `BertJapaneseTokenizer`, by what splits its words."""


def list_packages(run: Path) -> list[str]:
    """Return what has to be installed, as pip takes it: in hfkit's lowest versions, of transformers in that of the run."""
    version = _read(run / "env.json")["packages"]["transformers"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in run.glob("*.py"))
    needed = set(re.findall(r"^\s*(?:from|import) (\w+)", code, re.MULTILINE)).intersection(_OF_CODE)
    needed |= {"torchvision", "pillow"} if (run / "preprocessor_config.json").exists() else set()
    needed |= _tokenizer_packages(run)
    return [
        with_lowest("torch"),
        f'"transformers>={".".join(version.split(".")[:2])}"',
        *map(with_lowest, sorted(needed)),
    ]


def _tokenizer_packages(run: Path) -> set[str]:
    """Return what the tokenizer of a run imports."""
    config = _read(run / "tokenizer_config.json")
    kind = str(config.get("tokenizer_class") or "").removesuffix("Fast")
    needed = set(_OF_TOKENIZERS.get(kind, ()))
    if kind == "BertJapaneseTokenizer":
        dictionary = (config.get("mecab_kwargs") or {}).get("mecab_dic") or "unidic_lite"
        needed |= set(
            _JAPANESE.get(str(config.get("word_tokenizer_type")), ("fugashi", str(dictionary).replace("_", "-")))
        )
    if any(run.glob("*.model")) and not (run / "tokenizer.json").exists():  # it is read by SentencePiece itself
        needed |= {"sentencepiece", "protobuf"}
    return needed


def with_lowest(package: str) -> str:
    """Return a package with the lowest version that hfkit takes, or else transformers, for a shell.

    Where neither names one, it is the one that was current when transformers 5 came out.
    """
    specifiers = [
        each.specifier
        for name in ("hfkit", "transformers")
        for each in _requirements(name)
        if canonicalize_name(each.name) == canonicalize_name(package) and each.specifier
    ]
    lowest = str(specifiers[0]) if specifiers else _LOWEST.get(package, "")
    return f'"{package}{lowest}"' if lowest else package


def _requirements(package: str) -> list[Requirement]:
    """Return what an installed package needs, also for its extras; nothing of one that is run from its folder."""
    try:
        return list(map(Requirement, requires(package) or []))
    except PackageNotFoundError:
        return []


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}
