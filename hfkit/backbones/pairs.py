"""How a tokenizer reads two texts a row."""

from typing import Any

from transformers import PreTrainedTokenizerBase

from ..notes import Note

_FIRST, _SECOND = "a", "b"


def pair_options(tokenizer: PreTrainedTokenizerBase) -> tuple[dict[str, Any], Note]:
    """Return the fields of a text classifier's config that say how pairs are read, and a note on it."""
    if tokenizer.num_special_tokens_to_add(pair=True) <= tokenizer.num_special_tokens_to_add(pair=False):
        return {"pair": "newline"}, Note(
            "pair", "Pairs of texts: the tokenizer puts nothing between them, so a newline is."
        )
    separator = _find_segment_separator(tokenizer)
    return (
        {"pair": "tokenizer", "segment_separator": separator},
        Note("pair", "Pairs of texts: the tokenizer puts its separator between them."),
    )


def _find_segment_separator(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the token behind which the segment ids of a pair are 1; None where they are all 0, or of another form."""
    encoded = tokenizer(_FIRST, _SECOND, return_token_type_ids=True)
    segments, separator = encoded["token_type_ids"], tokenizer.sep_token_id
    if separator not in encoded["input_ids"]:
        return None
    first = encoded["input_ids"].index(separator)
    expected = [int(place > first) for place in range(len(segments))]
    return separator if segments == expected and any(segments) else None
