"""From texts to token ids."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow
from datasets import Dataset, DatasetDict, Features, List, Value
from datasets.fingerprint import Hasher
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..machine import code_checksum, hides_bars, package_versions
from ..models.cleaning import join_pair as join_pair
from ..models.cleaning import show_row as show_row  # for those who show rows of texts
from ..models.cleaning import tokenizer_inputs
from ..models.long_texts import CUT, HEAD_TAIL, WINDOWS, choose_tokens
from .arrow_files import keep
from .stored_rows import ROWS_AT_ONCE, hash_rows, read_column, to_table

TOKENS = {
    "input_ids": List(Value("int32")),
    "attention_mask": List(Value("int8")),
    "length": Value("int64"),
    "longer": Value("bool"),
}
"""Types of the columns of tokenised texts."""


@dataclass(frozen=True)
class Reading:
    """How a model reads texts: the fields of its config that say so.

    Attributes:
        cleaning: Steps, in their order.
        max_length: Tokens that are read at most.
        pair: What two texts a row become, see `cleaning.tokenizer_inputs`.
        long_texts: Which tokens of a longer text are read, see `long_texts`.

    """

    cleaning: tuple[str, ...]
    max_length: int
    pair: str = "join"
    long_texts: str = CUT

    def describe(self, longer: Mapping[str, int]) -> str:
        """Say what is read of texts with more tokens than `max_length`, and how many there are in each split."""
        how = f"Texts cut at {self.max_length} tokens"
        if self.long_texts == HEAD_TAIL:
            how = f"Texts of more than {self.max_length} tokens, of which the first quarter of so many and the last ones are read"
        if self.long_texts == WINDOWS:
            how = f"Texts of more than {self.max_length} tokens, read in windows of so many whose logits are averaged"
        return f"{how}: {', '.join(f'{count} of {split}' for split, count in longer.items())}."

    @classmethod
    def of(cls, config: Any) -> "Reading":
        """Return that of a model, by its config."""
        return cls(tuple(config.cleaning), config.max_length, config.pair, config.long_texts)


def encode_texts(texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, reading: Reading) -> dict[str, list[Any]]:
    """Clean and tokenise texts, without padding.

    Returns:
        `input_ids`, `attention_mask`, `length`, and `longer`: whether a text has more than `max_length` tokens.

    """
    read = tokenizer_inputs(texts, reading.cleaning, reading.pair)
    encode = _encode_cut if reading.long_texts == CUT else _encode_chosen
    rows, longer = encode(read, tokenizer, reading)
    # An empty text, of a tokenizer that adds no special tokens, is one token, as in the pipeline.
    rows = [ids or [tokenizer.pad_token_id] for ids in rows]
    return {
        "input_ids": rows,
        "attention_mask": [[1] * len(ids) for ids in rows],
        "length": list(map(len, rows)),
        "longer": longer,
    }


def _encode_cut(
    read: tuple[list[str], ...], tokenizer: PreTrainedTokenizerBase, reading: Reading
) -> tuple[list[list[int]], list[bool]]:
    """Return the first tokens of texts, and which texts have more."""
    max_length = reading.max_length
    rows = tokenizer(*read, truncation=True, max_length=max_length)["input_ids"]
    full = [row for row, ids in zip(zip(*read, strict=True), rows, strict=True) if len(ids) == max_length]
    whole = iter(tokenizer(*map(list, zip(*full, strict=True)), verbose=False)["input_ids"] if full else ())
    return rows, [len(ids) == max_length and len(next(whole)) > max_length for ids in rows]


def _encode_chosen(
    read: tuple[list[str], ...], tokenizer: PreTrainedTokenizerBase, reading: Reading
) -> tuple[list[list[int]], list[bool]]:
    """Return the tokens of texts that are read, and which texts have more than `max_length`."""
    how = (reading.max_length, reading.long_texts)
    whole = tokenizer(*read, return_special_tokens_mask=True, verbose=False)
    pairs = list(zip(whole["input_ids"], whole["special_tokens_mask"], strict=True))
    rows = [[ids[place] for place in choose_tokens(special, *how)] for ids, special in pairs]
    return rows, [len(ids) > reading.max_length for ids, _ in pairs]


def tokenize(
    splits: DatasetDict, tokenizer: PreTrainedTokenizerBase, reading: Reading
) -> tuple[DatasetDict, dict[str, int]]:
    """Clean and tokenise all splits, without padding; the result is kept on disk for the next run.

    Returns:
        The splits with columns `input_ids`, `attention_mask`, `length` and, where labelled, `labels`; and how many
        texts of each split have more than `max_length` tokens.

    Raises:
        NotKeptError: The folder cannot be written or is full.

    """
    settings = f"{Hasher.hash((tokenizer, reading))} {code_checksum()} {package_versions()}"
    encoded = DatasetDict(
        {split: _keep_tokens(split, rows, tokenizer, reading, settings) for split, rows in splits.items()}
    )
    longer = {split: int(read_column(dataset, "longer").sum()) for split, dataset in encoded.items()}
    return encoded.remove_columns("longer"), longer


def _keep_tokens(
    split: str, rows: Dataset, tokenizer: PreTrainedTokenizerBase, reading: Reading, settings: str
) -> Dataset:
    """Return the tokens of one split from the disk; `settings` tell apart what else they depend on."""
    rows = rows.remove_columns("row")
    labels = {"labels": rows.features["label"]} if "label" in rows.features else {}
    features = Features({**labels, **TOKENS})

    def tables() -> Iterator[pyarrow.Table]:
        """Yield the tokens of some rows after the others."""
        bar = tqdm(total=len(rows), desc=f"Tokenising {split}", disable=hides_bars(), leave=False)
        with bar:
            for batch in rows.iter(ROWS_AT_ONCE):
                known = {"labels": batch["label"]} if labels else {}
                yield to_table({**known, **encode_texts(batch["text"], tokenizer, reading)}, features)
                bar.update(len(batch["text"]))

    return keep(split, tables, features, hash_rows(f"tokens {split} {features!r} {settings}", rows), len(rows))
