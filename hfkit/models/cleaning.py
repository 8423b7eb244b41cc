"""Tweet cleaning: small named steps, and presets that list them in order.

The presets are those of published systems for COVID-19 tweets:

- `report`: emoji to text and nothing else. Whatever more is removed (addresses, handles, digits) is signal that the
  classifier loses.
- `ctbert`: what CT-BERT was pretrained on (`utils/preprocess.py` of digitalepidemiologylab/covid-twitter-bert). We differ
  from the published script in three places, on purpose: addresses are replaced before handles, so that
  `https://medium.com/@x/abc` is one `twitterurl` (there: "twitterurl twitteruser /abc"); the character before an "@" is
  kept (there the "(" of "(@x" is lost); and punctuation outside of our short table is left as it is instead of being
  transliterated. Symbols of category So stay, as in the published code, whose step for them does nothing.
- `g2tmn`: the winner of Constraint@AAAI-2021 (Glazkova et al., arXiv 2012.11967): `$URL$`, emoji to text, lower case.
- `none`: the text as it is.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

import emoji

_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@])@\w{1,15}\b")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_HASHTAG = re.compile(r"#(?=\w)")
_REPEATED_LETTER = re.compile(r"([^\W\d_])\1{2,}")
_PUNCTUATION = re.compile(r"[^\w\s]|_")
_REPEATED_FILLER = re.compile(r"\b(twitteruser|twitterurl)(?:\s+\1\b)+")
_ASCII_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛´`′‹›", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        "…": "...",
        "¡": "!",
        "¿": "?",
        "•": "*",
        "·": "*",
    }
)


def _strip_html(text: str) -> str:
    return _TAG.sub(" ", html.unescape(text))


def _normalize(text: str) -> str:
    """HTML entities, quotes and dashes as in CT-BERT's first step; control characters go, white space collapses."""
    text = html.unescape(text).translate(_ASCII_PUNCTUATION)
    text = re.sub(r"\s+", " ", text)
    return "".join(character for character in text if unicodedata.category(character) != "Cc")


def _merge_fillers(text: str) -> str:
    return _REPEATED_FILLER.sub(lambda run: f"{len(run.group().split())} {run.group(1)}", text)


STEPS: dict[str, Callable[[str], str]] = {
    # The switches of the source report.
    "html": _strip_html,
    "url": lambda text: _URL.sub(" ", text),
    "username": lambda text: _HANDLE.sub(" ", text),
    "hashtag": lambda text: _HASHTAG.sub("", text),
    "rep": lambda text: _REPEATED_LETTER.sub(r"\1", text),
    "punctuation": lambda text: _PUNCTUATION.sub(" ", text),
    "demojize": emoji.demojize,
    # What CT-BERT and g2tmn need besides.
    "normalize": _normalize,
    "url_token": lambda text: _URL.sub(" twitterurl ", text),
    "username_token": lambda text: _HANDLE.sub(" twitteruser ", text),
    "ascii_punctuation": lambda text: text.translate(_ASCII_PUNCTUATION),
    "lower": str.lower,
    "merge_tokens": _merge_fillers,
    "dollar_url": lambda text: _URL.sub("$URL$", text),
}

PRESETS: dict[str, tuple[str, ...]] = {
    "report": ("demojize",),
    "ctbert": (
        "normalize",
        "url_token",
        "username_token",
        "demojize",
        "ascii_punctuation",
        "lower",
        "merge_tokens",
    ),
    "g2tmn": ("dollar_url", "demojize", "lower"),
    "none": (),
}

# Steps that put a space where something was: white space is collapsed after them.
_SPACING = {"html", "url", "username", "punctuation", "normalize", "url_token", "username_token"}


def resolve_steps(names: Iterable[str]) -> list[str]:
    """Replace each preset of `names` by its steps and return the list of steps, in order.

    Steps: `html` (tags go, entities are resolved), `url` and `username` (go), `hashtag` (the "#" goes, the word stays),
    `rep` (a letter repeated three times or more becomes one), `punctuation` (goes), `demojize` (emoji become
    `:thumbs_up:`); `normalize`, `url_token`, `username_token`, `ascii_punctuation`, `lower`, `merge_tokens`, `dollar_url`.

    Raises:
        ValueError: A name is neither a preset nor a step.

    """
    steps: list[str] = []
    for name in names:
        if name not in PRESETS and name not in STEPS:
            raise ValueError(
                f"Unknown cleaning '{name}': write a preset ({', '.join(PRESETS)}) or steps ({', '.join(STEPS)})."
            )
        steps += PRESETS.get(name, (name,))
    return steps


def clean(text: str, steps: Iterable[str]) -> str:
    """Apply the named `steps` to `text`, in their order; without steps the text is returned as it is.

    Half of a surrogate pair, which broken exports hold and no tokenizer takes, becomes a question mark.
    """
    steps = list(steps)
    text = text.encode("utf-8", "replace").decode("utf-8")
    for step in steps:
        text = STEPS[step](text)
    return " ".join(text.split()) if _SPACING.intersection(steps) else text


PAIR_MARK = "\x1e"
"""Parts the two texts of a row that a tokenizer reads as a pair (ASCII's record separator); no text keeps one of its own."""


def join_pair(text: str, pair: str) -> str:
    """Return the two texts of a row as one, which `split_pair` parts again."""
    return PAIR_MARK.join(part.replace(PAIR_MARK, " ") for part in (text, pair))


def show_row(text: str) -> str | dict[str, str]:
    """Return a row as `pipeline()` takes it: a text, or the two texts of a pair by their names."""
    return dict(zip(("text", "text_pair"), split_pair(text), strict=True)) if PAIR_MARK in text else text


def split_pair(text: str) -> tuple[str, str]:
    """Return the two texts of a row; the second one is empty where there is one text alone."""
    first, _, second = text.partition(PAIR_MARK)
    return first, second


def read_row(row: "str | Mapping[str, str]", pair: str) -> str:
    """Return a row as `tokenizer_inputs` takes it.

    Args:
        row: A text, `{"text": ..., "text_pair": ...}`, or a text of `join_pair`.
        pair: As there.

    Raises:
        TypeError: The model reads pairs, and the row is none.

    """
    if pair == "join":
        return join_texts(row.values()) if isinstance(row, Mapping) else row
    if isinstance(row, str) and PAIR_MARK in row:
        return row
    if not isinstance(row, Mapping) or set(row) != {"text", "text_pair"}:
        raise TypeError('The model reads two texts a row: give {"text": ..., "text_pair": ...}.')
    return join_pair(row["text"], row["text_pair"])


def tokenizer_inputs(texts: Iterable[str], steps: Iterable[str], pair: str) -> tuple[list[str], ...]:
    """Clean texts, and return what a tokenizer is called with: them, or the first and the second texts of pairs.

    Args:
        texts: Of pairs those of `join_pair`.
        steps: Of the cleaning.
        pair: `join` (each is one text), `tokenizer` (pairs, which the tokenizer's own separator parts), or `newline` (pairs,
            which a newline parts, for a tokenizer that puts nothing in between).

    """
    steps = list(steps)
    if pair == "join":
        return ([clean(text.replace(PAIR_MARK, " "), steps) for text in texts],)
    pairs = [tuple(clean(part, steps) for part in split_pair(text)) for text in texts]
    if pair == "newline":
        return (["\n".join(filter(None, parts)) for parts in pairs],)
    return [first for first, _ in pairs], [second for _, second in pairs]


def join_texts(texts: Iterable[str]) -> str:
    """Join the text columns of one row by a space; empty ones leave none behind."""
    return " ".join(text for text in texts if text)
