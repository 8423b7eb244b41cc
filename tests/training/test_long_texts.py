"""Of a long text its begin is read, or its begin and its end, by everything that reads texts."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Run
from tiny import TINY, WORDS
from torch.nn.functional import pad
from transformers import AutoTokenizer
from typer.testing import CliRunner

import hfkit
from hfkit.commands.main import app
from hfkit.data.tokens import Reading, encode_texts
from hfkit.demo.explain_text import explain_text
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments
from hfkit.hub.proof import prove
from hfkit.models import TextClassifierConfig
from hfkit.models.long_texts import choose_tokens

LENGTH = 10
SPECIAL = pytest.mark.parametrize("special", [(1, 1), (1, 0), (0, 1), (0, 0), (2, 2)])
"""Special tokens in front of a text and behind it."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of texts whose last word alone tells the label."""
    words = np.random.default_rng(0).choice(WORDS, (60, 14))
    labels = ["fake" if row % 2 else "real" for row in range(60)]
    ends = {"fake": "garlic", "real": "hospital"}
    texts = [" ".join([*row, ends[label]]) for row, label in zip(words, labels, strict=True)]
    file = tmp_path_factory.mktemp("long") / "long.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(file, index=False)
    return file


@pytest.fixture(scope="module", params=["head_tail", "windows"])
def run(request: pytest.FixtureRequest, run_fakenews: Callable[..., Run], data: Path) -> Run:
    """Return a run that reads begin and end, and one that reads all."""
    flags = ["--long_texts", request.param, "--max_length", str(LENGTH), "--num_train_epochs", "1"]
    return run_fakenews("--dataset", str(data), *flags)


def fake_scores(answers: list[list[dict[str, Any]]]) -> list[float]:
    """Return the score of the label fake of each answer."""
    return [next(each["score"] for each in answer if each["label"] == "fake") for answer in answers]


@SPECIAL
@pytest.mark.parametrize("tokens", [0, 3, 10, 11, 50])
def test_the_tokens_that_are_read(special: tuple[int, int], tokens: int) -> None:
    before, behind = special
    mask = [*[1] * before, *[0] * tokens, *[1] * behind]
    chosen = choose_tokens(mask, LENGTH, "head_tail")
    assert chosen == sorted(set(chosen))
    if len(mask) <= LENGTH:
        assert chosen == list(range(len(mask)))
        return
    assert len(chosen) == LENGTH
    own = [place - before for place in chosen if not mask[place]]
    assert len(own) == LENGTH - before - behind
    head = len(own) // 4
    assert own == [*range(head), *range(tokens - len(own) + head, tokens)]


@SPECIAL
@pytest.mark.parametrize("tokens", [0, 10, 11, 16, 50])
def test_windows_have_each_token_once(special: tuple[int, int], tokens: int) -> None:
    before, behind = special
    mask = [*[1] * before, *[0] * tokens, *[1] * behind]
    chosen = choose_tokens(mask, LENGTH, "windows")
    assert [place - before for place in chosen if not mask[place]] == list(range(tokens))
    for start in range(0, len(chosen), LENGTH):
        window = chosen[start : start + LENGTH]
        assert window[:before] == list(range(before))
        assert window[len(window) - behind :] == list(range(before + tokens, len(mask)))


@pytest.mark.parametrize("name", [name for name in TINY if name.startswith("hfkit-text/") and name.endswith("-linear")])
def test_logits_of_windows_are_averaged(name: str) -> None:
    """In a batch of long and short texts, padded on either side."""
    model = TINY[name]().eval()
    model.config.max_length, model.config.long_texts = LENGTH, "windows"
    torch.manual_seed(0)
    texts = [torch.randint(5, 100, (number,)) for number in (3 * LENGTH - 2, 4, 2 * LENGTH)]
    longest = max(map(len, texts))
    with torch.inference_mode():
        for on_the_left in (False, True):
            pads = [(longest - len(text), 0) if on_the_left else (0, longest - len(text)) for text in texts]
            ids, mask = (
                torch.stack([pad(row, width) for row, width in zip(rows, pads, strict=True)])
                for rows in (texts, [torch.ones_like(text) for text in texts])
            )
            logits = model(input_ids=ids, attention_mask=mask).logits
            for text, own in zip(texts, logits, strict=True):
                windows = [model(input_ids=window[None]).logits[0] for window in text.split(LENGTH)]
                torch.testing.assert_close(own, torch.stack(windows).mean(dim=0), rtol=1e-4, atol=1e-5)


def test_a_bigru_reads_no_windows(run_fakenews: Callable[..., Run], data: Path) -> None:
    with pytest.raises(UserError, match="--long_texts windows is for a head on one vector"):
        run_fakenews("--dataset", str(data), "--long_texts", "windows", "--head", "bigru")


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["--unfreeze_from none", "--unfreeze_from encoder.layer.1 --num_train_epochs 1"])
def test_windows_on_a_frozen_backbone(flags: str, run_fakenews: Callable[..., Run], data: Path) -> None:
    run = run_fakenews("--dataset", str(data), "--long_texts", "windows", "--max_length", str(LENGTH), *flags.split())
    rows = run.rows("predictions.csv")
    answers = hfkit.load_pipeline(run.folder, device="cpu")([row["text"] for row in rows], top_k=None)
    scores = fake_scores(answers)
    assert scores == pytest.approx([float(row["score_fake"]) for row in rows], abs=1e-5)


def test_both_ways_are_equal_for_short_texts(tiny_backbone: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    texts = ["", "virus", "the city " * 4, "the city " * 20]
    cut, both = (encode_texts(texts, tokenizer, Reading((), LENGTH, "join", way)) for way in ("cut", "head_tail"))
    assert cut["longer"] == both["longer"] == [False, False, False, True]
    for name in ("input_ids", "attention_mask", "length"):
        assert cut[name][:3] == both[name][:3]
    assert list(map(len, chain(cut["input_ids"][3:], both["input_ids"][3:]))) == [LENGTH] * 2
    assert cut["input_ids"][3][0] == both["input_ids"][3][0] == tokenizer.cls_token_id
    assert cut["input_ids"][3][-1] == both["input_ids"][3][-1] == tokenizer.sep_token_id


def test_the_end_is_read_by_run_pipeline_and_files(run: Run, data: Path, tmp_path: Path) -> None:
    way = run.json("config.json")["long_texts"]
    rows = run.rows("predictions.csv")
    expected = [float(row["score_fake"]) for row in rows]
    classify = hfkit.load_pipeline(run.folder, device="cpu")
    texts = [row["text"] for row in rows]
    options: dict[str, bool]
    for options in ({}, {"truncation": True}):
        answers = classify(texts, top_k=None, **options)
        scores = fake_scores(answers)
        assert scores == pytest.approx(expected, abs=1e-5)
    assert hfkit.Run(run.folder).predict(texts)["score_fake"].tolist() == pytest.approx(expected, abs=1e-5)
    words = texts[0].split()
    middle, end = ([*words[:7], "water", *words[8:]], [*words[:-1], "water"])
    changed = classify([" ".join(middle), " ".join(end)], top_k=None)
    first = fake_scores(changed)
    assert (first[0] == pytest.approx(expected[0], abs=1e-5)) == (
        way == "head_tail"
    )  # the middle is read, too, in windows
    assert first[1] != pytest.approx(expected[0], abs=1e-7)
    explained = explain_text(classify, texts[0])
    if way == "windows":
        assert explained.message.startswith("The model reads the text in several windows")
        return
    assert [word for word, value in explained.pieces if value is not None][-1].strip() == words[-1]


def test_what_does_not_go_together() -> None:
    with pytest.raises(UserError, match="--long_texts head_tail is for one text a row"):
        TextDataArguments(dataset="a", text_column=["a", "b"], long_texts="head_tail")
    assert not TextDataArguments(dataset="a", text_column=["a", "b"], long_texts="head_tail", pair=False).reads_pairs()
    for options in (
        {"long_texts": "tail"},
        {"long_texts": "head_tail", "pair": "tokenizer"},
        {"long_texts": "windows", "head": "bigru"},
    ):
        with pytest.raises(ValueError, match="long_texts is"):
            TextClassifierConfig(**options)


@pytest.mark.slow
def test_proof_and_export_read_the_end(run: Run, data: Path, tmp_path: Path) -> None:
    assert "labels equal" in prove(run.folder, str(run.folder))
    for argv in (
        ["export", run.folder, "--to", "onnx", "--output_dir", tmp_path / "onnx"],
        ["predict", tmp_path / "onnx", data, "--output", tmp_path / "out.csv"],
    ):
        assert CliRunner().invoke(app, list(map(str, argv)), catch_exceptions=False).exit_code == 0
    rows = run.rows("predictions.csv")
    of_file = pd.read_csv(tmp_path / "out.csv").iloc[[int(row["row"]) for row in rows]]
    assert of_file["score_fake"].tolist() == pytest.approx([float(row["score_fake"]) for row in rows], abs=1e-4)
