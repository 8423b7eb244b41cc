"""The score of n-grams inside a text classifier, against the matrix that it was fitted on."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import TINY, inputs_for, tiny_tokenizer
from transformers import PreTrainedTokenizerBase

import hfkit
from hfkit.data.ngrams import NgramVocabulary, find_special_ids, fit_ngrams, ngram_matrix
from hfkit.models.ngrams import NgramScorer
from hfkit.models.text import TextClassifier, TextClassifierConfig

SPECIAL = (1, 2)
HEADS = pytest.mark.parametrize(
    "name", ["hfkit-text/bert-linear", "hfkit-text/bert-bigru", "hfkit-text/bert-linear-1-logit"]
)
TEXTS = [
    "garlic cures covid and covid cures garlic",
    "",
    "new vaccine test in the city hospital",
    "a",
    "👍 covid covid",
]


def random_rows(rows: int = 40, seed: int = 0) -> list[list[int]]:
    """Return rows of 1 to 20 ids with special ones at the ends and in between; each has repeated n-grams."""
    random = np.random.default_rng(seed)
    return [[1, *random.integers(2, 12, random.integers(0, 20)).tolist(), 2] for _ in range(rows)]


def batch(rows: list[list[int]], side: str = "right", pad: int = 0, more: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad rows to the longest one and more; return ids and mask."""
    longest = max(map(len, rows)) + more
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(0, len(row)) if side == "right" else slice(longest - len(row), longest)
        ids[number, place] = torch.tensor(row)
        mask[number, place] = 1
    return ids, mask


def fitted(rows: list[list[int]], longest: int = 2, num_logits: int = 2) -> tuple[NgramVocabulary, np.ndarray]:
    """Return the n-grams of rows with random weights."""
    vocabulary = fit_ngrams(rows, SPECIAL, longest, min_document_frequency=2)
    return vocabulary, np.random.default_rng(5).normal(size=(len(vocabulary), num_logits))


def scorer_of(vocabulary: NgramVocabulary, weight: np.ndarray) -> NgramScorer:
    scorer = NgramScorer(len(vocabulary), weight.shape[1], vocabulary.longest, len(vocabulary.special_ids))
    values = {"keys": vocabulary.keys, "idf": vocabulary.idf, "special_ids": vocabulary.special_ids}
    scorer.fill(weight=weight, **values)
    return scorer


def with_ngrams(name: str, rows: list[list[int]], longest: int = 2) -> tuple[TextClassifier, np.ndarray]:
    """Return a tiny model with n-grams, and the score that they should add to each row."""
    torch.manual_seed(0)
    model: Any = TINY[name]()
    vocabulary, weight = fitted(rows, longest, model.config.head_logits or 2)
    model.set_ngrams(vocabulary.keys, vocabulary.idf, weight, vocabulary.special_ids, longest)
    return model.eval(), ngram_matrix(rows, vocabulary) @ weight


@pytest.mark.parametrize("longest", [1, 2, 3])
def test_score_is_matrix_times_weight(longest: int) -> None:
    train, test = random_rows(), random_rows(15, seed=1)
    vocabulary, weight = fitted(train, longest)
    scorer = scorer_of(vocabulary, weight)
    rows = [*train, *test, [1, 2], [200, 300, 1]]  # the last ones have nothing that is known
    expected = ngram_matrix(rows, vocabulary) @ weight
    assert np.abs(expected).max() > 0.3
    assert (expected[-2:] == 0).all()
    np.testing.assert_allclose(scorer(*batch(rows)).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("pad", [0, 7, 2])
def test_padding_is_told_by_the_mask(pad: int) -> None:
    """Also where the padding id is a word, or a special token that ends each row."""
    rows = random_rows()
    vocabulary, weight = fitted(rows)
    scorer = scorer_of(vocabulary, weight)
    expected = ngram_matrix(rows, vocabulary) @ weight
    for more in (0, 9):
        np.testing.assert_allclose(scorer(*batch(rows, pad=pad, more=more)).numpy(), expected, atol=1e-5)
    ids, mask = batch(rows[:1])
    assert (scorer(ids, torch.zeros_like(mask)) == 0).all()
    ids, mask = batch([[7]])
    np.testing.assert_allclose(scorer(ids, mask).numpy(), ngram_matrix([[7]], vocabulary) @ weight, atol=1e-5)


def test_ngrams_do_not_go_across_what_is_left_out() -> None:
    vocabulary = fit_ngrams([[5, 6]], SPECIAL)
    scorer = scorer_of(vocabulary, np.array([[0.0], [0.0], [1.0]]))  # the 2-gram alone counts
    assert scorer(*batch([[5, 6]])).item() > 0.5
    assert scorer(*batch([[5, 1, 6]])).item() == 0
    ids, mask = torch.tensor([[5, 9, 6]]), torch.tensor([[1, 0, 1]])
    assert scorer(ids, mask).item() == 0


@HEADS
def test_logits_are_those_of_the_net_and_the_score(name: str) -> None:
    rows = [row[:32] for row in random_rows()]
    model, score = with_ngrams(name, rows)
    ids, mask = batch(rows)
    whole = model(ids, mask).logits
    ngrams, model.ngrams = model.ngrams, None
    net = model(ids, mask).logits
    model.ngrams = ngrams
    difference = score[:, -1] - (score[:, 0] if score.shape[1] == 2 else 0)
    torch.testing.assert_close(
        (whole - net)[:, 1] - (whole - net)[:, 0], torch.tensor(difference).float(), atol=1e-5, rtol=0
    )
    for side, more in (("left", 0), ("left", 5), ("right", 3)):
        torch.testing.assert_close(model(*batch(rows, side, 7, more)).logits, whole, atol=1e-5, rtol=1e-5)
    long = [row + [3] * 40 for row in rows]
    cut = [row[: model.config.max_length] for row in long]
    torch.testing.assert_close(model(*batch(long)).logits, model(*batch(cut)).logits, atol=1e-5, rtol=1e-5)


@HEADS
def test_ids_count_beside_states(name: str) -> None:
    model, _ = with_ngrams(name, random_rows())
    inputs = inputs_for(model, rows=4)
    inputs["input_ids"] = inputs["input_ids"] % 12 * inputs["attention_mask"]
    whole = model(**inputs).logits
    assert len(model.split_points()) > 1
    for layer in model.split_points():
        model.start_layer = layer
        states = model.forward_to(layer, **inputs)
        torch.testing.assert_close(model(states=states, **inputs).logits, whole, atol=1e-5, rtol=1e-4)
    alone = model(states=states, attention_mask=inputs["attention_mask"]).logits
    assert (alone - whole).abs().max() > 1e-3


@HEADS
def test_saved_and_loaded(name: str, tmp_path: Path) -> None:
    rows = random_rows()
    model, _ = with_ngrams(name, rows, longest=3)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    sizes = {"ngram_count": len(model.ngrams.keys), "ngram_max": 3, "ngram_special_count": 2}
    assert {key: value for key, value in config.items() if "ngram" in key} == sizes
    loaded, info = TextClassifier.from_pretrained(tmp_path, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    for key, tensor in model.ngrams.state_dict().items():
        assert torch.equal(loaded.ngrams.state_dict()[key], tensor), key
    torch.testing.assert_close(loaded.eval()(*batch(rows)).logits, model(*batch(rows)).logits, atol=1e-6, rtol=0)
    half = TextClassifier.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half.ngrams.keys.dtype == torch.int64
    assert half(*batch(rows)).logits.dtype == torch.bfloat16
    assert "beside it the score of" in loaded.describe_head()
    assert "1- to 3-grams" in loaded.describe_head()


def test_no_ngrams_is_as_before() -> None:
    model: Any = TINY["hfkit-text/bert-linear"]()
    assert model.ngrams is None
    assert not any("ngrams" in key for key in model.state_dict())
    assert "gram" not in model.describe_head()
    vocabulary, weight = fitted(random_rows())
    model.set_ngrams(vocabulary.keys, vocabulary.idf, weight, vocabulary.special_ids, 2)
    assert "gram" in model.describe_head()
    model.set_ngrams([], [], [], [], 2)
    assert model.ngrams is None
    assert model.config.ngram_count == 0
    assert not any("ngrams" in key for key in model.state_dict())


@pytest.mark.parametrize(
    "options", [{"ngram_max": 4}, {"ngram_max": 0}, {"ngram_count": -1}, {"ngram_special_count": -1}]
)
def test_impossible_sizes_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="ngram_max"):
        TextClassifierConfig(**options)


def test_training_leaves_them_alone() -> None:
    """They are buffers: no optimizer sees them, and the loss goes back to the net."""
    model, _ = with_ngrams("hfkit-text/bert-linear", random_rows())
    before = {key: tensor.clone() for key, tensor in model.ngrams.state_dict().items()}
    assert not list(model.ngrams.parameters())
    model.train()
    model(*batch(random_rows()), labels=torch.arange(40) % 2).loss.backward()
    assert model.classifier.linear.weight.grad.abs().max() > 0
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.ngrams.state_dict().items())


# --- in pipeline() ---

STRANGER = """
import json, sys
sys.modules["hfkit"] = None
from transformers import pipeline
request = json.load(sys.stdin)
classify = pipeline("text-classification", model=request["folder"], trust_remote_code=True, device="cpu")
assert type(classify.model).__module__.startswith("transformers_modules")
print(json.dumps(classify(request["texts"], top_k=None, batch_size=3)))
"""


@pytest.fixture(scope="module", params=["hfkit-text/bert-linear", "hfkit-text/bert-bigru-1-logit"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model with n-grams of the texts, and its tokenizer."""
    folder = tmp_path_factory.mktemp("ngrams") / "model"
    torch.manual_seed(0)
    model: Any = TINY[request.param]()
    tokenizer = tiny_tokenizer(tmp_path_factory.mktemp("words"))
    vocabulary = fit_ngrams(tokenizer(TEXTS)["input_ids"], find_special_ids(tokenizer))
    weight = np.random.default_rng(1).normal(size=(len(vocabulary), model.config.head_logits or 2))
    model.set_ngrams(vocabulary.keys, vocabulary.idf, 2 * weight, vocabulary.special_ids, 2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def scores(answers: list[list[dict[str, Any]]]) -> np.ndarray:
    return np.array([[row["score"] for row in sorted(answer, key=lambda row: row["label"])] for answer in answers])


def test_pipeline_gives_the_scores_of_the_model(saved: Path) -> None:
    classify = hfkit.load_pipeline(str(saved), device="cpu")
    expected = []
    for text in TEXTS:
        ids = torch.tensor([classify.tokenizer(text)["input_ids"]])
        expected.append(classify.model(ids).logits.softmax(-1)[0].detach().numpy())
    assert np.ptp(np.stack(expected)[:, 0]) > 0.1
    for side in ("right", "left"):
        classify.tokenizer.padding_side = side
        for size in (1, 3):
            found = scores(classify(TEXTS, top_k=None, batch_size=size))
            np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


@pytest.mark.slow
def test_strangers_get_the_same_scores(saved: Path, tmp_path: Path) -> None:
    """From the code in the model's own folder."""
    expected = scores(hfkit.load_pipeline(str(saved), device="cpu")(TEXTS, top_k=None))
    process = subprocess.run(
        [sys.executable, "-c", STRANGER],
        input=json.dumps({"folder": str(saved), "texts": TEXTS}),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    np.testing.assert_allclose(scores(json.loads(process.stdout.splitlines()[-1])), expected, atol=1e-5)


# --- beside a head on several layers ---


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
def test_beside_a_head_on_several_layers(cut: bool, tokenizer: PreTrainedTokenizerBase, tmp_path: Path) -> None:
    """Also where the layers that the head does not read are dropped from under it."""
    rows = tokenizer(TEXTS)["input_ids"]
    torch.manual_seed(0)
    model: Any = TINY["hfkit-text/bert-layers"]().eval()
    model.keep_layers([0, 1], ["mean", "first"])
    net = model(*batch(rows)).logits
    vocabulary, weight = fitted(rows)
    model.set_ngrams(vocabulary.keys, vocabulary.idf, weight, vocabulary.special_ids, 2)
    before = {key: tensor.clone() for key, tensor in model.ngrams.state_dict().items()}
    logits = model(*batch(rows)).logits
    score = torch.from_numpy(ngram_matrix(rows, vocabulary) @ weight).float()
    assert score.abs().max() > 0.3
    torch.testing.assert_close(logits, net + score, atol=1e-5, rtol=0)
    if cut:
        report = model.drop_unused_layers()
        assert (report.dropped, report.reason) == (1, "")
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded, info = TextClassifier.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert len(loaded.backbone.encoder.layer) == (1 if cut else 2)
    for some in (model, loaded.eval()):
        assert some.ngrams.state_dict().keys() == before.keys()
        assert all(torch.equal(tensor, before[key]) for key, tensor in some.ngrams.state_dict().items())
        torch.testing.assert_close(some(*batch(rows)).logits, logits, atol=1e-5, rtol=0)
        assert "hidden states 0, 1" in some.describe_head()
        assert "beside it the score of" in some.describe_head()
    answers = scores(hfkit.load_pipeline(str(tmp_path), device="cpu")(TEXTS, top_k=None, batch_size=3))
    np.testing.assert_allclose(answers, logits.softmax(-1).detach(), atol=1e-5)


# --- ONNX ---

OF_ONNX = {
    *("add", "sub", "mul", "div", "pow", "log", "sqrt", "clamp", "sum", "any", "where", "eq", "ne", "lt", "le", "ge"),
    *(
        "bitwise_and",
        "logical_and",
        "bitwise_not",
        "logical_not",
        "index",
        "gather",
        "cat",
        "sort",
        "cumsum",
        "scatter_add",
        "slice",
        "unsqueeze",
    ),
    *("constant_pad_nd", "full", "full_like", "zeros_like", "scalar_tensor", "_to_copy", "sym_size", "expand", "view"),
}
"""Operations of ATen that the exporter to ONNX knows."""


def exported(longest: int) -> tuple[Any, NgramScorer]:
    vocabulary, weight = fitted(random_rows(), longest)
    scorer = scorer_of(vocabulary, weight).eval()
    free = {0: torch.export.Dim("rows", min=2), 1: torch.export.Dim("tokens", min=2)}
    program = torch.export.export(scorer, batch(random_rows(4)), dynamic_shapes=(free, free))
    return program.run_decompositions(), scorer


@pytest.mark.parametrize("longest", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_graph_has_nothing_that_onnx_lacks(longest: int) -> None:
    program, scorer = exported(longest)
    calls = [node.target for node in program.graph.nodes if node.op == "call_function"]
    names = {str(call.overloadpacket).rpartition(".")[2] for call in calls if hasattr(call, "overloadpacket")}
    assert {name for name in names if not name.startswith("_assert")} <= OF_ONNX
    other = batch(random_rows(9, seed=3), more=4)
    torch.testing.assert_close(program.module()(*other), scorer(*other))


@pytest.mark.slow
@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("onnxscript", "onnxruntime")),
    reason="needs onnxscript and onnxruntime",
)
def test_onnx_gives_the_same_score(tmp_path: Path) -> None:
    import onnxruntime

    program, scorer = exported(3)
    file = tmp_path / "ngrams.onnx"
    torch.onnx.export(program, dynamo=True).save(file)
    session = onnxruntime.InferenceSession(file)
    for rows in (random_rows(9, seed=3), random_rows(2, seed=4)):
        ids, mask = batch(rows)
        names = [item.name for item in session.get_inputs()]
        [score] = session.run(None, dict(zip(names, (ids.numpy(), mask.numpy()), strict=True)))
        np.testing.assert_allclose(score, scorer(ids, mask).numpy(), atol=1e-5)
