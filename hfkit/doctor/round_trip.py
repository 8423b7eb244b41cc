"""A toy round trip: two steps of a tiny random model, saved, and loaded by a process that has no hfkit."""

import csv
import io
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

from ..hub.proof import prove
from ..tasks.text import train_texts
from .finding import Finding

LETTERS = "abcdefghijklmnopqrstuvwxyz"
FLAGS = (
    "--max_length 16 --max_steps 2 --per_device_train_batch_size 4 --head linear --unfreeze_from all --feature_cache off "
    "--disable_tqdm true --save_strategy no --eval_strategy no --load_best_model_at_end false --baselines false"
).split()


def check_round_trip() -> list[Finding]:
    """Train, save and load again, and return how that went.

    Raises:
        Exception: Whatever of it fails.

    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder, said = Path(name), io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            write_backbone(folder / "backbone")
            write_rows(folder / "rows")
            paths = ["--backbone", str(folder / "backbone"), "--dataset", str(folder / "rows")]
            train_texts([*paths, *FLAGS, "--output_dir", str(folder / "run")], "doctor")
            proof = prove(folder / "run", str(folder / "run"))
    seconds = f"{time.perf_counter() - started:.0f} s"
    return [Finding("round trip", "ok", f"trained, saved, and loaded without hfkit in {seconds}: {proof}")]


def write_backbone(folder: Path) -> None:
    """Write a tiny BERT with random weights, and a tokenizer of letters."""
    folder.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    file = folder / "vocab.txt"
    file.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(file), model_max_length=32).save_pretrained(folder)


def write_rows(folder: Path) -> None:
    """Write a few texts of two classes in three splits."""
    folder.mkdir()
    for split, size in (("train", 8), ("validation", 4), ("test", 4)):
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = [(f"{LETTERS[row]} {split} {label}", label) for row in range(size) for label in ("no", "yes")]
            csv.writer(file).writerows([("text", "label"), *rows])
