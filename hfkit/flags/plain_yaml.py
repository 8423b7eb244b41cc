"""YAML from others: aliases of which a few lines stand for more than any memory, and depth without end, are refused."""

from typing import Any

import yaml

_DEEPEST = 32
_MOST_VALUES = 1_000_000
"""With those that aliases stand for."""
_LONGEST_PLAIN = 10_000
"""Characters of a value without quotes, or with a tag, which can be a number."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(text: str) -> Any:
    """Return what a YAML text holds.

    Raises:
        yaml.YAMLError: It is not YAML, its aliases (`*name`) stand for more than a million values or for themselves, it is
            nested more than 32 deep, or has a value of more than 10,000 characters without quotes or with a tag.

    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
            continue
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise yaml.YAMLError(f"the alias *{event.anchor} stands for itself or for nothing")
            anchor, size = None, sizes[event.anchor]
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        elif isinstance(event, yaml.ScalarEvent):
            anchor, size = event.anchor, 1
            can_be_number = event.implicit[0] or event.tag
            if can_be_number and len(event.value) > _LONGEST_PLAIN:  # one of many digits takes minutes
                raise yaml.YAMLError(f"it has more than {_LONGEST_PLAIN:,} characters without quotes, or with a tag")
        else:
            continue
        if anchor is not None:
            sizes[anchor] = size
        outer, others = open_nodes[-1]
        open_nodes[-1] = (outer, others + size)
        if others + size > _MOST_VALUES or len(open_nodes) > _DEEPEST:
            raise yaml.YAMLError(
                f"it stands for more than {_MOST_VALUES:,} values, or is nested more than {_DEEPEST} deep"
            )
    try:
        return yaml.load(text, Loader=_LOADER)
    except (
        ArithmeticError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # such as `!!timestamp x`, or a date that is none
        raise yaml.YAMLError(f"it has a value that is none of its kind: {error}") from error
