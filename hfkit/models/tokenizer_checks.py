"""What a stranger's tokenizer may hold besides its settings: special tokens, and rules that lengthen a text little."""

import base64
import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

SPECIAL_TOKENS = "special_tokens_map.json"
_SPECIAL_TOKEN = re.compile(r"\w+_tokens?")
_LONGEST_INSERTION = 256
"""Characters or tokens that one rule puts into a text."""
_MOST_GROWTH = 100_000
"""Characters or tokens that all rules together make of one."""


def check_special_tokens(options: Mapping[str, Any]) -> None:
    """Refuse a `special_tokens_map.json` with anything else, since transformers hands each field to the tokenizer's class.

    Raises:
        ValueError: A field is none of a special token.

    """
    for field in options:
        if not _SPECIAL_TOKEN.fullmatch(field):
            raise ValueError(
                f"special_tokens_map.json has {field[:80]!r}, which is no special token: it is not followed"
            )


@lru_cache  # a large one takes half a second, and a model is looked at several times
def check_rules_of(file: Path, changed: int) -> None:
    """Look at the rules of a `tokenizer.json`, see `check_rules`.

    Args:
        file: The file.
        changed: When it was changed; each version is looked at once.

    Raises:
        ValueError: It is no JSON object, or has such a rule.

    """
    try:
        options = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file.name} is no JSON, or is nested too deep") from error
    if not isinstance(options, dict):
        raise ValueError(f"{file.name} is no JSON object")
    check_rules(options)


def check_rules(options: Mapping[str, Any]) -> None:
    """Refuse a `tokenizer.json` by which a short text would become one that fills the memory.

    Args:
        options: Its content. What it says otherwise is looked at by the library that reads it.

    Raises:
        ValueError: What is put in the place of a character, or around a text, is too long: of one rule or of all together.

    """
    names = ("normalizer", "pre_tokenizer", "post_processor")
    rules = list(_list_rules([options.get(name) for name in names]))
    longest = max((_count_insertion(rule) for rule in rules), default=0)
    if longest > _LONGEST_INSERTION or math.prod(map(_growth, rules)) > _MOST_GROWTH:
        raise ValueError("tokenizer.json has rules that make a short text a long one: it is not read")


def _list_rules(waiting: list[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield rules, and those of sequences of rules."""
    while waiting:
        rule = waiting.pop()
        if rule is None:
            continue
        if not isinstance(rule, Mapping):
            raise ValueError("tokenizer.json has a rule that is no object: it is not read")
        yield rule
        for name in ("normalizers", "pretokenizers", "processors"):
            waiting += rule[name] if isinstance(rule.get(name), list) else []


def _count_insertion(rule: Mapping[str, Any]) -> int:
    """Return how many characters a normalizer puts in at a place, or how many tokens a template around a text."""
    texts = (rule.get(name) for name in ("content", "prepend"))
    mapped = rule.get("precompiled_charsmap")
    return max(
        _count_pieces(rule),
        _longest_mapped(mapped) if isinstance(mapped, str) else 0,
        *(len(text) for text in texts if isinstance(text, str)),
    )


def _longest_mapped(charsmap: str) -> int:
    """Return the bytes of the longest text that a character becomes: in base64, behind a trie and its size, each ends with 0.

    That is the form of SentencePiece's normalizers.
    """
    content = base64.b64decode(charsmap)
    trie = int.from_bytes(content[:4], "little")
    return max(map(len, content[4 + trie :].split(b"\0")))


def _growth(rule: Mapping[str, Any]) -> int:
    """Return how many times as long a text can be after a rule, by the fields that it has: its type can be left out."""
    growths = [1, *(sum("Sequence" in piece for piece in template) for template in _templates(rule))]
    if rule.get("type") == "ByteLevel" or "add_prefix_space" in rule:
        growths.append(2)  # one byte becomes two
    mapped, content, pattern = rule.get("precompiled_charsmap"), rule.get("content"), rule.get("pattern")
    if isinstance(mapped, str):
        growths.append(_longest_mapped(mapped))
    if isinstance(content, str):
        replaced = pattern.get("String") if isinstance(pattern, Mapping) else pattern
        if isinstance(replaced, str) and replaced:
            growths.append(-(-len(content) // len(replaced)))
        else:  # a pattern can be found between any two characters
            growths.append(len(content) + 1)
    return max(growths)


def _count_pieces(rule: Mapping[str, Any]) -> int:
    """Return how many pieces the longer template of a rule has; those that are special tokens count by their ids."""
    tokens = rule.get("special_tokens")
    ids = {}
    for name, token in tokens.items() if isinstance(tokens, Mapping) else ():
        if not isinstance(token, Mapping):
            raise ValueError("tokenizer.json has a special token that is no object: it is not read")
        ids[name] = token.get("ids")
    return max([0, *(sum(_count_ids(piece, ids) for piece in template) for template in _templates(rule))])


def _templates(rule: Mapping[str, Any]) -> list[list[Any]]:
    """Return the pieces that a rule puts around one text, and around a pair."""
    return [rule[name] for name in ("single", "pair") if isinstance(rule.get(name), list)]


def _count_ids(piece: Any, ids: Mapping[str, Any]) -> int:
    special = piece.get("SpecialToken", {}) if isinstance(piece, Mapping) else None
    if not isinstance(special, Mapping):
        raise ValueError("tokenizer.json has a template with a piece that is no object: it is not read")
    found = ids.get(str(special.get("id")))
    return len(found) if isinstance(found, list) else 1
