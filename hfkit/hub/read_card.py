"""A stranger's model card."""

from typing import Any

from huggingface_hub import ModelCardData
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from ..flags.plain_yaml import read_yaml

LARGEST_FRONT = 1_000_000
"""Characters of the YAML in front of a card; a larger one is not parsed."""


def read_card(text: str) -> Any:
    """Return the ModelCardData that stand in YAML in front of a card, which is cut where huggingface_hub cuts it.

    Raises:
        ValueError: It is too large, or no table.
        yaml.YAMLError: It is no YAML, or has aliases that stand for too much.

    """
    front = REGEX_YAML_BLOCK.search(text)
    if front is None:
        return ModelCardData()
    if len(front[2]) > LARGEST_FRONT:
        raise ValueError(f"{len(front[2]):,} characters of YAML are not read")
    content = read_yaml(front[2])
    if not isinstance(content, dict | None):
        raise ValueError("the YAML in front of the card is no table")
    return ModelCardData(**content or {})  # and not by ModelCard(text), which would parse it again, without our limits
