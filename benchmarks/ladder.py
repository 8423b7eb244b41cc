"""Score against seconds: what a person would run for a few thousand labelled texts, and the rungs of hfkit beside it.

    python benchmarks/ladder.py --texts FOLDER

Each way runs in a process of its own, from the texts to the predicted labels of test, and its seconds are those of the whole
process, imports included; hfkit starts with empty caches. No way chooses anything by the test split. All use MiniLM but the
first. The rows are trained on once, with seed 1. Results are printed, kept as JSON, and drawn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
HFKIT = "hfkit, "
SOLVED = f"{HFKIT}solved head"
RECIPES = {
    SOLVED: "--unfreeze_from none",
    f"{HFKIT}fine-tuned from the solved head": "--solver both --num_train_epochs 2 --ngrams auto",
    f"{HFKIT}fine-tuned, BiGRU and n-grams": "--head bigru --ngrams auto",
}
"""Flags of the rungs."""
NEEDS = {"sentence embeddings, logistic regression": "sentence_transformers", "SetFit": "setfit"}
"""Ways that are left out where a package is not installed."""

Splits = dict[str, tuple[list[str], list[int]]]


def read_splits(folder: str) -> Splits:
    """Return texts and label ids of each split."""
    from hfkit.data.text import load_text_data
    from hfkit.flags.arguments import TextDataArguments

    splits = load_text_data(TextDataArguments(dataset=folder)).splits
    return {name: (list(rows["text"]), list(rows["label"])) for name, rows in splits.items()}


def run_words(splits: Splits) -> list[int]:
    """TF-IDF of words, 1- and 2-grams, and a linear support vector machine."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    classifier = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC(random_state=1))
    classifier.fit(*splits["train"])
    return [int(label) for label in classifier.predict(splits["test"][0])]


def run_embeddings(splits: Splits) -> list[int]:
    """Embeddings of a sentence encoder, and logistic regression."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(backbone_folder(), device="cpu")
    train, test = (encoder.encode(splits[name][0], show_progress_bar=False) for name in ("train", "test"))
    classifier = LogisticRegression(max_iter=1000).fit(train, splits["train"][1])
    return [int(label) for label in classifier.predict(test)]


def run_setfit(splits: Splits) -> list[int]:
    """SetFit with 300 steps of batches of 16 pairs."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    rows = Dataset.from_dict(dict(zip(("text", "label"), splits["train"], strict=True)))
    model = SetFitModel.from_pretrained(backbone_folder())
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(output_dir=folder, batch_size=16, max_steps=300, save_strategy="no", seed=1)
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return [int(label) for label in model.predict(splits["test"][0])]


def run_trainer(splits: Splits) -> list[int]:
    """The Trainer with the settings of transformers' guide to text classification, in float32."""
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(1)
    source = backbone_folder()
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=len(set(splits["train"][1])))

    def encode(name: str) -> Any:
        """Tokenise a split."""
        texts, labels = splits[name]
        encoded = tokenizer(texts, truncation=True, max_length=128)
        return Dataset.from_dict({**encoded, "labels": labels})

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=2,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            learning_rate=2e-5,
            weight_decay=0.01,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=1,
        )
        trainer = Trainer(model, arguments, DataCollatorWithPadding(tokenizer), encode("train"))
        trainer.train()
        return [int(label) for label in trainer.predict(encode("test")).predictions.argmax(axis=-1)]


WAYS: dict[str, Callable[[Splits], list[int]]] = {
    "TF-IDF of words, linear SVM": run_words,
    "sentence embeddings, logistic regression": run_embeddings,
    "the plain Trainer, 2 epochs": run_trainer,
    "SetFit": run_setfit,
}


def backbone_folder() -> str:
    """Return where MiniLM lies."""
    from hfkit.backbones.packaged import locate_backbone

    return str(locate_backbone("minilm"))


def run_recipe(flags: str, folder: str) -> list[str]:
    """Run the recipe with empty caches, and return the labels that it predicts of test."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["HF_DATASETS_CACHE"] = f"{place}/datasets"  # read when the recipe imports `datasets`
        sys.path.insert(0, str(ROOT / "recipes"))
        recipe = __import__("fakenews")
        more = f"--output_dir {place}/run --disable_tqdm true --seed 1 --baselines false"
        more += f" --feature_cache {place}/features"
        recipe.main(["--backbone", "minilm", "--dataset", folder, *flags.split(), *more.split()])
        return list(pd.read_csv(f"{place}/run/predictions.csv")["prediction"])


def run_way(name: str, folder: str, output: Path) -> None:
    """Run one way, and write its labels of test."""
    if name in RECIPES:
        output.write_text(json.dumps(run_recipe(RECIPES[name], folder)))
    else:
        output.write_text(json.dumps(WAYS[name](read_splits(folder))))


def measure(name: str, folder: str) -> tuple[list[Any], float]:
    """Run one way in a process of its own, and return its labels and the seconds of the process."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "labels.json"
        command = [sys.executable, __file__, "--way", name, "--texts", folder, "--output", str(output)]
        started = time.perf_counter()
        finished = subprocess.run(command, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if finished.returncode != 0:
            raise SystemExit(f"{name}: {finished.stderr[-2000:]}")
        return json.loads(output.read_text()), seconds


def score(names: list[str], folder: str) -> Iterator[pd.DataFrame]:
    """Run the ways, and yield after each a row for each so far: seconds, accuracy, and the difference to the solved head."""
    from hfkit.data.text import load_text_data
    from hfkit.evaluation.intervals import accuracy_interval
    from hfkit.evaluation.paired import compare_paired
    from hfkit.flags.arguments import TextDataArguments

    data = load_text_data(TextDataArguments(dataset=folder))
    truth = np.array(data.splits["test"]["label"])
    rows: list[dict[str, Any]] = []
    right: dict[str, np.ndarray] = {}
    for name in names:
        labels, seconds = measure(name, folder)
        ids = [data.label_names.index(label) if isinstance(label, str) else label for label in labels]
        right[name] = np.array(ids) == truth
        low, high = accuracy_interval(int(right[name].sum()), len(truth))
        row = {"name": name, "seconds": seconds, "test_accuracy": right[name].mean()}
        row |= {"test_accuracy_low": low, "test_accuracy_high": high, "against_solved_head": ""}
        if name != SOLVED and SOLVED in right:
            row["against_solved_head"] = compare_paired(right[name], right[SOLVED]).sentence("It", "the solved head")
        rows.append(row)
        yield pd.DataFrame(rows)


def show(table: pd.DataFrame) -> None:
    """Print the table."""
    shown = Table("way", "seconds", "test accuracy (95 %)", "against the solved head")
    for row in table.itertuples():
        ends = f"{row.test_accuracy:.4f} ({row.test_accuracy_low:.4f} to {row.test_accuracy_high:.4f})"
        shown.add_row(str(row.name), f"{row.seconds:.0f}", ends, str(row.against_solved_head))
    Console(width=150).print(shown)


def main() -> None:
    """Run all ways, or one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--ways", nargs="+", choices=[*RECIPES, *WAYS], default=[*RECIPES, *WAYS])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/ladder.json"))
    parser.add_argument("--picture", type=Path, default=Path("benchmarks/results/ladder.png"))
    parser.add_argument("--way", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        run_way(given.way, given.texts, given.output)
        return
    missing = [name for name in given.ways if name in NEEDS and find_spec(NEEDS[name]) is None]
    for name in missing:
        print(f"Left out: {name}; pip install {NEEDS[name].replace('_', '-')} for it.")
    from hfkit.report.plots import draw_scores

    given.output.parent.mkdir(parents=True, exist_ok=True)
    for table in score([name for name in given.ways if name not in missing], given.texts):
        given.output.write_text(table.to_json(orient="records", indent=2))
        draw_scores(given.picture, table, "Constraint@AAAI-2021, 2,140 test tweets")
        show(table)


if __name__ == "__main__":
    main()
