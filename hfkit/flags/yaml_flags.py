"""Flags in YAML, each value as it is spelled: a label `no` stays no, and 0123456 keeps its zero; nothing here imports torch."""

import math
import re
from typing import Any

import yaml

from ..errors import UserError

LARGEST_FILE = 2_000_000
"""Bytes of a file of flags; a larger one is none."""
MOST_VALUES = 200_000
"""Keys and values of one; anchors that stand for each other are more than any reader can hold."""

_TEXT, _LIST, _MAPPING = "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"
_EMPTY = ("", "~", "null", "Null", "NULL")
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][-+]?\d+)?", re.ASCII)


class _Loader(yaml.SafeLoader):
    """Takes no word for anything but text: YAML 1.1 has booleans, octals, times and dates that people mean as names."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own type


def parse_flags(content: str | bytes, source: str, parts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the keys and values of a file of flags.

    A value is `true`, `false`, a number where it is written as Python writes it, so that its text is its spelling, else a text;
    or a list of these. In a mapping within it, which holds options or numbers by name, values are what YAML 1.1 says.

    Args:
        content: Of the file; as bytes it may be UTF-16 with a mark in front.
        source: What messages call the file, at the begin of a sentence.
        parts: Keys whose mapping holds flags, too.

    Raises:
        UserError: It is not YAML, or not of this form.

    """
    if len(content) > LARGEST_FILE:
        raise UserError(f"{source} is larger than {LARGEST_FILE / 1e6:.0f} MB, and holds more than flags.")
    try:
        node = yaml.compose(content, Loader=_Loader)
        if node is None:
            raise UserError(f"{source} is empty: write lines of the form 'flag: value'.")
        return _Reading(source, parts).flags(node)
    except yaml.YAMLError as error:
        raise UserError(f"{source} is not YAML: {_describe(error)}.") from error
    except (RecursionError, ValueError) as error:  # ValueError: a character of a number beyond Unicode
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"{source} is not YAML that can be read: {reason}.") from error


class _Reading:
    """From the nodes of one file to its values."""

    def __init__(self, source: str, parts: tuple[str, ...]) -> None:
        self.source = source
        self.parts = parts
        self.values = 0

    def flags(self, node: yaml.Node, where: str = "") -> dict[str, Any]:
        """Return flags by name, with underscores."""
        if not isinstance(node, yaml.MappingNode):
            raise UserError(f"{self.source} must hold lines of the form 'flag: value'{where}.")
        flags: dict[str, Any] = {}
        for name, value in self._items(node, dashes=True).items():
            flags[name] = self.flags(value, f" under {name}") if name in self.parts and not where else self._flag(value)
        return flags

    def _flag(self, node: yaml.Node) -> Any:
        """Return the value of a flag."""
        if isinstance(node, yaml.MappingNode):
            return {name: self._option(value) for name, value in self._items(node).items()}
        if not isinstance(node, yaml.SequenceNode):
            return _as_spelled(self._text(node), self._is_plain(node))
        self._check(node, _LIST)
        return [
            self._option(item) if isinstance(item, yaml.MappingNode) else self._list_item(item) for item in node.value
        ]

    def _list_item(self, node: yaml.Node) -> Any:
        value = _as_spelled(self._text(node), self._is_plain(node))
        if value is None:
            raise self._error(
                node, "has a list with an item that is empty or null", "write a value, or 'null' in quotes"
            )
        return value

    def _option(self, node: yaml.Node) -> Any:
        """Return what stands within a mapping."""
        if isinstance(node, yaml.MappingNode):
            return {name: self._option(value) for name, value in self._items(node).items()}
        if isinstance(node, yaml.SequenceNode):
            self._check(node, _LIST)
            return [self._option(item) for item in node.value]
        text = self._text(node)
        return _as_yaml(text) if self._is_plain(node) else text

    def _items(self, node: yaml.MappingNode, dashes: bool = False) -> dict[str, yaml.Node]:
        """Return the values of a mapping by their keys, none of which stands twice."""
        self._check(node, _MAPPING)
        items: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key)
            name = name.replace("-", "_") if dashes else name
            if name == "<<" and self._is_plain(key):
                raise self._error(key, "has a merge key (<<)", "write the keys out")
            if name in items:
                raise self._error(key, f"has the key '{name}' twice", "keep one")
            items[name] = value
        return items

    def _text(self, node: yaml.Node) -> str:
        """Return the text of a node that must be one."""
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(
                node, "has a list or a mapping where a text must stand", "write texts and numbers alone there"
            )
        self._check(node, _TEXT)
        return str(node.value)

    def _is_plain(self, node: yaml.Node) -> bool:
        """Whether a text stands without quotes."""
        return getattr(node, "style", None) is None

    def _check(self, node: yaml.Node, tag: str) -> None:
        """Refuse a tag, which says what a value becomes, and more values than can be."""
        self.values += 1
        if node.tag != tag:
            raise self._error(node, f"has the tag {node.tag.replace('tag:yaml.org,2002:', '!!')}", "leave it out")
        if self.values > MOST_VALUES:
            raise UserError(f"{self.source} has more than {MOST_VALUES:,} values, and holds more than flags.")

    def _error(self, node: yaml.Node, what: str, advice: str) -> UserError:
        return UserError(f"{self.source} {what} (line {node.start_mark.line + 1}): {advice}.")


def _as_spelled(text: str, is_plain: bool) -> Any:
    """Return a truth value or a number where its text on a command line is what was written, None for nothing, else the text."""
    if not is_plain:
        return text
    if text in _EMPTY:
        return None
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        value = _number(kind, text)
        # PyYAML writes 1e-05 as 1.0e-05.
        if value is not None and text in (repr(value), repr(value).replace("e", ".0e")):
            return value
    return text


def _as_yaml(text: str) -> Any:
    """Return what a text without quotes stands for within a mapping: nothing, a truth value, a number, or itself."""
    if text in _EMPTY:
        return None
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if not _NUMBER.fullmatch(text):
        return text
    value = _number(int, text)
    value = _number(float, text) if value is None else value
    return text if value is None else value


def _number(kind: type[int] | type[float], text: str) -> int | float | None:
    """Return a finite number, or None where a text is none."""
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _describe(error: yaml.YAMLError) -> str:
    """Say in a few words what is wrong, and in which line."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or " ".join(str(error).split())
    return f"{what} (line {mark.line + 1})" if mark is not None else str(what)
