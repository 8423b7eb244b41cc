"""Where a run is continued: at the last checkpoint that is what the run wrote, on the data that it was started with."""

import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import LazyRuns, Run
from datasets import Dataset, DatasetDict
from disks import no_room_for_more_than
from test_freezing import trainer_for

from hfkit.data.data_hashes import describe_changes, hash_data
from hfkit.errors import UserError
from hfkit.ladder.outcomes import can_go_on
from hfkit.models.base import BackboneClassifier
from hfkit.run_folders.start import allow_configuration, write_start_record
from hfkit.run_folders.state import find_checkpoints, find_state
from hfkit.training.continued import choose_continuation, list_checkpoints

Make = Callable[[str], BackboneClassifier]


@pytest.fixture
def run(finished_runs: LazyRuns, tmp_path: Path) -> Path:
    """Return a copy of a run that was killed after its second checkpoint, which is not its best one."""
    folder = Path(shutil.copytree(finished_runs["bigru"].folder, tmp_path / "run"))
    (folder / "manifest.json").unlink()
    return folder


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def change_state(file: Path) -> None:
    """Flip a bit of the largest part of a file of torch, and not of what lies between the parts."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as parts:
        part = parts.read(max(parts.infolist(), key=lambda each: each.file_size))
    content[content.index(part) + len(part) // 2] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def replace_by_a_link(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))


DAMAGES = [cut, flip, Path.unlink, empty, replace_by_a_link]


def damage_each_file(checkpoint: Path) -> Iterator[str]:
    """Yield the name of each file of a checkpoint, damaged in a way, and mend it again."""
    spare = checkpoint.with_name("spare")
    shutil.copytree(checkpoint, spare)
    for number, file in enumerate(sorted(spare.iterdir())):
        for damage in DAMAGES if file.suffix in (".pt", ".pth", ".json") else [DAMAGES[number % len(DAMAGES)]]:
            damage(checkpoint / file.name)
            yield file.name
            shutil.rmtree(checkpoint)
            shutil.copytree(spare, checkpoint)


def test_any_damaged_file_sends_to_the_checkpoint_before(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file it is and however it is damaged; nothing is unpickled to find that out."""
    monkeypatch.setattr(torch, "load", None)
    names = set()
    for name in damage_each_file(run / "checkpoint-6"):
        found = choose_continuation(run, "true", 1)
        assert found.checkpoint == run / "checkpoint-3", name
        told = "" if name == "checksums.json" else f"{name} "  # a sum that is damaged speaks of the file that it is of
        assert found.notes[0].text.startswith(f"checkpoint-6 is left out: {told}"), found.notes[0].text
        assert found.notes[1].text == "Continues from checkpoint-3."
        names.add(name)
    assert {"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json", "checksums.json"} < names
    assert choose_continuation(run, "true", 1).checkpoint == run / "checkpoint-6"


def test_what_the_run_did_not_write_is_not_read(run: Path, tmp_path: Path) -> None:
    """A pickle that lies in a checkpoint, a checkpoint of another run, and one elsewhere."""
    shutil.copytree(run / "checkpoint-6", tmp_path / "checkpoint-6")
    (run / "checkpoint-6" / "optimizer.bin").write_bytes(b"cos\nsystem\n")
    text = choose_continuation(run, "true", 1).notes[0].text
    assert text == "checkpoint-6 is left out: optimizer.bin was not written by the run."
    with pytest.raises(UserError, match=r"cannot be continued from \(checkpoint-6: optimizer.bin was not written"):
        choose_continuation(run, str(run / "checkpoint-6"), 1)
    with pytest.raises(UserError, match="is not one of the run in"):
        choose_continuation(run, str(tmp_path / "checkpoint-6"), 1)
    write_start_record(run, {})
    with pytest.raises(UserError, match="it was written by another run"):
        choose_continuation(run, "true", 1)


def test_other_flags_are_refused(run: Path) -> None:
    """The file is what a run goes on by; what a continued one writes itself is its own."""
    flags = run / "hfkit.yaml"
    whole = flags.read_text()
    flags.write_text(whole + "seed: 7\n")
    with pytest.raises(UserError, match=r"hfkit.yaml is not what the run wrote"):
        choose_continuation(run, "true", 1)
    allow_configuration(run, whole + "# again\n")
    for text in (whole, whole + "# again\n"):
        flags.write_text(text)
        assert choose_continuation(run, "true", 1).checkpoint == run / "checkpoint-6"
    start = json.loads((run / "start.json").read_text())
    start["configurbtion"] = start.pop("configuration")
    (run / "start.json").write_text(json.dumps(start))
    with pytest.raises(UserError, match="is damaged"):
        choose_continuation(run, "true", 1)


def test_a_named_checkpoint_is_taken(run: Path) -> None:
    assert choose_continuation(run, str(run / "checkpoint-3"), 1).checkpoint == run / "checkpoint-3"
    with pytest.raises(UserError, match="There is no checkpoint nowhere"):
        choose_continuation(run, "nowhere", 1)


def test_no_whole_checkpoint_is_a_sentence(run: Path) -> None:
    """Also early, where sizes alone tell it."""
    assert can_go_on(run)  # a rung of a ladder
    flip(run / "checkpoint-3" / "optimizer.pt")
    cut(run / "checkpoint-6" / "scheduler.pt")
    reasons = r"\(checkpoint-6: scheduler.pt is not what the run wrote; checkpoint-3: optimizer.pt is not what the run wrote\)"
    with pytest.raises(UserError, match=rf"has no whole checkpoint to continue from {reasons}: start it again"):
        choose_continuation(run, "true", 1)
    assert [path.name for path in list_checkpoints(run, "true")] == ["checkpoint-3", "checkpoint-6"]
    assert not can_go_on(run)
    cut(run / "checkpoint-3" / "optimizer.pt")
    assert not find_state(run).can_be_resumed
    with pytest.raises(UserError, match="has no whole checkpoint to continue from"):
        list_checkpoints(run, "true")


def test_another_number_of_processes_is_refused(run: Path) -> None:
    with pytest.raises(UserError, match=r"checkpoint-6 was written by 1 process, not by 2: .* --num_processes 1"):
        choose_continuation(run, "true", 2)


def test_weights_alone_are_not_continued(make_model: Make, tmp_path: Path) -> None:
    """The Trainer would begin with a new optimizer, and say nothing."""
    trainer = trainer_for(
        make_model("hfkit-text/bert-linear"), tmp_path, save_strategy="steps", save_steps=2, save_only_model=True
    )
    trainer.train()
    with pytest.raises(UserError, match=r"checkpoint-2: it holds the weights alone \(--save_only_model\)"):
        choose_continuation(tmp_path, "true", 1)


def test_checkpoints_of_earlier_versions_lack_nothing(run: Path) -> None:
    for file in (run / "start.json", *run.glob("checkpoint-*/checksums.json")):
        file.unlink()
    notes = choose_continuation(run, "true", 1).notes
    assert notes[0].text.startswith("Continues from checkpoint-6, which an earlier version wrote; whether its data are")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"):
        (run / "checkpoint-6" / name).rename(run / "elsewhere")
        text = choose_continuation(run, "true", 1).notes[0].text
        assert text.startswith(f"checkpoint-6 is left out: {name.removesuffix('.pth')}"), text
        (run / "elsewhere").rename(run / "checkpoint-6" / name)
    (run / "checkpoint-6" / "trainer_state.json").write_text("{")
    assert choose_continuation(run, "true", 1).checkpoint == run / "checkpoint-3"


def test_a_file_of_an_earlier_version_that_is_cut_is_told(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what stands in itself, as there are no sums; nothing is unpickled to find that out."""
    monkeypatch.setattr(torch, "load", None)
    for file in (run / "start.json", *run.glob("checkpoint-*/checksums.json")):
        file.unlink()
    states = [
        (name, damage)
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth")
        for damage in (cut, empty, change_state)
    ]
    for name, damage in [*states, ("model.safetensors", cut), ("model.safetensors", empty)]:
        file = run / "checkpoint-6" / name
        content = file.read_bytes()
        damage(file)
        found = choose_continuation(run, "true", 1)
        assert found.checkpoint == run / "checkpoint-3", (name, damage)
        assert found.notes[0].text == f"checkpoint-6 is left out: {name} is damaged."
        file.write_bytes(content)
    (run / "checkpoint-6" / "model.safetensors").unlink()
    assert choose_continuation(run, "true", 1).notes[0].text == "checkpoint-6 is left out: it has no weights."


def test_a_start_that_is_gone_is_said(run: Path) -> None:
    """What wrote the checkpoints is known from themselves: those of another run, and such without sums, are none."""
    (run / "start.json").unlink()
    note = choose_continuation(run, "true", 1).notes[0].text
    gone = "; the run's start.json is gone, and whether its data are still the same is not known."
    assert note == f"Continues from checkpoint-6{gone}"
    sums = (run / "checkpoint-3" / "checksums.json").read_text()
    (run / "checkpoint-3" / "checksums.json").write_text(json.dumps({**json.loads(sums), "run": "another"}))
    with pytest.raises(UserError, match="it was written by another run"):
        choose_continuation(run, str(run / "checkpoint-3"), 1)
    (run / "checkpoint-3" / "checksums.json").write_text(sums)
    (run / "checkpoint-6" / "checksums.json").unlink()
    notes = [note.text for note in choose_continuation(run, "true", 1).notes]
    assert notes == ["checkpoint-6 is left out: checksums.json is missing.", f"Continues from checkpoint-3{gone}"]


def test_a_damaged_start_is_a_sentence(run: Path) -> None:
    (run / "start.json").write_text((run / "start.json").read_text()[:20])
    with pytest.raises(UserError, match=r"start.json is damaged, .*: delete it to continue without that check"):
        choose_continuation(run, "true", 1)
    (run / "start.json").unlink()
    assert choose_continuation(run, "true", 1).checkpoint == run / "checkpoint-6"


# --- writing ---


def test_a_kill_while_a_checkpoint_is_written_leaves_the_others(
    make_model: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one is in a folder of its own, which the next one takes away."""
    options = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4, "save_total_limit": 2}
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **options)
    save = trainer._save_rng_state

    def stop(folder: str) -> None:
        if trainer.state.global_step == 3:
            raise KeyboardInterrupt
        save(folder)

    monkeypatch.setattr(trainer, "_save_rng_state", stop)
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    found = {str(each.folder.relative_to(tmp_path)): each.is_whole for each in find_checkpoints(tmp_path)}
    assert found == {"checkpoint-1": True, "checkpoint-2": True, "checkpoint.partial/checkpoint-3": False}
    assert choose_continuation(tmp_path, "true", 1).checkpoint == tmp_path / "checkpoint-2"
    flip(tmp_path / "checkpoint-2" / "optimizer.pt")
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert sorted(path.name for path in tmp_path.glob("checkpoint*")) == ["checkpoint-3", "checkpoint-4"]
    assert choose_continuation(tmp_path, "true", 1).checkpoint == tmp_path / "checkpoint-4"


def test_a_checkpoint_without_room_leaves_the_others_and_nothing_of_itself(make_model: Make, tmp_path: Path) -> None:
    """The disk is full while torch writes the optimizer's state, which takes twice as much as the weights."""
    options = {"save_strategy": "steps", "save_steps": 1, "max_steps": 2, "save_total_limit": 2}
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **options)
    size = sum(tensor.nbytes for tensor in trainer.model.state_dict().values())
    save = trainer._save_checkpoint

    def save_on_a_full_disk(*arguments: Any, **more: Any) -> None:
        with no_room_for_more_than(int(size * 1.5)) if trainer.state.global_step == 2 else nullcontext():
            save(*arguments, **more)

    trainer._save_checkpoint = save_on_a_full_disk
    with pytest.raises(UserError, match=rf"a checkpoint takes about [\d.]+ MB; {tmp_path} has [\d,.]+ MB free"):
        trainer.train()
    assert [path.name for path in tmp_path.glob("checkpoint*")] == ["checkpoint-1"]
    assert choose_continuation(tmp_path, "true", 1).checkpoint == tmp_path / "checkpoint-1"


def test_damaged_checkpoints_go_before_whole_ones(make_model: Make, tmp_path: Path) -> None:
    options = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 2}
    trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **options, max_steps=2).train()
    (tmp_path / "checkpoint-2").rename(tmp_path / "checkpoint-9")
    cut(tmp_path / "checkpoint-9" / "optimizer.pt")
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path, **options, max_steps=2)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))
    assert sorted(path.name for path in tmp_path.glob("checkpoint*")) == ["checkpoint-1", "checkpoint-2"]


def test_the_best_checkpoint_is_that_of_the_folder(
    make_model: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which may have moved; where it is damaged there is none, and it is said."""
    options = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 9}
    trainer_for(make_model("hfkit-text/bert-linear"), tmp_path / "before", **options).train()
    (tmp_path / "before").rename(tmp_path / "now")
    trainer = trainer_for(make_model("hfkit-text/bert-linear"), tmp_path / "now", **options)
    keep = next(each for each in trainer.callback_handler.callbacks if type(each).__name__ == "KeepBest")
    for damaged in (False, True):
        trainer.state.best_global_step, trainer.state.best_metric = 1, 0.9
        trainer.state.best_model_checkpoint = str(tmp_path / "before" / "checkpoint-1")
        if damaged:
            trainer.state.best_model_checkpoint = str(tmp_path / "now" / "checkpoint-1")
            flip(tmp_path / "now" / "checkpoint-1" / "model.safetensors")
            with pytest.raises(
                UserError, match=r"is damaged \(model.safetensors is not what the run wrote\): continue"
            ):
                trainer._load_best_model()
        keep.on_train_begin(trainer.args, trainer.state, trainer.control)
        best = None if damaged else str(tmp_path / "now" / "checkpoint-1")
        assert trainer.state.best_model_checkpoint == best
    assert trainer.state.best_metric is None
    said = (
        "checkpoint-1, the best so far, is lost (model.safetensors is not what the run wrote): the best of what follows"
    )
    assert said in capsys.readouterr().out


# --- data ---


def test_a_run_on_other_data_is_not_continued(run: Path, run_fakenews: Callable[..., Run]) -> None:
    """A model half trained on the names would be the end, with swapped classes."""
    start = json.loads((run / "start.json").read_text())
    assert start["data"]["label_names"]["names"] == ["fake", "real"]
    start["data"]["label_names"]["names"] = ["hoax", "real"]
    (run / "start.json").write_text(json.dumps(start))
    flags = ("--config", str(run / "hfkit.yaml"), "--resume_from_checkpoint", "true")
    with pytest.raises(
        UserError, match=r"was started with \(the labels are 'fake', 'real', not 'hoax', 'real'\): continue"
    ):
        run_fakenews(*flags, folder=run)


def splits(texts: list[str], labels: list[int]) -> DatasetDict:
    return DatasetDict({"train": Dataset.from_dict({"row": range(len(texts)), "text": texts, "label": labels})})


@pytest.mark.parametrize(
    ("texts", "labels", "names", "said"),
    [
        (["a", "b"], [0, 1], ["fake", "real"], ""),
        (["a", "c"], [0, 1], ["fake", "real"], "train has other texts"),
        (["a", "b"], [1, 1], ["fake", "real"], "train has other labels"),
        (["a"], [0], ["fake", "real"], "train has 1 rows, not 2"),
        (["a", "b"], [0, 1], ["real", "fake"], "the labels are in another order, train has other labels"),
        (["a", "b"], [1, 0], ["real", "fake"], "the labels are in another order"),
        (
            ["a", "b"],
            [0, 1],
            ["good", "real"],
            "the labels are 'good', 'real', not 'fake', 'real', train has other labels",
        ),
    ],
)
def test_other_data_are_told(texts: list[str], labels: list[int], names: list[str], said: str) -> None:
    before = json.loads(json.dumps(hash_data(splits(["a", "b"], [0, 1]), ["fake", "real"])))
    assert describe_changes(before, hash_data(splits(texts, labels), names)) == said
    del before["label_names"]  # as of an earlier version
    assert ("labels are" in describe_changes(before, hash_data(splits(texts, labels), names))) is False
