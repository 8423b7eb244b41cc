"""Runs on texts with any number of labels, from the table to the saved model at work."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Run, load_recipe
from rich.console import Console
from sklearn.metrics import average_precision_score, f1_score, hamming_loss
from tiny import write_tiny_backbone
from typer.testing import CliRunner

from hfkit import load_pipeline
from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.evaluate import EvaluationRequest, evaluate_model
from hfkit.evaluation.label_set_metrics import choose_thresholds
from hfkit.hub.card import build_card
from hfkit.hub.proof import prove

NAMES = ["toxic", "threat", "insult"]
WORDS = {"toxic": "garlic", "threat": "virus", "insult": "doctor"}


def write_rows(folder: Path) -> Path:
    """Write 60 texts, each with a word for each of its labels, none of them in a quarter."""
    generator = np.random.default_rng(0)
    flags = (generator.random((60, 3)) < [0.5, 0.4, 0.3]).astype(int)
    folder.mkdir()
    with (folder / "comments.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", *NAMES])
        for row, given in enumerate(flags):
            words = " ".join(WORDS[name] for name, flag in zip(NAMES, given, strict=True) if flag)
            writer.writerow([f"the city {words} news {row}", *given])
    return folder / "comments.csv"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the runs so far by name, and where to make others."""
    folder = tmp_path_factory.mktemp("multi-label")
    (folder / "backbone").mkdir()
    return {"folder": folder, "backbone": write_tiny_backbone(folder / "backbone"), "data": write_rows(folder / "data")}


def train(runs: dict[str, Any], name: str, *more: str) -> Run:
    """Train a tiny model, once for each name."""
    if name not in runs:
        folder = runs["folder"] / name
        argv = ["--backbone", str(runs["backbone"]), "--dataset", str(runs["data"]), "--max_length", "24"]
        argv += ["--use_cpu", "true", "--bf16", "false", "--disable_tqdm", "true", "--output_dir", str(folder)]
        argv += [] if name.endswith("solved") else ["--num_train_epochs", "2", "--per_device_train_batch_size", "8"]
        results = load_recipe("fakenews").main([*argv, "--label_column", *NAMES, *more])
        runs[name] = Run(folder, results, "")
    return runs[name]


HEADS = {
    "linear": ("--class_weights", "balanced"),
    "bigru": ("--head", "bigru", "--head_hidden_size", "6", "--unfreeze_from", "none", "--feature_cache", "CACHE"),
    "layers": ("--head", "layers", "--unfreeze_from", "none", "--solver", "trainer", "--label_thresholds", "auto"),
}


@pytest.fixture(params=["layers", *(pytest.param(head, marks=pytest.mark.slow) for head in ("linear", "bigru"))])
def run(request: pytest.FixtureRequest, runs: dict[str, Any]) -> Run:
    """Return the run of a head."""
    return train_head(runs, request.param)


def train_head(runs: dict[str, Any], head: str) -> Run:
    cache = str(runs["folder"] / "cache")
    return train(runs, head, *(cache if item == "CACHE" else item for item in HEADS[head]))


def scores(rows: list[dict[str, str]]) -> np.ndarray:
    return np.array([[float(row[f"score_{name}"]) for name in NAMES] for row in rows])


def test_the_saved_model_gives_the_scores_of_its_run(run: Run) -> None:
    config, rows = run.json("config.json"), run.rows("predictions.csv")
    assert config["problem_type"] == "multi_label_classification"
    assert list(rows[0]) == ["row", "text", "label", "prediction", *(f"score_{name}" for name in NAMES)]
    classify: Any = load_pipeline(str(run.folder))
    texts = [row["text"] for row in rows]
    whole = [{answer["label"]: answer["score"] for answer in answers} for answers in classify(texts, top_k=None)]
    np.testing.assert_allclose(scores(rows), [[row[name] for name in NAMES] for row in whole], atol=1e-5)
    given = [
        ", ".join(name for name in NAMES if name in {answer["label"] for answer in row}) for row in classify(texts)
    ]
    assert given == [row["prediction"] for row in rows]
    table = classify.predict(texts)
    assert table["prediction"].tolist() == given
    np.testing.assert_allclose(scores(rows), table[[f"score_{name}" for name in NAMES]].to_numpy(), atol=1e-5)


def test_results_agree_with_the_predictions(run: Run) -> None:
    rows, results = run.rows("predictions.csv"), run.json("all_results.json")
    right = [row["label"] == row["prediction"] for row in rows]
    assert results["test_accuracy"] == pytest.approx(np.mean(right))
    true, given = (
        np.array([[name in row[column].split(", ") for name in NAMES] for row in rows])
        for column in ("label", "prediction")
    )
    for average in ("micro", "macro", "weighted"):
        expected = f1_score(true, given, average=average, zero_division=0)
        assert results[f"test_{average}_f1"] == pytest.approx(expected)
    assert results["test_hamming_loss"] == pytest.approx(hamming_loss(true, given))
    known = true.any(axis=0)
    precision = average_precision_score(true[:, known], scores(rows)[:, known], average="macro")
    assert results["test_map"] == pytest.approx(precision, abs=1e-6)
    for prefix in ("eval", "test"):
        for name in ("accuracy", "micro_f1", "macro_f1", "weighted_f1", "hamming_loss", "map"):
            low, value, high = (results[f"{prefix}_{name}{end}"] for end in ("_low", "", "_high"))
            assert low <= high
            assert 0 <= value <= 1
    wrong = {row["row"] for row, is_right in zip(rows, right, strict=True) if not is_right}
    assert {row["row"] for row in run.rows("report/errors.csv")} == wrong


def test_the_report_is_by_label(run: Run) -> None:
    report = run.json("report/classification_report.json")
    thresholds = run.json("config.json").get("label_thresholds") or [0.5] * 3
    assert [report["classes"][name]["threshold"] for name in NAMES] == thresholds
    names = {path.name for path in (run.folder / "report").iterdir()}
    assert {"f1_by_label.png", "errors.csv", "baselines.csv", "report.html", "curves.png"} <= names
    assert not {"confusion_matrix.png", "reliability.png", "coverage.png", "label_issues.csv"} & names
    page = (run.folder / "report" / "report.html").read_text()
    assert "How far its scores can be trusted" not in page
    assert "threat" in page
    assert "exact match" in (run.folder / "report" / "classification_report.md").read_text().splitlines()[0]


def test_the_summary_counts_rows_by_label(runs: dict[str, Any]) -> None:
    summary = train_head(runs, "layers").json("summary.json")
    with runs["data"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    for name in NAMES:
        assert sum(summary["classes"][name].values()) == sum(int(row[name]) for row in rows)
    assert summary["rows"] == {"train": 48, "validation": 6, "test": 6}


def test_thresholds_are_chosen_on_validation_alone(runs: dict[str, Any]) -> None:
    run = train_head(runs, "layers")
    rows = run.rows("report/validation_predictions.csv")
    true = np.array([[name in row["label"].split(", ") for name in NAMES] for row in rows])
    assert run.json("config.json")["label_thresholds"] == pytest.approx(choose_thresholds(scores(rows), true), abs=1e-6)
    results = run.json("all_results.json")
    given = scores(rows) >= np.array(run.json("config.json")["label_thresholds"])
    assert results["eval_macro_f1"] == pytest.approx(f1_score(true, given, average="macro", zero_division=0))


@pytest.mark.slow
def test_the_folder_proves_itself_without_hfkit(runs: dict[str, Any]) -> None:
    run = train_head(runs, "linear")
    assert "labels equal" in prove(run.folder, str(run.folder))
    card = str(build_card(run.folder, run.folder, "someone/comments", "v1", "mit", "en"))
    assert "any number of labels each" in card
    assert "sigmoid" in card
    assert "f1_by_label.png" in card


def test_evaluation_gives_the_results_of_the_run(runs: dict[str, Any], tmp_path: Path) -> None:
    """Labels may stand in other ways than in training."""
    run = train_head(runs, "layers")
    rows = run.rows("predictions.csv")
    with (tmp_path / "new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "tags"])
        writer.writerows([row["text"], row["label"].replace(", ", "|")] for row in rows)
    data = str(tmp_path / "new.csv")
    for name, options in {"found": {}, "given": {"label_column": ["tags"], "label_separator": "|"}}.items():
        request = EvaluationRequest(str(run.folder), data, tmp_path / name, **options)
        folder, results = evaluate_model(request, Console(quiet=True))
        for metric in ("test_accuracy", "test_macro_f1", "test_map", "test_loss"):
            assert results[metric] == pytest.approx(run.json("all_results.json")[metric], abs=1e-5)
        assert (folder / "report" / "f1_by_label.png").is_file()
    as_in_the_run = EvaluationRequest(str(run.folder), str(runs["data"]), tmp_path / "all")
    assert evaluate_model(as_in_the_run, Console(quiet=True))[1]["test_loss"] > 0
    (tmp_path / "other.csv").write_text("text,label\na,toxi\n")
    with pytest.raises(UserError, match="did you mean toxic"):
        evaluate_model(EvaluationRequest(str(run.folder), str(tmp_path / "other.csv")), Console(quiet=True))


def test_a_table_is_predicted(runs: dict[str, Any], tmp_path: Path) -> None:
    run = train_head(runs, "layers")
    (tmp_path / "new.csv").write_text("id,text\n1,the garlic news\n2,doctor\n")
    result = CliRunner().invoke(
        app, ["predict", str(run.folder), str(tmp_path / "new.csv"), "--output", str(tmp_path / "out.csv")]
    )
    assert result.exit_code == 0, result.output
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "text", "prediction", *(f"score_{name}" for name in NAMES)]
    one = CliRunner().invoke(app, ["predict", str(run.folder), "the garlic news"])
    assert "Labels: " in one.stdout
    shown = CliRunner().invoke(app, ["predict", str(run.folder), str(tmp_path / "new.csv")])
    assert "confidence" not in shown.stdout


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--max_error", "0.1"], "--max_error"),
        (["--head_logits", "1"], "--head_logits"),
        (["--label_thresholds", "0.5", "0.5"], "2 scores for 3 labels"),
        (["--label_thresholds", "1.5"], "between 0 and 1"),
        (["--metric", "matthews_correlation"], "--metric matthews_correlation"),
        (["--label_separator", "|"], "--label_separator"),
        (["--train_sampling_strategy", "balanced"], "--train_sampling_strategy balanced"),
        (["--class_weights", "toxi=2"], "did you mean toxic?"),
    ],
)
def test_what_is_for_one_label_a_row_is_refused(flags: list[str], problem: str, runs: dict[str, Any]) -> None:
    with pytest.raises(UserError) as error:
        train(runs, "refused", *flags)
    assert problem in str(error.value)


def test_thresholds_are_for_any_number_of_labels(runs: dict[str, Any], run_fakenews: Any) -> None:
    with pytest.raises(UserError, match="--label_thresholds is for any number of labels"):
        run_fakenews("--label_thresholds", "0.3")


@pytest.mark.slow
def test_one_threshold_is_for_all_labels(runs: dict[str, Any]) -> None:
    run = train(runs, "low", "--label_thresholds", "0.01", "--num_train_epochs", "1")
    assert run.json("config.json")["label_thresholds"] == [0.01] * 3
    assert {row["prediction"] for row in run.rows("predictions.csv")} == {", ".join(NAMES)}
    again = train(runs, "continued", "--backbone", str(run.folder), "--num_train_epochs", "1")
    assert again.json("config.json")["problem_type"] == "multi_label_classification"
    assert again.json("config.json").get("label_thresholds") is None


SOLVED = {
    "solved": ("--unfreeze_from", "none", "--class_weights", "balanced", "--label_thresholds", "auto"),
    "ngrams": ("--ngrams", "1", "--unfreeze_from", "all"),
    "both": ("--solver", "both"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "solved" else pytest.mark.slow) for name in SOLVED]
)
def test_solved_heads_and_ngrams(name: str, runs: dict[str, Any]) -> None:
    run = train(runs, name, *SOLVED[name])
    rows, config = run.rows("predictions.csv"), run.json("config.json")
    classify: Any = load_pipeline(str(run.folder))
    table = classify.predict([row["text"] for row in rows])
    np.testing.assert_allclose(scores(rows), table[[f"score_{name}" for name in NAMES]].to_numpy(), atol=1e-5)
    assert table["prediction"].tolist() == [row["prediction"] for row in rows]
    if name == "solved":
        assert config["head"] == "layers"
        assert (run.folder / "report" / "learning_curve.png").is_file()
        check_label_issues(run, runs["data"])
        baselines = run.rows("report/baselines.csv")
        assert [row["name"] for row in baselines] == ["this model", "the most frequent labels", "word pieces"]


def check_label_issues(run: Run, data: Path) -> None:
    """Check that each line names a label that the row has where another answer is likelier."""
    with data.open(newline="") as file:
        given = list(csv.DictReader(file))
    for issue in run.rows("report/label_issues.csv"):
        row = given[int(issue["row"])]
        assert (row["text"], row[issue["label"]]) == (issue["text"], issue["given"])
        assert int(issue["suggested"]) == 1 - int(issue["given"])
        assert float(issue["score"]) <= 0.5


def write_wrong_label(runs: dict[str, Any]) -> Path:
    """Write the rows with three splits; the first row of train has the opposite of its first label."""
    folder = runs["folder"] / "wrong"
    if not folder.exists():
        folder.mkdir()
        head, *rows = runs["data"].read_text().splitlines()
        text, flag, rest = rows[0].split(",", 2)
        wrong = f"{text},{1 - int(flag)},{rest}"
        for split, lines in (("train", [wrong, *rows[1:40]]), ("validation", rows[40:50]), ("test", rows[50:])):
            (folder / f"{split}.csv").write_text("\n".join([head, *lines]) + "\n")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["solved", "looked at"])
def test_a_wrong_label_ranks_first(name: str, runs: dict[str, Any]) -> None:
    """Of a solved head, and of one that is solved for that beside a training."""
    data = write_wrong_label(runs)
    flags = {"solved": ["--unfreeze_from", "none"], "looked at": ["--label_issues", "true", "--num_train_epochs", "1"]}
    run = train(runs, f"wrong-{name}", "--dataset", str(data), *flags[name])
    check_label_issues(run, data / "train.csv")
    first = run.rows("report/label_issues.csv")[0]
    assert (first["row"], first["label"]) == ("0", "toxic")
    page = (run.folder / "report" / "report.html").read_text()
    assert "Labels to look at" in page


@pytest.mark.slow
def test_columns_need_not_be_named(runs: dict[str, Any], tmp_path: Path) -> None:
    """Neither in training nor in an evaluation; own weights and the focal loss are printed."""
    folder = tmp_path / "run"
    argv = [
        "--backbone",
        str(runs["backbone"]),
        "--dataset",
        str(runs["data"]),
        "--max_length",
        "24",
        "--use_cpu",
        "true",
    ]
    argv += ["--max_steps", "2", "--class_weights", "threat=3", "--focal_gamma", "2", "--output_dir", str(folder)]
    load_recipe("fakenews").main(argv)
    run = Run(folder, {}, "")
    summary = run.json("summary.json")
    assert list(summary["classes"]) == NAMES
    assert "Weights of the labels where they are there: toxic 1.000, threat 3.000, insult 1.000." in summary["lines"]
    assert any(line.startswith("Loss: focal with gamma 2:") for line in summary["lines"])
    assert any(line.startswith("Label columns: toxic, threat, insult (") for line in summary["data_lines"])
    results = evaluate_model(EvaluationRequest(str(folder), str(runs["data"]), tmp_path / "out"), Console(quiet=True))[
        1
    ]
    assert 0 <= results["test_map"] <= 1


TWO = {
    "solved": ["--unfreeze_from", "none", "--label_issues", "true"],
    "cached": "--unfreeze_from encoder.layer.1 --feature_cache cache --num_train_epochs 2 --label_thresholds auto".split(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cached", pytest.param("solved", marks=pytest.mark.nightly)])
def test_two_processes_train_one_model(name: str, runs: dict[str, Any], tmp_path: Path) -> None:
    """One folder with whole results, and thresholds that are those of its own scores."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(ROOT / "accelerate_config.yaml")]
    launch += ["--multi_gpu", "--num_processes", "2", "--main_process_port", "0", str(ROOT / "recipes" / "fakenews.py")]
    argv = ["--backbone", str(runs["backbone"]), "--dataset", str(runs["data"]), "--label_column", *NAMES]
    argv += ["--max_length", "24", "--use_cpu", "true", "--bf16", "false", *TWO[name]]
    process = subprocess.run([*launch, *argv], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert process.returncode == 0, process.stderr
    assert "2 process(es)" in process.stdout
    assert process.stdout.count("Rows of train by label:") == 1
    [folder] = (tmp_path / "runs").iterdir()
    run = Run(folder, {}, "")
    test_results_agree_with_the_predictions(run)
    test_the_saved_model_gives_the_scores_of_its_run(run)
    if name == "solved":
        check_label_issues(run, runs["data"])
        alone = train(runs, "plainly-solved", *TWO["solved"]).rows("predictions.csv")
        np.testing.assert_allclose(scores(run.rows("predictions.csv")), scores(alone), atol=1e-5)
        return
    rows = run.rows("report/validation_predictions.csv")
    true = np.array([[label in row["label"].split(", ") for label in NAMES] for row in rows])
    thresholds = run.json("config.json")["label_thresholds"]
    assert thresholds == pytest.approx(choose_thresholds(scores(rows), true), abs=1e-6)


@pytest.mark.slow
def test_a_model_is_exported(runs: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    run = train_head(runs, "layers")
    folder = tmp_path / "exported"
    result = CliRunner().invoke(app, ["export", str(run.folder), "--to", "onnx", "--output_dir", str(folder)])
    assert result.exit_code == 0, result.output
    rows = run.rows("predictions.csv")
    (tmp_path / "new.csv").write_text("text\n" + "".join(f"{row['text']}\n" for row in rows))
    CliRunner().invoke(app, ["predict", str(folder), str(tmp_path / "new.csv"), "--output", str(tmp_path / "out.csv")])
    with (tmp_path / "out.csv").open(newline="") as file:
        again = list(csv.DictReader(file))
    np.testing.assert_allclose(scores(rows), scores(again), atol=1e-4)
    assert [row["prediction"] for row in again] == [row["prediction"] for row in rows]


@pytest.mark.nightly
def test_a_ladder_compares_exact_matches(runs: dict[str, Any], tmp_path: Path) -> None:
    flags = ["--label_column", *NAMES, "--max_length", "24", "--use_cpu", "true", "--bf16", "false"]
    flags += ["--num_train_epochs", "1", "--output_dir", str(tmp_path / "ladder")]
    result = CliRunner().invoke(app, ["ladder", str(runs["data"]), "--backbone", str(runs["backbone"]), *flags])
    assert result.exit_code == 0, result.output
    with (tmp_path / "ladder" / "table.csv").open(newline="") as file:
        table = {row["name"]: row for row in csv.DictReader(file)}
    assert float(table["word pieces"]["validation_accuracy"]) == 1
    assert all(row["validation_accuracy"] for row in table.values())
