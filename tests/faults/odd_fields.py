"""Odd values in one field of a saved model's files, made by seeds: what converters, editors and attackers leave there."""

import json
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MISSING = "nothing at all"
VALUES: tuple[Any, ...] = (
    *(MISSING, None, True, 0, -1, 7, 10**9, 0.5, -0.5, math.nan),
    *("", "odd", "32", [], [1, "a"], {"a": 1}),
)
_DEEPEST = 3
_MOST_FIELDS = 60
"""Of a table that is walked into; a vocabulary has more."""


@dataclass(frozen=True)
class Fault:
    """A value in the place of another.

    Attributes:
        file: Name of the file of JSON.
        path: Keys down to the field.
        value: What stands there.

    """

    file: str
    path: tuple[str, ...]
    value: Any

    @property
    def kind(self) -> str:
        """Words for the table."""
        return f"{self.file}: {'.'.join(self.path)} is {str(self.value)[:30]!r}"

    def copy(self, model: Path, folder: Path) -> Path:
        """Return a folder with a model's files, of which one is changed."""
        folder.mkdir()
        for path in model.iterdir():
            os.link(path, folder / path.name)
        content = json.loads((model / self.file).read_text("utf-8"))
        place = content
        for key in self.path[:-1]:
            place = place[key]
        place[self.path[-1]] = self.value
        if self.value == MISSING:
            del place[self.path[-1]]
        (folder / self.file).unlink()
        (folder / self.file).write_text(json.dumps(content), "utf-8")
        return folder


def _walk(content: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys down to each field."""
    for key, value in content.items():
        yield (*before, key)
        if isinstance(value, dict) and len(value) <= _MOST_FIELDS and len(before) + 1 < _DEEPEST:
            yield from _walk(value, (*before, key))


def make_fault(model: Path, seed: int) -> Fault:
    """Return the fault of a seed in a saved model's files."""
    chance = random.Random(seed)
    files = sorted(path.name for path in model.glob("*.json"))
    file = chance.choice([name for name in files for _ in range(4 if name == "config.json" else 1)])
    fields = list(_walk(json.loads((model / file).read_text("utf-8"))))
    return Fault(file, chance.choice(fields), chance.choice(VALUES))
