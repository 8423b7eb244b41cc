"""Stored features: whole or not there, found again, bounded, and listed by the command."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from disks import no_room_for_more_than, read_only
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.features.held_item import HeldItem, put_in_place
from hfkit.features.store import FeatureStore, StoreFullError
from hfkit.features.store_entry import RECORD_FILE, STATES_FILE, hold, remove


def begin(store: FeatureStore, key: str, size: int = 8) -> HeldItem:
    [begun] = store.begin([(key, size)])
    return begun


def make(store: FeatureStore, key: str, content: bytes = b"12345678") -> HeldItem:
    """Store an item, and hold it."""
    begun = begin(store, key, len(content))
    begun.states.write_bytes(content)
    return store.finish(begun, {"of": f"rows of {key}"})


def fill(store: FeatureStore, key: str, content: bytes = b"12345678") -> Path:
    item = make(store, key, content)
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
    """Numbers of processes and names of machines tell nothing: two containers may have the same ones."""
    store = FeatureStore(tmp_path)
    monkeypatch.setattr("os.getpid", lambda: 2**31 - 1)  # of another container: there is none of that number here
    begun = begin(store, "a")
    monkeypatch.undo()
    assert begun.states.stat().st_size == 8
    assert store.find("a")[0] is None
    assert keys(store) == []
    other = begin(store, "b")  # of this process, as if of another container with the same numbers
    assert begun.folder.exists(), "it is written now"
    assert store.clear() == (0, 16, [])
    for item in (begun, other):
        item.lock.close()
    fill(store, "c")
    assert [entry.folder.name for entry in store.entries()] == ["c"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child begins as a copy of this process")
def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    context = multiprocessing.get_context("fork")
    begun = context.Event()

    def begin_and_wait() -> None:
        item = begin(store, "a", 16)
        begun.set()
        time.sleep(60)
        item.give_up()

    process = context.Process(target=begin_and_wait)
    process.start()
    assert begun.wait(30)
    with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
        begin(store, "b")
    process.kill()
    process.join()
    fill(store, "b")
    assert [entry.folder.name for entry in store.entries()] == ["b"]


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


def test_two_runs_that_store_the_same(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    slower = begin(store, "a")
    fill(store, "a", b"12345678")
    slower.states.write_bytes(b"12345678")
    store.finish(slower, {"of": "the same"}).lock.close()
    assert keys(store) == ["a"]
    assert store.find("a")[0] is not None


def test_two_runs_that_finish_the_same_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is faster after the other has looked whether it is there: both get the same, and nothing is left."""
    store = FeatureStore(tmp_path)

    def let_another_be_faster(begun: HeldItem, target: Path, record: dict[str, Any]) -> HeldItem:
        monkeypatch.undo()
        fill(FeatureStore(tmp_path), "a")
        return put_in_place(begun, target, record)

    monkeypatch.setattr("hfkit.features.store.put_in_place", let_another_be_faster)
    item = make(store, "a")
    assert item.folder == tmp_path / "a"
    assert store.clear() == (0, 8, []), "it is held"
    item.lock.close()
    assert [entry.folder.name for entry in store.entries()] == ["a"]


def test_a_whole_item_that_comes_while_one_looks_is_not_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rival = FeatureStore(tmp_path), FeatureStore(tmp_path)
    items = []

    def look_too_early(folder: Path) -> None:
        monkeypatch.undo()
        items.append(make(rival, "a"))

    monkeypatch.setattr("hfkit.features.store.hold_whole", look_too_early)
    assert store.find("a") == (None, "")
    items.pop().lock.close()
    assert keys(store) == ["a"], "it came after the look"

    def let_another_replace_it(entry: Any) -> bool:
        monkeypatch.undo()
        assert remove(entry)
        items.append(make(rival, "a"))
        return remove(entry)

    (tmp_path / "a" / STATES_FILE).write_bytes(b"damaged!")
    monkeypatch.setattr("hfkit.features.store.remove", let_another_replace_it)
    find(store, "a")


def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    find(store, "a")  # used now
    fill(store, "c")
    assert sorted(keys(store)) == ["a", "c"]
    with pytest.raises(StoreFullError, match="above the cache's limit"):
        begin(store, "d", 21)
    assert sorted(keys(store)) == ["a", "c"]


def test_a_full_disk_is_noticed_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Any = type("usage", (), {"free": 100})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreFullError, match="do not fit on the disk"):
        begin(FeatureStore(tmp_path), "a", 96)
    assert FeatureStore(tmp_path).entries() == []


def test_nothing_is_removed_in_vain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all items together are not enough, they stay; if they are, the oldest go, be there a limit or a full disk."""
    store = FeatureStore(tmp_path)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    usage: Any = type("usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreFullError, match="do not fit on the disk"):
        begin(store, "c", 30)
    assert sorted(keys(store)) == ["a", "b"]
    begin(store, "c", 15)
    assert keys(store) == ["b"]


def test_what_a_run_reads_stays(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    fill(store, "a")
    item, _ = store.find("a")
    assert item is not None
    with item.lock:
        fill(store, "b")
        with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
            begin(FeatureStore(tmp_path, limit=20), "c", 16)
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
    monkeypatch.setattr("hfkit.features.held_item.checksum", refuse)
    with pytest.raises(PermissionError):
        store.find("a")
    assert keys(store) == ["a"]


def test_what_is_left_behind_is_removed(tmp_path: Path) -> None:
    """A folder whose record is gone, and after two days what another machine began."""
    store = FeatureStore(tmp_path)
    (fill(store, "0123456789abcdef" * 2) / RECORD_FILE).unlink()
    began = tmp_path / "a.partial-another-machine-17-00ff00ff"
    began.mkdir()
    begin(store, "b")
    assert began.exists()
    assert not (tmp_path / ("0123456789abcdef" * 2)).exists()
    os.utime(began, (1000, 1000))
    begin(store, "c")
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
    assert store.clear() == (16, 0, [])
    assert store.entries() == []


def test_what_stands_in_a_record_is_shown_as_it_is(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.finish(begin(store, "a"), {"of": "[/rows]"}).lock.close()
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
        assert store.clear() == (0, 8, [])
        with pytest.raises(StoreFullError, match="another run reads it"):
            store.find("a")
        (tmp_path / "a" / RECORD_FILE).unlink()
        with pytest.raises(StoreFullError, match="beside what other runs read"):
            begin(store, "b")
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
    assert store.clear() == (0, 8, [])
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
    assert store.clear() == (8, 8, [])
    assert keys(store) == ["a"]


def test_what_others_write_counts(tmp_path: Path) -> None:
    """Two runs that begin at the same time do not take more than the limit."""
    store = FeatureStore(tmp_path, limit=20)
    fill(store, "a")
    begun = [begin(store, "b"), begin(store, "c")]
    assert keys(store) == []
    with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
        begin(store, "d")
    assert store.clear() == (0, 16, [])
    for item in begun:
        item.give_up()


def test_of_two_runs_that_begin_in_the_same_moment_one_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_room = FeatureStore.make_room

    def look_slowly(store: FeatureStore, size: int) -> None:
        make_room(store, size)
        time.sleep(0.1)

    def begin_one(key: str) -> HeldItem | str:
        try:
            return begin(FeatureStore(tmp_path, limit=20_000_000), key, 12_000_000)
        except StoreFullError as error:
            return str(error)

    monkeypatch.setattr(FeatureStore, "make_room", look_slowly)
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(begin_one, "ab"))
    [refusal] = [end for end in ends if isinstance(end, str)]
    assert refusal.startswith("12.0 MB have no room beside what other runs read or write now")
    assert [entry.bytes for entry in FeatureStore(tmp_path).entries()] == [12_000_000]


def test_of_several_all_have_room_or_none(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    with pytest.raises(StoreFullError, match="above the cache's limit"):
        store.begin([("a", 16), ("b", 8)])
    assert store.entries() == []
    assert [item.folder.name[0] for item in store.begin([("a", 8), ("b", 8)])] == ["a", "b"]


def test_a_folder_that_can_only_be_read(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    fill(store, "a")
    with read_only(tmp_path):
        find(store, "a")
        with pytest.raises(
            StoreFullError, match=f"0.1 MB cannot be written: {tmp_path} cannot .* .Read-only file system.; --feature"
        ):
            begin(store, "b")
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
        begin(store, "b", 1_000_000)
    assert [entry.folder.name for entry in store.entries()] == ["a"]
    find(store, "a")


def test_what_may_not_be_removed_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither as something that a run uses, nor in the place of what could be removed: whole, damaged or left behind."""
    store = FeatureStore(tmp_path)
    for key in ("a", "b"):
        fill(store, key)
    left = begin(store, "c")
    left.lock.close()
    closed = {str(tmp_path / "a"), str(left.folder)}
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: str(path) not in closed and access(path, mode))
    cleared = CliRunner().invoke(app, ["cache", "clear", "--folder", str(tmp_path)])
    assert cleared.stdout == f"Removed 0.0 MB from {tmp_path}.\n"
    assert isinstance(cleared.exception, UserError)
    assert "cannot be read or written (Permission denied): name another folder" in str(cleared.exception)
    assert {str(entry.folder) for entry in store.entries()} == closed
    removed, in_use, refusals = store.clear()
    assert (removed, in_use, {str(error.filename) for error in refusals}) == (0, 0, closed)
    with pytest.raises(StoreFullError, match="have no room beside"):
        begin(FeatureStore(tmp_path, limit=20), "d")


@pytest.mark.skipif(sys.platform != "linux", reason="it looks at which files are open as Linux tells it")
def test_where_no_folder_moves_in_which_a_file_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows has it: items are stored, what is held stays, and nothing is a traceback."""
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if any(Path(file.path).is_relative_to(path) for file in psutil.Process().open_files()):
            raise PermissionError(13, "Access is denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr(sys, "platform", "win32")
    store = FeatureStore(tmp_path, limit=20)
    item = make(store, "a")
    assert store.clear() == (0, 8, [])
    with pytest.raises(StoreFullError, match="beside what other runs read or write now"):
        begin(store, "b", 16)
    (tmp_path / "a" / RECORD_FILE).write_text("damaged")
    with pytest.raises(StoreFullError, match="another run reads it"):
        store.find("a")
    begun = begin(store, "b")
    fill(store, "c", b"1234")
    assert begun.folder.exists(), "it is written now"
    item.lock.close()
    begun.lock.close()
    assert store.clear() == (20, 0, [])
