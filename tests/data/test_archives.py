"""A .zip of several files is read as the folder that it was packed from, and nothing of it lies outside of the cache."""

import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conftest import read_notes, write_photo

from hfkit.data import archives
from hfkit.data.image_sources import LabelFlags, read_images
from hfkit.data.modality import find_modality
from hfkit.data.sources import is_one_file, read_source
from hfkit.errors import UserError

TABLE = "text,label\n" + "".join(f"a text {row},{'ab'[row % 2]}\n" for row in range(8))
NOISE = {"__MACOSX/._train.csv": "x", ".DS_Store": "x", "data/Thumbs.db": "x", "data/": ""}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HFKIT_CACHE", str(tmp_path / "cache"))
    archives._unpack.cache_clear()
    return tmp_path / "cache" / "unpacked"


def pack(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("inner", ["", "data/", "data\\"])
def test_tables_of_splits(inner: str, tmp_path: Path) -> None:
    files = {f"{inner}train.csv": TABLE * 2, f"{inner}test.csv": TABLE, f"{inner}README.md": "# Data"}
    path = pack(tmp_path / "reviews.zip", files | NOISE)
    assert find_modality(str(path)) == "text"
    assert not is_one_file(str(path))
    source = read_source(str(path))
    assert {split: len(table) for split, table in source.tables.items()} == {"train": 16, "test": 8}
    assert read_notes(source.notes)[0].startswith(
        f"reviews.zip: 2 files, unpacked into {tmp_path}/cache/unpacked/reviews-"
    )


def test_one_table_among_what_systems_add_is_a_file(cache: Path, tmp_path: Path) -> None:
    path = pack(tmp_path / "reviews.zip", {"data/reviews.csv": TABLE, "data/readme": "About"} | NOISE)
    assert is_one_file(str(path))
    assert len(read_source(str(path)).tables["train"]) == 8
    assert not cache.exists()


def test_texts_and_photos_in_folders_of_classes(tmp_path: Path) -> None:
    photo = write_photo(tmp_path / "photo.png", "cat", 1).read_bytes()
    for kind, content in (("text", "some words"), ("image", photo)):
        suffix = "txt" if kind == "text" else "png"
        files = {f"pets/{name}/{number}.{suffix}": content for name in ("cat", "dog") for number in range(4)}
        path = str(pack(tmp_path / f"{kind}.zip", files))
        assert find_modality(path) == kind
        source = read_source(path) if kind == "text" else read_images(path, None, None, LabelFlags())
        assert source.tables["train"]["label"].tolist() == ["cat"] * 4 + ["dog"] * 4
        assert read_notes(source.notes)[0].startswith(f"{kind}.zip: 8 files, unpacked into ")


def test_what_was_damaged_is_unpacked_again(cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = pack(tmp_path / "a.zip", {"train.csv": TABLE, "test.csv": TABLE})
    read_source(str(path))
    [folder] = cache.iterdir()
    (folder / "test.csv").write_text(TABLE.replace("a text 1", "a text 2"))
    (folder / "train.csv").unlink()
    archives._unpack.cache_clear()
    assert "a text 1" in read_source(str(path)).tables["test"]["text"].tolist()
    assert caplog.messages == [f"{folder / 'test.csv'} was damaged: it is unpacked again."]
    assert sorted(file.name for file in folder.iterdir()) == ["test.csv", "train.csv"]


def test_one_of_several_files_inside_of_a_folder_is_refused(tmp_path: Path) -> None:
    """It may have splits of its own."""
    (tmp_path / "folder").mkdir()
    pack(tmp_path / "folder" / "train.zip", {"train.csv": TABLE, "test.csv": TABLE})
    with pytest.raises(
        UserError, match=r"holds 2 files .train\.csv, test\.csv.: unpack it, and name the file or the folder"
    ):
        read_source(str(tmp_path / "folder"))


def _lock(path: Path) -> None:
    """Write that a password is needed."""
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    path.write_bytes(bytes(content))


def _link(path: Path) -> None:
    member = zipfile.ZipInfo("b.csv")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "/etc/passwd")


def _break(path: Path) -> None:
    content = path.read_bytes()
    place = content.index(b"train.csv") + len("train.csv") + 4
    path.write_bytes(content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :])


@pytest.mark.parametrize(
    ("other", "change", "match"),
    [
        ("../test.csv", None, r"would lie outside of its folder, \.\./test\.csv"),
        ("a/../../test.csv", None, "would lie outside of its folder"),
        ("/tmp/test.csv", None, "would lie outside of its folder"),
        ("..\\test.csv", None, "would lie outside of its folder"),
        ("C:\\test.csv", None, "would lie outside of its folder"),
        ("./train.csv", None, "has the file train.csv twice"),
        ("test.csv", _link, r"has a link, b\.csv"),
        ("test.csv", _lock, "cannot be unpacked .*password.*: pack it again"),
        ("test.csv", _break, "cannot be unpacked"),
        ("test.csv", lambda path: path.write_bytes(path.read_bytes()[:-40]), "cannot be read as zip"),
    ],
)
def test_archives_that_are_not_unpacked(
    other: str, change: Callable[[Path], object] | None, match: str, cache: Path, tmp_path: Path
) -> None:
    path = pack(tmp_path / "a.zip", {"train.csv": TABLE, other: TABLE})
    if change is not None:
        change(path)
    before = {file for file in tmp_path.rglob("*") if cache not in file.parents}
    for read in (read_source, find_modality):
        with pytest.raises(UserError, match=match):
            read(str(path))
    assert {file for file in tmp_path.rglob("*") if cache not in file.parents} - {cache, cache.parent} == before
    assert not list(cache.rglob("*.partial"))


def test_what_would_fill_the_disk_is_not_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(archives, "_LEAST_LIMIT", 1 << 20)
    path = pack(tmp_path / "a.zip", {"train.csv": TABLE, "test.csv": "a" * (2 << 20)})
    with pytest.raises(UserError, match=r"would be 2\.1 MB when it is unpacked, \d+ times what it is"):
        read_source(str(path))
