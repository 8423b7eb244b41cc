"""A run on images with any number of labels each, and what images may have for labels."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import IMAGE_ARGV, Run, load_recipe
from datasets import ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as PillowImage
from rich.console import Console

from hfkit import load_pipeline
from hfkit.data.images import load_image_data
from hfkit.data.splits import LabelledData
from hfkit.errors import UserError
from hfkit.evaluate import EvaluationRequest, evaluate_model
from hfkit.flags.image_arguments import ImageDataArguments

NAMES = ["red", "blue"]
FLAGS = np.array([[1, 0], [0, 1], [0, 0], [1, 1]] * 10)


def photo(flags: np.ndarray, seed: int) -> bytes:
    """Return a noisy PNG, reddish and bluish as its labels say."""
    noise = np.random.default_rng(seed).integers(0, 120, (16, 16, 3))
    noise[..., 0] += 130 * flags[0]
    noise[..., 2] += 130 * flags[1]
    file = io.BytesIO()
    PillowImage.fromarray(noise.astype("uint8")).save(file, "PNG")
    return file.getvalue()


PHOTOS = [{"bytes": photo(flags, row), "path": None} for row, flags in enumerate(FLAGS)]
LISTS = [np.flatnonzero(flags).tolist() for flags in FLAGS]


def write(path: Path, columns: dict[str, Any], features: dict[str, Any]) -> Path:
    rows = Dataset.from_dict({"image": PHOTOS, **columns}, features=Features({"image": Image(), **features}))
    rows.to_parquet(str(path))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a parquet file with a column of 0 and 1 for each label."""
    flags = {name: FLAGS[:, place].tolist() for place, name in enumerate(NAMES)}
    folder = tmp_path_factory.mktemp("photos")
    return write(folder / "train.parquet", flags, dict.fromkeys(NAMES, Value("int64")))


def labels_by_row(data: LabelledData) -> dict[int, list[str]]:
    return {
        row: [name for name, flag in zip(data.label_names, flags, strict=True) if flag]
        for rows in data.splits.values()
        for row, flags in zip(rows["row"], rows["label"], strict=True)
    }


EXPECTED = {row: [NAMES[place] for place in places] for row, places in enumerate(LISTS)}


def test_columns_of_0_and_1(data: Path) -> None:
    read = load_image_data(ImageDataArguments(dataset=str(data), label_column=NAMES))
    assert read.is_multi_label
    assert labels_by_row(read) == EXPECTED


def test_columns_of_0_and_1_are_found(data: Path) -> None:
    read = load_image_data(ImageDataArguments(dataset=str(data)))
    assert labels_by_row(read) == EXPECTED
    assert "Label columns: red, blue (each says 0 or 1, and no column has a usual name for labels)." in [
        note.text for note in read.notes
    ]


@pytest.mark.parametrize("kind", ["names", "ids", "class-labels"])
def test_lists(kind: str, tmp_path: Path) -> None:
    names = [[NAMES[place] for place in places] for places in LISTS]
    column, feature = {
        "names": (names, List(Value("string"))),
        "ids": (LISTS, List(Value("int64"))),
        "class-labels": (LISTS, List(ClassLabel(names=NAMES))),
    }[kind]
    file = write(tmp_path / "train.parquet", {"label": column}, {"label": feature})
    read = load_image_data(ImageDataArguments(dataset=str(file), label_names=NAMES))
    assert {row: sorted(labels) for row, labels in labels_by_row(read).items()} == {
        row: sorted(labels) for row, labels in EXPECTED.items()
    }


def test_folders_of_classes_have_no_columns(photos: Path) -> None:
    with pytest.raises(UserError, match="has no table beside its images"):
        load_image_data(ImageDataArguments(dataset=str(photos), label_column=NAMES))


HEADS = {
    "mlp": "--unfreeze_from none --head mlp --head_hidden_size 4 --augment randaugment --max_steps 2 "
    "--per_device_train_batch_size 8",
    "layers": "--unfreeze_from none",
}
BACKBONE = "--backbone test_efficientnet --weights none --image_size 32 --use_cpu true --bf16 false --disable_tqdm true".split()


@pytest.mark.slow
@pytest.mark.parametrize("head", ["mlp", "layers"])
def test_a_run_on_images(head: str, data: Path, tmp_path: Path) -> None:
    argv = [*BACKBONE, *HEADS[head].split(), "--dataset", str(data), "--label_column", *NAMES]
    results = load_recipe("cifar10").main([*argv, "--output_dir", str(tmp_path / "run")])
    run = Run(tmp_path / "run", results, "")
    assert run.json("config.json")["problem_type"] == "multi_label_classification"
    assert {"samples.png", "f1_by_label.png"} <= {path.name for path in (run.folder / "report").iterdir()}
    rows = run.rows("predictions.csv")
    classify: Any = load_pipeline(str(run.folder))
    images = [PillowImage.open(io.BytesIO(PHOTOS[int(row["row"])]["bytes"])) for row in rows]
    whole = [{answer["label"]: answer["score"] for answer in answers} for answers in classify(images, top_k=None)]
    given = [[float(row[f"score_{name}"]) for name in NAMES] for row in rows]
    np.testing.assert_allclose(given, [[answer[name] for name in NAMES] for answer in whole], atol=1e-5)
    request = EvaluationRequest(str(run.folder), str(data), tmp_path / "out")
    assert 0 <= evaluate_model(request, Console(quiet=True))[1]["test_map"] <= 1


@pytest.mark.parametrize("flag", ["--mixup", "--cutmix"])
def test_mixed_images_are_refused(flag: str, data: Path) -> None:
    argv = [*IMAGE_ARGV.split(), "--dataset", str(data), "--label_column", *NAMES, flag, "0.2"]
    with pytest.raises(UserError, match=f"{flag} is for one label a row"):
        load_recipe("cifar10").main(argv)
