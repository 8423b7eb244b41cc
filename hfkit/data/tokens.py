"""From texts to token ids."""

from collections.abc import Sequence
from typing import Any

from accelerate import PartialState
from datasets import DatasetDict
from transformers import PreTrainedTokenizerBase

from ..machine import code_checksum, package_versions
from ..models.cleaning import tokenizer_inputs
from .stored_rows import read_column


def encode_texts(
    texts: Sequence[str], tokenizer: PreTrainedTokenizerBase, cleaning: list[str], max_length: int, pair: str = "join"
) -> dict[str, list[Any]]:
    """Clean and tokenise texts, without padding; `pair` is that of the model's config.

    Returns:
        `input_ids`, `attention_mask`, `length`, and `truncated`: whether a text was cut at `max_length` tokens.

    """
    read = tokenizer_inputs(texts, cleaning, pair)
    encoded = tokenizer(*read, truncation=True, max_length=max_length, return_token_type_ids=False)
    for ids, mask in zip(encoded["input_ids"], encoded["attention_mask"], strict=True):
        if not ids:  # an empty text, of a tokenizer that adds no special tokens: one token, as in the pipeline
            ids.append(tokenizer.pad_token_id)
            mask.append(1)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    full = [row for row, length in zip(zip(*read, strict=True), lengths, strict=True) if length == max_length]
    cut_texts = iter(tokenizer(*map(list, zip(*full, strict=True)), verbose=False)["input_ids"] if full else ())
    truncated = [length == max_length and len(next(cut_texts)) > max_length for length in lengths]
    return {
        "input_ids": encoded["input_ids"],
        "attention_mask": encoded["attention_mask"],
        "length": lengths,
        "truncated": truncated,
    }


def tokenize(
    splits: DatasetDict, tokenizer: PreTrainedTokenizerBase, cleaning: list[str], max_length: int, pair: str = "join"
) -> tuple[DatasetDict, dict[str, int]]:
    """Clean and tokenise all splits, without padding; `datasets` keeps the result on disk for the next run.

    Returns:
        The splits with columns `input_ids`, `attention_mask`, `length` and, where labelled, `labels`; and how many
        texts of each split were cut at `max_length` tokens.

    """

    def encode(batch: dict[str, list[Any]], code: str) -> dict[str, list[Any]]:
        """Encode a batch of rows; `datasets` tells results of other `code` apart."""
        return encode_texts(batch["text"], tokenizer, cleaning, max_length, pair)

    code = {"code": f"{code_checksum()} {package_versions()}"}
    with PartialState().local_main_process_first():  # the others read what it wrote
        encoded = splits.map(encode, batched=True, remove_columns=["row", "text"], fn_kwargs=code, desc="Tokenising")
    truncated = {split: int(read_column(dataset, "truncated").sum()) for split, dataset in encoded.items()}
    encoded = encoded.remove_columns("truncated")
    for split, dataset in encoded.items():
        if "label" in dataset.column_names:
            encoded[split] = dataset.rename_column("label", "labels")
    return encoded, truncated
