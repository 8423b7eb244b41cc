"""Rows, tokens, pixels and parquet on disk: read where they are whole, made again and told where they are not."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_photo
from datasets import Dataset, DatasetDict, Features, Image, Value
from disks import DAMAGES, no_room_for_more_than, read_only
from transformers import PreTrainedTokenizerBase

from hfkit.backbones.image import Preprocessing, make_processor
from hfkit.data.arrow_files import NotKeptError
from hfkit.data.image_splits import read_parquet
from hfkit.data.resized import keep_resized
from hfkit.data.stored_rows import flatten, stored_rows
from hfkit.data.tokens import Reading, tokenize

Make = Callable[[], dict[str, Any]]
TEXTS = [f"garlic cures virus number {row}" for row in range(40)]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that all is kept in."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "kept")
    return tmp_path / "kept" / "hfkit"


def store_texts(texts: list[str] = TEXTS) -> Dataset:
    columns = {"row": range(len(texts)), "text": texts, "label": [row % 2 for row in range(len(texts))]}
    kinds = {"row": Value("int64"), "text": Value("string"), "label": Value("int64")}
    return stored_rows("train", columns, Features(kinds))


def photos(folder: Path) -> Dataset:
    paths = [str(write_photo(folder / f"{seed}.png", "cat", seed)) for seed in range(4)]
    columns = {"image": paths, "row": range(4), "digest": paths}
    return Dataset.from_dict(columns).cast_column("image", Image(decode=False))


@pytest.fixture(params=["rows", "tokens", "pixels", "parquet", "chosen"])
def make(request: pytest.FixtureRequest, kept: Path, tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> Make:
    """Return what makes or reads one kind of what is kept."""
    if request.param == "rows":
        return lambda: store_texts().to_dict()
    if request.param == "tokens":
        splits = DatasetDict({"train": store_texts()})
        return lambda: tokenize(splits, tokenizer, Reading(("lower",), 8))[0]["train"].to_dict()
    images = photos(tmp_path / "photos")
    if request.param == "pixels":
        processor = make_processor(Preprocessing("x", 16, (0.5,) * 3, (0.5,) * 3, "bicubic"), 16)
        return lambda: keep_resized(DatasetDict({"train": images}), processor)[0]["train"].to_dict()
    if request.param == "parquet":
        images.to_parquet(str(tmp_path / "train.parquet"))
        return lambda: read_parquet("train", [tmp_path / "train.parquet"]).to_dict()
    return lambda: flatten("train", images.select([2, 0])).to_dict()


def test_what_is_damaged_is_told_and_made_again(make: Make, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    """None of the damages changes a row, and the one after finds all whole."""
    before = set(kept.glob("*.arrow"))
    whole = make()
    (file,) = set(kept.glob("*.arrow")) - before
    content = file.read_bytes()
    assert make() == whole
    assert not caplog.messages
    for damage in DAMAGES.values():
        file.write_bytes(damage(content))
        with caplog.at_level(logging.WARNING):
            assert make() == whole
        assert caplog.messages == [f"{file} was damaged: its rows are made again."]
        caplog.clear()
        assert make() == whole
        assert not caplog.messages
        assert file.read_bytes() == content


def test_a_folder_that_can_only_be_read_is_of_use_where_all_is_there(make: Make, kept: Path) -> None:
    whole = make()
    with read_only(kept):
        assert make() == whole


def test_what_a_folder_lacks_that_can_only_be_read_is_a_sentence(kept: Path) -> None:
    store_texts()
    with (
        read_only(kept),
        pytest.raises(
            NotKeptError, match=r"kept in .*hfkit \(Read-only file system\): .* make it writable.*HF_DATASETS_CACHE"
        ),
    ):
        store_texts(TEXTS[1:])


def test_what_is_damaged_in_a_folder_that_can_only_be_read_is_a_sentence(kept: Path) -> None:
    store_texts()
    (file,) = kept.glob("*.arrow")
    file.write_bytes(b"")
    with read_only(kept), pytest.raises(NotKeptError, match=rf"\({file.name} is damaged; Read-only file system\)"):
        store_texts()


def test_a_full_disk_is_a_sentence_with_the_room_and_leaves_what_was_there(kept: Path) -> None:
    whole = store_texts().to_dict()
    before = {file: file.read_bytes() for file in kept.iterdir()}
    texts = [text * 1000 for text in TEXTS]
    with no_room_for_more_than(4096), pytest.raises(NotKeptError, match=r"they take about 1\.2 MB\): make room"):
        store_texts(texts)
    assert {file: file.read_bytes() for file in kept.glob("*.arrow")}.items() <= before.items()
    assert not list(kept.glob("*.partial"))
    assert store_texts().to_dict() == whole
    assert store_texts(texts)["text"][:] == texts


def test_rows_that_cannot_be_made_are_no_folder_that_is_full(kept: Path, tmp_path: Path) -> None:
    """A parquet file that is damaged behind its end is named itself."""
    file = tmp_path / "train.parquet"
    photos(tmp_path / "photos").to_parquet(str(file))
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(400) + content[404:])
    with pytest.raises(Exception, match=r"train\.parquet cannot be read as parquet"):
        read_parquet("train", [file])


def test_parquet_is_told_apart_by_its_bytes_and_not_by_its_time(kept: Path, tmp_path: Path) -> None:
    file = tmp_path / "train.parquet"
    rows = [f"{number}.png" for number in range(3)]
    for order in (rows, rows[::-1]):
        Dataset.from_dict({"image": order}).to_parquet(str(file))
        os.utime(file, (1000, 1000))
        assert read_parquet("train", [file])["image"][:] == order
    os.utime(file, (2000, 2000))
    read_parquet("train", [file])
    assert len(list(kept.glob("*.arrow"))) == 2
