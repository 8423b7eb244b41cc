"""Damaged files that hfkit keeps are told, refused in one sentence, or made again; by seeds.

A fault is one file of a run, of its checkpoints or of a cache, damaged at a place; then everything that reads it is used.
"""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import LazyRuns
from demo_runs import PHOTO_RUN
from faults.campaign import Outcome, Record, attempt, report
from faults.damage import damage_file, list_files

from hfkit.backbones.image import Preprocessing, make_processor
from hfkit.console import make_console
from hfkit.data.data_hashes import describe_changes
from hfkit.data.images import load_image_data
from hfkit.data.resized import keep_resized
from hfkit.data.text import load_text_data
from hfkit.data.tokens import Reading, tokenize
from hfkit.errors import UserError
from hfkit.export.request import ExportRequest
from hfkit.export.run import export_model
from hfkit.features.store import FeatureStore
from hfkit.features.store_entry import STATES_FILE
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.image_arguments import ImageDataArguments
from hfkit.prediction.contents import read_run_columns
from hfkit.prediction.loading import open_pipeline
from hfkit.prediction.onnx_predictor import OnnxPredictor
from hfkit.run_folders.compare import compare_flags, compare_runs
from hfkit.run_folders.record import read_record
from hfkit.run_folders.start import read_start_record
from hfkit.training.continued import choose_continuation

FILES_A_KIND = 120
"""Faults of each kind of what is kept, by night."""
TEXT = "garlic kills the virus"


def predict(run: Path, row: str) -> Any:
    """Return all that `hfkit predict` shows of a row, and which column it would read of a table."""
    classify = open_pipeline(str(run))
    return classify(row, top_k=9), read_run_columns(str(run)) if classify.tokenizer is not None else []


def check_prediction(damaged: Path, whole: Path, row: str) -> str:
    now = predict(damaged, row)
    before = predict(whole, row)
    return "" if now == before else f"{now} is predicted, not {before}"


def check_listing(damaged: Path, whole: Path) -> str:
    """List and compare runs: `hfkit runs` and `hfkit compare`."""
    before, now = read_record(whole), read_record(damaged)
    if now.state.status == "finished":
        same = replace(now, folder=before.folder, state=before.state, bytes=before.bytes, written=before.written)
        if same != before:
            return f"{now} is listed"
    for split in ("validation", "test"):
        try:
            comparison = compare_runs([whole, damaged], split)
        except UserError as error:
            if "\n" in str(error):
                raise
            continue
        accuracies = set(comparison.accuracies.values())
        if len(accuracies) > 1 or len(comparison.disagreements):
            return f"{accuracies} of {split}"
    differences = compare_flags([whole, damaged], ["whole", "damaged"]) if now.state.status == "finished" else []
    return f"other flags: {differences}" if differences else ""


def check_continuing(damaged: Path, whole: Path, name: str) -> str:
    """Go on with a run that was killed at its end."""
    before, now = read_start_record(whole), read_start_record(damaged)
    found, expected = choose_continuation(damaged, "true", 1), choose_continuation(whole, "true", 1)
    assert found.checkpoint is not None
    is_told = [note.text for note in found.notes] != [note.text for note in expected.notes]
    if now[1] is not None and before[1] is not None and now != before:
        is_told = is_told or bool(describe_changes(now[1], before[1]))
    is_read = name in ("start.json", "hfkit.yaml") or name.startswith(found.checkpoint.name)
    return f"{found.checkpoint.name} is gone on with" if is_read and not is_told else ""


@dataclass(frozen=True)
class Kept:
    """What is kept on disk, and how it is used.

    Attributes:
        kind: What the table calls it.
        whole: The folder.
        is_used: Whether the uses read a file, by its path.
        uses: What reads it, given the damaged folder and the file's name; returns what is silently wrong.

    """

    kind: str
    whole: Path
    is_used: Callable[[str], bool]
    uses: tuple[Callable[[Path, str], str], ...]


def try_kept(kept: Kept, seeds: range, folder: Path) -> Iterator[Outcome]:
    """Damage a file for each seed, most often one that a model is loaded from, and use what it is of."""
    files = [name for name in list_files(kept.whole) if kept.is_used(name)]
    files += [
        name for name in files if name.endswith((".safetensors", ".onnx", "config.json", "tokenizer.json"))
    ] * len(files)
    for seed in seeds:
        damaged = Path(shutil.copytree(kept.whole, folder / f"{kept.kind.split()[0]}-{seed}"))
        name, fault = damage_file(damaged, files, seed)
        for number, use in enumerate(kept.uses):
            yield attempt(kept.kind, f"{fault}, use {number + 1}", partial(use, damaged, name))
        shutil.rmtree(damaged)


@pytest.fixture(scope="module")
def kept_runs(finished_runs: LazyRuns, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Kept]:
    """Return a run of texts and one of photos, and one with checkpoints that was killed before its end."""
    folder = tmp_path_factory.mktemp("whole")
    text = Path(shutil.copytree(finished_runs["bigru"].folder, folder / "text"))
    killed = Path(shutil.copytree(text, folder / "killed"))
    (killed / "manifest.json").unlink()
    for checkpoint in text.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    photo = str(photos / "test" / "dog" / "0.png")
    image = Path(shutil.copytree(PHOTO_RUN, folder / "image"))

    def use(whole: Path, row: str) -> tuple[Callable[[Path, str], str], ...]:
        return (lambda run, _: check_prediction(run, whole, row), lambda run, _: check_listing(run, whole))

    def is_of_run(name: str) -> bool:
        return True

    return [
        Kept("runs of texts", text, is_of_run, use(text, TEXT)),
        Kept("runs of photos", image, is_of_run, use(image, photo)),
        Kept(
            "checkpoints",
            killed,
            lambda name: name.startswith("checkpoint-") or name in ("start.json", "hfkit.yaml"),
            (lambda run, name: check_continuing(run, killed, name),),
        ),
    ]


def test_some_runs(kept_runs: list[Kept], tmp_path: Path, record_property: Record) -> None:
    seeds = [range(5), range(3), range(12)]
    outcomes = [each for kept, some in zip(kept_runs, seeds, strict=True) for each in try_kept(kept, some, tmp_path)]
    assert report(outcomes, record_property) == []


@pytest.mark.nightly
def test_all_runs(kept_runs: list[Kept], tmp_path: Path, record_property: Record) -> None:
    outcomes = [each for kept in kept_runs for each in try_kept(kept, range(FILES_A_KIND), tmp_path)]
    assert report(outcomes, record_property) == []


# --- exported folders ---


def predict_onnx(folder: Path, row: str) -> Any:
    """Return the scores that `hfkit predict` gives a row, and the columns that it would read of a table."""
    predictor = OnnxPredictor.open(folder)
    content = row if predictor.reads_texts else {"bytes": None, "path": row}
    return predictor.scorer.score([content], lambda _: None).logits.tolist(), predictor.text_columns()


def check_export(damaged: Path, whole: Path, row: str) -> str:
    now, before = predict_onnx(damaged, row), predict_onnx(whole, row)
    return "" if now == before else f"{now} is predicted, not {before}"


def check_script(damaged: Path, whole: Path, row: str) -> str:
    """Predict by the small script of the folder, whose refusal is a ValueError."""
    from hfkit.prediction import onnx_model

    try:
        now = onnx_model.load(damaged).predict([row])
    except ValueError as error:
        raise UserError(str(error)) from error
    return "" if now == onnx_model.load(whole).predict([row]) else f"{now} is predicted"


@pytest.mark.nightly
def test_exported_folders(finished_runs: LazyRuns, photos: Path, tmp_path: Path, record_property: Record) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    photo = str(photos / "test" / "dog" / "0.png")
    outcomes = []
    for kind, run, row in (("texts", finished_runs["bigru"].folder, TEXT), ("photos", PHOTO_RUN, photo)):
        whole = tmp_path / f"onnx-{kind}"
        export_model(ExportRequest(str(run), whole), make_console(is_quiet=True))
        uses = (partial(call_use, check_export, whole, row), partial(call_use, check_script, whole, row))
        kept = Kept(f"exported folders of {kind}", whole, lambda name: True, uses)
        outcomes += try_kept(kept, range(FILES_A_KIND), tmp_path / kind)
    assert report(outcomes, record_property) == []


def call_use(use: Callable[[Path, Path, str], str], whole: Path, row: str, damaged: Path, name: str) -> str:
    """Use a damaged folder beside the whole one, as `Kept` asks for it."""
    return use(damaged, whole, row)


# --- caches ---


def read_features(root: Path) -> tuple[Any, str]:
    """Find stored features; return what is there, and what is said of it."""
    item, note = FeatureStore(root).find("a" * 32)
    if item is None:
        return None, note
    item.lock.close()
    return (item.folder / STATES_FILE).read_bytes(), note


def check_features(root: Path, name: str) -> str:
    found, note = read_features(root)
    if found is None:
        return "" if note or not (root / name).exists() else "nothing is said of it"
    return "" if found == bytes(range(256)) * 16 else "other features are read"


def fill_features(root: Path) -> None:
    store = FeatureStore(root)
    [begun] = store.begin([("a" * 32, 4096)])
    begun.states.write_bytes(bytes(range(256)) * 16)
    store.finish(begun, {"of": "rows of train"}).lock.close()


class Tables:
    """The tables that a second start finds: rows and tokens of texts, and pixels of photos."""

    def __init__(self, tweets: Path, photos: Path, tokenizer: Any) -> None:
        self.tweets, self.photos, self.tokenizer = str(tweets), str(photos), tokenizer

    def read(self) -> Any:
        """Return rows, tokens and pixels as a training gets them."""
        texts = load_text_data(TextDataArguments(dataset=self.tweets)).splits
        tokens, _ = tokenize(texts, self.tokenizer, Reading(("lower",), 16))
        images = load_image_data(ImageDataArguments(dataset=self.photos)).splits
        pixels, _ = keep_resized(images, make_processor(Preprocessing("x", 8, (0.5,) * 3, (0.5,) * 3, "bicubic"), 8))
        return [{split: rows.to_dict() for split, rows in kind.items()} for kind in (texts, tokens, pixels)]


def check_tables(tables: Tables, expected: Any, caplog: pytest.LogCaptureFixture, folder: Path, name: str) -> str:
    """Start a second time on damaged tables."""
    caplog.clear()
    was_there = (folder / name).exists()
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("datasets.config.HF_DATASETS_CACHE", folder)
        if tables.read() != expected:
            return "other rows, tokens or pixels are read"
    is_told = any(name.rpartition("/")[2] in message for message in caplog.messages)
    return "" if is_told or not was_there else f"nothing is said of {name}"


def list_caches(
    tweets: Path, photos: Path, tokenizer: Any, caplog: pytest.LogCaptureFixture, folder: Path
) -> list[Kept]:
    """Fill both caches once."""
    fill_features(folder / "features")
    tables = Tables(tweets, photos, tokenizer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", folder / "tables")
        expected = tables.read()
    return [
        Kept("stored features", folder / "features", lambda name: True, (check_features,)),
        Kept(
            "tables of rows, tokens, pixels",
            folder / "tables",
            lambda name: name.endswith(".arrow"),
            (partial(check_tables, tables, expected, caplog),),
        ),
    ]


@pytest.mark.parametrize("faults", [8, pytest.param(FILES_A_KIND, marks=pytest.mark.nightly)])
def test_caches(
    faults: int,
    tweets: Path,
    photos: Path,
    tokenizer: Any,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    record_property: Record,
) -> None:
    caches = list_caches(tweets, photos, tokenizer, caplog, tmp_path / "whole")
    outcomes = [each for cache in caches for each in try_kept(cache, range(faults), tmp_path)]
    assert report(outcomes, record_property) == []
