"""From texts to token ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accelerate import PartialState
from datasets import DatasetDict
from transformers import PreTrainedTokenizerBase

from ..machine import code_checksum, package_versions
from ..models.cleaning import join_pair as join_pair
from ..models.cleaning import show_row as show_row  # for those who show rows of texts
from ..models.cleaning import tokenizer_inputs
from ..models.long_texts import CUT, HEAD_TAIL, WINDOWS, choose_tokens
from .stored_rows import read_column


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
    """Clean and tokenise all splits, without padding; `datasets` keeps the result on disk for the next run.

    Returns:
        The splits with columns `input_ids`, `attention_mask`, `length` and, where labelled, `labels`; and how many
        texts of each split have more than `max_length` tokens.

    """

    def encode(batch: dict[str, list[Any]], code: str) -> dict[str, list[Any]]:
        """Encode a batch of rows; `datasets` tells results of other `code` apart."""
        return encode_texts(batch["text"], tokenizer, reading)

    code = {"code": f"{code_checksum()} {package_versions()}"}
    with PartialState().local_main_process_first():  # the others read what it wrote
        encoded = splits.map(encode, batched=True, remove_columns=["row", "text"], fn_kwargs=code, desc="Tokenising")
    longer = {split: int(read_column(dataset, "longer").sum()) for split, dataset in encoded.items()}
    encoded = encoded.remove_columns("longer")
    for split, dataset in encoded.items():
        if "label" in dataset.column_names:
            encoded[split] = dataset.rename_column("label", "labels")
    return encoded, longer
