"""Push of runs with any number of labels a row: proven, looked at, and run again; on a Hub of our own."""

import csv
import json
from pathlib import Path

import pytest
from conftest import IMAGE_ARGV
from hub_client import Client
from huggingface_hub import ModelCard

from hfkit.errors import UserError
from hfkit.reproduce import _compare, safe_argv

NAMES = ("toxic", "threat")
LINEAR = "--max_steps 4 --label_thresholds auto --class_weights balanced"
SOLVED = "--unfreeze_from none"


@pytest.fixture(scope="module")
def comments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return texts with two tags, the words of which are in them."""
    folder = tmp_path_factory.mktemp("comments")
    with (folder / "comments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "tags"])
        for row in range(60):
            tags = [name for place, name in enumerate(NAMES) if (row >> place) % 2]
            words = " ".join({"toxic": "garlic", "threat": "virus"}[tag] for tag in tags)
            writer.writerow([f"the city {words} news {row}", "|".join(tags)])
    return folder / "comments.csv"


@pytest.mark.slow
@pytest.mark.parametrize("flags", [LINEAR, pytest.param(SOLVED, marks=pytest.mark.nightly)], ids=["linear", "solved"])
def test_texts_are_pushed_checked_and_reproduced(
    flags: str, client: Client, tiny_backbone: Path, comments: Path, tmp_path: Path
) -> None:
    """The push proves itself, or raises; the run is made again from its configuration with the data named."""
    client("push_helpers:upload", tiny_backbone, "me/tiny-bert")
    argv = ["--backbone", "me/tiny-bert", "--dataset", str(comments), "--max_length", "24", "--use_cpu", "true"]
    argv += ["--label_column", "tags", "--label_separator", "|", *flags.split(), "--output_dir", str(tmp_path / "run")]
    client("fakenews:main", argv)
    pushed = client("hfkit.hub.push:push_run", tmp_path / "run", "me/comments", "mit", "en")
    assert pushed["proven"] is True
    files = client.hub.files("me/comments")
    assert {"report/f1_by_label.png", "report/classification_report.json"} <= set(files)
    assert "report/label_issues.csv" not in files  # it has rows of train
    card = ModelCard(files["README.md"].decode())
    assert "any number of labels each" in card.text
    assert {result.metric_type for result in card.data.eval_results or []} == {"accuracy", "f1"}
    for trust in (False, True):
        findings = client("push_helpers:check", "me/comments", trust)
        assert all(well for _, well, _ in findings), findings
        assert ("labels", True, "threat, toxic") in [tuple(finding) for finding in findings]
    comparison = client("hfkit.reproduce:reproduce", "me/comments", tmp_path / "new", None, str(comments))
    assert set(comparison) == {"validation accuracy", "validation f1", "test accuracy", "test f1"}
    for row in comparison.values():
        assert row["now"] == pytest.approx(row["card"], abs=1e-4)
        assert row["holds"]
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("run", "new")]
    assert configs[0].get("label_thresholds") == configs[1].get("label_thresholds")


@pytest.mark.nightly
def test_images_are_pushed(client: Client, tmp_path: Path) -> None:
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as PillowImage

    for row in range(24):
        colour = (200 * (row % 2), 20, 200 * (row // 2 % 2))
        PillowImage.new("RGB", (16, 16), tuple(value + row % 7 for value in colour)).save(tmp_path / f"{row}.png")
    photos = [{"bytes": (tmp_path / f"{row}.png").read_bytes(), "path": None} for row in range(24)]
    columns = {"image": photos, "red": [row % 2 for row in range(24)], "blue": [row // 2 % 2 for row in range(24)]}
    features = Features({"image": Image(), "red": Value("int64"), "blue": Value("int64")})
    Dataset.from_dict(columns, features=features).to_parquet(str(tmp_path / "train.parquet"))
    argv = [*IMAGE_ARGV.split(), "--dataset", str(tmp_path / "train.parquet"), "--label_column", "red", "blue"]
    client("cifar10:main", [*argv, "--head", "linear", "--output_dir", str(tmp_path / "run")])
    assert client("hfkit.hub.push:push_run", tmp_path / "run", "me/colours", "mit")["proven"] is True
    assert all(well for _, well, _ in client("push_helpers:check", "me/colours", True))


def test_how_wide_an_interval_is_follows_from_the_new_run() -> None:
    """There is no confusion matrix, and what the card says of its interval is not believed."""
    shown = {"split": "test", "macro avg": {"f1-score_low": 0.0, "f1-score_high": 1.0}}
    now = {"test_macro_f1": 0.7, "test_macro_f1_low": 0.6, "test_macro_f1_high": 0.75, "test_hamming_loss": 0.1}
    for card, holds in ((0.79, True), (0.66, True), (0.85, False), (0.5, False)):
        compared = _compare({("test", "f1"): card}, now, {"test": 50}, shown)["test f1"]
        assert compared["holds"] is holds
        assert compared["high"] - compared["low"] == pytest.approx(0.15)


def test_flags_of_several_labels_are_taken() -> None:
    flags = {
        "dataset": "someone/data",
        "backbone": "someone/net",
        "label_separator": "-",
        "label_thresholds": [0.2, 0.5],
    }
    argv = safe_argv({**flags, "label_column": ["toxic", "threat"]}, "text-classification", None)
    for expected in (["--label_separator", "-"], ["--label_thresholds", "0.2", "0.5"], ["--label_column", *NAMES]):
        assert expected == argv[argv.index(expected[0]) :][: len(expected)]


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("head_hidden_size", 40_000),
        ("gradient_accumulation_steps", "40_000"),
        ("max_length", 1e9),
        ("per_device_train_batch_size", 10**9),
        ("num_train_epochs", float("nan")),
        ("ngrams", ["1", "9000"]),
    ],
)
def test_sizes_that_a_stranger_chose_are_bounded(flag: str, value: object) -> None:
    flags = {"backbone": "minilm", "dataset": "sample", "max_length": 512, "head_hidden_size": "128"}
    assert "--max_length" in safe_argv(flags, "text-classification", None)
    with pytest.raises(UserError, match=f"has {flag} .*, and at most"):
        safe_argv({**flags, flag: value}, "text-classification", None)
