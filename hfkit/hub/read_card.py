"""A stranger's model card."""

import re
from typing import Any

from huggingface_hub import ModelCard

from ..flags.plain_yaml import read_yaml

LARGEST_FRONT = 1_000_000
"""Characters of the YAML in front of a card; a larger one is not parsed."""


def read_card(text: str) -> Any:
    """Return the ModelCardData that stand in YAML in front of a card.

    Raises:
        ValueError: It is too large.
        yaml.YAMLError: It is no YAML, or has aliases that stand for too much.

    """
    front = re.match(r"\s*---\s*\n(.*?)\n---", text, re.DOTALL)
    if front is not None:
        if len(front[1]) > LARGEST_FRONT:
            raise ValueError(f"{len(front[1]):,} characters of YAML are not read")
        read_yaml(front[1])
    return ModelCard(text).data
