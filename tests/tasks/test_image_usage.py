"""The lines that a training of photos ends with name a photo that is there."""

from pathlib import Path

import pytest

from hfkit.tasks.image import describe_usage


@pytest.mark.parametrize(
    ("dataset", "file", "named"),
    [
        ("photos", "cats {1}/a b.png", "photos/cats {1}/a b.png"),
        ("photos/labels.csv", "cats {1}/a b.png", "photos/cats {1}/a b.png"),
        ("digits", "digit 7", "photo.jpg"),
        ("USER/NAME", "x" * 300, "photo.jpg"),
        (None, "row 1", "photo.jpg"),
    ],
)
def test_it_is_one_of_the_users(
    dataset: str | None, file: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "cats {1}").mkdir(parents=True)
    (tmp_path / "photos" / "cats {1}" / "a b.png").touch()
    lines = describe_usage(dataset, file).format(folder="runs/a")
    assert lines.endswith(f"""load_pipeline("runs/a")('{named}'))""")
    compile(lines, "usage", "exec")
