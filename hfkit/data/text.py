"""Text data: from a source to splits of texts with checked labels, and from texts to token ids."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from transformers import PreTrainedTokenizerBase

from ..arguments import DataArguments
from ..errors import UserError
from ..models.cleaning import clean, join_texts
from .labels import check_kind, class_list, cut, encodable, label_text
from .sources import SPLIT_NAMES, Source, read_source

TEXT_COLUMNS = ("text", "tweet", "sentence", "content", "post", "message", "review", "comment", "body", "title")
LABEL_COLUMNS = ("label", "labels", "class", "category", "target", "sentiment", "y")
MAX_DROPPED_SHARE = 0.05


@dataclass
class TextData:
    """Splits that are ready to be tokenised.

    Attributes:
        splits: `train`, `validation` and perhaps `test`, with columns `row` (number in its table, from 1), `text`, and
            `label` (a ClassLabel; absent from a test split without labels).
        dropped: Rows that were left out, with split, row, reason, text and label.
        notes: What was found, guessed, cut or left out, one sentence each, for the head of the run's log.

    """

    splits: DatasetDict
    label_names: list[str]
    dropped: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def load_text_data(arguments: DataArguments) -> TextData:
    """Read, check and split the data that `arguments` names.

    Raises:
        UserError: A file, a column or a label is not as it must be; the sentence says which, and what to do.

    """
    assert arguments.dataset is not None
    source = read_source(arguments.dataset, arguments.dataset_config, arguments.dataset_revision)
    text_columns, label_column, notes = _find_columns(source, arguments)
    tables, dropped = _read_rows(source, text_columns, label_column)
    for table in tables.values():
        check_kind(table["label"], label_column)
    names, name_of = class_list(
        tables["train"]["label"], label_column, source.class_names.get(label_column), arguments.label_names
    )
    for split, table in tables.items():
        _check_known(table, split, label_column, name_of)
        table["label"] = table["label"].map(name_of)
    if len(dropped):
        counts = dropped.groupby(["split", "reason"], sort=False).size().reset_index()
        left_out = ", ".join(f"{count} of {split} ({reason})" for _, split, reason, count in counts.itertuples())
        notes.append(f"Rows left out, listed in dropped_rows.csv: {left_out}.")
    lines = max(text.count("\n") + 1 for table in tables.values() for text in table["text"])
    if lines > 10:
        notes.append(f"The longest text has {lines} lines: if it should not, its file has a quote too few.")
    notes += _complete_splits(tables, arguments)
    splits = DatasetDict({split: _to_dataset(tables[split], names) for split in SPLIT_NAMES if split in tables})
    return TextData(splits, names, dropped, notes)


def _find_columns(source: Source, arguments: DataArguments) -> tuple[list[str], str, list[str]]:
    """Return the text columns, the label column, and notes on what was found by name."""
    columns = [str(column) for column in source.tables["train"].columns]
    notes = []
    texts = arguments.text_column
    if texts is None:
        texts = [_find_column(source.name, columns, TEXT_COLUMNS, "text_column")]
        notes.append(f"Text column: {texts[0]} (found by its name).")
    label = arguments.label_column
    if label is None:
        label = _find_column(source.name, columns, LABEL_COLUMNS, "label_column")
        notes.append(f"Label column: {label} (found by its name).")
    for split, table in source.tables.items():
        for column in (*texts, label):
            if column not in table.columns and not (split == "test" and column == label):
                raise UserError(
                    f"The {split} split of {source.name} has no column '{column}', only: {', '.join(map(str, table.columns))}."
                )
    if len(texts) > 2:
        raise UserError(f"--text_column takes one column or two, not {len(texts)}.")
    return texts, label, notes


def _find_column(source: str, columns: list[str], candidates: tuple[str, ...], flag: str) -> str:
    by_lower_name = {column.lower(): column for column in columns}
    for candidate in candidates:
        if candidate in by_lower_name:
            return by_lower_name[candidate]
    raise UserError(
        f"{source} has no column named {' or '.join(candidates[:3])}, only: {', '.join(columns)}; write --{flag} NAME."
    )


def _read_rows(
    source: Source, text_columns: list[str], label_column: str
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Bring every split to the columns row, text, label; take out the rows that have no text or no label.

    A test row may have an empty text: at prediction that is a row like any other.
    """
    tables: dict[str, pd.DataFrame] = {}
    dropped: list[pd.DataFrame] = []
    for split, table in source.tables.items():
        if table.empty:
            raise UserError(f"The {split} split of {source.name} has no rows.")
        rows = pd.DataFrame({"row": range(1, len(table) + 1)})
        rows["text"] = [
            join_texts(map(_cell_text, cells))
            for cells in zip(*(table[column] for column in text_columns), strict=True)
        ]
        labelled = label_column in table.columns
        labels = [label_text(value) for value in table[label_column]] if labelled else [None] * len(table)
        rows["label"] = pd.Series(labels, dtype=object)
        reason = pd.Series("", index=rows.index)
        if split != "test":
            reason[rows["text"].str.strip() == ""] = "no text"
        if split != "test" or rows["label"].notna().any():
            reason[rows["label"].isna()] = "no label"
        bad = reason != ""
        if bad.sum() > MAX_DROPPED_SHARE * len(rows):
            raise UserError(
                f"{bad.sum()} of {len(rows)} rows of the {split} split have {' or '.join(sorted(set(reason[bad])))} (the "
                f"first is row {rows['row'][bad].iloc[0]}): more than {MAX_DROPPED_SHARE:.0%}; mend the file, or name "
                "other columns by --text_column and --label_column."
            )
        dropped.append(rows[bad].assign(split=split, reason=reason[bad]))
        tables[split] = rows[~bad].reset_index(drop=True)
    listing = pd.concat(dropped, ignore_index=True)[["split", "row", "reason", "text", "label"]]
    return tables, listing


def _cell_text(value: object) -> str:
    empty = value is None or value is pd.NA or (isinstance(value, float) and value != value)
    return "" if empty else encodable(str(value))


def _check_known(table: pd.DataFrame, split: str, column: str, name_of: dict[str, str]) -> None:
    """Refuse a label that train does not have."""
    unknown = table[table["label"].notna() & ~table["label"].isin(list(name_of))]
    if len(unknown):
        first = unknown.iloc[0]
        raise UserError(
            f"The {split} split has the label '{first['label']}' in column '{column}' (row {first['row']}), which train "
            f"does not have: train has {', '.join(list(name_of)[:20])}."
        )


def _complete_splits(tables: dict[str, pd.DataFrame], arguments: DataArguments) -> list[str]:
    """Cut the splits that are missing from train, and train to `max_train_samples`; return what was done."""
    notes = []
    shares = {"test": arguments.test_fraction, "validation": arguments.validation_fraction}
    sizes = {split: share for split, share in shares.items() if split not in tables and share > 0}
    numbers = {split: max(round(share * len(tables["train"])), 1) for split, share in sizes.items()}
    for split, number in numbers.items():
        tables["train"], tables[split] = cut(tables["train"], number, f"a {split} split")
        notes.append(f"No {split} split: {number} rows ({sizes[split]:.0%}) were cut from train, with stratification.")
    limit, total = arguments.max_train_samples, len(tables["train"])
    # A stratified draw leaves at least one row of each class behind.
    if limit is not None and limit <= total - tables["train"]["label"].nunique():
        _, tables["train"] = cut(tables["train"], limit, "a training sample")
        notes.append(f"Training on {limit} of {total} rows, drawn with stratification.")
    elif limit is not None and limit < total:
        notes.append(f"Training on all {total} rows: a draw of {limit} cannot leave a row of each class behind.")
    if "test" in tables and tables["test"]["label"].isna().all():
        notes.append("The test split has no labels: it is predicted, not evaluated.")
    return notes


def _to_dataset(table: pd.DataFrame, names: list[str]) -> Dataset:
    features = Features({"row": Value("int64"), "text": Value("string"), "label": ClassLabel(names=names)})
    if table["label"].isna().all():
        del features["label"]
    number = {name: index for index, name in enumerate(names)}
    columns: dict[str, Any] = {"row": table["row"].tolist(), "text": table["text"].tolist()}
    if "label" in features:
        columns["label"] = [number[name] for name in table["label"]]
    return Dataset.from_dict(columns, features=features)


def tokenize(
    splits: DatasetDict, tokenizer: PreTrainedTokenizerBase, cleaning: list[str], max_length: int
) -> tuple[DatasetDict, dict[str, int]]:
    """Clean and tokenise all splits, without padding.

    Returns:
        The splits with columns `input_ids`, `attention_mask`, `length` and, where labelled, `labels`; and how many
        texts of each split were cut at `max_length` tokens.

    """

    def encode(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        texts = [clean(text, cleaning) for text in batch["text"]]
        encoded = tokenizer(texts, truncation=True, max_length=max_length, return_token_type_ids=False)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        full = [text for text, length in zip(texts, lengths, strict=True) if length == max_length]
        cut_texts = iter(tokenizer(full, verbose=False)["input_ids"] if full else ())
        truncated = [length == max_length and len(next(cut_texts)) > max_length for length in lengths]
        return {
            "input_ids": encoded["input_ids"],
            "attention_mask": encoded["attention_mask"],
            "length": lengths,
            "truncated": truncated,
        }

    encoded = splits.map(encode, batched=True, remove_columns=["row", "text"], desc="Tokenising")
    truncated = {split: sum(dataset["truncated"]) for split, dataset in encoded.items()}
    encoded = encoded.remove_columns("truncated")
    for split, dataset in encoded.items():
        if "label" in dataset.column_names:
            encoded[split] = dataset.rename_column("label", "labels")
    return encoded, truncated
