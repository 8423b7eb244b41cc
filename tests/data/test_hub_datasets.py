"""Datasets as `datasets` keeps them: whole ones are read, damaged ones are told and loaded again."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset
from disks import DAMAGES, read_only
from huggingface_hub.errors import EntryNotFoundError
from PIL import Image

from hfkit.data import hub_datasets
from hfkit.data.hub_datasets import SUMS_FILE, check_metadata, load_from_hub
from hfkit.errors import UserError

ROWS = [{"text": f"text number {row}", "label": "ab"[row % 2]} for row in range(50)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that `datasets` keeps all in."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    """Return the name of a dataset, which `datasets` takes as one of the Hub."""
    folder = tmp_path / "tweets"
    folder.mkdir()
    for split in ("train", "test"):
        lines = [f"{split} {row['text']},{row['label']}" for row in ROWS]
        (folder / f"{split}.csv").write_text("\n".join(["text,label", *lines]))
    return str(folder)


def test_what_is_damaged_is_told_and_loaded_again(cache: Path, dataset: str, caplog: pytest.LogCaptureFixture) -> None:
    whole = load_from_hub(dataset, None, None)
    contents = {split: rows.to_dict() for split, rows in whole.items()}
    (sums,) = cache.rglob(SUMS_FILE)
    for file in [*sums.parent.glob("*-train.arrow"), sums.parent / "dataset_info.json"]:
        for damage in DAMAGES.values():
            file.write_bytes(damage(file.read_bytes()))
            with caplog.at_level(logging.WARNING, "hfkit"):
                again = load_from_hub(dataset, None, None)
            assert {split: rows.to_dict() for split, rows in again.items()} == contents
            assert [line for line in caplog.messages if "was damaged" in line] == [
                f"{sums.parent} was damaged: {dataset} is loaded again."
            ]
            caplog.clear()
    load_from_hub(dataset, None, None)
    assert not [line for line in caplog.messages if "was damaged" in line]


def test_a_folder_that_can_only_be_read(cache: Path, dataset: str) -> None:
    """It is read where all is there, and a sentence where what is there is damaged."""
    whole = load_from_hub(dataset, None, None)
    with read_only(cache):
        read = load_from_hub(dataset, None, None)
        assert {split: rows.to_dict() for split, rows in read.items()} == {
            split: rows.to_dict() for split, rows in whole.items()
        }
        assert read["train"].features == whole["train"].features
    file = next(cache.rglob("*-test.arrow"))
    file.write_bytes(b"")
    with (
        read_only(cache),
        pytest.raises(UserError, match=r"tweets is damaged and cannot be removed .* variable HF_DATASETS_CACHE"),
    ):
        load_from_hub(dataset, None, None)


@pytest.mark.parametrize("sums", ["", "[]", '{"asked": 1}'])
def test_sums_that_are_damaged_themselves_end_no_run(sums: str, cache: Path, dataset: str) -> None:
    load_from_hub(dataset, None, None)
    (file,) = cache.rglob(SUMS_FILE)
    whole = file.read_bytes()
    file.write_text(sums)
    load_from_hub(dataset, None, None)
    assert file.read_bytes() == whole


def test_a_connection_that_is_cut_is_tried_again(cache: Path, dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load, calls = hub_datasets.load_dataset, []

    def fail_once(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise ConnectionError("cut off")
        return load(*arguments, **options)

    monkeypatch.setattr(hub_datasets, "load_dataset", fail_once)
    monkeypatch.setattr("hfkit.connection.time.sleep", lambda _: None)
    assert len(load_from_hub(dataset, None, None)["train"]) == len(ROWS)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:9/x.csv",
        "zip://x.csv::http://127.0.0.1:9/x.zip",
        "/etc/x.csv",
        "a/../../x.csv",
        "file:/etc/x.csv",
    ],
)
@pytest.mark.parametrize("name", ["README.md", ".huggingface.yaml"])
def test_a_dataset_that_names_files_elsewhere_is_refused(name: str, path: str, cache: Path, dataset: str) -> None:
    """Before anything is asked of whatever stands there."""
    block = f"configs:\n- config_name: default\n  data_files:\n  - split: train\n    path: [train.csv, '{path}']\n"
    (Path(dataset) / name).write_text(f"---\n{block}---\n# Tweets\n" if name == "README.md" else block)
    with pytest.raises(UserError, match="names a file outside of it"):
        load_from_hub(dataset, None, None)


@pytest.mark.parametrize("readme", [True, False])
def test_what_is_loaded_is_the_commit_that_was_looked_at(
    readme: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether its card is there or not."""
    asked: list[str | None] = []

    def download(repository: str, name: str, *, revision: str | None, **_: str) -> str:
        asked.append(revision)
        if name == "README.md" and readme:
            file = tmp_path / "snapshots" / "abc" / name
            file.parent.mkdir(parents=True)
            file.write_text("no block")
            return str(file)
        error = EntryNotFoundError("not there")
        error.response = SimpleNamespace(headers={"X-Repo-Commit": "abc"})
        raise error

    def load(repository: str, configuration: str | None, *, revision: str | None) -> None:
        asked.append(revision)
        raise ValueError("asked for")

    monkeypatch.setattr(hub_datasets, "hf_hub_download", download)
    monkeypatch.setattr(hub_datasets, "load_dataset", load)
    with pytest.raises(ValueError, match="asked for"):
        load_from_hub("me/data", None, None)
    assert asked == [None, "abc", "abc"]


def test_a_dataset_may_name_its_own_files(cache: Path, dataset: str) -> None:
    said = "  sep: ','\n  description: See http://example.org\n"
    files = "  data_files:\n  - split: train\n    path: 't*in.csv'\n"
    block = f"---\nlicense: mit\nconfigs:\n- config_name: default\n{said}{files}---\n"
    (Path(dataset) / "README.md").write_text(f"{block}See http://example.org and ../other.\n")
    assert list(load_from_hub(dataset, None, None)) == ["train"]
    for odd in ("&a [*a]", "!!timestamp foo", "!!bool foo"):
        (Path(dataset) / "README.md").write_text(f"---\na: {odd}\n---\n")
        with pytest.raises(UserError, match="cannot be read"):
            load_from_hub(dataset, None, None)


def test_the_block_ends_where_the_library_sees_its_end() -> None:
    text = "---\nlicense: mit\n---x: 1\nconfigs:\n- data_files: http://127.0.0.1:9/x.csv\n---\n"
    with pytest.raises(UserError, match="names a file outside of it"):
        check_metadata(text, "me/data", "README.md")
    check_metadata(
        "---\nconfigs:\n- data_files: hf://datasets/me/data/a.csv\n  sep: '::'\n---\n", "me/data", "README.md"
    )


def test_an_image_that_is_a_file_of_this_machine_is_refused(cache: Path, tmp_path: Path) -> None:
    """Those of the dataset itself are read, and those whose bytes are there, whatever path they had."""
    (tmp_path / "outside.png").touch()
    folder = tmp_path / "photos"
    (folder / "train" / "cat").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "train" / "cat" / "1.png")
    assert len(load_from_hub(str(folder), None, None)["train"]) == 1
    for path, content in (("outside.png", None), ("/nowhere/outside.png", b"x"), ("/nowhere/outside.png", None)):
        rows = Dataset.from_dict({"image": [{"bytes": content, "path": path}], "label": [0]})
        (tmp_path / "table").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "table" / "train.parquet")
        if content is not None:
            assert len(load_from_hub(str(tmp_path / "table"), None, None)["train"]) == 1
            continue
        with pytest.raises(UserError, match="names a file of this machine"):
            load_from_hub(str(tmp_path / "table"), None, None)
