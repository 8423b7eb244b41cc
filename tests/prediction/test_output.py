"""What is written survives a kill at any moment, and ends in the same bytes; nothing is overwritten unasked."""

import json
import shlex
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from hfkit.commands.main import app
from hfkit.errors import UserError
from hfkit.flags.prediction import check_output, check_prediction_early, lock_file
from hfkit.flags.prediction_input import InputKind, find_input_kind
from hfkit.prediction import console as shown
from hfkit.prediction import output as output_module
from hfkit.prediction import run
from hfkit.prediction.contents import read_text
from hfkit.prediction.output import Output, lock_output, read_finished_digest
from hfkit.prediction.results import ResultColumns
from hfkit.prediction.scorer import Advance, Scored
from hfkit.prediction.sources import open_source
from hfkit.prediction.stream import Prediction

RESULTS = ResultColumns(["no", "yes"], answer_threshold=0.6)


class LengthScorer:
    """Scores a text by its length and by the block that it is in, so that other blocks give other scores."""

    model: Any = None
    batch_size = 2

    def __init__(self) -> None:
        self.blocks: list[list[str]] = []

    def score(self, contents: Sequence[str], advance: Advance) -> Scored:
        self.blocks.append(list(contents))
        advance(len(contents))
        whole = sum(map(len, contents))
        return Scored(
            np.array([[len(text), whole / 7] for text in contents], dtype=np.float32).reshape(-1, 2), truncated=1
        )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    rows = [json.dumps({"text": "x" * (number % 5), "id": number}) for number in range(23)]
    rows[7] = "broken"
    rows[11] = '{"id": 11}'
    path.write_text("\n".join(rows))
    return path


def make(table: Path) -> Prediction:
    source, _ = open_source(str(table), InputKind.TABLE)
    return Prediction(source, LengthScorer(), lambda row: read_text(row, [0]), RESULTS, block=4)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class KilledError(Exception):
    """Stands for a kill."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: str, turn: int) -> None:
    """Let the n-th call of a step of the output never come back: half of it is done."""
    whole: Callable[..., Any] = getattr(Output, step)
    calls = iter(range(100))

    def half(output: Output, *given: Any) -> None:
        if next(calls) == turn:
            if step == "append":
                with output.part.open("ab") as file:
                    file.write(b"half a ro")
                with output.unreadable_part.open("ab") as file:
                    file.write(b"12,hal")
            raise KilledError
        whole(output, *given)

    monkeypatch.setattr(Output, step, half)


@pytest.mark.parametrize(
    ("step", "turn"), [*((step, turn) for step in ("append", "commit") for turn in (0, 1, 2, 3, 5)), ("finish", 0)]
)
def test_a_kill_at_any_moment_changes_nothing(
    step: str, turn: int, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = tmp_path / "whole" / "out.csv", tmp_path / "killed" / "out.csv"
    make(table).write(Output.begin(whole, "digest"))
    expected = files(whole.parent)
    assert set(expected) == {"out.csv", "out.unreadable.csv"}
    assert expected["out.unreadable.csv"] == (b'line,reason\n8,"not JSON (Expecting value, column 1)"\n12,no text\n')
    with monkeypatch.context() as context:
        kill_at(context, step, turn)
        with pytest.raises(KilledError):
            make(table).write(Output.resume(killed, "digest"))
    assert not killed.exists()
    make(table).write(Output.resume(killed, "digest"))
    assert files(killed.parent) == expected


def test_a_kill_between_the_two_renames(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output.begin(tmp_path / "out" / "out.csv", "digest")
    with monkeypatch.context() as context:
        context.setattr(Output, "finish", lambda self: self.unreadable_part.rename(self.unreadable))
        make(table).write(output)
    make(table).write(Output.resume(output.path, "digest"))
    assert set(files(output.path.parent)) == {"out.csv", "out.unreadable.csv"}


def test_the_users_columns_come_first_and_blocks_are_those_of_the_input(table: Path, tmp_path: Path) -> None:
    prediction = make(table)
    prediction.write(Output.begin(tmp_path / "out.csv", "digest"))
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "text,id,prediction,confidence,score_no,score_yes,answered"
    assert [int(line.split(",")[1]) for line in lines[1:]] == [number for number in range(23) if number not in (7, 11)]
    assert isinstance(prediction.scorer, LengthScorer)
    assert [len(block) for block in prediction.scorer.blocks] == [4, 3, 3, 4, 4, 3]


def test_what_is_predicted_does_not_stay_in_memory(tmp_path: Path) -> None:
    """However many blocks there are: the most that is held is that of a few."""

    def most(blocks: int) -> int:
        path = tmp_path / f"{blocks}.csv"
        path.write_text("text\n" + "".join(f"{row} {'x' * 400}\n" for row in range(blocks * 100)))
        source, _ = open_source(str(path), InputKind.TABLE)
        scorer = SimpleNamespace(batch_size=2, score=lambda contents, _: Scored(np.ones((len(contents), 2), "f4")))
        prediction = Prediction(source, scorer, lambda row: read_text(row, [0]), RESULTS, block=100)
        tracemalloc.start()
        prediction.write(Output.begin(path.with_suffix(".out.csv"), "digest"))
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    most(2)  # what is imported at the first time
    many, few = most(25), most(2)
    assert many < 1.5 * few, (many, few)


def test_another_input_is_refused(table: Path, tmp_path: Path) -> None:
    Output.begin(tmp_path / "out.csv", "digest")
    with pytest.raises(UserError, match="was begun with another model, input"):
        Output.resume(tmp_path / "out.csv", "other")


def test_one_process_writes_an_output(table: Path, tmp_path: Path) -> None:
    """Be it a new one or one that is gone on with; a lock that a kill left is free."""
    output = tmp_path / "new" / "out.csv"
    with lock_output(output):
        for overwrite, resume in ((False, False), (False, True), (True, False)):
            with pytest.raises(UserError, match=r"Another process writes .*out.csv now: wait until it ends"):
                check_output(output, "in.csv", overwrite, resume)
        with pytest.raises(UserError, match="Another process writes"), lock_output(output):
            pass
    assert list(output.parent.iterdir()) == []
    lock_file(output).touch()
    check_output(output, "in.csv", False, True)
    with lock_output(output):
        make(table).write(Output.begin(output, "digest"))
    assert set(files(output.parent)) == {"out.csv", "out.unreadable.csv"}


def predict_again(table: Path, output: Path, *flags: str) -> Result:
    result = CliRunner().invoke(app, ["predict", "user/model", str(table), "-o", str(output), *flags])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def predict_as(digest: str, table: Path, monkeypatch: pytest.MonkeyPatch, then: Callable[[], object] = list) -> None:
    """Let the command predict by a model of this checksum; something happens while that is loaded."""

    def prepare(request: run.Request) -> tuple[Prediction, Any, list[Any]]:
        then()
        return make(table), SimpleNamespace(checksum=lambda settings: digest), []

    monkeypatch.setattr(run, "prepare", prepare)


def test_a_finished_output_is_finished(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose it is is known by what it carries; the exit code is that of the command that finished it."""
    output = tmp_path / "out.csv"
    make(table).write(Output.begin(output, "digest"))
    before = files(tmp_path)
    predict_as("digest", table, monkeypatch)
    result = predict_again(table, output, "--resume")
    assert (result.exit_code, files(tmp_path)) == (1, before)
    assert "out.csv is finished, and was not changed: --overwrite predicts all rows again." in result.stdout
    assert "out.unreadable.csv" in result.stdout
    told = json.loads(predict_again(table, output, "--resume", "--json").stdout)
    assert (told["finished"], told["unreadable_output"]) == (True, str(tmp_path / "out.unreadable.csv"))
    (tmp_path / "out.unreadable.csv").unlink()
    assert predict_again(table, output, "--resume").exit_code == 0
    output.write_text("of,others\n")
    with pytest.raises(UserError, match="is there already"):
        check_output(output, "in.csv", False, True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files carry nothing")
def test_a_finished_output_of_another_model_or_input_is_refused(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    make(table).write(Output.begin(output, "digest"))
    if read_finished_digest(output) is None:
        pytest.skip("this disk lets files carry nothing")
    before = files(tmp_path)
    predict_as("digest", table, monkeypatch)
    assert json.loads(predict_again(table, output, "--resume", "--json").stdout)["checked"] is True
    predict_as("another", table, monkeypatch)
    with pytest.raises(UserError, match="is finished, and was predicted with another model, input, version of hfkit"):
        predict_again(table, output, "--resume")
    assert files(tmp_path) == before


def test_a_finished_output_of_several_labels_a_row_is_finished(table: Path, tmp_path: Path) -> None:
    """It has no column `confidence`."""
    prediction, output = make(table), tmp_path / "out.csv"
    prediction.results = ResultColumns(["no", "yes"], None, label_thresholds=[0.5, 0.5])
    prediction.write(Output.begin(output, "digest"))
    check_output(output, "in.csv", False, True)
    output.write_text("id,prediction\n")
    with pytest.raises(UserError, match="is there already"):
        check_output(output, "in.csv", False, True)


def test_json_has_no_word_for_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = {"text": ["a", "b"], "number": [float("nan"), float("inf")], "numbers": [[float("nan"), 1.0], []]}
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table(columns), path)
    prediction = make(path)
    shown.print_json(prediction, prediction.blocks())
    rows = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [(row["number"], row["numbers"]) for row in rows] == [(None, [None, 1.0]), ("inf", [])]


def test_an_output_of_somebody_else_is_said_to_be_unchecked(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    output.write_text("prediction,confidence\nyes,0.9\n")
    result = predict_again(table, output, "--resume")
    assert result.exit_code == 0
    assert "It was not checked that it is of this model and input" in result.stdout
    assert json.loads(predict_again(table, output, "--resume", "--json").stdout)["checked"] is False
    assert output.read_text() == "prediction,confidence\nyes,0.9\n"


def test_an_output_that_grew_since_it_was_finished_is_unchecked(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    make(table).write(Output.begin(output, "digest"))
    with output.open("a") as file:
        file.write("x,1,yes,0.9,0.1,0.9,True\n")
    assert read_finished_digest(output) is None


@pytest.mark.parametrize(("name", "flags"), [("out.csv", []), ("out.unreadable.csv", []), ("out.csv.part", [])])
def test_what_another_process_wrote_while_the_model_was_loaded_stays(
    name: str, flags: list[str], table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_as("digest", table, monkeypatch, lambda: (tmp_path / name).write_text("of another process"))
    with pytest.raises(UserError, match=r"is there already|is left of an earlier command"):
        predict_again(table, tmp_path / "out.csv", *flags)
    assert (tmp_path / name).read_text() == "of another process"
    predict_as("digest", table, monkeypatch)
    assert predict_again(table, tmp_path / "out.csv", "--overwrite").exit_code == 1
    assert (tmp_path / "out.csv").read_text().startswith("text,id,prediction")


def test_what_another_process_finished_while_the_model_was_loaded_is_not_gone_on_with(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    predict_as("digest", table, monkeypatch, lambda: make(table).write(Output.begin(output, "digest")))
    result = predict_again(table, output, "--resume")
    assert "is finished, and was not changed" in result.stdout


def test_a_lock_that_goes_while_it_is_taken_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends deletes it, perhaps between two looks at it."""
    path = tmp_path / "out.csv"

    def take(file: Any, exclusive: bool) -> bool:
        lock_file(path).unlink()
        return True

    monkeypatch.setattr(output_module, "try_lock", take)
    with pytest.raises(UserError, match="Another process writes"), lock_output(path):
        pass


def test_a_damaged_part_is_refused(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as context:
        kill_at(context, "finish", 0)
        with pytest.raises(KilledError):
            make(table).write(Output.begin(tmp_path / "out.csv", "digest"))
    part = tmp_path / "out.csv.part"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(UserError, match="bytes that were written: write --overwrite"):
        Output.resume(tmp_path / "out.csv", "digest")
    (tmp_path / "out.csv.progress.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read, so that nobody knows"):
        Output.resume(tmp_path / "out.csv", "digest")


@pytest.mark.parametrize(
    ("there", "flags", "message"),
    [
        (["out.csv"], "", "out.csv is there already: name another --output, or add --overwrite"),
        (["out.csv"], "--resume", "out.csv is there already"),
        (["out.unreadable.csv"], "", "out.unreadable.csv is there already"),
        (["out.csv.part"], "", "is left of an earlier command: add --resume"),
        ([], "--resume --overwrite", "give one of them"),
        ([], "", None),
        ([], "--resume", None),
        (["out.csv.part"], "--resume", None),
        (["out.csv.part", "out.csv"], "--resume", None),  # of a killed --overwrite
        (["out.csv", "out.unreadable.csv"], "--overwrite", None),
    ],
)
def test_what_is_there_is_not_overwritten_unasked(
    there: list[str], flags: str, message: str | None, tmp_path: Path
) -> None:
    for name in there:
        (tmp_path / name).touch()
    given = (tmp_path / "out.csv", "in.csv", "--overwrite" in flags, "--resume" in flags)
    if message is None:
        return check_output(*given)
    with pytest.raises(UserError) as error:
        check_output(*given)
    assert message in str(error.value)
    return None


@pytest.mark.parametrize(
    ("output", "given", "message"),
    [
        ("out.parquet", "in.csv", "predictions are written as CSV, so write out.csv"),
        ("in.csv", "in.csv", "is the input itself"),
        ("folder.csv", "in.csv", "is a folder"),
        ("out.csv", "Some words.", "--output is for tables, folders and lines, not for a text"),
        ("out.csv", "nothing.csv", "There is no file or folder nothing.csv"),
        ("out.csv", "./nothing", "There is no file or folder ./nothing"),
        ("out.csv", "cat.jpg", "There is no file or folder cat.jpg"),
    ],
)
def test_paths_that_cannot_be(
    output: str, given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.csv").touch()
    Path("folder.csv").mkdir()
    with pytest.raises(UserError) as error:
        check_prediction_early("user/model", given, Path(output), output == "in.csv", False, 64)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        *("Good.", "good", "...", "https://t.co/x", "/r/python is fine", "and/or it fails", "x" * 5000, "@some_one"),
        *("#stop_it", "I read a.csv and left.", "First line.\nsee a.csv"),
    ],
)
def test_texts_are_texts(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_input_kind(text) is InputKind.TEXT


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing.txt", "There is no file or folder missing.txt"),
        ("my reviws.csv", "There is no file or folder my reviws.csv"),
        ("data/photos", "There is no file or folder data/photos"),
        ("my data/no photos", "There is no file or folder my data/no photos"),
        ("photos_none", "There is no file or folder photos_none"),
        ("photoss", "did you mean photos?"),
        ("revews.xlsx", "There is no file or folder revews.xlsx"),
        ("new.csv.gz", "There is no file or folder new.csv.gz"),
        ("https://example.org/new.csv", "There is no file or folder https"),
        ("~/new/reviews", "There is no file or folder ~/new/reviews"),
        ("", "INPUT is empty"),
        (" ", "INPUT is empty"),
    ],
)
def test_a_wrong_path_is_no_text(given: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused in one line, which says how to predict it as a text all the same."""
    monkeypatch.chdir(tmp_path)
    for folder in ("my data", "photos"):
        Path(folder).mkdir()
    with pytest.raises(UserError) as error:
        find_input_kind(given, "runs/my run")
    assert message in str(error.value)
    assert str(error.value).endswith(f"echo {shlex.quote(given)} | hfkit predict 'runs/my run' -")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lines.log", "write cat lines.log | hfkit predict M -"),
        ("reviews.ods", "reviews.ods is a spreadsheet, which is not read: save it as CSV"),
        ("new.tar", "new.tar is packed in a way that is not read: unpack it"),
        ("new.pdf", "new.pdf is neither a table nor a photo"),
    ],
)
def test_files_of_other_kinds(name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).touch()
    with pytest.raises(UserError) as error:
        find_input_kind(name, "M")
    assert message in str(error.value)


@pytest.mark.parametrize("column", ["prediction", "confidence", "score_no", "answered"])
def test_a_column_of_the_user_is_not_overwritten(column: str) -> None:
    with pytest.raises(UserError, match=f"has a column {column}, which the prediction would overwrite"):
        RESULTS.check_free("in.csv", ["text", column])


def test_without_a_threshold_there_is_no_answered() -> None:
    results = ResultColumns.of_model(
        SimpleNamespace(config=SimpleNamespace(num_labels=2, id2label={0: "a", 1: "b"}, answer_threshold=None))  # type: ignore[arg-type]
    )
    results.check_free("in.csv", ["answered"])
    assert results.names == ["prediction", "confidence", "score_a", "score_b"]
