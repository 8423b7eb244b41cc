"""A trained model gets its place in the run's folder as a whole, and every file of a run is written beside and renamed."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Run
from test_freezing import trainer_for

from hfkit.files import BESIDE_FOLDER, files_beside
from hfkit.models.base import BackboneClassifier
from hfkit.training.trained_model import save_trained

OLD = {"config.json": "old", "model.safetensors": "old", "mine.txt": "mine"}
NEW = {"config.json": "new", "model.safetensors": "new", "more/code.py": "new"}
_RENAMED: set[Path] = set()


def write(folder: Path, contents: dict[str, str]) -> None:
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def read(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_files_that_belong_together_get_their_places_together(tmp_path: Path) -> None:
    """What a killed process left beside goes, and so does what the new ones replace under another name."""
    write(tmp_path, {**OLD, f"{BESIDE_FOLDER}/half.txt": "", "model-1-of-2.safetensors": "old"})
    with files_beside(tmp_path, "config.json", ("model*.safetensors",)) as beside:
        write(beside, NEW)
        assert read(tmp_path).items() >= OLD.items()
    assert read(tmp_path) == {**OLD, **NEW}
    assert not (tmp_path / BESIDE_FOLDER).exists()


def put(folder: Path, error: BaseException | None = None) -> None:
    """Write the new files, up to an error."""
    with files_beside(folder, "config.json") as beside:
        write(beside, NEW)
        if error is not None:
            raise error


def replace_times(number: int) -> Callable[..., None]:
    """Return a function that renames so often, and then is cut off."""
    left, replace = iter(range(number)), os.replace

    def rename(*paths: Path) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        replace(*paths)

    return rename


def test_what_is_cut_off_leaves_the_old_files_or_none_that_is_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, OLD)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path, KeyboardInterrupt())
    assert read(tmp_path) == OLD
    for number in range(len(NEW)):
        write(tmp_path, OLD)
        with monkeypatch.context() as patch:
            patch.setattr("hfkit.files.os.replace", replace_times(number))
            with pytest.raises(KeyboardInterrupt):
                put(tmp_path)
        assert "config.json" not in read(tmp_path)
        assert (tmp_path / "mine.txt").exists()


@pytest.mark.slow
def test_a_kill_while_the_model_is_saved_leaves_the_one_of_before(
    make_model: Callable[[str], BackboneClassifier], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path)
    task: Any = SimpleNamespace(model=trainer.model)
    save_trained(trainer, task, tmp_path, {"train_loss": 1.0})
    names = {path.name for path in tmp_path.iterdir()}
    assert {"config.json", "model.safetensors", "text.py", "all_results.json", "trainer_state.json"} <= names
    assert not names & {"training_args.bin", BESIDE_FOLDER}
    assert (tmp_path / "model.safetensors").stat().st_mode & 0o777 == 0o644
    before = {name: (tmp_path / name).read_bytes() for name in names if (tmp_path / name).is_file()}
    trainer.model.classifier.linear.weight.data.zero_()
    save = trainer.model.save_pretrained

    def stop(*arguments: Any, **options: Any) -> None:
        save(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer.model, "save_pretrained", stop)
    with pytest.raises(KeyboardInterrupt):
        save_trained(trainer, task, tmp_path, {"train_loss": 2.0})
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def note_renames(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what gets its place by a rename."""
    if event == "os.rename":
        _RENAMED.add(Path(os.fsdecode(arguments[1])))


@pytest.mark.slow
def test_every_file_of_a_run_gets_its_place_by_a_rename(run_fakenews: Callable[..., Run], tmp_path: Path) -> None:
    """By itself, or with the folder in which it was written: no kill leaves half of one at its place."""
    if not hasattr(note_renames, "is_hooked"):
        sys.addaudithook(note_renames)
        note_renames.is_hooked = True  # type: ignore[attr-defined]
    flags = "--peft lora --keep_adapter true --num_train_epochs 1 --keep_checkpoints true --max_error 0.6"
    folder = run_fakenews(*flags.split(), folder=tmp_path / "run").folder
    written = [path for path in folder.rglob("*") if path.is_file()]
    names = {path.relative_to(folder).as_posix() for path in written}
    assert {"config.json", "model.safetensors", "tokenizer.json", "adapter/adapter_model.safetensors"} <= names
    assert {"report/report.html", "proof/rows.json", "manifest.json", "predictions.csv"} <= names
    assert [path for path in written if not {path, *path.parents} & _RENAMED] == []
