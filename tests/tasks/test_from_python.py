"""Training from Python: five lines in a notebook do what the command line does, and the run that they return is of use."""

import html
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from conftest import IMAGE_ARGV, LazyRuns
from demo_runs import TEXT_RUN

import hfkit
from hfkit.errors import UserError
from hfkit.flags.names import TEXT_FLAGS
from hfkit.run_folders.record import read_record
from hfkit.tasks.from_python import train_image_classifier, train_text_classifier
from hfkit.tasks.text import read_text_flags, train_texts
from hfkit.training.launch import run_recipe

REPORT = "report/classification_report.md"
WORDS = {"<b>fake</b>": "garlic cures virus", "real": "hospital reports new cases"}
TABLE = pd.DataFrame(
    [(f"{text} {number} <script>", label) for number in range(24) for label, text in WORDS.items()],
    columns=["tweet", "verdict"],
)


@pytest.fixture
def options(tiny_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    return {
        "backbone": tiny_backbone,
        "max_length": 24,
        "use_cpu": True,
        "bf16": False,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 8,
        "disable_tqdm": True,
    }


@pytest.mark.slow
def test_a_table_in_five_lines(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = TABLE.copy(deep=True)
    run = train_text_classifier(TABLE, text="tweet", label="verdict", **options)
    assert re.fullmatch(r"runs/memory-\d{8}-\d{6}", str(run.folder))
    assert run.results["test_accuracy"] == hfkit.Run(str(run.folder)).results["test_accuracy"]
    assert run.report.startswith("# test: accuracy")
    assert repr(run).startswith(f"Run('{run.folder}'): accuracy {run.results['test_accuracy']:.4f} (")
    assert "\n" not in repr(run)

    predicted = run.predict(TABLE[::5])
    assert predicted.index.equals(TABLE[::5].index)
    assert set(predicted["prediction"]) <= set(WORDS)
    assert list(run.predict(["garlic"])["text"]) == ["garlic"]
    assert run.model.config.id2label == dict(enumerate(sorted(WORDS)))
    assert run.pipeline("garlic")[0]["label"] in WORDS

    saved = pd.read_csv(run.folder / "predictions.csv")
    results = run.evaluate(saved.rename(columns={"text": "tweet", "label": "verdict"})[["tweet", "verdict"]])
    assert results["test_accuracy"] == run.results["test_accuracy"]
    as_pairs = run.evaluate(saved["text"], labels=saved["label"], output_dir="report")
    assert as_pairs["test_accuracy"] == run.results["test_accuracy"]
    assert Path("report/report/confusion_matrix.png").is_file()
    with pytest.raises(UserError, match="which the model does not have"):
        run.evaluate([("garlic", "other")])
    pd.testing.assert_frame_equal(TABLE, before)

    flags = yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    assert flags["dataset"].startswith("memory:")
    page = (run.folder / "report" / "report.html").read_text()
    assert "hfkit.train_text_classifier(data, config=" in page
    assert "hfkit train text --config" not in page
    assert flags["dataset"] in read_record(run.folder).dataset
    with pytest.raises(SystemExit):
        run_recipe(train_texts, TEXT_FLAGS, ["--config", str(run.folder / "hfkit.yaml")])
    assert "were in memory" in capsys.readouterr().err
    again = train_text_classifier(TABLE, config=run.folder / "hfkit.yaml", name="again")
    assert again.folder.name.startswith("again-")
    assert again.results["test_loss"] == run.results["test_loss"]


def test_a_run_shows_itself_in_a_notebook(finished_runs: LazyRuns, tmp_path: Path) -> None:
    folder = tmp_path / "<i>run"
    shutil.copytree(finished_runs["linear"].folder, folder)
    run = hfkit.Run(folder)
    shown = run._repr_html_()
    assert html.escape("<i>run") in shown
    assert "<i>run" not in shown
    accuracy, low, high = (run.results[f"test_accuracy{end}"] for end in ("", "_low", "_high"))
    assert f"{accuracy:.4f} ({low:.4f} to {high:.4f})" in shown
    assert "majority class" in shown
    assert shown.count("data:image/png;base64,") == 2
    assert run.report_page == folder / "report" / "report.html"
    assert html.escape(str(run.report_page)) in shown
    run.report_page.unlink()
    assert run.report_page is None
    assert "as one page" not in run._repr_html_()
    (folder / "report" / "baselines.csv").write_text(
        (folder / "report" / "baselines.csv").read_text().replace("this model", "<script>")
    )
    assert "<script>" not in run._repr_html_()


@pytest.mark.slow
def test_the_same_numbers_as_the_command_line(
    options: dict[str, Any], tweets: Path, run_fakenews: Callable[..., Any]
) -> None:
    of_recipe = run_fakenews("--num_train_epochs", "1")
    tables = {path.stem: pd.read_csv(path, keep_default_na=False) for path in tweets.glob("*.csv")}
    for data in (tweets, tables):
        run = train_text_classifier(data, name="mine", **options)
        of_command = of_recipe.json("all_results.json")
        for name in ("test_loss", "eval_loss", "train_loss"):
            assert run.results[name] == of_command[name]
    assert run.folder.name.startswith("mine-")


def test_flags_are_refused_as_on_the_command_line(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="did you mean 'unfreeze_from'"):
        train_text_classifier(TABLE, unfreez_from="none", **options)
    with pytest.raises(UserError) as of_python:
        train_text_classifier(TABLE, text="tweet", head="bigru", pooling="mean", **options)
    with pytest.raises(UserError) as of_command:
        read_text_flags(["--head", "bigru", "--pooling", "mean"])
    assert str(of_python.value) == str(of_command.value)
    with pytest.raises(UserError, match="has no column 'text2'"):
        train_text_classifier(TABLE, text="text2", label="verdict", **options)
    with pytest.raises(TypeError, match=r"text=\.\.\. and text_column=\.\.\. are the same"):
        train_text_classifier(TABLE, text="tweet", text_column="tweet", **options)
    with pytest.raises(ValueError, match="name the column of a file by label"):
        train_text_classifier("sample", labels=["a"], **options)
    with pytest.raises(UserError, match=r"There is no file or folder nowhere\.csv"):
        train_text_classifier("nowhere.csv", **options)
    with pytest.raises(UserError, match="--name '/x'"):
        train_text_classifier(TABLE, name="/x", **options)
    with pytest.raises(UserError, match="give one of them"):
        train_text_classifier(TABLE, name="x", output_dir="y", **options)
    assert not Path("runs").exists()


@pytest.mark.slow
def test_a_run_is_continued_with_the_same_data_alone(options: dict[str, Any]) -> None:
    given = {"text": "tweet", "label": "verdict", "output_dir": "run"}
    whole = train_text_classifier(TABLE, **given, **options, keep_checkpoints=True)
    (whole.folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"was started with dataset memory:.*, not memory:"):
        train_text_classifier(TABLE[2:], **given, resume_from_checkpoint=True)
    continued = train_text_classifier(TABLE, **given, resume_from_checkpoint=True)
    assert continued.results["test_loss"] == whole.results["test_loss"]


@pytest.mark.slow
def test_images(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = iter(IMAGE_ARGV.replace("--", "").split())
    options: dict[str, Any] = dict(zip(words, words, strict=True))
    files = sorted((photos / "train").rglob("*.png"))
    table = pd.DataFrame({"photo": files, "animal": [file.parent.name for file in files]})
    run = train_image_classifier({"train": table, "test": photos / "test"}, image="photo", label="animal", **options)
    assert set(run.predict(files[:3])["prediction"]) <= {"cat", "dog"}
    assert run.evaluate(photos)["test_accuracy"] == run.results["test_accuracy"]
    assert 0 <= run.evaluate(table, image="photo", label="animal")["test_accuracy"] <= 1
    assert run._repr_html_().count("data:image/png") >= 3
    with pytest.raises(TypeError, match="give the name of one column"):
        train_image_classifier(table, image_column=["photo", "animal"], **options)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model: name the folder of a finished run"):
        hfkit.Run(tmp_path)
    with pytest.raises(UserError, match="There is no model"):
        hfkit.Run(tmp_path / "nothing")


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TEXT_RUN, tmp_path / "run"))
    assert hfkit.Run(folder).report == (folder / REPORT).read_text()
    for name, read in (("all_results.json", lambda run: run.results), (REPORT, lambda run: run.report)):
        whole = (folder / name).read_text()
        (folder / name).write_text(whole.replace("0.", "1.", 1))
        with pytest.raises(UserError, match=f"{name} is not what the run wrote"):
            read(hfkit.Run(folder))
        (folder / name).write_text(whole)
    (folder / "manifest.json").unlink()
    assert hfkit.Run(folder).results


def test_push_hands_everything_on(finished_runs: LazyRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("hfkit.tasks.finished_run.push_run", lambda *given: calls.append(given) or {"proven": True})
    run = hfkit.Run(finished_runs["linear"].folder)
    assert run.push("me/model", license="mit", language="en", private=True, name_private=True) == {"proven": True}
    assert calls == [(run.folder, "me/model", "mit", "en", True, False, True)]
