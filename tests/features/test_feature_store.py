"""Stored features: whole or not there, found again, bounded, and listed by the command."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.features.store import RECORD_FILE, STATES_FILE, FeatureStore, StoreFullError


def fill(store: FeatureStore, key: str, content: bytes = b"12345678") -> Path:
    folder = store.begin(key, len(content))
    (folder / STATES_FILE).write_bytes(content)
    return store.finish(folder, {"of": f"rows of {key}"}).folder


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
    store.finish(slower, {"of": "the same"})
    assert keys(store) == ["a"]
    assert store.find("a")[0] is not None


def test_the_least_recently_used_makes_room(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, limit=20)
    for age, key in enumerate(["a", "b"]):
        os.utime(fill(store, key) / RECORD_FILE, (1000 + age, 1000 + age))
    assert store.find("a")[0] is not None  # used now
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
    with store.lock(item):
        fill(store, "b")
        with pytest.raises(StoreFullError, match="beside what other runs read now"):
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
    assert store.find("a")[0] is not None, "it may be read"
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


def test_a_limit_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HFKIT_CACHE_LIMIT_GB", "50GB")
    with pytest.raises(UserError, match="HFKIT_CACHE_LIMIT_GB is 50GB: write a number"):
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
