"""`--max_error`: halves of validation, what a run certifies, stores and says, and what becomes of it in `pipeline()`."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import LazyRuns
from datasets import Dataset, DatasetDict
from tiny import TINY

import hfkit
from hfkit.backbones.image import build_image_classifier
from hfkit.data.halves import halve, halve_validation
from hfkit.data.stored_rows import read_column
from hfkit.errors import UserError
from hfkit.evaluation.abstention import Abstention, ScoredRows, choose_threshold, measure_answers
from hfkit.flags.early import check_early
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.flags.names import IMAGE_FLAGS, TEXT_FLAGS
from hfkit.models.text import TextClassifier
from hfkit.report.abstention import describe_abstention
from hfkit.reproduce import safe_argv
from hfkit.tasks.text import make_text_task, read_text_flags
from hfkit.training.certify import certify_answers
from hfkit.training.predicted import predict_split

BOTH = pytest.mark.parametrize("name", ["hfkit-text/bert-linear", "hfkit-timm/efficientnet"])


# --- halves ---


@pytest.mark.parametrize("rows", [2, 3, 50, 101])
def test_halves_are_disjoint_and_stratified(rows: int) -> None:
    labels = np.random.default_rng(rows).choice(4, rows, p=[0.6, 0.3, 0.08, 0.02])
    first, second = halve(labels)
    assert sorted([*first, *second]) == list(range(rows))
    assert len(first) - len(second) in (0, 1)
    counts = [np.bincount(labels[half], minlength=4) for half in (first, second)]
    assert np.abs(counts[0] - counts[1]).max() <= 1
    assert all(np.array_equal(*pair) for pair in zip(halve(labels), (first, second), strict=True))
    assert rows < 50 or not np.array_equal(first, halve(labels, seed=1)[0])


def test_one_row_cannot_be_halved() -> None:
    one = Dataset.from_dict({"label": [0]})
    with pytest.raises(UserError, match="--max_error halves validation, which has 1 row"):
        halve_validation(DatasetDict(train=one, validation=one))


def test_a_run_reads_the_halves_apart(finished_runs: LazyRuns) -> None:
    """Everything that validation does is done by the first half; the other is nowhere but in its own split."""
    run = finished_runs["bigru"]
    task = make_text_task(read_text_flags(["--config", str(run.folder / "hfkit.yaml")])[0])
    assert list(task.rows) == list(task.inputs) == ["train", "validation", "certification", "test"]
    halves = [set(task.rows[split]["text"]) for split in ("validation", "certification")]
    assert [len(half) for half in halves] == [4, 4]
    assert not halves[0] & halves[1]
    for split in ("validation", "certification"):
        assert read_column(task.inputs[split], "labels").sum() == 2
    assert task.frozen["validation"].rows == 4
    [note] = [note.text for note in task.data_notes if note.code == "validation_halved"]
    assert "by --max_error 0.6: 4 rows choose, and what is said of validation is said of them; 4 certify" in note
    assert run.json("summary.json")["rows"] == {"train": 24, "validation": 4, "certification": 4, "test": 14}
    assert note in run.json("summary.json")["data_lines"]


# --- a run ---


def test_what_a_run_certifies_is_stored_and_said(finished_runs: LazyRuns) -> None:
    run = finished_runs["bigru"]
    threshold, results, rows = run.json("config.json")["answer_threshold"], run.results, run.rows("predictions.csv")
    answered = [row["answered"] == "True" for row in rows]
    sure = [max(float(row["score_fake"]), float(row["score_real"])) >= threshold for row in rows]
    assert answered == sure
    assert results["test_coverage"] == np.mean(answered)
    wrong = [row["label"] != row["prediction"] for row in np.array(rows)[answered]]
    assert results["test_answered_error"] == np.mean(wrong)
    for name in ("test_coverage", "test_answered_error"):
        assert run.json("test_results.json")[name] == results[name]
        assert 0 <= results[f"{name}_low"] <= results[name] <= results[f"{name}_high"] <= 1
    assert "eval_coverage" not in results
    said = (run.folder / "report" / "abstention.md").read_text()
    assert "With 95 % confidence at most 60 % of its answers are wrong; it answers 100.0 % of the rows." in said
    assert "of the 4 rows that certify it 100.0 % are answered, 0 of these 4 wrongly" in said
    assert f"of these answers {100 * results['test_answered_error']:.1f} % (" in said
    assert yaml.safe_load((run.folder / "hfkit.yaml").read_text())["max_error"] == 0.6
    assert TextClassifier.from_pretrained(run.folder).config.answer_threshold == threshold


def test_where_nothing_can_be_promised(finished_image_runs: LazyRuns) -> None:
    """Two rows certify nothing: that is said, with the number that it takes, and the model answers as others do."""
    run = finished_image_runs["timm"]
    said = (run.folder / "report" / "abstention.md").read_text()
    assert "No threshold can promise that at most 50 % of the answers are wrong" in said
    assert "from 2 certifying rows: it would take at least about " in said
    assert "It answers every row." in said
    assert "validation needs twice as many" in said
    assert any(
        "too few: it takes 5 even where all are answered rightly" in line
        for line in run.json("summary.json")["data_lines"]
    )
    assert run.json("config.json").get("answer_threshold") is None
    assert not any("coverage" in name for name in run.results)
    assert "answered" not in run.rows("predictions.csv")[0]


def test_other_rows_choose_where_there_are_some(finished_runs: LazyRuns, tmp_path: Path) -> None:
    """As scores of training rows out of fold: then all of validation certifies."""
    folder = Path(shutil.copytree(finished_runs["linear"].folder, tmp_path / "run"))
    task = make_text_task(read_text_flags(["--config", str(folder / "hfkit.yaml")])[0])
    model = TextClassifier.from_pretrained(folder).eval()
    training = SimpleNamespace(max_error=0.99, per_device_eval_batch_size=4)
    settings: Any = SimpleNamespace(training=training, folder=folder)
    validation = predict_split(model, task, "validation", 4)
    choosing = ScoredRows(np.linspace(0.5, 1, 40), np.arange(40) > 5)
    assert len(validation.scored.right) == 8
    certified = validation.scored.confidences, validation.scored.right
    expected = choose_threshold(choosing.confidences, choosing.right, *certified, 0.99)
    assert expected.threshold is not None
    assert certify_answers(model, task, settings, validation, choosing) == expected
    assert TextClassifier.from_pretrained(folder).config.answer_threshold == expected.threshold
    assert model.config.answer_threshold == expected.threshold
    with pytest.raises(UserError, match="chooses by training rows out of fold"):
        certify_answers(model, task, settings, validation, None)
    training.max_error = None
    assert certify_answers(model, task, settings, validation, choosing) is None


# --- the model ---


def test_a_pipeline_says_what_is_answered(finished_runs: LazyRuns) -> None:
    """By the confidence of the row, whichever labels and scores are asked for; without a threshold answers are as always."""
    classify = hfkit.load_pipeline(str(finished_runs["bigru"].folder), device="cpu")
    texts = [row["text"] for row in finished_runs["bigru"].rows("predictions.csv")][:8]
    config = classify.model.config
    config.answer_threshold = None
    plain = classify(texts, top_k=None)
    assert all(set(answer) == {"label", "score"} for row in plain for answer in row)
    sure = np.array([row[0]["score"] for row in plain])
    config.answer_threshold = float(np.median(sure))
    answered = sure >= config.answer_threshold
    assert 0 < answered.sum() < len(texts)
    for options in ({"top_k": None, "batch_size": 3}, {"top_k": 1}):
        rows = classify(texts, **options)
        assert [[answer.pop("answered") for answer in row] for row in rows] == [
            [value] * len(row) for value, row in zip(answered.tolist(), rows, strict=True)
        ]
    assert [answer["answered"] for answer in classify(texts, batch_size=4)] == answered.tolist()
    assert [answer["answered"] for answer in classify(texts, function_to_apply="none")] == answered.tolist()
    [one] = classify(texts[0])
    assert one == {"label": plain[0][0]["label"], "score": one["score"], "answered": bool(answered[0])}


@BOTH
def test_the_config_keeps_a_threshold(name: str, tmp_path: Path) -> None:
    model = TINY[name]()
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    saved.pop("answer_threshold", None)  # as an older version wrote it
    config_class = type(model.config)
    assert config_class.from_dict(saved).answer_threshold is None
    model.config.answer_threshold = 0.7
    model.save_pretrained(tmp_path)
    assert type(model).from_pretrained(tmp_path).config.answer_threshold == 0.7
    with pytest.raises(ValueError, match=r"answer_threshold is 1.5: write a confidence from 0 to 1"):
        config_class.from_dict({**saved, "answer_threshold": 1.5})


def test_a_run_that_goes_on_starts_without_a_threshold(
    finished_runs: LazyRuns, finished_image_runs: LazyRuns, tmp_path: Path
) -> None:
    arguments, _ = read_text_flags(["--backbone", str(finished_runs["bigru"].folder), "--dataset", "sample"])
    assert arguments.training.max_error is None
    task = make_text_task(arguments)
    assert "certification" not in task.rows
    assert task.model.config.answer_threshold is None
    assert "did not answer is left behind" in " ".join(note.text for note in task.notes)
    folder = Path(shutil.copytree(finished_image_runs["timm"].folder, tmp_path / "run"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "answer_threshold": 0.6}))
    model, _, note = build_image_classifier(ImageModelArguments(backbone=str(folder)), None, ["cat", "dog"])
    assert model.config.answer_threshold is None
    assert "The confidence below which it did not answer is left behind." in note.text


# --- flags and sentences ---


@pytest.mark.parametrize("value", ["0", "1", "-0.1", "2", "nan"])
def test_what_is_no_share_is_refused(value: str) -> None:
    for check in (
        lambda: check_early(["--max_error", value], TEXT_FLAGS),
        lambda: check_early(["--max_error", value], IMAGE_FLAGS),
        lambda: read_text_flags(["--max_error", value]),
    ):
        with pytest.raises(UserError, match=f"--max_error is {value}: write the share of answers that may be wrong"):
            check()


def test_reproduce_gives_the_flag_again() -> None:
    argv = safe_argv({"backbone": "minilm", "dataset": "sample", "max_error": 0.02}, "text-classification", None)
    assert read_text_flags(argv)[0].training.max_error == 0.02


def test_sentences() -> None:
    certified = Abstention(0.91234, 0.02, 0.05, 500, 450, 3)
    metrics = measure_answers(np.arange(2000) < 1800, np.arange(2000) >= 18)
    assert metrics["coverage"] == 0.9
    assert metrics["answered_error"] == 0.01
    lines = describe_abstention(certified, metrics, 2000, True)
    assert lines[0] == "With 95 % confidence at most 2 % of its answers are wrong; it answers 90.0 % of the rows."
    assert lines[1].startswith(
        "It does not answer below a confidence of 0.9123: of the 500 rows that certify it 90.0 %"
    )
    assert lines[2].startswith("Of the 2,000 rows of test it answers 90.0 % (88.6 to 91.2); of these answers 1.0 % (")
    assert "it answers 90.0 % of the rows" in describe_abstention(certified, {}, 0, True)[0]
    assert "0.99999900" in Abstention(0.999999, 0.02, 0.05, 500, 450, 3).sentence()
    unlabelled = describe_abstention(certified, measure_answers(np.ones(20, bool), None), 20, True)
    assert unlabelled[2] == "Of the 20 rows of test it answers 100.0 % (83.9 to 100.0); 95 % intervals in parentheses."
    silent = measure_answers(np.zeros(20, bool), np.ones(20, bool))
    assert set(silent) == {"coverage", "coverage_low", "coverage_high"}
    too_few = Abstention(None, 0.02, 0.05, 30, rows_needed=180)
    assert "it would take at least about 180" in describe_abstention(too_few, {}, 0, False)[0]
    assert len(describe_abstention(too_few, {}, 0, False)) == 1
