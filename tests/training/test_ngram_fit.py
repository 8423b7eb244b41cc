"""N-grams beside a trained net: what is fitted, how much it counts, and what becomes of the model."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import ROOT, Run
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from tiny import TINY, inputs_for

from hfkit.data import ngrams
from hfkit.data.ngrams import ngram_matrix
from hfkit.data.stored_rows import read_column
from hfkit.errors import UserError
from hfkit.evaluation.intervals import accuracy_interval
from hfkit.evaluation.metrics import softmax
from hfkit.evaluation.predict import predict_logits
from hfkit.evaluation.weighing import WEIGHTS, Weighing, choose_weight
from hfkit.features import ngram_classifier
from hfkit.features.ngram_classifier import NgramClassifier, fit_ngram_classifier
from hfkit.models.text import TextClassifier
from hfkit.reproduce import safe_argv
from hfkit.tasks.text import make_text_task, read_text_flags
from hfkit.training.ngrams import describe, fold_in

RunRecipe = Callable[..., Run]


def rows_of_classes(classes: int, rows: int = 120, seed: int = 0) -> tuple[list[list[int]], np.ndarray]:
    """Return rows of random ids, each with one that tells its class."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    return [[1, *random.integers(20, 60, 6).tolist(), 10 + label, 2] for label in labels], labels


# --- the classifier ---


@pytest.mark.parametrize("classes", [2, 3])
def test_classifier_tells_the_classes(classes: int) -> None:
    train, labels = rows_of_classes(classes)
    test, expected = rows_of_classes(classes, 60, seed=1)
    classifier = fit_ngram_classifier(train, labels, classes, (1, 2))
    assert classifier is not None
    scores = classifier.scores(test)
    assert scores.shape == (60, classes)
    assert (scores.argmax(axis=1) == expected).mean() > 0.95
    again = fit_ngram_classifier(train, labels, classes, (1, 2))
    assert again is not None
    assert np.array_equal(again.weight, classifier.weight)  # as each process would fit it
    assert set(classifier.out_of_fold) == {1, 2}
    assert classifier.out_of_fold[classifier.min_document_frequency] == max(classifier.out_of_fold.values())


def test_folds_choose_the_document_frequency() -> None:
    """Ids that stand once in all rows tell nothing; those that stand once in a class each, everything."""
    noise = [[5 + label, 100 + 2 * row, 101 + 2 * row] for row, label in enumerate([0, 1] * 40)]
    classifier = fit_ngram_classifier(noise, [0, 1] * 40, 2, (), longest=1)
    assert classifier is not None
    assert classifier.min_document_frequency == 2
    assert len(classifier.vocabulary) == 2


def test_a_class_without_rows_is_never_the_answer() -> None:
    rows, labels = rows_of_classes(2)
    for number in (3, 4):
        classifier = fit_ngram_classifier(rows, labels, number, (1, 2))
        assert classifier is not None
        assert set(classifier.scores(rows).argmax(axis=1)) == {0, 1}


def test_too_little_to_choose_from_and_too_little_to_fit() -> None:
    few = fit_ngram_classifier([[5], [6], [5], [6]], [0, 1, 0, 1], 2, ())
    assert few is not None
    assert (few.out_of_fold, few.min_document_frequency) == ({}, 1)
    assert fit_ngram_classifier([[5], [6]], [1, 1], 2, ()) is None
    assert fit_ngram_classifier([[1, 2], [2]], [0, 1], 2, (1, 2)) is None


def test_class_weights_move_the_border() -> None:
    random = np.random.default_rng(0)
    rows = [[5 + label, *random.integers(10, 14, 4).tolist()] for label in [0, 1, 0, 0, 1] * 20]
    labels = random.permutation([0] * 80 + [1] * 20)
    plain, weighted = (
        fit_ngram_classifier(rows, labels, 2, (), longest=1, class_weights=weights) for weights in (None, (0.625, 2.5))
    )
    assert plain is not None
    assert weighted is not None
    assert weighted.scores(rows).argmax(axis=1).sum() > plain.scores(rows).argmax(axis=1).sum()


def test_each_share_is_told_with_its_interval() -> None:
    rows, labels = rows_of_classes(2)
    classifier = fit_ngram_classifier(rows, labels, 2, (1, 2))
    assert classifier is not None
    said = describe(classifier, Weighing(2.0, 1.0, 10, (5, 6), (0.1, 0.1)))
    for least, share in classifier.out_of_fold.items():
        low, high = accuracy_interval(round(share * 120), 120)
        assert f"in {least} or more {share:.4f} ({low:.4f} to {high:.4f})" in said


def test_a_class_of_one_row_hinders_no_choice() -> None:
    rows, labels = rows_of_classes(2)
    classifier = fit_ngram_classifier([*rows, [1, 70, 71, 72, 2]], [*labels, 2], 3, (1, 2))
    assert classifier is not None
    assert classifier.out_of_fold[2] > 0.95
    assert classifier.weight[:, 2].any()  # it is fitted on all the same


def test_near_duplicates_stand_in_one_fold() -> None:
    """Else the folds would know by heart what they are asked."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 60).repeat(3)
    rows = random.integers(10, 500, (60, 12)).repeat(3, axis=0).tolist()
    classifier = fit_ngram_classifier(rows, labels, 2, ())
    assert classifier is not None
    assert 0.3 < classifier.out_of_fold[1] < 0.7


@pytest.mark.parametrize(
    ("classes", "rows", "most_rows", "said"),
    [
        (2, 60, 20_000, "each in 2 or more training rows, chosen out of fold, near-duplicates in one fold"),
        (2, 60, 59, "each in 2 or more training rows, as always above 59 rows"),
        (
            60,
            61,
            20_000,
            "each in 1 or more training rows, without a choice, for all classes but one have a single row",
        ),
    ],
    ids=["chosen", "many rows", "classes of one row"],
)
def test_what_chose_the_document_frequency_is_said(
    classes: int, rows: int, most_rows: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ngram_classifier, "MOST_ROWS", most_rows)
    ids = [[100 + row % classes, 200 + 2 * row, 201 + 2 * row] for row in range(rows)]
    classifier = fit_ngram_classifier(ids, np.arange(rows) % classes, classes, (), longest=1)
    assert classifier is not None
    for weight in (0.0, 2.0):
        assert said in describe(classifier, Weighing(weight, 1.0, 10, (5, 6), (0.1, 0.1)))


def test_a_solver_that_stops_early_is_said_and_not_warned_of(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    rows, labels = rows_of_classes(3)
    weighing = Weighing(2.0, 1.0, 10, (5, 6), (0.1, 0.1))
    classifier = fit_ngram_classifier(rows, labels, 3, (1, 2))
    assert classifier is not None
    assert "the solver stopped" not in describe(classifier, weighing)
    monkeypatch.setattr(ngram_classifier, "LinearSVC", partial(LinearSVC, max_iter=1))
    stopped = fit_ngram_classifier(rows, labels, 3, (1, 2))
    assert stopped is not None
    assert "the solver stopped at the last of its iterations" in describe(stopped, weighing)
    assert not [warning for warning in recwarn if issubclass(warning.category, ConvergenceWarning)]


def test_many_classes_keep_few_ngrams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights of all n-grams for each of many classes would fill the memory."""
    rows, labels = rows_of_classes(6)
    monkeypatch.setattr(ngrams, "MOST_WEIGHTS", 60)
    classifier = fit_ngram_classifier(rows, labels, 6, (1, 2))
    assert classifier is not None
    assert classifier.weight.shape == (10, 6)
    assert classifier.vocabulary.dropped > 0


# --- weight and temperature ---


def noisy(labels: np.ndarray, strength: float, seed: int) -> np.ndarray:
    """Return logits that tell the label more or less."""
    return np.eye(2)[labels] * strength + np.random.default_rng(seed).normal(size=(len(labels), 2))


def test_a_useless_score_counts_nothing() -> None:
    labels = np.arange(4000) % 2
    net, useless = noisy(labels, 3, 1), np.random.default_rng(5).normal(size=(4000, 2))
    weighing = choose_weight(net, useless * 5, labels)
    assert weighing.weight == 0
    assert weighing.right[0] == weighing.right[1]


def test_a_second_opinion_counts() -> None:
    labels = np.arange(4000) % 2
    net, other = 3 * noisy(labels, 2, 1), noisy(labels, 2, 2) / 2
    weighing = choose_weight(net, other, labels)
    assert weighing.weight == 6  # which makes both as loud
    assert weighing.right[1] > weighing.right[0]
    assert weighing.errors[1] < weighing.errors[0]
    assert weighing.rows == 4000
    whole = (net + weighing.weight * other) / weighing.temperature
    losses = -np.log(softmax(whole)[np.arange(4000), labels]).mean()
    for weight in WEIGHTS:
        for temperature in (0.5, 1, 2, 3, 5):
            some = softmax((net + weight * other) / temperature)
            assert losses <= -np.log(some[np.arange(4000), labels]).mean() + 1e-4


# --- inside the model ---


@pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-text/bert-bigru", "hfkit-text/bert-linear-1-logit"])
def test_all_is_folded_into_the_weights(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model: Any = TINY[name]().eval()
    inputs = inputs_for(model, rows=6)
    rows = [row[mask == 1].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)]
    classifier = fit_ngram_classifier(rows, [0, 1] * 3, 2, ())
    assert classifier is not None
    with torch.no_grad():
        net = model(**inputs).logits.numpy()
        fold_in(model, classifier, Weighing(4.0, 1.7, 6, (0, 0), (0.0, 0.0)))
        expected = softmax((net + 4 * classifier.scores(rows)) / 1.7)
        np.testing.assert_allclose(model(**inputs).logits.softmax(-1).numpy(), expected, atol=1e-5)
    assert np.abs(expected - softmax(net)).max() > 0.05
    model.save_pretrained(tmp_path)
    assert "temperature" not in json.loads((tmp_path / "config.json").read_text())


# --- a run ---


def test_a_run_saves_what_it_fitted(finished_runs: dict[str, Run]) -> None:
    run = finished_runs["bigru"]
    results = run.json("train_results.json")
    model = TextClassifier.from_pretrained(run.folder)
    assert model.ngrams is not None
    assert results["ngram_count"] == model.config.ngram_count > 10
    assert results["ngram_weight"] in WEIGHTS[1:]
    assert results["temperature"] > 0
    assert yaml.safe_load((run.folder / "hfkit.yaml").read_text())["ngrams"] == ["1", "2"]
    [line] = [line for line in run.json("summary.json")["lines"] if line.startswith("N-grams:")]
    assert f"{model.config.ngram_count} 1- to 2-grams" in line
    assert f"counts {results['ngram_weight']:g} times" in line
    assert "expected calibration error" in line
    for other in ("linear", "one-logit"):
        assert not any("ngram" in key for key in finished_runs[other].json("train_results.json"))
        assert not any("N-gram" in line for line in finished_runs[other].json("summary.json")["lines"])


@pytest.mark.slow
@pytest.mark.parametrize("head_logits", [pytest.param("2", marks=pytest.mark.nightly), "1"])
def test_scores_are_those_of_net_and_ngrams(head_logits: str, run_fakenews: RunRecipe, capfd: Any) -> None:
    """The same run without n-grams gives the net; both together, weighed and calibrated, give the saved model's scores."""
    flags = ["--head", "linear", "--unfreeze_from", "none", *(["--head_logits", "1"] if head_logits == "1" else [])]
    plain, run = run_fakenews(*flags), run_fakenews(*flags, "--ngrams", "auto", capture=capfd)
    said = " ".join(run.output.split())
    assert "N-grams: " in said
    task = make_text_task(read_text_flags(["--config", str(plain.folder / "hfkit.yaml")])[0])
    test, train = task.inputs["test"], task.inputs["train"]
    net = predict_logits(TextClassifier.from_pretrained(plain.folder), test, task.collator, 4)
    ids = read_column(train, "input_ids")
    classifier = fit_ngram_classifier(ids, read_column(train, "labels"), 2, (0, 2, 3, 4), seed=42)
    assert classifier is not None
    results = run.json("train_results.json")
    scores = classifier.scores(read_column(test, "input_ids"))
    whole = softmax((net + results["ngram_weight"] * scores) / results["temperature"])
    saved = predict_logits(TextClassifier.from_pretrained(run.folder), test, task.collator, 4)
    np.testing.assert_allclose(softmax(saved), whole, atol=1e-4)  # the temperature in the results is rounded
    recorded = [[float(row["score_fake"]), float(row["score_real"])] for row in run.rows("predictions.csv")]
    np.testing.assert_allclose(softmax(saved), recorded, atol=1e-5)


@pytest.mark.slow
def test_ngrams_that_do_not_help_are_left_out(
    run_fakenews: RunRecipe, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    def useless(*options: Any) -> NgramClassifier | None:
        classifier = fit_ngram_classifier(*options)
        if classifier is not None:
            classifier.weight[:] *= -1
        return classifier

    monkeypatch.setattr("hfkit.training.ngrams.fit_ngram_classifier", useless)
    run = run_fakenews("--num_train_epochs", "12", "--learning_rate", "1e-3", "--ngrams", "1", capture=capfd)
    assert "N-grams: none, for no weight of their score lowers the log-loss" in " ".join(run.output.split())
    assert run.json("config.json").get("ngram_count", 0) == 0
    assert TextClassifier.from_pretrained(run.folder).ngrams is None
    assert run.json("train_results.json")["ngram_weight"] == 0


def test_flag(tmp_path: Path) -> None:
    for given, longest in ((["auto"], 2), (["none"], 0), (["1"], 1), (["1", "2"], 2), (["1", "2", "3"], 3)):
        arguments, _ = read_text_flags(["--ngrams", *given])
        assert arguments.model.longest_ngram() == longest
        assert arguments.flags["ngrams"] == given
    assert read_text_flags([])[0].model.longest_ngram() == 0
    for wrong in (["2"], ["1", "3"], ["yes"], ["auto", "1"]):
        with pytest.raises(UserError, match="write auto, none, 1, 1 2, or 1 2 3"):
            read_text_flags(["--ngrams", *wrong])
    for text, longest in (("ngrams: [1, 2]", 2), ("ngrams: 1", 1), ("ngrams: none", 0)):
        (tmp_path / "run.yaml").write_text(text)
        assert read_text_flags(["--config", str(tmp_path / "run.yaml")])[0].model.longest_ngram() == longest


def test_reproduce_gives_the_flag_again() -> None:
    flags = {"backbone": "minilm", "dataset": "sample", "ngrams": ["1", "2"]}
    argv = safe_argv(flags, "text-classification", None)
    assert argv[argv.index("--ngrams") + 1 :][:2] == ["1", "2"]
    assert read_text_flags(argv)[0].model.longest_ngram() == 2


def test_a_run_goes_on_from_one_with_ngrams(finished_runs: dict[str, Run]) -> None:
    """Backbone and head go on; n-grams are fitted again, unless they are not wanted."""
    folder = str(finished_runs["bigru"].folder)
    saved = TextClassifier.from_pretrained(folder)
    for flags, longest, said in (([], 2, "others are fitted after"), (["--ngrams", "none"], 0, "by --ngrams none")):
        arguments, _ = read_text_flags(["--backbone", folder, "--dataset", "sample", *flags])
        assert arguments.model.longest_ngram() == longest
        task = make_text_task(arguments)
        assert task.model.ngrams is None
        assert torch.equal(task.model.classifier.linear.weight[1], saved.classifier.linear.weight[1])
        [note] = [note for note in task.notes if note.code == "ngrams_left"]
        assert said in note.text
    arguments, _ = read_text_flags(["--backbone", str(finished_runs["linear"].folder), "--dataset", "sample"])
    assert arguments.model.longest_ngram() == 0


@pytest.mark.nightly
def test_two_processes_save_what_one_fitted(tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """The process that did not fit gets the n-grams, too: the evaluation is shared."""
    flags = ["--backbone", tiny_backbone, "--dataset", tweets, "--max_length", "24", "--ngrams", "1", "2"]
    flags += ["--max_steps", "2", "--per_device_train_batch_size", "4", "--disable_tqdm", "true", "--bf16", "false"]
    flags += ["--use_cpu", "true", "--output_dir", tmp_path / "run"]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(ROOT / "recipes/fakenews.py")]
    process = subprocess.run([sys.executable, *launch, *map(str, flags)], capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr[-2000:]
    results = json.loads((tmp_path / "run" / "all_results.json").read_text())
    model = TextClassifier.from_pretrained(tmp_path / "run")
    assert results["ngram_count"] == model.config.ngram_count > 0
    assert model.ngrams.weight.abs().max() > 0
    task = make_text_task(read_text_flags(["--config", str(tmp_path / "run" / "hfkit.yaml")])[0])
    ids = read_column(task.inputs["train"], "input_ids")
    classifier = fit_ngram_classifier(ids, read_column(task.inputs["train"], "labels"), 2, (0, 2, 3, 4), seed=42)
    assert classifier is not None
    share = results["ngram_weight"] / results["temperature"]
    np.testing.assert_allclose(model.ngrams.weight.numpy(), classifier.weight * share, rtol=1e-3, atol=1e-6)
    assert ngram_matrix(ids, classifier.vocabulary).shape[1] == len(model.ngrams.keys)
