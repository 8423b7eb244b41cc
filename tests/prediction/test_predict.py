"""`hfkit predict` and `predict()` give the scores of the pipeline, and say of each row that they cannot read which it is."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import LazyRuns, write_photo
from datasets import Dataset, DatasetDict, Features
from datasets import Image as ImageFeature
from PIL import Image
from processes import run_command
from typer.testing import CliRunner, Result

import hfkit
from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.prediction import stream


def predict(*argv: object, stdin: str | None = None) -> Result:
    """Run the verb in this process; a user's mistake is raised."""
    result = CliRunner().invoke(app, ["predict", *map(str, argv)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(rows: list[dict[str, Any]]) -> np.ndarray:
    """Return the scores of all labels, in the order of the alphabet."""
    columns = sorted(name for name in rows[0] if name.startswith("score_"))
    return np.array([[float(row[name]) for name in columns] for row in rows])


def pipeline_scores(folder: Path, inputs: list[str]) -> np.ndarray:
    answers = hfkit.load_pipeline(str(folder), device="cpu")(inputs, top_k=100)
    return np.array([[label["score"] for label in sorted(row, key=lambda row: row["label"])] for row in answers])


@pytest.mark.parametrize("name", ["linear", "bigru", "one-logit"])
def test_a_table_has_the_scores_of_the_pipeline_and_of_the_run(
    name: str, finished_runs: LazyRuns, tweets: Path, tmp_path: Path
) -> None:
    run, output = finished_runs[name], tmp_path / "new" / "out.csv"
    result = predict(run.folder, tweets / "test.csv", "-o", output, "--batch-size", "3")
    assert result.exit_code == 0
    assert "Text column: tweet (found by its name)." in result.stderr
    rows, before = read_csv(output), read_csv(tweets / "test.csv")
    assert [{key: row[key] for key in before[0]} for row in rows] == before
    recorded = run.rows("predictions.csv")
    own = [name for name in recorded[0] if name not in ("row", "text", "label", "label_score")]
    assert list(rows[0]) == ["tweet", "label", own[0], "confidence", *own[1:]]
    assert ("answered" in own) == (name == "bigru")
    for column in set(own) & {"prediction", "answered"}:
        assert [row[column] for row in rows] == [row[column] for row in recorded]
    assert [float(row["confidence"]) for row in rows] == pytest.approx(scores(rows).max(axis=1))
    expected = pipeline_scores(run.folder, [row["tweet"] for row in before])
    for other in (expected, scores(recorded)):
        np.testing.assert_allclose(scores(rows), other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("suffix", [".tsv", ".jsonl", ".parquet"])
def test_other_tables_give_the_same(suffix: str, finished_runs: LazyRuns, tweets: Path, tmp_path: Path) -> None:
    folder = finished_runs["linear"].folder
    table = pd.read_csv(tweets / "test.csv", dtype=str, keep_default_na=False)
    path = tmp_path / f"in{suffix}"
    writers: dict[str, Callable[[], object]] = {
        ".tsv": lambda: table.to_csv(path, sep="\t", index=False),
        ".jsonl": lambda: table.to_json(path, orient="records", lines=True),
        ".parquet": lambda: table.to_parquet(path),
    }
    writers[suffix]()
    predict(folder, path, "-o", tmp_path / "out.csv")
    predict(folder, tweets / "test.csv", "-o", tmp_path / "expected.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_blocks_do_not_change_the_scores_and_a_killed_run_goes_on(
    finished_runs: LazyRuns, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BLOCK", 5)
    given = (finished_runs["linear"].folder, tweets / "test.csv", "-o")
    predict(*given, tmp_path / "whole.csv")
    part = tmp_path / "out.csv"
    whole = stream.predict_block
    calls = iter(range(10))

    def killed(*arguments: Any) -> stream.Block:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return whole(*arguments)

    with monkeypatch.context() as context:
        context.setattr(stream, "predict_block", killed)
        result = predict(*given, part)
    assert result.exit_code == 130
    assert "Stopped. The same command with --resume goes on where it was." in result.stderr
    assert len(read_csv(tmp_path / "out.csv.part")) == 10
    with pytest.raises(UserError, match="add --resume to go on with it"):
        predict(*given, part)
    with pytest.raises(UserError, match="was begun with another model, input, version of hfkit or other flags"):
        predict(finished_runs["one-logit"].folder, *given[1:], part, "--resume")
    with pytest.raises(UserError, match="was begun with another model"):
        predict(*given, part, "--resume", "--batch_size", "2")
    (tmp_path / "other.csv").write_text("tweet,label\na,b\n" * 12)
    with pytest.raises(UserError, match="was begun with another model"):
        predict(given[0], tmp_path / "other.csv", "-o", part, "--resume")
    assert predict(*given, part, "--resume").exit_code == 0
    assert part.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.csv", "out.csv", "whole.csv"]


def test_rows_that_cannot_be_read_are_listed_and_the_others_predicted(finished_runs: LazyRuns, tmp_path: Path) -> None:
    folder, path, output = finished_runs["linear"].folder, tmp_path / "in.jsonl", tmp_path / "out.csv"
    path.write_text('{"text": ""}\n{"text": null}\nbroken\n{"text": ["a"]}\n{"text": 7}\n')
    result = predict(folder, path, "-o", output)
    assert result.exit_code == 1
    assert "2 of 5 rows are predicted" in result.stdout
    assert [row["text"] for row in read_csv(output)] == ["", "7"]
    assert read_csv(tmp_path / "out.unreadable.csv") == [
        {"line": "2", "reason": "no text"},
        {"line": "3", "reason": "not JSON (Expecting value, column 1)"},
        {"line": "4", "reason": "no text but a list"},
    ]
    with pytest.raises(UserError, match="is there already"):
        predict(folder, path, "-o", output)
    path.write_text('{"text": "only"}\n')
    assert predict(folder, path, "-o", output, "--overwrite", "--json").exit_code == 0
    assert not (tmp_path / "out.unreadable.csv").exists()
    np.testing.assert_allclose(scores(read_csv(output)), pipeline_scores(folder, ["only"]), atol=1e-5, rtol=0)


def test_two_columns_are_joined_as_in_training(finished_runs: LazyRuns, tmp_path: Path) -> None:
    folder, path = finished_runs["linear"].folder, tmp_path / "in.csv"
    path.write_text("head,rest\ngarlic cures,virus\n,hospital\n")
    result = predict(folder, path, "--text_column", "head", "--text-column", "rest", "--json")
    expected = pipeline_scores(folder, ["garlic cures virus", "hospital"])
    np.testing.assert_allclose(scores(json.loads(result.stdout)), expected, atol=1e-5, rtol=0)
    with pytest.raises(UserError, match=r"has no column named text or tweet or sentence, only: head, rest"):
        predict(folder, path)
    with pytest.raises(UserError, match="has no column named 'other', only: head, rest"):
        predict(folder, path, "--text_column", "other")


def test_the_column_of_the_run_comes_first(finished_runs: LazyRuns, tmp_path: Path) -> None:
    from hfkit.prediction.contents import choose_text_columns, read_run_columns

    assert read_run_columns(str(finished_runs["linear"].folder)) == []  # it was found by its name
    (tmp_path / "hfkit.yaml").write_text("text_column:\n- headline\n")
    of_run = read_run_columns(str(tmp_path))
    positions, [note] = choose_text_columns("in.csv", ["text", "headline"], None, of_run)
    assert (positions, note.text) == ([1], "Text column: headline (as in the run).")
    assert choose_text_columns("in.csv", ["text", "id"], None, of_run)[0] == [0]
    assert choose_text_columns("in.csv", ["text", "headline"], ["text"], of_run) == ([0], [])
    with pytest.raises(UserError, match="has 2 columns named 'text'"):
        choose_text_columns("in.csv", ["text", "text"], None, [])


def test_one_text(finished_runs: LazyRuns) -> None:
    run = finished_runs["bigru"]
    text = "garlic cures the virus"
    result = predict(run.folder, text)
    [expected] = pipeline_scores(run.folder, [text])
    lines = result.stdout.splitlines()
    assert {line.split()[0] for line in lines[:2]} == {"fake", "real"}
    assert float(lines[0].split()[1]) == pytest.approx(expected.max(), abs=1e-4)
    assert lines[0].count("█") == round(expected.max() * 30)
    record = json.loads(predict(run.folder, text, "--json").stdout)
    [answer] = hfkit.load_pipeline(str(run.folder), device="cpu")(text)
    assert record["text"] == text
    assert record["prediction"] == answer["label"]
    assert record["answered"] == answer["answered"]
    assert ("Not answered" in result.stdout) == (not answer["answered"])


def test_lines_of_stdin(finished_runs: LazyRuns, tmp_path: Path) -> None:
    folder = finished_runs["linear"].folder
    rows = json.loads(predict(folder, "-", "--json", stdin="garlic cures\n\n[bold]x\n").stdout)
    assert [row["text"] for row in rows] == ["garlic cures", "", "[bold]x"]
    np.testing.assert_allclose(
        scores(rows), pipeline_scores(folder, ["garlic cures", "", "[bold]x"]), atol=1e-5, rtol=0
    )
    table = predict(folder, "-", stdin="[bold]x\n" * 30).stdout
    assert table.count("[bold]x") == 20
    assert "The first 20 rows; --output out.csv writes all" in table
    assert json.loads(predict(folder, "-", "--json", stdin="").stdout) == []
    with pytest.raises(UserError, match="--resume needs an input that can be read again"):
        predict(folder, "-", "--resume", "-o", tmp_path / "out.csv", stdin="")


@pytest.mark.slow
def test_a_folder_of_photos(finished_image_runs: LazyRuns, photos: Path, tmp_path: Path) -> None:
    run, output = finished_image_runs["timm"], tmp_path / "out.csv"
    result = predict(run.folder, photos / "test", "-o", output, "--batch_size", 5)
    assert result.exit_code == 0
    recorded = {row["file"].removeprefix("test/"): row for row in run.rows("predictions.csv")}
    rows = read_csv(output)
    assert [row["file"] for row in rows] == sorted(recorded)
    expected = [recorded[row["file"]] for row in rows]
    np.testing.assert_allclose(scores(rows), scores(expected), atol=1e-5, rtol=0)
    assert [row["prediction"] for row in rows] == [row["prediction"] for row in expected]


def test_broken_photos_are_listed(finished_image_runs: LazyRuns, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(3):
        write_photo(folder / f"{number}.png", "cat", number)
    (folder / "0a.jpg").write_bytes(b"no photo")
    (folder / "notes.txt").write_text("")
    run = finished_image_runs["timm"]
    result = predict(run.folder, folder, "-o", tmp_path / "out.csv", "--batch_size", 2)
    assert result.exit_code == 1
    assert "Files that are no photos were passed over: 1, such as notes.txt." in result.stderr
    assert read_csv(tmp_path / "out.unreadable.csv") == [
        {"row": "1", "file": "0a.jpg", "reason": "an unreadable image"}
    ]
    rows = read_csv(tmp_path / "out.csv")
    assert [row["file"] for row in rows] == ["0.png", "1.png", "2.png"]
    expected = pipeline_scores(run.folder, [str(folder / row["file"]) for row in rows])
    np.testing.assert_allclose(scores(rows), expected, atol=1e-5, rtol=0)
    result = predict(run.folder, folder / "0a.jpg")
    assert (result.exit_code, result.stderr) == (1, "0a.jpg cannot be read: an unreadable image.\n")
    assert "cat" in predict(run.folder, folder / "0.png").stdout


def test_images_of_parquet(finished_image_runs: LazyRuns, tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.png", "cat", 1)
    cells = [{"bytes": path.read_bytes(), "path": None}, {"bytes": b"no", "path": "b.png"}, None]
    pd.DataFrame({"id": [5, 6, 7], "img": cells}).to_parquet(tmp_path / "in.parquet")
    folder = finished_image_runs["timm"].folder
    assert predict(folder, tmp_path / "in.parquet", "-o", tmp_path / "out.csv").exit_code == 1
    rows = read_csv(tmp_path / "out.csv")
    assert [row["id"] for row in rows] == ["5"]
    np.testing.assert_allclose(scores(rows), pipeline_scores(folder, [str(path)]), atol=1e-5, rtol=0)
    unreadable = [(row["row"], row["reason"]) for row in read_csv(tmp_path / "out.unreadable.csv")]
    assert unreadable == [("1", "an unreadable image"), ("2", "no image")]
    assert (
        "Row 1, counted from 0, cannot be read: an unreadable image." in predict(folder, tmp_path / "in.parquet").stderr
    )


def test_a_model_of_the_other_kind(
    finished_runs: LazyRuns, finished_image_runs: LazyRuns, photos: Path, tweets: Path
) -> None:
    with pytest.raises(UserError, match=r"The model classifies texts, and .* holds photos"):
        predict(finished_runs["linear"].folder, photos / "test")
    with pytest.raises(UserError, match=r"The model classifies photos, and .* holds none"):
        predict(finished_image_runs["timm"].folder, tweets / "test.csv")
    with pytest.raises(UserError, match="The model classifies photos, and the text holds none"):
        predict(finished_image_runs["timm"].folder, "Some words.")


def test_models_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UserError, match=r"cannot be loaded \(.* is a bert model, not one of hfkit-text"):
        predict(tmp_path / "bert", "Some words.")
    with pytest.raises(UserError, match="The model no-such-model cannot be loaded"):
        predict("no-such-model", "Some words.")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["./nothing", "Some words."], "There is no model ./nothing"),
        (["runs/odd-typo", "Some words."], "There is no model runs/odd-typo"),
        (["user/model", "reviews.csv"], "There is no file or folder reviews.csv"),
        (["user/model", ""], "INPUT is empty"),
        (["user/model", "Some words.", "--resume"], "--resume is for --output"),
    ],
)
def test_refusals_are_light(argv: list[str], message: str) -> None:
    code, said, imported = run_command("predict", *argv)
    assert (code, imported) == (2, "[]")
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1


# --- in Python ---


def test_predict_returns_the_table_with_results(finished_runs: LazyRuns, tweets: Path) -> None:
    run = finished_runs["bigru"]
    classify = hfkit.load_pipeline(str(run.folder), device="cpu")
    table = pd.read_csv(tweets / "test.csv", dtype=str, keep_default_na=False).set_index(pd.RangeIndex(50, 64))
    predicted = classify.predict(table, batch_size=4)
    assert list(predicted.columns) == [
        "tweet",
        "label",
        "prediction",
        "confidence",
        "score_fake",
        "score_real",
        "answered",
    ]
    assert predicted.index.equals(table.index)
    pd.testing.assert_frame_equal(predicted[["tweet", "label"]], table)
    expected = scores(run.rows("predictions.csv"))
    np.testing.assert_allclose(predicted[["score_fake", "score_real"]], expected, atol=1e-5, rtol=0)
    texts, rows = list(table["tweet"]), table.to_dict("records")
    for inputs in (texts, iter(texts), table["tweet"], table["tweet"].to_numpy(), rows, Dataset.from_list(rows)):
        same = classify.predict(inputs)
        np.testing.assert_allclose(same[["score_fake", "score_real"]], expected, atol=1e-5, rtol=0)
    assert len(classify.predict("one text")) == 1
    assert list(same.columns[:2]) == ["tweet", "label"]  # of the Dataset
    named = pd.DataFrame({"x": texts, "text": "other"})
    for column in ({"text": "x"}, {"text_column": "x"}, {"text": ["x"]}):
        same = classify.predict(named, **column)
        np.testing.assert_allclose(same[["score_fake", "score_real"]], expected, atol=1e-5, rtol=0)
    assert list(classify.predict([]).columns)[:2] == ["text", "prediction"]
    assert len(classify.predict([])) == 0


def test_predict_photos(finished_image_runs: LazyRuns, photos: Path) -> None:
    run = finished_image_runs["timm"]
    classify = hfkit.load_pipeline(str(run.folder), device="cpu")
    recorded = run.rows("predictions.csv")
    files = [photos / row["file"] for row in recorded]
    expected = scores(recorded)
    for inputs in (
        files,
        [str(file) for file in files],
        [Image.open(file) for file in files],
        [file.read_bytes() for file in files],
        pd.DataFrame({"image": files}),
        [{"image": str(file)} for file in files],
        Dataset.from_dict({"image": list(map(str, files))}, features=Features({"image": ImageFeature()})),
    ):
        predicted = classify.predict(inputs, batch_size=5)
        np.testing.assert_allclose(predicted[["score_cat", "score_dog"]], expected, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match=r"1 of 2 rows cannot be read \(the first is row 1, .*nothing.png"):
        classify.predict([files[0], "nothing.png"])
    for wrong, message in ((".", "is a folder and no photo"), ("nothing.png", "There is no photo"), ([7], "no image")):
        with pytest.raises((ValueError, TypeError), match=message):
            classify.predict(wrong)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["a", None], r"1 of 2 rows cannot be read \(the first is row 1, counted from 0: no text\)"),
        (pd.DataFrame({"text": ["a", float("nan")]}), "1 of 2 rows cannot be read"),
        (pd.DataFrame({"other": ["a"]}), "The table has no column named text or tweet"),
        (
            pd.DataFrame({"text": ["a"], "prediction": [1]}),
            "has a column prediction, which the prediction would overwrite",
        ),
        (None, "A text is None: leave the row out"),
        (["a", 7], r"Row 1, counted from 0: A text is of type int: give a str"),
        (7, r"A text is of type int: give a str, such as str\(text\)"),
        (b"a", r"A text is of type bytes: give a str, such as text.decode\(\)"),
        (("a", "b"), "A tuple is no list of texts: write list"),
        ({"a"}, "A set is no list of texts"),
        ({"text": ["a"]}, r"A dict is no list of texts: give \[row\] for one row, or for columns pandas.DataFrame"),
        (DatasetDict(test=Dataset.from_dict({"text": ["a"]})), r"give one split, such as data\['test'\]"),
        ("in.csv", "in.csv is the name of a file and no text: `hfkit predict MODEL FILE` reads it"),
        (Path("in.csv"), "in.csv is the name of a file"),
        ("data/reviews", "data/reviews is the name of a file"),
    ],
)
def test_tables_that_cannot_be_predicted(inputs: Any, message: str, finished_runs: LazyRuns) -> None:
    classify = hfkit.load_pipeline(str(finished_runs["linear"].folder), device="cpu")
    with pytest.raises((ValueError, TypeError), match=message) as error:
        classify.predict(inputs)
    assert "\n" not in str(error.value)


def test_a_column_has_one_keyword(finished_runs: LazyRuns) -> None:
    run = hfkit.Run(finished_runs["linear"].folder)
    table = pd.DataFrame({"x": ["garlic"], "y": ["virus"]})
    assert list(run.predict(table, text="x").columns[:3]) == ["x", "y", "prediction"]
    np.testing.assert_allclose(
        run.predict(table, text=["x", "y"])["confidence"], run.predict(["garlic virus"])["confidence"], atol=1e-6
    )
    pairs = run.predict([{"text": "garlic", "text_pair": "virus"}])["confidence"]
    np.testing.assert_allclose(pairs, run.predict(["garlic virus"])["confidence"], atol=1e-6)
    with pytest.raises(TypeError, match="are the same: give one of them"):
        run.predict(table, text="x", text_column="x")
    with pytest.raises(ValueError, match='write text="NAME"'):
        run.predict(table)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "A text is None: leave the row out, or give an empty text ''"),
        (float("nan"), "A text is nan"),
        (["a", None], "A text is None"),
        (["a", 7], r"A text is of type int: give a str, such as str\(text\)"),
        (("a", "b"), "A tuple is no list of texts"),
        ([], "The list has no texts: give at least one"),
        ({"text": "a", "text_pair": None}, "A text is None"),
        (pd.DataFrame({"text": ["a"]}), r"A DataFrame is no list of texts: write table\['text'\].tolist\(\)"),
        (pd.Series(["a"]), r"A Series is no list of texts: write column.tolist\(\)"),
        ("in.csv", "in.csv is a table and no text: `hfkit predict MODEL FILE` reads it"),
    ],
)
def test_a_text_pipeline_says_what_is_wrong(
    inputs: Any, message: str, finished_runs: LazyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classify = hfkit.load_pipeline(str(finished_runs["linear"].folder), device="cpu")
    monkeypatch.chdir(tmp_path)
    assert classify("in.csv")  # there is no such file
    Path("in.csv").write_text("text\na\n")
    with pytest.raises((ValueError, TypeError), match=message) as error:
        classify(inputs)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "A photo is None"),
        ([None], "A photo is None"),
        ("nothing.png", "There is no photo nothing.png: check the path"),
        ("in.csv", "in.csv is a table and no photo"),
        (".", ". is a folder and no photo: `hfkit predict MODEL FOLDER` reads it"),
        (pd.DataFrame({"file": ["a"]}), r"A DataFrame is no list of photos: write table\['file'\].tolist\(\)"),
    ],
)
def test_an_image_pipeline_says_what_is_wrong(inputs: Any, message: str, finished_image_runs: LazyRuns) -> None:
    classify = hfkit.load_pipeline(str(finished_image_runs["timm"].folder), device="cpu")
    with pytest.raises((ValueError, TypeError), match=message):
        classify(inputs)


def test_a_photo_may_still_be_text(finished_image_runs: LazyRuns, tmp_path: Path) -> None:
    """Images come as addresses and in base64, too."""
    import base64

    classify = hfkit.load_pipeline(str(finished_image_runs["timm"].folder), device="cpu")
    path = write_photo(tmp_path / "a.png", "cat", 1)
    content = io.BytesIO()
    Image.open(path).save(content, format="png")
    encoded = base64.b64encode(content.getvalue()).decode()
    for given in (encoded, f"data:image/png;base64,{encoded}"):
        assert classify(given) == classify(str(path))


def test_an_unfinished_run_is_no_model(tmp_path: Path) -> None:
    """It can be continued where it has a whole checkpoint."""
    (tmp_path / "hfkit.yaml").touch()
    (tmp_path / "checkpoint-3").mkdir()
    with pytest.raises(ValueError, match="is not a finished hfkit run, and has no checkpoint to continue from"):
        hfkit.load_pipeline(str(tmp_path))
    (tmp_path / "checkpoint-3" / "trainer_state.json").touch()
    with pytest.raises(ValueError, match="is not a finished hfkit run: continue it by --output_dir"):
        hfkit.load_pipeline(tmp_path)
    with pytest.raises(UserError, match="is not a finished hfkit run: continue it"):
        predict(tmp_path, "Some words.")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./missing", "There is no model ./missing (no such folder, from "),
        ("runs/reviwes", "There is no model runs/reviwes (no such folder, from "),
        ("runs/reviwes", "did you mean runs/reviews?"),
        ("runs/odd-typo", "check the path, or write a Hub id"),
        ("runs", "The folder runs holds no model"),
        ("in.csv", "in.csv is a file: name the folder of a run"),
        ("", "The model's name is empty"),
        (None, "The model is None: give the folder of a run"),
        (7, "The model is 7"),
    ],
)
def test_names_that_are_no_model(model: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no folder is refused before anybody asks the Hub for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "reviews").mkdir(parents=True)
    (tmp_path / "in.csv").touch()
    monkeypatch.setattr(
        "hfkit.prediction.pipelines.load_models_pipeline", lambda *_, **__: pytest.fail("it is asked for")
    )
    with pytest.raises((ValueError, TypeError)) as error:
        hfkit.load_pipeline(model)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
