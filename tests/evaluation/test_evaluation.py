"""Metrics, against published metrics and by hand; and what the report makes of them."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from rich.console import Console
from sklearn.metrics import f1_score

from hfkit.errors import UserError
from hfkit.evaluation import intervals
from hfkit.evaluation.intervals import (
    accuracy_interval,
    f1_intervals,
    interval_metrics,
    macro_f1_interval,
    warn_of_few_rows,
    with_interval,
)
from hfkit.evaluation.metrics import (
    ClassificationMetrics,
    add_intervals,
    build_report,
    count_confusions,
    evaluate_split,
    make_metrics,
    softmax,
    wrong_predictions,
)
from hfkit.hub.limitations import describe_limitations
from hfkit.prediction.output import format_rows
from hfkit.report import tables as report
from hfkit.report.class_report import REPORT_FILE, bring_up, read_report, write_report
from hfkit.report.console import console_table

# The six test confusions of the source report (fake right, fake missed, real missed, real right), and their accuracies.
CONFUSIONS = {
    "fine-tuned BERT": ((959, 61, 27, 1093), 0.9589),
    "fine-tuned BERT + BiGRU": ((988, 32, 25, 1095), 0.9734),
    "fine-tuned CT-BERT + BiGRU": ((990, 30, 17, 1103), 0.9780),
    "frozen BERT": ((847, 173, 107, 1013), 0.8692),
    "frozen BERT + BiGRU": ((985, 35, 53, 1067), 0.9589),
    "frozen CT-BERT + BiGRU": ((982, 38, 26, 1094), 0.9701),
}
NAMES = ["fake", "real"]


def make_rows(confusion: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rebuild labels and predictions from a confusion matrix."""
    labels = np.repeat([0, 0, 1, 1], confusion)
    predictions = np.repeat([0, 1, 0, 1], confusion)
    return labels, predictions


@pytest.mark.parametrize("name", CONFUSIONS)
def test_accuracies_of_the_source_report(name: str) -> None:
    confusion, accuracy = CONFUSIONS[name]
    labels, predictions = make_rows(confusion)
    metrics = ClassificationMetrics(keep_in_memory=True).compute(
        predictions=predictions, references=labels, num_labels=2
    )
    assert round(metrics["accuracy"], 4) == accuracy
    assert count_confusions(labels, predictions, 2).ravel().tolist() == list(confusion)


def test_full_row_of_the_source_report() -> None:
    labels, predictions = make_rows(CONFUSIONS["fine-tuned CT-BERT + BiGRU"][0])
    metrics = build_report(labels, predictions, NAMES)
    row = [
        round(metrics["classes"][name][metric], 4) for name in NAMES for metric in ("precision", "recall", "f1-score")
    ]
    assert row == [0.9831, 0.9706, 0.9768, 0.9735, 0.9848, 0.9791]
    assert [metrics["classes"][name]["support"] for name in NAMES] == [1020, 1120]
    assert metrics["averages"]["micro avg"]["f1-score"] == metrics["accuracy"]


def test_averages_by_hand() -> None:
    labels, predictions = np.array([0, 0, 0, 1, 2]), np.array([0, 0, 1, 1, 0])
    metrics = ClassificationMetrics(keep_in_memory=True).compute(
        predictions=predictions, references=labels, num_labels=4
    )
    f1 = [2 / 3, 2 / 3, 0.0, 0.0]  # a class that never occurs and is never predicted counts as 0
    assert metrics["accuracy"] == 0.6
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    assert metrics["weighted_f1"] == pytest.approx(np.average(f1, weights=[3, 1, 1, 0]))
    assert metrics["micro_f1"] == metrics["micro_precision"] == 0.6


def test_loss_is_the_cross_entropy() -> None:
    logits, labels = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]]), np.array([1, 1, 0])
    probabilities = softmax(logits)
    assert np.allclose(probabilities.sum(axis=1), 1)
    result = evaluate_split(logits, labels, make_metrics(2))
    assert result["loss"] == pytest.approx(-np.log(probabilities[range(3), labels]).mean())
    assert result["accuracy"] == 2 / 3
    assert np.isfinite(softmax(np.array([[1e4, -1e4]]))).all()


def test_metric_of_the_evaluate_library(tmp_path: Path) -> None:
    """A module in a folder stands for one of the Hub; one that cannot be loaded is an error before training."""
    folder = tmp_path / "ones"
    folder.mkdir()
    (folder / "ones.py").write_text(
        "import datasets\nimport evaluate\n"
        "class Ones(evaluate.Metric):\n"
        "    def _info(self):\n"
        "        value = datasets.Value('int64')\n"
        "        features = datasets.Features({'predictions': value, 'references': value})\n"
        "        return evaluate.MetricInfo(description='', citation='', inputs_description='', features=features)\n"
        "    def _compute(self, predictions, references):\n"
        "        return {'ones': sum(predictions)}\n"
    )
    metrics = make_metrics(2, [str(folder)])
    assert metrics(np.eye(2), np.array([0, 1]))["ones"] == 1
    with pytest.raises(UserError, match="--metric no_such_metric: the evaluate library cannot load it"):
        make_metrics(2, ["no_such_metric"])


def test_wrong_predictions_come_with_their_confidence() -> None:
    texts = pd.DataFrame({"row": [1, 2, 3], "text": ["a", "b", "c"]})
    logits, labels = np.array([[0.0, 1.0], [3.0, 0.0], [0.0, 4.0]]), np.array([0, 1, 1])
    errors = wrong_predictions(texts, logits, labels, NAMES)
    assert errors[["row", "label", "prediction"]].to_numpy().tolist() == [[2, "real", "fake"], [1, "fake", "real"]]
    assert errors["confidence"].tolist() == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-1))])
    assert errors["label_score"].tolist() == pytest.approx(1 - errors["confidence"])


def test_prediction_table_holds_all_scores() -> None:
    rows, logits = pd.DataFrame({"row": [1, 2]}), np.array([[0.0, 1.0], [0.0, 1.0]])
    table = report.prediction_table(rows, logits, None, NAMES)
    assert table.columns.tolist() == ["row", "prediction", "score_fake", "score_real"]
    assert table["score_fake"][0] + table["score_real"][0] == pytest.approx(1)
    labelled = report.prediction_table(rows, logits, np.array([0, 1]), NAMES)
    assert labelled["label_score"].tolist() == [table["score_fake"][0], table["score_real"][1]]


def test_epoch_table() -> None:
    history = [
        {"loss": 0.5, "accuracy": 0.7, "epoch": 1.0},
        {"epoch": 1.0, "epoch_seconds": 2.0},
        {"eval_loss": 0.4, "eval_accuracy": 0.8, "eval_macro_f1": 0.79, "epoch": 1.0},
        {"loss": 0.3, "accuracy": 0.9, "epoch": 2.0},
        {"train_runtime": 5.0, "epoch": 2.0},
    ]
    table = report.epoch_table(history)
    assert table.index.tolist() == [1, 2]
    assert table["loss"].tolist() == [0.5, 0.3]
    assert table["eval_accuracy"].isna().tolist() == [False, True]


def test_cells_that_look_like_formulas_are_written_as_they_are(tmp_path: Path) -> None:
    """Who reads a table as data gets the data; that a spreadsheet runs formulas is said in docs/predict.md."""
    texts = ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "'=1", '=HYPERLINK("x", "y")', "=1\r\n=2", "a"]
    table = report.prediction_table(
        pd.DataFrame({"text": texts}), np.eye(9), np.arange(9) % 2, [*texts[:2], *"cdefghi"]
    )
    report.write_table(tmp_path / "report.csv", table)
    (tmp_path / "predicted.csv").write_text(format_rows([[*table.columns], *table.to_numpy().tolist()]), newline="")
    for name in ("report.csv", "predicted.csv"):
        read = pd.read_csv(tmp_path / name, lineterminator="\n", keep_default_na=False)
        for column in ("text", "label", "prediction"):
            assert read[column].tolist() == table[column].tolist()
        assert [*read.columns] == [*table.columns]


def test_text_from_the_data_is_shown_as_it_is() -> None:
    """Neither rich nor Markdown may take it for markup."""
    text = "[red]x[/red] <script>a|b"
    table = pd.DataFrame({"text": [text]}, index=[text])
    printer = Console(width=200, record=True, file=io.StringIO())
    printer.print(console_table(text, table))
    assert printer.export_text().count("[red]x[/red] <script>a|b") >= 2
    markdown = report.markdown_table(table)
    assert "<script>" not in markdown
    assert "a\\|b" in markdown
    assert report.escape_markdown("a\r# Heading\u2028b\x0bc") == "a # Heading b c"


def test_titles_with_brackets_are_no_markup() -> None:
    printer = Console(file=io.StringIO(), width=100)
    printer.print(console_table("rows that are a [/b] but predicted cat [old]", pd.DataFrame({"x": [1]})))
    shown = " ".join(printer.file.getvalue().split())  # type: ignore[attr-defined]
    assert shown.startswith("rows that are a [/b] but predicted cat [old]")


def test_interval_of_a_share() -> None:
    """Wilson's interval of 8 of 10, worked out by hand: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)."""
    assert accuracy_interval(8, 10) == pytest.approx((0.49016, 0.94332), abs=1e-4)


def test_interval_of_macro_f1() -> None:
    """That of drawing rows again; and the metric itself stands in it."""
    generator = np.random.default_rng(3)
    references = generator.integers(0, 3, 200)
    predictions = np.where(generator.random(200) < 0.7, references, generator.integers(0, 3, 200))
    rows = generator.integers(0, 200, (2000, 200))
    true, predicted = references[rows][..., None] == range(3), predictions[rows][..., None] == range(3)
    metrics = (2 * (true & predicted).sum(axis=1) / (true.sum(axis=1) + predicted.sum(axis=1))).mean(axis=1)
    low, high = macro_f1_interval(count_confusions(references, predictions, 3))
    assert (low, high) == pytest.approx(np.percentile(metrics, [2.5, 97.5]), abs=0.015)
    assert low < f1_score(references, predictions, average="macro") < high


@pytest.mark.parametrize("rows", [1, 5, 50, 500])
def test_rows_that_are_all_right_or_all_wrong_have_an_interval(rows: int) -> None:
    """About as wide as that of the accuracy: what was not seen in a few rows can be in others."""
    for confusion in (np.diag([rows, rows]), np.array([[0, rows], [rows, 0]])):
        drawn = f1_intervals(confusion)
        accuracy = accuracy_interval(int(np.trace(confusion)), int(confusion.sum()))
        metric = 1.0 if confusion[0, 0] else 0.0
        for low, high in (*drawn.averages.values(), *drawn.classes):
            assert low <= metric <= high
            assert np.ptp(accuracy) / 3 < high - low < 3 * np.ptp(accuracy)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_averages_stand_in_their_intervals_where_classes_have_few_rows(rows: int) -> None:
    """A class of which no row is drawn again is not one that the model has wrong."""
    confusion = np.eye(80, dtype=int) * rows
    for low, high in f1_intervals(confusion).averages.values():
        assert low < high == pytest.approx(1)
    confusion[:40, 0] += 1  # every second class once taken for the first one
    labels = np.repeat(np.arange(80), confusion.sum(axis=1))
    predictions = np.concatenate([np.repeat(np.arange(80), counts) for counts in confusion])
    low, high = macro_f1_interval(confusion)
    assert low < f1_score(labels, predictions, average="macro") < high


def test_a_class_without_rows_has_f1_0() -> None:
    drawn = f1_intervals(np.diag([50, 0, 50]))
    assert tuple(drawn.classes[1]) == (0, 0)
    assert drawn.averages["macro_f1"][0] < 2 / 3
    assert drawn.averages["macro_f1"][1] == pytest.approx(2 / 3)


def test_interval_of_one_class() -> None:
    """That of a class's F1 in a table of two classes: the metric stands in it, and the rarer class has the wider one."""
    confusion = np.array([[950, 50], [20, 80]])
    labels, predictions = make_rows((950, 50, 20, 80))
    drawn = f1_intervals(confusion)
    classes, macro, weighted = drawn.classes, drawn.averages["macro_f1"], drawn.averages["weighted_f1"]
    for (low, high), score in zip(classes, f1_score(labels, predictions, average=None), strict=True):
        assert low < score < high
    assert np.ptp(classes[1]) > np.ptp(classes[0])
    assert tuple(macro) == macro_f1_interval(confusion)
    assert classes[1, 0] < macro[0] < weighted[0] < classes[0, 0] < weighted[1] + 0.02
    metrics = interval_metrics(confusion)
    assert (metrics["macro_f1_low"], metrics["macro_f1_high"]) == tuple(macro)
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == accuracy_interval(1030, 1100)


def test_matrices_are_drawn_in_parts_where_there_are_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    confusion = np.eye(40, dtype=int) * 30 + np.random.default_rng(0).poisson(0.2, (40, 40))
    whole = macro_f1_interval(confusion)
    monkeypatch.setattr(intervals, "_CELLS_AT_ONCE", 1000)
    assert macro_f1_interval(confusion) == whole


def test_few_rows_are_said_to_be_few() -> None:
    assert warn_of_few_rows("test", 2, *accuracy_interval(2, 2)).startswith("2 rows of test tell little")
    assert "from 0.34 to 1.00" in warn_of_few_rows("test", 2, *accuracy_interval(2, 2))
    assert warn_of_few_rows("test", 2140, *accuracy_interval(2000, 2140)) == ""
    assert with_interval(0.5, 0.25, 0.75) == "0.5000 (0.2500 to 0.7500)"


def test_a_report_says_how_sure_each_metric_is() -> None:
    """Each F1 stands in its interval, and the table of an older report without intervals is shown as it was."""
    labels, predictions = make_rows((90, 10, 20, 80))
    plain = build_report(labels, predictions, NAMES)
    told = add_intervals(plain, count_confusions(labels, predictions, 2))
    assert plain["accuracy"] == told["accuracy"]
    assert [*told["averages"]] == ["macro avg", "micro avg", "weighted avg"]
    for kind, name in [*(("classes", name) for name in NAMES), *(("averages", name) for name in told["averages"])]:
        row = told[kind][name]
        assert row["f1-score_low"] < row["f1-score"] == plain[kind][name]["f1-score"] < row["f1-score_high"]
    assert report.classification_table(plain).columns.tolist() == ["precision", "recall", "F1", "support"]
    table = report.classification_table(told)
    assert table.columns.tolist() == ["precision", "recall", "F1", "95 % interval", "support"]
    assert table.loc["micro avg", "95 % interval"] == "{:.4f} to {:.4f}".format(*accuracy_interval(170, 200))


def test_a_class_may_be_called_as_a_line_of_the_report_is(tmp_path: Path) -> None:
    """Its figures and those of all rows do not overwrite each other, in the file, in tables, and in what the card says."""
    names = ["split", "accuracy", "macro avg", "weighted avg", "confusion", "classes", "version"]
    references, predictions = np.arange(70) % 7, np.where(np.arange(70) < 63, np.arange(70) % 7, 0)
    confusion = count_confusions(references, predictions, 7)
    told = add_intervals(build_report(references, predictions, names), confusion)
    write_report(tmp_path, "test", {**told, "confusion": confusion.tolist()})
    written = read_report(tmp_path)
    assert (written["split"], written["accuracy"]) == ("test", pytest.approx(64 / 70))
    assert [*written["classes"]] == names
    assert [row["support"] for row in written["classes"].values()] == [10] * 7
    plain = build_report(references, predictions, list("abcdefg"))
    assert written["averages"]["macro avg"]["f1-score"] == plain["averages"]["macro avg"]["f1-score"]
    table = report.classification_table(written)
    assert table.index.tolist() == [*names, "macro avg", "micro avg", "weighted avg"]
    assert table["support"].tolist() == [10] * 7 + [70] * 3
    lines = describe_limitations(written, {"dataset": "tweets", "classes": dict.fromkeys(names), "rows": {"test": 70}})
    assert "6 of 70 rows of test are wrong." in lines
    assert "1 of 10 rows that are accuracy are taken for split." in lines


def test_the_report_of_an_earlier_version_is_read() -> None:
    older = ROOT / "tests" / "older_runs" / "text" / "finished"
    raw = json.loads((older / REPORT_FILE).read_text())
    read = read_report(older)
    assert [*read["classes"]] == ["fake", "real"]
    assert [*read["averages"]] == ["macro avg", "micro avg", "weighted avg"]
    assert read["classes"]["fake"] == raw["fake"]
    assert (read["split"], read["accuracy"], read["confusion"]) == (raw["split"], raw["accuracy"], raw["confusion"])
    assert report.classification_table(read)["support"].tolist()[:2] == [raw["fake"]["support"], raw["real"]["support"]]
    assert bring_up(read) == read


def test_epochs_are_shown_with_intervals() -> None:
    history = [
        {"eval_accuracy": 0.8, "eval_accuracy_low": 0.7, "eval_accuracy_high": 0.9, "epoch": 1.0},
        {"eval_accuracy": 0.9, "epoch": 2.0},  # of a run that an older version began
    ]
    shown = report.shown_epochs(report.epoch_table(history))
    assert shown["validation\naccuracy"].tolist() == ["0.8000\n0.700–0.900", "0.9000"]
    assert len(shown.columns) == len(report.EPOCH_COLUMNS)
