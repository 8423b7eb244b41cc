"""Malformed files of flags, made by seeds: what editors, other YAML, broken disks and attackers leave under the name of one."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Random = np.random.Generator
_FLAGS = {
    "head": "linear",
    "seed": "7",
    "max_length": "64",
    "text_column": "tweet",
    "dataset": "sample",
    "learning_rate": "1e-4",
}
_WORDS = "no yes on off n y true false null ~ 0123456 007 0x1F 0o17 1_000 12:30:00 2024-02-31 2001-01-01 1e3 1.10 .5 nan".split()


@dataclass(frozen=True)
class Fault:
    """A file under the name of a configuration.

    Attributes:
        kind: What is wrong with it.
        content: Its bytes.
        flags: The flags, as text, that somebody would read in it; None: it must be refused; empty: nobody can know.

    """

    kind: str
    content: bytes
    flags: dict[str, str | list[str]] | None


def _lines(random: Random) -> list[str]:
    names = list(_FLAGS)
    random.shuffle(names)
    return [f"{name}: {_FLAGS[name]}" for name in names]


def _put(random: Random, *more: str) -> bytes:
    """Return the lines of a good file with others anywhere in between."""
    lines = _lines(random)
    place = int(random.integers(len(lines) + 1))
    return "\n".join([*lines[:place], *more, *lines[place:], ""]).encode()


def odd_words(random: Random) -> Fault:
    """Values that YAML 1.1 takes for something else."""
    words = [str(word) for word in random.choice(_WORDS[:8] + _WORDS[10:], 3)]
    form = int(random.integers(3))
    items = [f"  - {word}" for word in words]
    more = [f"class_weights: [{', '.join(words)}]"] if form == 0 else ["class_weights:", *items] if form == 1 else []
    if form == 2:
        return Fault("an odd word", _put(random, f"separator: {words[0]}"), {**_FLAGS, "separator": words[0]})
    return Fault("odd words in a list", _put(random, *more), {**_FLAGS, "class_weights": words})


def empty_items(random: Random) -> Fault:
    """Lists in which something is missing."""
    item = str(random.choice(["", "null", "~", "NULL", "Null"]))
    return Fault("empty items", _put(random, "class_weights:", "  - a=1", f"  - {item}", "  - b=2"), None)


def quoted(random: Random) -> Fault:
    """Words in quotes are texts, whatever they are."""
    words = [str(word) for word in random.choice(_WORDS, 3)]
    mark = str(random.choice(["'", '"']))
    text = ", ".join(f"{mark}{word}{mark}" for word in words)
    return Fault("quoted words", _put(random, f"class_weights: [{text}]"), {**_FLAGS, "class_weights": words})


def tags(random: Random) -> Fault:
    """Tags, which make objects of values."""
    tag = str(
        random.choice(
            [
                "!!int abc",
                "!!int 7",
                "!!float x",
                "!!bool maybe",
                "!!python/object/apply:os.system [ls]",
                "!!binary aGk=",
                "!x y",
            ]
            + [
                "!!timestamp 2024-02-31",
                "!!set {a}",
                "!!omap [a: 1]",
                "!!python/name:os.system",
                "!!null x",
                "!!map [a]",
                "!!seq {}",
            ]
        )
    )
    return Fault(f"tag {tag}", _put(random, f"separator: {tag}"), None)


def doubled_keys(random: Random) -> Fault:
    """A key that stands twice."""
    name = str(random.choice(list(_FLAGS)))
    other = name.replace("_", "-") if random.random() < 0.5 else name
    return Fault("doubled keys", _put(random, f"{other}: other"), None)


def tabs(random: Random) -> Fault:
    """Tabs where spaces must stand."""
    line = str(random.choice(["class_weights:\n\t- a=1", "\tseparator: x", "class_weights:\n  - a=1\n\t- b=2"]))
    return Fault("tabs", _put(random, line), None)


def anchors(random: Random) -> Fault:
    """Anchors, merge keys, and what stands for itself."""
    kinds = {
        "anchor": (
            ["text_column: &it [a, b]", "label_column: *it"],
            {"text_column": ["a", "b"], "label_column": ["a", "b"]},
        ),
        "unknown anchor": (["text_column: *nothing"], None),
        "merge key": (["class_weights: &it {a: 1}", "lr_scheduler_kwargs: {<<: *it}"], None),
        "merge key on top": (["<<: {separator: x}"], None),
        "circle": (["class_weights: &it {a: *it}"], None),
        "circle in a list": (["class_weights: &it [*it]"], None),
    }
    kind = str(random.choice(list(kinds)))
    more, flags = kinds[kind]
    lines = [line for line in _lines(random) if not line.startswith("text_column")]
    whole = None if flags is None else {**_FLAGS, **flags}
    return Fault(kind, "\n".join([*lines, *more]).encode(), whole)


def no_mapping(random: Random) -> Fault:
    """A list, a word, nothing, or two documents."""
    contents = [
        "- a\n- b",
        "word",
        "7",
        "false",
        "[]",
        "''",
        "",
        "# nothing",
        "---",
        "head: linear\n---\nseed: 7",
        "null",
        "head",
    ]
    content = str(random.choice(contents))
    return Fault(f"{content!r}", content.encode(), None)


def odd_bytes(random: Random) -> Fault:
    """Bytes that are no text."""
    content = bytearray(_put(random))
    place = int(random.integers(len(content)))
    content[place:place] = [b"\0", b"\xff\xfe", b"\xe9t\xe9", b"\x1b[31m", b"\x07", b"\xed\xa0\x80"][
        int(random.integers(6))
    ]
    return Fault("odd bytes", bytes(content), None)


def encodings(random: Random) -> Fault:
    """Marks in front, and two bytes a character."""
    encoding = str(random.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]))
    text = _put(random).decode()
    return Fault(encoding, text.encode(encoding), dict(_FLAGS) if encoding in ("utf-8-sig", "utf-16") else None)


def deep(random: Random) -> Fault:
    """Lists and mappings in each other."""
    depth = int(random.integers(400, 100_000))
    opening = str(random.choice(["[", "{a: ", "- ", "a:\n "]))
    body = "".join(f"{' ' * level}a:\n" for level in range(600)) if opening == "a:\n " else opening * depth
    return Fault(
        f"deep {opening!r}",
        _put(random, "class_weights: " + body if opening != "a:\n " else "class_weights:\n" + body),
        None,
    )


def huge(random: Random) -> Fault:
    """More than flags: megabytes, or anchors that stand for each other."""
    names = "abcdefghijkl"[: int(random.integers(8, 12))]
    laughs = [f"x{one}: &{one} {{k: [{', '.join([f'*{before}'] * 9)}]}}" for before, one in pairwise(names)]
    contents = [b"# " + b"x" * 3_000_000, b"seed: " + b"9" * 2_500_000, "\n".join(["xa: &a {k: v}", *laughs]).encode()]
    return Fault("huge", contents[int(random.integers(3))], None)


def cut_off(random: Random) -> Fault:
    """A file of which a part is there."""
    content = _put(random, "class_weights: [a=1, b=2]", 'separator: "x, y"')
    return Fault("cut", content[: int(random.integers(len(content)))], {})


def flipped(random: Random) -> Fault:
    """Characters that became others."""
    content = bytearray(
        _put(random, "class_weights: [a=1, b=2]", 'separator: "x, y"', "lr_scheduler_kwargs: {min_lr: 1e-6}")
    )
    for place in random.integers(0, len(content), int(random.integers(1, 5))):
        content[place] = int(random.choice(list(b" :-[]{},&*!|>'\"%@`#?<=\n\tx0")))
    return Fault("flipped", bytes(content), {})


def nested_lists(random: Random) -> Fault:
    """Lists where a text must stand, and keys that are none."""
    line = str(
        random.choice(
            [
                "class_weights: [[a]]",
                "? [a, b]\n: c",
                "? {a: b}\n: c",
                "class_weights: {[a]: b}",
                "class_weights: [a, [b]]",
            ]
        )
    )
    return Fault("nested lists", _put(random, line), None)


def smuggled(random: Random) -> Fault:
    """Values that would be read as flags, and names that are none."""
    line = str(
        random.choice(["class_weights: [a, --seed, 3]", "haed: x", "--seed: 3", "'': x", "class_weights: ['--x', y]"])
    )
    return Fault("smuggled flags", _put(random, line), None)


MAKERS: tuple[Callable[[Random], Fault], ...] = (
    odd_words,
    empty_items,
    quoted,
    tags,
    doubled_keys,
    tabs,
    anchors,
    no_mapping,
    odd_bytes,
    encodings,
    deep,
    huge,
    cut_off,
    flipped,
    nested_lists,
    smuggled,
)


def make_fault(seed: int) -> Fault:
    """Return the malformed file of flags of a seed."""
    return MAKERS[seed % len(MAKERS)](np.random.default_rng(seed))
