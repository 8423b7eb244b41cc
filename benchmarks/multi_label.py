"""Any number of labels a row: hfkit's solved head beside one-vs-rest TF-IDF on tweets, and by itself on photos.

    python benchmarks/multi_label.py --texts FOLDER --images FOLDER

Tweets get the labels fake, url, number and question, the last three by rule; CIFAR-10's photos get animal, vehicle, flies and
swims by their class. MiniLM on texts and EfficientNet-Lite0 on photos stay frozen, and the head is solved. TF-IDF is
scikit-learn's on 1- and 2-grams of words, with a logistic regression for each label. Micro F1 on test has its 95 % interval by
the bootstrap over rows.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from hfkit.data.images import load_image_data
from hfkit.data.text import load_text_data
from hfkit.evaluation.label_set_intervals import label_set_intervals
from hfkit.flags.arguments import TextDataArguments
from hfkit.flags.image_arguments import ImageDataArguments

TAGS = ["fake", "url", "number", "question"]
KINDS = {
    "animal": ("bird", "cat", "deer", "dog", "frog", "horse"),
    "vehicle": ("airplane", "automobile", "ship", "truck"),
    "flies": ("airplane", "bird"),
    "swims": ("frog", "ship"),
}


def write_tweets(folder: Path, source: str) -> dict[str, pd.DataFrame]:
    """Write the splits of the tweets with a column of 0 and 1 for each label."""
    data = load_text_data(TextDataArguments(dataset=source))
    tables = {}
    for split, rows in data.splits.items():
        text = pd.Series(rows["text"])
        table = pd.DataFrame(
            {"text": text, "fake": [int(data.label_names[label] == "fake") for label in rows["label"]]}
        )
        table["url"] = text.str.contains("https?://").astype(int)
        table["number"] = text.str.replace(r"https?://\S+", "", regex=True).str.contains(r"\d").astype(int)
        table["question"] = text.str.contains("?", regex=False).astype(int)
        table.to_csv(folder / f"{split}.csv", index=False)
        tables[split] = table
    return tables


def write_photos(folder: Path, source: str, train: int) -> None:
    """Write the splits of CIFAR-10 as parquet with a column of 0 and 1 for each label."""
    data = load_image_data(ImageDataArguments(dataset=source, max_train_samples=train))
    for split, rows in data.splits.items():
        names = [data.label_names[label] for label in rows["label"]]
        table = pd.DataFrame({kind: [int(name in classes) for name in names] for kind, classes in KINDS.items()})
        table.insert(0, "image", [read_bytes(row["image"]) for row in rows])
        table.to_parquet(folder / f"{split}.parquet")


def read_bytes(cell: dict[str, Any]) -> dict[str, bytes]:
    """Return an image as datasets stores it."""
    return {"bytes": cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]).read_bytes()}


def train(kind: str, data: Path, labels: list[str], backbone: str) -> dict[str, float]:
    """Train by `hfkit train`, and return its results with the seconds of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hfkit", "train", kind, "--dataset", str(data), "--backbone", backbone]
        command += [
            "--label_column",
            *labels,
            "--unfreeze_from",
            "none",
            "--baselines",
            "false",
            "--feature_cache",
            "off",
        ]
        start = time.perf_counter()
        subprocess.run([*command, "--output_dir", f"{folder}/run"], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, **json.loads(Path(f"{folder}/run/test_results.json").read_text())}


def fit_tfidf(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    """Fit one-vs-rest TF-IDF on train, and return its results."""
    start = time.perf_counter()
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, OneVsRestClassifier(LogisticRegression(C=10, max_iter=1_000)))
    model.fit(tables["train"]["text"], tables["train"][TAGS].to_numpy())
    scores = model.predict_proba(tables["test"]["text"])
    seconds, references = time.perf_counter() - start, tables["test"][TAGS].to_numpy() == 1
    right, wrong = int((references & (scores >= 0.5)).sum()), int((references != (scores >= 0.5)).sum())
    ends = label_set_intervals(scores >= 0.5, references, scores).metrics()
    exact = float(np.mean((references == (scores >= 0.5)).all(axis=1)))
    values = {"test_micro_f1": 2 * right / (2 * right + wrong), "test_accuracy": exact, "seconds": seconds}
    return values | {f"test_{name}": value for name, value in ends.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--images", default="cifar10", help="Folder of CIFAR-10; default: downloaded.")
    parser.add_argument("--train_images", type=int, default=4_000)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/multi_label.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        texts, photos = Path(name) / "texts", Path(name) / "photos"
        for folder in (texts, photos):
            folder.mkdir()
        tables = write_tweets(texts, given.texts)
        results = {
            "tweets, hfkit": train("text", texts, TAGS, "minilm"),
            "tweets, one-vs-rest TF-IDF": fit_tfidf(tables),
        }
        write_photos(photos, given.images, given.train_images)
        results["photos, hfkit"] = train("image", photos, list(KINDS), "efficientnet_lite0")
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(results, indent=2))
    table = Table("", "micro F1 (95 %)", "exact match (95 %)", "seconds")
    for way, values in results.items():
        shown = [
            f"{values[f'test_{name}']:.4f} ({values[f'test_{name}_low']:.4f} to {values[f'test_{name}_high']:.4f})"
            for name in ("micro_f1", "accuracy")
        ]
        table.add_row(way, *shown, f"{values['seconds']:.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
