"""Stored features: whole or not there, found again, bounded, and listed by the command."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from disks import no_room_for_more_than, read_only
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.features.store import FeatureStore, StoreFullError
from hfkit.features.store_entry import RECORD_FILE, STATES_FILE, hold


def fill(store: FeatureStore, key: str, content: bytes = b"12345678") -> Path:
    folder = store.begin(key, len(content))
    (folder / STATES_FILE).write_bytes(content)
    item = store.finish(folder, {"of": f"rows of {key}"})
    item.lock.close()
    return item.folder


def find(store: FeatureStore, key: str) -> None:
    """Read an item for a moment."""
    item, note = store.find(key)
    assert item is not None
    assert note == ""
    item.lock.close()


def keys(store: FeatureStore) -> list[str]:
    return [item.folder.name for item in store.items()]


def test_what_is_finished_is_found(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    assert store.find("a") == (None, "")
    folder = fill(store, "a", b"content!")
    item, note = FeatureStore(tmp_path).find("a")
    assert item is not None
    assert note == ""
    assert item.folder == folder == tmp_path / "a"
    assert (folder / STATES_FILE).read_bytes() == b"content!"
    assert item.record["bytes"] == 8


def test_what_was_interrupted_is_no_item_and_is_removed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(tmp_path)
    folder = store.begin("a", 8)
    assert (folder / STATES_FILE).stat().st_size == 8
    assert store.find("a")[0] is None
    assert keys(store) == []
    store.begin("b", 8)
    assert folder.exists(), "its process lives"
    monkeypatch.setattr(psutil, "pid_exists", lambda pid: pid != os.getpid())
    fill(store, "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize("damage", ["shorter", "changed", "record", "no states"])
def test_damage_is_noticed(damage: str, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    folder = fill(store, "a")
    states = folder / STATES_FILE
    if damage == "shorter":
        states.write_bytes(states.read_bytes()[:-1])
    elif damage == "changed":
        states.write_bytes(b"x" + states.read_bytes()[1:])
    elif damage == "record":
        (folder / RECORD_FILE).write_text('{"bytes": 8')
    else:
        states.unlink()
    item, note = store.find("a")
    assert item is None
    assert "damaged" in note
    assert not folder.exists()
    fill(store, "a")
    assert store.find("a")[0] is not None


def test_two_runs_that_store_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(tmp_path)
    monkeypatch.setattr("os.getpid", lambda: 1)
    slower = store.begin("a", 8)
    monkeypatch.undo()
    fill(store, "a", b"12345678")
    (slower / STATES_FILE).write_bytes(b"12345678")
    store.finish(slower, {"of": "the same"}).lock.close()
    assert keys(store) == ["a"]
    assert store.find("a")[0] is not None


def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    find(store, "a")  # used now
    fill(store, "c")
    assert sorted(keys(store)) == ["a", "c"]
    with pytest.raises(StoreFullError, match="above the cache's limit"):
        store.begin("d", 21)
    assert sorted(keys(store)) == ["a", "c"]


def test_a_full_disk_is_noticed_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Any = type("usage", (), {"free": 100})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreFullError, match="do not fit on the disk"):
        FeatureStore(tmp_path).begin("a", 96)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_removed_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all items together are not enough, they stay; if they are, the oldest go, be there a limit or a full disk."""
    store = FeatureStore(tmp_path)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    usage: Any = type("usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreFullError, match="do not fit on the disk"):
        store.begin("c", 30)
    assert sorted(keys(store)) == ["a", "b"]
    store.begin("c", 15)
    assert keys(store) == ["b"]


def test_what_a_run_reads_stays(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    fill(store, "a")
    item, _ = store.find("a")
    assert item is not None
    with item.lock:
        fill(store, "b")
        with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
            FeatureStore(tmp_path, limit=20).begin("c", 16)
        fill(store, "c")
        assert sorted(keys(store)) == ["a", "c"], "the other one made room, though it was used later"
        store.clear()
        assert keys(store) == ["a"]
    store.clear()
    assert keys(store) == []


def test_what_cannot_be_read_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError("not yours")

    store = FeatureStore(tmp_path)
    fill(store, "a")
    monkeypatch.setattr("os.utime", refuse)
    find(store, "a")
    monkeypatch.setattr("hfkit.features.store.checksum", refuse)
    with pytest.raises(PermissionError):
        store.find("a")
    assert keys(store) == ["a"]


def test_what_is_left_behind_is_removed(tmp_path: Path) -> None:
    """A folder whose record is gone, and after two days what another machine began."""
    store = FeatureStore(tmp_path)
    (fill(store, "0123456789abcdef" * 2) / RECORD_FILE).unlink()
    began = tmp_path / "a.partial-another-machine-17-00ff00ff"
    began.mkdir()
    store.begin("b", 8)
    assert began.exists()
    assert not (tmp_path / ("0123456789abcdef" * 2)).exists()
    os.utime(began, (1000, 1000))
    store.begin("c", 8)
    assert not began.exists()


@pytest.mark.parametrize("limit", ["50GB", "abc", "inf", "-inf", "nan", "1e400", "1e300", "-1"])
def test_a_limit_that_is_no_number_of_gigabytes(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFKIT_CACHE_LIMIT_GB", limit)
    with pytest.raises(UserError, match=f"HFKIT_CACHE_LIMIT_GB is {limit}: write a number of gigabytes"):
        FeatureStore()


def test_the_folder_and_the_limit_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("HFKIT_CACHE_LIMIT_GB", "0.5")
    store = FeatureStore()
    assert (store.root, store.limit) == (tmp_path / "features", 500_000_000)
    monkeypatch.delenv("HFKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert FeatureStore().root == tmp_path / "xdg" / "hfkit" / "features"


def test_the_command_lists_and_clears(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    fill(store, "a" * 32)
    listed = CliRunner().invoke(app, ["cache", "list", "--folder", str(tmp_path)])
    assert listed.exit_code == 0
    assert "aaaaaaaa" in listed.stdout
    assert "1 cache item," in listed.stdout
    cleared = CliRunner().invoke(app, ["cache", "clear", "--folder", str(tmp_path)])
    assert cleared.exit_code == 0
    assert keys(store) == []
    assert "0 cache items," in CliRunner().invoke(app, ["cache", "list", "--folder", str(tmp_path)]).stdout


def test_the_command_imports_nothing_heavy() -> None:
    import sys

    heavy = ("torch", "transformers", "datasets")
    code = f"import sys, hfkit.commands.main; print([name for name in {heavy} if name in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(finished.stdout.replace("'", '"')) == []


# --- what is damaged, held or unfinished concerns its own entry alone ---

RECORDS = {
    "another name": '{"bytez": 8, "checksum": "x", "of": "rows"}',
    "a list": "[8]",
    "nothing": "null",
    "another kind": '{"bytes": "8", "checksum": "x", "of": "rows"}',
    "half a character": '{"bytes": 8, "checksum": "x", "of": "\\ud800"}',
    "no JSON": '{"bytes": 8',
    "nested": "[" * 100_000,
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_concerns_its_own_entry_alone(record: str, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=24)
    fill(store, "a")
    fill(store, "b")
    (tmp_path / "a" / RECORD_FILE).write_text(record)
    assert keys(store) == ["b"]
    shown = CliRunner().invoke(app, ["cache", "list", "--json", "--folder", str(tmp_path)])
    assert {item["key"]: item["what"] for item in json.loads(shown.stdout)["items"]} == {
        "a": "damaged",
        "b": "rows of b",
    }
    item, note = store.find("a")
    assert item is None
    assert "damaged" in note
    fill(store, "a")
    (tmp_path / "a" / RECORD_FILE).write_text(record)
    assert store.clear() == (16, 0)
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_a_record_is_shown_as_it_is(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.finish(store.begin("a", 8), {"of": "[/rows]"})
    assert "[/rows]" in CliRunner().invoke(app, ["cache", "list", "--folder", str(tmp_path)]).stdout


def test_folders_of_others_stay(tmp_path: Path) -> None:
    """Such as where --folder names a folder of documents."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in (RECORD_FILE, STATES_FILE, "thesis.txt"):
        (mine / name).write_text("mine")
    (tmp_path / "empty").mkdir()
    FeatureStore(tmp_path).clear()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "empty",
        "mine",
        RECORD_FILE,
        STATES_FILE,
        "thesis.txt",
    ]


def test_what_is_held_stays_whatever_becomes_of_it(tmp_path: Path) -> None:
    """Neither a record that is damaged or gone nor a run that found no whole item makes room of what another one reads."""
    store = FeatureStore(tmp_path, limit=8)
    fill(store, "a")
    lock = hold(tmp_path / "a")
    assert lock is not None
    with lock:
        (tmp_path / "a" / RECORD_FILE).write_text("damaged")
        assert store.clear() == (0, 8)
        with pytest.raises(StoreFullError, match="another run reads it"):
            store.find("a")
        (tmp_path / "a" / RECORD_FILE).unlink()
        with pytest.raises(StoreFullError, match="beside what other runs read"):
            store.begin("b", 8)
        assert (tmp_path / "a" / STATES_FILE).read_bytes() == b"12345678"
    fill(store, "b")
    assert keys(store) == ["b"]


def test_what_is_held_after_it_was_listed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run takes it between the look at all items and the removal of one."""
    store = FeatureStore(tmp_path, limit=16)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    locks = []

    def look_and_lose(entry: Any) -> bool:
        """Say that nobody holds an entry, and let another run hold it the moment after."""
        locks.extend([hold(tmp_path / "a")] if entry.folder.name == "a" else [])
        return False

    monkeypatch.setattr("hfkit.features.store.is_held", look_and_lose)
    store.make_room(8)
    assert keys(store) == ["a"]
    assert store.clear() == (0, 8)
    for lock in locks:
        lock.close()


def test_what_is_removed_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that opens an item which another one removes at that moment gets none, and neither does it wait."""
    store = FeatureStore(tmp_path)
    fill(store, "a")
    lock = hold

    def remove_in_between(file: Any, exclusive: bool) -> bool:
        shutil.rmtree(tmp_path / "a")
        return True

    monkeypatch.setattr("hfkit.features.store_entry.try_lock", remove_in_between)
    assert lock(tmp_path / "a") is None
    assert store.find("a") == (None, "")


def test_on_a_disk_without_locks_what_was_used_lately_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(tmp_path)
    for key in ("a", "b"):
        fill(store, key)
    os.utime(tmp_path / "b" / RECORD_FILE, (1000, 1000))
    monkeypatch.setattr("hfkit.features.store_entry.try_lock", lambda file, exclusive: None)
    assert store.clear() == (8, 8)
    assert keys(store) == ["a"]


def test_what_others_write_counts(tmp_path: Path) -> None:
    """Two runs that begin at the same time do not take more than the limit."""
    store = FeatureStore(tmp_path, limit=20)
    fill(store, "a")
    store.begin("b", 8)
    store.begin("c", 8)
    assert keys(store) == []
    with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
        store.begin("d", 8)
    assert store.clear() == (0, 16)


def test_a_run_that_begins_in_the_same_moment_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rival = FeatureStore(tmp_path, limit=20), FeatureStore(tmp_path, limit=20)

    def let_another_begin(folder: Path) -> Path:
        begun = tmp_path / "c.partial-another-machine-17-00ff00ff"
        begun.mkdir()
        (begun / STATES_FILE).write_bytes(bytes(16))
        return folder.with_name("b.partial-this-machine-17-00ff00ff")

    monkeypatch.setattr("hfkit.features.store.name_unfinished", let_another_begin)
    with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
        store.begin("b", 8)
    assert [entry.bytes for entry in rival.entries()] == [16]


def test_a_folder_that_can_only_be_read(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    fill(store, "a")
    with read_only(tmp_path):
        find(store, "a")
        with pytest.raises(
            StoreFullError, match=f"0.1 MB cannot be written: {tmp_path} cannot .* .Read-only file system.; --feature"
        ):
            store.begin("b", 8)
        cleared = CliRunner().invoke(app, ["cache", "clear", "--folder", str(tmp_path)])
        assert isinstance(cleared.exception, UserError)
        assert "cannot be read or written (Read-only file system): name another folder" in str(cleared.exception)
    assert keys(store) == ["a"]


def test_a_disk_that_is_full_in_the_midst(tmp_path: Path) -> None:
    """What is there stays, and nothing is left of what was begun."""
    store = FeatureStore(tmp_path)
    fill(store, "a")
    with (
        no_room_for_more_than(4096),
        pytest.raises(StoreFullError, match=f"1.0 MB cannot be written: {tmp_path} cannot be"),
    ):
        store.begin("b", 1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    find(store, "a")
