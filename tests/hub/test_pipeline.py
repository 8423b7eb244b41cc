"""What was saved works in `pipeline()`: with hfkit, and in a process where hfkit cannot be imported."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import LazyRuns, Run, make_once
from datasets import Dataset
from PIL import Image
from tiny import IMAGE_NAMES as VARIANTS
from tiny import TINY
from transformers import (
    AutoImageProcessor,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    default_data_collator,
    pipeline,
)

import hfkit
from hfkit.data.transforms import BatchTransform, make_processor
from hfkit.evaluation.metrics import softmax
from hfkit.models.cleaning import clean
from hfkit.models.image import Preprocessing

# The first act of the process makes the import of hfkit impossible: an editable install would hide behind a clean path.
STRANGER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "hfkit":
            raise ImportError("hfkit is blocked")

sys.meta_path.insert(0, Blocker())
try:
    import hfkit
except ImportError as error:
    assert "blocked" in str(error)
else:
    raise AssertionError("hfkit can be imported")

import json
from transformers import pipeline

request = json.load(sys.stdin)
answers = {}
for name, (task, folder, inputs) in request.items():
    classify = pipeline(task, model=folder, trust_remote_code=True, device="cpu")
    assert type(classify).__module__.startswith("transformers_modules"), type(classify)
    assert type(classify.model).__module__.startswith("transformers_modules"), type(classify.model)
    answers[name] = classify(inputs, top_k=None, batch_size=8)
    try:
        pipeline(task, model=folder, device="cpu")
    except ValueError as error:
        assert "trust_remote_code=True" in str(error), error
    else:
        raise AssertionError("code of the folder ran without the flag")
assert not any(module.partition(".")[0] == "hfkit" for module in sys.modules)
print()  # ends the question that transformers asks where the flag is missing
print(json.dumps(answers))
"""


ANSWER_THRESHOLD = 0.585
"""Of the tiny image models: the lowest confidence of a row that they answer."""


@pytest.fixture(scope="session")
def texts(tweets: Path, finished_runs: LazyRuns) -> list[str]:
    """Return the texts of the test split as the file holds them."""
    import csv

    with (tweets / "test.csv").open(newline="", encoding="utf-8") as file:
        return [row["tweet"] for row in csv.DictReader(file)]


def ask_stranger(request: dict[str, tuple[str, str, list[str]]], home: Path) -> dict[str, Any]:
    """Return what a process without hfkit says of saved models: one process for many, since importing costs seconds."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "HF_"))}
    environment |= {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    home.mkdir()
    process = subprocess.run(
        [sys.executable, "-c", STRANGER],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    assert "is not supported for" not in process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def stranger_answers(
    finished_runs: LazyRuns,
    texts: list[str],
    photo_files: list[str],
    tiny_image_folders: dict[str, str],
    shared_folder: Path,
) -> dict[str, Any]:
    """Return the answers of the runs on texts, and of a tiny model of each image family."""
    request = {name: ("text-classification", str(run.folder), texts) for name, run in finished_runs.items()}
    request |= {name: ("image-classification", folder, photo_files[:3]) for name, folder in tiny_image_folders.items()}
    return make_once(shared_folder / "answers.json", lambda: ask_stranger(request, shared_folder / "stranger"))


@pytest.fixture(scope="session")
def stranger_answers_to_photos(
    finished_image_runs: LazyRuns, photo_files: list[str], shared_folder: Path
) -> dict[str, Any]:
    """Return the answers of the runs on images."""
    request = {
        name: ("image-classification", str(run.folder), photo_files) for name, run in finished_image_runs.items()
    }
    return make_once(
        shared_folder / "answers-to-photos.json", lambda: ask_stranger(request, shared_folder / "stranger-to-photos")
    )


@pytest.fixture(scope="session")
def tiny_image_folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return a saved model of each image family and variant that is tested, with its image processor."""
    tests = [item for item in request.session.items if isinstance(item, pytest.Function) and hasattr(item, "callspec")]
    wanted = {test.callspec.params.get("name") for test in tests if "tiny_image_folders" in test.fixturenames}
    folders = {}
    for name in (name for name in VARIANTS if name in wanted):
        folders[name] = str(tmp_path_factory.mktemp("tiny") / "model")
        torch.manual_seed(1)  # the same in each process of the tests, since one of them asks for all
        model = TINY[name]()
        model.drop_training_parts()
        model.config.answer_threshold = ANSWER_THRESHOLD
        model.save_pretrained(folders[name])
        preprocessing = Preprocessing("none", 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")
        make_processor(preprocessing, model.config.image_size).save_pretrained(folders[name])
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_gives_a_stranger_the_same_scores(
    name: str, tiny_image_folders: dict[str, str], stranger_answers: dict[str, Any], photo_files: list[str]
) -> None:
    answers = hfkit.load_pipeline(tiny_image_folders[name], device="cpu")(photo_files[:3], top_k=100)
    np.testing.assert_allclose(read_scores(stranger_answers[name]), read_scores(answers), atol=1e-5, rtol=0)
    for answer in (*stranger_answers[name], *answers):
        assert {label["answered"] for label in answer} == {max(label["score"] for label in answer) >= ANSWER_THRESHOLD}


@pytest.fixture(scope="session")
def photos_of_each_kind(photos: Path) -> list[Any]:
    """Return more than a batch of eight: files in PNG, JPEG, grey and others, and the same as Pillow's images."""
    files = [str(photos / "test" / "cat" / name) for name in ("plain.png", "turned.jpg", "grey.png", "alpha.webp")]
    files.append(str(photos / "test" / "cat" / "print.jpg"))
    return [*files, *map(Image.open, files)]


@pytest.mark.parametrize("name", VARIANTS)
def test_photos_of_each_kind_in_batches(
    name: str, tiny_image_folders: dict[str, str], photos_of_each_kind: list[Any]
) -> None:
    """A batch changes nothing, and a file is what Pillow reads of it."""
    classify = hfkit.load_pipeline(tiny_image_folders[name], device="cpu")
    answers = read_scores(classify(photos_of_each_kind, batch_size=8, top_k=None))
    assert answers.shape == (10, classify.model.config.num_labels)
    np.testing.assert_allclose(answers[:5], answers[5:], atol=1e-5, rtol=0)
    alone = read_scores([classify(photo, top_k=None) for photo in photos_of_each_kind[:5]])
    np.testing.assert_allclose(answers[:5], alone, atol=1e-5, rtol=0)
    assert len(np.unique(alone[:3].round(7), axis=0)) == 3  # red, turned, grey


def test_all_labels_of_a_photo(make_model: Callable[[str], Any]) -> None:
    """`top_k=None` is all of them, as of texts, and not the five that transformers takes."""
    model = make_model("hfkit-vgg/flat")
    model.config.id2label = {number: str(number) for number in range(7)}
    classify = hfkit.ImageClassificationPipeline(model, image_processor=object(), device="cpu")
    for options, labels in (({"top_k": None}, 7), ({"top_k": 6}, 6), ({}, 5)):
        _, _, parameters = classify._sanitize_parameters(**options)
        assert len(classify.postprocess({"logits": torch.randn(1, 7)}, **parameters)) == labels


@pytest.fixture(scope="session")
def photo_files(photos: Path, finished_image_runs: LazyRuns) -> list[str]:
    """Return the paths of the test photos in the order of the predictions."""
    return [str(photos / row["file"]) for row in finished_image_runs["timm"].rows("predictions.csv")]


def read_scores(answers: list[list[dict[str, Any]]]) -> np.ndarray:
    """Bring the answers of a pipeline to rows of scores, the labels in the order of the alphabet."""
    return np.array([[row["score"] for row in sorted(answer, key=lambda row: row["label"])] for answer in answers])


def recorded_scores(run: Run) -> np.ndarray:
    rows = run.rows("predictions.csv")
    columns = sorted(column for column in rows[0] if column.startswith("score_"))
    return np.array([[float(row[column]) for column in columns] for row in rows])


NAMES = pytest.mark.parametrize("name", ["linear", "bigru", "one-logit"])


@pytest.mark.slow
@NAMES
def test_stranger_gets_the_scores_of_the_run(
    name: str, finished_runs: LazyRuns, stranger_answers: dict[str, Any]
) -> None:
    scores = read_scores(stranger_answers[name])
    assert {"answered" in label for answer in stranger_answers[name] for label in answer} == {name == "bigru"}
    np.testing.assert_allclose(scores, recorded_scores(finished_runs[name]), atol=1e-5, rtol=0)
    assert np.ptp(scores[:, 0]) > 1e-4  # not the same for every text


@pytest.mark.slow
@NAMES
def test_scores_equal_with_hfkit_and_by_the_trainer(name: str, finished_runs: LazyRuns, texts: list[str]) -> None:
    folder = str(finished_runs[name].folder)
    classify = hfkit.load_pipeline(folder, device="cpu")
    assert type(classify) is hfkit.TextClassificationPipeline
    assert type(classify.model) is hfkit.TextClassifier
    expected = recorded_scores(finished_runs[name])
    np.testing.assert_allclose(read_scores(classify(texts, top_k=None)), expected, atol=1e-5, rtol=0)
    explicit = pipeline(
        "text-classification", model=folder, pipeline_class=hfkit.TextClassificationPipeline, device="cpu"
    )
    np.testing.assert_allclose(read_scores(explicit(texts, top_k=None, batch_size=3)), expected, atol=1e-5, rtol=0)
    cleaned = [clean(text, classify.model.config.cleaning) for text in texts]
    encoded = classify.tokenizer(cleaned, truncation=True, max_length=classify.model.config.max_length)
    rows = Dataset.from_dict({key: encoded[key] for key in ("input_ids", "attention_mask")})
    arguments = TrainingArguments(output_dir=folder + "-predict", use_cpu=True, disable_tqdm=True)
    trainer = Trainer(classify.model, arguments, data_collator=DataCollatorWithPadding(classify.tokenizer))
    logits = trainer.predict(rows).predictions.astype(np.float64)
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-5, rtol=0)


@pytest.mark.slow
@NAMES
def test_labels_and_odd_texts(name: str, finished_runs: LazyRuns) -> None:
    classify = hfkit.load_pipeline(str(finished_runs[name].folder), device="cpu")
    for text in ("", "covid " * 1500, "👍" * 300, "\x00 \ud83d"):
        [answer] = classify([text]) if isinstance(classify([text]), list) else [classify([text])]
        assert answer["label"] in ("fake", "real")
        assert 0.5 <= answer["score"] <= 1


def test_two_columns_are_joined_as_in_training(finished_runs: LazyRuns) -> None:
    classify = hfkit.load_pipeline(str(finished_runs["linear"].folder), device="cpu")
    pair = classify({"text": "garlic cures", "text_pair": "virus"}, top_k=None)
    assert pair == classify("garlic cures virus", top_k=None)


def test_without_the_flag_the_built_in_call_raises(finished_runs: LazyRuns) -> None:
    """The folder brings its own pipeline code, which transformers does not run unasked; our helper needs none of it."""
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        pipeline("text-classification", model=str(finished_runs["linear"].folder))


@pytest.mark.slow
@NAMES
def test_built_in_pipeline_is_safe(name: str, finished_runs: LazyRuns, texts: list[str]) -> None:
    """The alias `sentiment-analysis` and a ready model object get transformers' own pipeline: no cleaning, but no crash."""
    folder = str(finished_runs[name].folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ready = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    alias = pipeline("sentiment-analysis", model=folder, device="cpu")
    for classify in (ready, alias):
        assert not isinstance(classify, hfkit.TextClassificationPipeline)
        answers = classify(texts)
        assert {answer["label"] for answer in answers} <= {"fake", "real"}
        assert len(answers) == len(texts)
    plain = "hospital reports new cases"  # no step of any preset changes it
    ours = hfkit.load_pipeline(folder, device="cpu")(plain)
    assert ready(plain)[0]["score"] == pytest.approx(ours[0]["score"], abs=1e-5)


def test_stranger_is_asked_before_code_runs(finished_runs: LazyRuns, tmp_path: Path) -> None:
    """Without hfkit, without the flag: an error, not a silent run of the folder's code."""
    config = json.loads((finished_runs["linear"].folder / "config.json").read_text())
    config["model_type"] = "unknown-to-transformers"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="trust_remote_code"):
        AutoModelForSequenceClassification.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="is a bert model, not one of hfkit-text"):
        hfkit.load_pipeline(str(tmp_path))


@pytest.mark.slow
def test_bfloat16_training_ends_in_float32_scores(
    run_fakenews: Callable[..., Run], texts: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the training ran in, what is reported is what the pipeline gives."""
    run = run_fakenews("--bf16", "true", "--num_train_epochs", "1", capture=capfd)
    assert re.search(r"Device: .*, bfloat16\.\n", run.output)
    assert run.json("env.json")["precision"] == "bfloat16"
    scores = read_scores(hfkit.load_pipeline(str(run.folder), device="cpu")(texts, top_k=None))
    np.testing.assert_allclose(scores, recorded_scores(run), atol=1e-5, rtol=0)


# --- images ---

FULL_SIZED = [
    pytest.param(name, marks=() if name == "timm" else pytest.mark.slow)
    for name in ("timm", "deit", "vgg", "densenet", "token-learner", "fdvit")
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "timm",
        *(
            pytest.param(name, marks=pytest.mark.nightly)
            for name in ("deit", "vgg", "densenet", "token-learner", "fdvit")
        ),
    ],
)
def test_stranger_gets_the_scores_of_an_image_run(
    name: str, finished_image_runs: LazyRuns, stranger_answers_to_photos: dict[str, Any]
) -> None:
    """On files of every kind: turned by EXIF, grey, with alpha, CMYK, palette, 1x1, 20,000x50."""
    expected = recorded_scores(finished_image_runs[name])
    assert len(expected) == 12
    np.testing.assert_allclose(read_scores(stranger_answers_to_photos[name]), expected, atol=1e-5, rtol=0)
    assert {row["label"] for row in stranger_answers_to_photos[name][0]} == {"cat", "dog"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FULL_SIZED)
def test_image_scores_equal_with_hfkit_and_by_the_trainer(
    name: str, finished_image_runs: LazyRuns, photo_files: list[str]
) -> None:
    run = finished_image_runs[name]
    expected = recorded_scores(run)
    classify = hfkit.load_pipeline(str(run.folder), device="cpu")
    assert type(classify) is hfkit.ImageClassificationPipeline
    opened = [Image.open(file) for file in photo_files]
    for inputs in (photo_files, opened):
        np.testing.assert_allclose(read_scores(classify(inputs, batch_size=3)), expected, atol=1e-5, rtol=0)
    transform = BatchTransform(AutoImageProcessor.from_pretrained(run.folder))
    rows = Dataset.from_dict({"image": [{"bytes": None, "path": file} for file in photo_files]})
    arguments = TrainingArguments(
        output_dir=str(run.folder) + "-predict", use_cpu=True, disable_tqdm=True, remove_unused_columns=False
    )
    trainer = Trainer(classify.model, arguments, data_collator=default_data_collator)
    logits = trainer.predict(rows.with_transform(transform)).predictions
    np.testing.assert_allclose(softmax(logits), expected, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_preprocessing_is_that_of_the_weights(finished_image_runs: LazyRuns) -> None:
    """A stock DeiT or ViT processor says 0.5; the weights were trained with ImageNet's mean and standard deviation."""
    for name, resample in (("vgg", 2), ("densenet", 2), ("deit", 3)):
        saved = finished_image_runs[name].json("preprocessor_config.json")
        assert saved["image_mean"] == pytest.approx([0.485, 0.456, 0.406]), name
        assert saved["image_std"] == pytest.approx([0.229, 0.224, 0.225]), name
        assert (saved["resample"], saved["size"]) == (resample, {"height": 32, "width": 32}), name
