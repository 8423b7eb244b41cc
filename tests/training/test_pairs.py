"""Two text columns are read as a pair, with the tokenizer's own separator, by everything that reads them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import Run
from tiny import BERT, WORDS
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoTokenizer, BertConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from typer.testing import CliRunner

import hfkit
from hfkit.backbones.pairs import pair_options
from hfkit.commands.main import app
from hfkit.data.tokens import Reading, encode_texts
from hfkit.demo.answer import answer_text
from hfkit.demo.examples import find_examples
from hfkit.errors import UserError
from hfkit.flags.kinds import TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.hub.examples import write_example
from hfkit.hub.proof import prove
from hfkit.models import TextClassifier, TextClassifierConfig
from hfkit.models.cleaning import PAIR_MARK, join_pair, read_row, show_row, split_pair
from hfkit.models.encoders import segment_ids
from hfkit.prediction.opening import open_predictor

COLUMNS = ["premise", "hypothesis"]


def make_pairs(rows: int = 60) -> pd.DataFrame:
    """Return pairs of texts of which one may be empty."""
    words = np.random.default_rng(0).choice(WORDS, (rows, 8))
    table = pd.DataFrame(
        {"premise": [" ".join(row[:5]) for row in words], "hypothesis": [" ".join(row[5:]) for row in words]}
    )
    table.loc[rows // 2, "hypothesis"] = ""
    table.loc[1, "premise"] = f"a{PAIR_MARK}b"
    return table.assign(label=["fake" if row % 2 else "real" for row in range(rows)])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of pairs."""
    file = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    make_pairs().to_csv(file, index=False)
    return file


@pytest.fixture(scope="module")
def run(run_fakenews: Callable[..., Run], data: Path) -> Run:
    """Return a run on pairs."""
    return run_fakenews("--dataset", str(data), "--text_column", *COLUMNS, "--num_train_epochs", "1")


def call(*argv: object) -> str:
    result = CliRunner().invoke(app, list(map(str, argv)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def plain_tokenizer() -> PreTrainedTokenizerFast:
    """Return a tokenizer that adds no special tokens."""
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[PAD]", *WORDS])}
    backend = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]")


def test_a_row_of_two_texts() -> None:
    """No text can bring a mark of its own."""
    assert split_pair(join_pair(f"a{PAIR_MARK}b", "c")) == ("a b", "c")
    assert show_row(join_pair("a", "")) == {"text": "a", "text_pair": ""}
    assert show_row("a") == "a"
    assert read_row({"text": "a", "text_pair": "b"}, "join") == "a b"
    assert read_row({"text": "a", "text_pair": "b"}, "tokenizer") == join_pair("a", "b")
    for row in ("a", {"text": "a"}, {"text": "a", "pair": "b"}):
        with pytest.raises(TypeError, match="The model reads two texts a row: give"):
            read_row(row, "newline")


def test_segments_are_those_of_the_tokenizer(tiny_backbone: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    options, note = pair_options(tokenizer)
    assert options == {"pair": "tokenizer", "segment_separator": tokenizer.sep_token_id}
    assert note.text == "Pairs of texts: the tokenizer puts its separator between them."
    assert tokenizer(["virus"], [""])["input_ids"][0].count(tokenizer.sep_token_id) == 2
    texts = [("virus news", "the garlic city"), ("", "water"), ("water", "")]
    padded = tokenizer(*map(list, zip(*texts, strict=True)), padding=True, return_tensors="pt")
    own = segment_ids(padded["input_ids"], tokenizer.sep_token_id) * padded["attention_mask"]
    assert torch.equal(own, padded["token_type_ids"])
    encoded = encode_texts([join_pair(*pair) for pair in texts], tokenizer, Reading(("lower",), 8, "tokenizer"))
    assert encoded["input_ids"][0] == tokenizer("virus news", "the garlic city")["input_ids"][:8]
    long = encode_texts([join_pair("virus " * 9, "city")], tokenizer, Reading((), 8, "tokenizer"))
    assert (long["length"], long["longer"]) == ([8], [True])


def test_a_tokenizer_without_separator() -> None:
    tokenizer: PreTrainedTokenizerBase = plain_tokenizer()
    options, note = pair_options(tokenizer)
    assert options == {"pair": "newline"}
    assert "puts nothing between them, so a newline is" in note.text
    encoded = encode_texts([join_pair("virus", "city"), join_pair("virus", "")], tokenizer, Reading((), 8, "newline"))
    assert encoded["input_ids"] == [tokenizer("virus\ncity")["input_ids"], tokenizer("virus")["input_ids"]]


def test_pipeline_files_and_evaluation_give_the_scores_of_the_run(run: Run, data: Path, tmp_path: Path) -> None:
    rows = run.rows("predictions.csv")
    assert list(rows[0])[:3] == ["row", "text", "text_pair"]
    given = make_pairs()
    read = given[COLUMNS].map(lambda text: text.replace(PAIR_MARK, " "))
    assert all([row["text"], row["text_pair"]] == read.loc[int(row["row"])].tolist() for row in rows)
    config, tokenizer = run.json("config.json"), AutoTokenizer.from_pretrained(run.folder)
    assert (config["pair"], config["segment_separator"]) == ("tokenizer", tokenizer.sep_token_id)
    classify = hfkit.load_pipeline(run.folder, device="cpu")
    expected = [float(row["score_fake"]) for row in rows]
    pairs = [{"text": row["text"], "text_pair": row["text_pair"]} for row in rows]
    scores = [
        next(each["score"] for each in answer if each["label"] == "fake") for answer in classify(pairs, top_k=None)
    ]
    assert scores == pytest.approx(expected, abs=1e-5)
    with torch.inference_mode():
        encoded = tokenizer(rows[0]["text"], rows[0]["text_pair"], return_tensors="pt")
        logits = classify.model(encoded["input_ids"], encoded["attention_mask"]).logits
    assert float(logits.softmax(-1)[0, 0]) == pytest.approx(expected[0], abs=1e-5)
    assert hfkit.Run(run.folder).predict(pairs)["score_fake"].tolist() == pytest.approx(expected, abs=1e-5)
    call("predict", run.folder, data, "--output", tmp_path / "out.csv")
    of_file = pd.read_csv(tmp_path / "out.csv").iloc[[int(row["row"]) for row in rows]]
    assert of_file["score_fake"].tolist() == pytest.approx(expected, abs=1e-5)
    call("evaluate", run.folder, data, "--output_dir", tmp_path / "report")
    evaluated = (
        pd.read_csv(tmp_path / "report" / "predictions.csv").set_index("row").loc[[int(row["row"]) for row in rows]]
    )
    assert evaluated["score_fake"].tolist() == pytest.approx(expected, abs=1e-5)
    answer = answer_text(open_predictor(str(run.folder), None, None), rows[0]["text"], rows[0]["text_pair"])
    assert answer.scores["fake"] == pytest.approx(expected[0], abs=1e-5)
    assert PAIR_MARK in find_examples(str(run.folder), reads_texts=True)[0]


def test_one_text_is_refused_by_a_model_of_pairs(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the model reads two texts a row, so name two columns by --text_column"):
        call("predict", run.folder, "one text alone")
    make_pairs(4).rename(columns={"premise": "text"}).to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(UserError, match=r"one\.csv: the model reads two texts a row"):
        call("predict", run.folder, tmp_path / "one.csv")
    make_pairs(4).rename(columns={"premise": "text"}).to_csv(tmp_path / "labelled.csv", index=False)
    with pytest.raises(UserError, match=r"labelled.csv: the model reads two texts a row, so name two columns"):
        call("evaluate", run.folder, tmp_path / "labelled.csv")
    with pytest.raises(TypeError, match="The model reads two texts a row"):
        hfkit.load_pipeline(run.folder)("one text alone")
    with pytest.raises(ValueError, match="the model reads two texts a row"):
        hfkit.Run(run.folder).predict(["one text alone"])


@pytest.mark.slow
def test_pairs_may_be_joined(run: Run, run_fakenews: Callable[..., Run], data: Path) -> None:
    """By a flag, and by the file of a run that knew no pairs."""
    flags = ["--dataset", str(data), "--text_column", *COLUMNS, "--unfreeze_from", "none", "--head", "linear"]
    joined = run_fakenews(*flags, "--pair", "false")
    assert joined.json("config.json")["pair"] == "join"
    given = make_pairs()
    for row in joined.rows("predictions.csv"):
        texts = given.loc[int(row["row"]), COLUMNS].tolist()
        assert row["text"] == " ".join(filter(None, texts)).replace(PAIR_MARK, " ")
    assert "validation" in call("compare", run.folder, joined.folder)
    continued = run_fakenews(*flags, "--backbone", str(run.folder), "--pair", "false")
    assert "pair is join and was tokenizer" in (continued.folder / "summary.json").read_text()
    content = yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    assert content["pair"] is True
    for is_known in (True, False):
        file = run.folder.parent / f"{is_known}.yaml"
        file.write_text(
            yaml.safe_dump(content if is_known else {name: value for name, value in content.items() if name != "pair"})
        )
        assert parse_arguments(["--config", str(file)], (), TEXT).data.pair is is_known


@pytest.mark.parametrize("segments", [0, 1, 2])
def test_an_encoder_with_one_segment_gets_no_numbers(segments: int) -> None:
    config = BertConfig(**BERT | {"type_vocab_size": max(segments, 1)})
    config.type_vocab_size = segments or config.type_vocab_size
    model = TextClassifier(TextClassifierConfig(backbone_config=config, pair="tokenizer", segment_separator=3)).eval()
    ids = torch.tensor([[2, 10, 3, 11, 3]])
    logits = model(input_ids=ids).logits
    own = model(input_ids=ids, token_type_ids=torch.tensor([[0, 0, 0, 1, 1]])).logits
    assert torch.equal(logits, own)
    zeros = model.backbone(input_ids=ids).last_hidden_state
    given = model.backbone(input_ids=ids, token_type_ids=segment_ids(ids, 3) * (segments > 1)).last_hidden_state
    assert torch.equal(zeros, given) == (segments < 2)


@pytest.mark.slow
def test_a_test_row_without_any_text(run_fakenews: Callable[..., Run], tmp_path: Path) -> None:
    """It is predicted as any other, also where it comes first."""
    make_pairs(40).to_csv(tmp_path / "train.csv", index=False)
    empty = pd.DataFrame({"premise": ["", "virus"], "hypothesis": ["", "news"], "label": ["fake", "real"]})
    empty.to_csv(tmp_path / "test.csv", index=False)
    own = run_fakenews("--dataset", str(tmp_path), "--text_column", *COLUMNS, "--num_train_epochs", "1")
    assert [(row["text"], row["text_pair"]) for row in own.rows("predictions.csv")] == [("", ""), ("virus", "news")]
    assert all(isinstance(row, dict) for row in own.json("proof/rows.json")["inputs"])


@pytest.mark.slow
def test_the_proof_has_both_texts(run: Run) -> None:
    card = write_example(run.folder, [])
    assert hfkit.load_pipeline(run.folder)(json.loads(card))
    proof = json.loads((run.folder / "proof" / "rows.json").read_text())
    assert all(set(row) == {"text", "text_pair"} for row in proof["inputs"])
    assert "labels equal" in prove(run.folder, str(run.folder))


@pytest.mark.slow
def test_an_exported_model_reads_pairs(run: Run, data: Path, tmp_path: Path) -> None:
    call("export", run.folder, "--to", "onnx", "--output_dir", tmp_path / "onnx")
    rows = run.rows("predictions.csv")
    call("predict", tmp_path / "onnx", data, "--output", tmp_path / "out.csv")
    of_file = pd.read_csv(tmp_path / "out.csv").iloc[[int(row["row"]) for row in rows]]
    assert of_file["score_fake"].tolist() == pytest.approx([float(row["score_fake"]) for row in rows], abs=1e-4)
