"""`hfkit demo`: what the page computes is what `hfkit predict` gives, and what is refused before there is a page."""

import csv
import json
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from demo_runs import PHOTO_RUN, TEXT_RUN, copy_run
from processes import run_command
from typer.testing import CliRunner

from hfkit.commands.main import app
from hfkit.demo import launch
from hfkit.demo.answer import NONE_CHOSEN, NOT_SURE, answer_photo, answer_text
from hfkit.demo.examples import MOST, find_examples
from hfkit.demo.table import predict_table
from hfkit.errors import UserError
from hfkit.flags import demo
from hfkit.prediction.opening import open_predictor

PHOTOS = sorted((PHOTO_RUN.parent / "photos" / "train").rglob("*.png"))


def predict(*argv: object) -> Any:
    """Return what `hfkit predict --json` prints."""
    return json.loads(CliRunner().invoke(app, ["predict", *map(str, argv), "--json"]).stdout)


@pytest.mark.parametrize(
    ("run", "given"), [(TEXT_RUN, "garlic cures 👍"), (TEXT_RUN, "virus " * 900), (PHOTO_RUN, str(PHOTOS[0]))]
)
def test_the_page_answers_as_predict_does(run: Path, given: str) -> None:
    predictor = open_predictor(str(run))
    answer = (answer_text if run == TEXT_RUN else answer_photo)(predictor, given)
    expected = predict(run, given)
    assert answer.scores == {name: expected[f"score_{name}"] for name in predictor.results.label_names}
    assert answer.headline == f"{expected['prediction']}, with a confidence of {expected['confidence']:.4f}"
    assert answer.note == ("The text was cut at the model's max_length." if len(given) > 1000 else "")


@pytest.mark.parametrize("threshold", [0.0, 0.7, 0.99999])
def test_it_is_not_sure_below_the_threshold(threshold: float, tmp_path: Path) -> None:
    run = copy_run(TEXT_RUN, tmp_path / "run", answer_threshold=threshold)
    answer = answer_text(open_predictor(str(run)), "garlic")
    assert predict(run, "garlic")["answered"] == (threshold == 0)
    assert answer.headline.startswith(NOT_SURE) == (threshold > 0)
    assert len(answer.scores) == 2
    if threshold:
        assert str(threshold) in answer.headline


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no photo")
    answer = answer_photo(open_predictor(str(PHOTO_RUN)), str(tmp_path / "a.png"))
    assert answer.headline.startswith("This cannot be read: ")
    assert answer.scores == {}


def test_examples_are_rows_of_the_run(tmp_path: Path) -> None:
    with (TEXT_RUN / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["text"]: row["label"] for row in csv.DictReader(file)}
    examples = find_examples(str(TEXT_RUN), True)
    assert 0 < len(examples) <= MOST
    assert {rows[example] for example in examples[:2]} == {"fake", "real"}
    photos = find_examples(str(PHOTO_RUN), False)
    assert photos
    assert all(Path(photo).parent == PHOTO_RUN / "proof" for photo in photos)
    assert find_examples("user/name", True) == find_examples(str(tmp_path), False) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("predictions.csv", b"\xff\xfe"),
        ("predictions.csv", b"row,label\n1,a\n"),
        ("predictions.csv", b""),
        ("proof/rows.json", b"[]"),
        ("proof/rows.json", b'{"inputs": ["../secret.png", 3]}'),
        ("proof/rows.json", b'{"inputs": ["../secret.png"]}'),
    ],
)
def test_damaged_folders_have_no_examples(name: str, content: bytes, tmp_path: Path) -> None:
    shutil.copy(PHOTOS[0], tmp_path / "secret.png")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(content)
    assert find_examples(str(tmp_path), name.endswith(".csv")) == []


def test_a_table_is_the_one_of_predict(tmp_path: Path) -> None:
    table = tmp_path / "in.jsonl"
    table.write_text('{"tweet": "garlic"}\nbroken\n' + '{"tweet": "a <b> \\n %s"}\n' % ("long " * 90) * 30)
    predicted = predict_table(open_predictor(str(TEXT_RUN)), [str(table)], "", tmp_path)
    CliRunner().invoke(app, ["predict", str(TEXT_RUN), str(table), "-o", str(tmp_path / "out.csv")])
    assert [Path(file).read_bytes() for file in predicted.files] == [
        (tmp_path / name).read_bytes() for name in ("out.csv", "out.unreadable.csv")
    ]
    assert predicted.message == (
        "31 of 32 rows are predicted. Below are the first 20; the file has all. 30 texts were cut at the model's max_length. "
        "1 rows cannot be read: in.predictions.unreadable.csv lists them. Text column: tweet (found by its name)."
    )
    assert len(predicted.rows) == 20
    assert predicted.columns == ["prediction", "confidence", "tweet"]
    assert predicted.rows[0][2] == "garlic"
    assert max(len(cell) for row in predicted.rows for cell in row) == 100


def test_a_table_that_cannot_be_predicted_is_told_by_its_name(tmp_path: Path) -> None:
    predictor = open_predictor(str(TEXT_RUN))
    (tmp_path / "in.csv").write_text("head,rest\na,b\n")
    predicted = predict_table(predictor, [str(tmp_path / "in.csv")], "", tmp_path)
    assert predicted.message.startswith("in.csv has no column named text or tweet or sentence, only: head, rest;")
    assert predicted.files == predicted.rows == []
    predicted = predict_table(predictor, [str(tmp_path / "in.csv")], "head, rest", tmp_path)
    assert predicted.message == "1 of 1 rows are predicted."


def test_photos_of_one_name_are_all_predicted(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no photo")
    photos = [next(path for path in PHOTOS if label in path.parts) for label in ("cat", "dog")]
    assert photos[0].name == photos[1].name
    given = [*map(str, photos), str(tmp_path / "bad.png")]
    predicted = predict_table(open_predictor(str(PHOTO_RUN)), given, "", tmp_path)
    assert predicted.message.startswith("2 of 3 rows are predicted. 1 rows cannot be read")
    assert sorted(row[-1] for row in predicted.rows) == ["0-2.png", "0.png"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("demo ./nothing", "There is no model ./nothing"),
        ("demo user/name --port 70000", "--port 70000: write a number from 1 to 65535"),
        ("demo user/name --host=", "--host is empty: write an address such as 127.0.0.1"),
        (
            "demo user/name --host 203.0.113.7",
            "The page cannot listen on 203.0.113.7 (Cannot assign requested address)",
        ),
    ],
)
def test_refusals_are_light(line: str, message: str) -> None:
    pytest.importorskip("gradio")
    pytest.importorskip("captum")
    code, said, imported = run_command(*line.split())
    assert (code, imported) == (2, "[]")
    assert message in said
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_refused() -> None:
    pytest.importorskip("gradio")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"cannot listen on 127.0.0.1, port {port} \(.*\): name another --host or"):
            demo.check_demo_early("user/name", "127.0.0.1", port)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'needs gradio and captum: run pip install "hfkit\[demo-page\]"\.$'):
        demo.check_demo_early("user/name", "127.0.0.1", None)


@pytest.mark.parametrize(
    ("host", "is_alone"),
    [("127.0.0.1", True), ("LOCALHOST", True), ("::1", True), ("127.0.0.2", True), ("0.0.0.0", False)],
)
def test_a_page_of_this_machine_answers_at_its_names_alone(host: str, is_alone: bool) -> None:
    assert ("*" not in launch.names_of(host)) == is_alone


def test_it_listens_on_this_machine_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gradio")
    hosts: list[str] = []
    monkeypatch.setattr("hfkit.demo.launch.launch_page", lambda _, host, *__: hosts.append(host))
    for host in ([], ["--host", "localhost"], ["--host", "0.0.0.0"]):
        result = CliRunner().invoke(app, ["demo", "user/name", *host])
        assert result.exit_code == 0
        assert ("Warning: on 0.0.0.0 everybody who reaches this machine can open the page" in result.stderr) == (
            "0.0.0.0" in host
        )
        assert result.stderr.count("Warning") <= 1
    assert hosts == ["127.0.0.1", "localhost", "0.0.0.0"]


def test_nothing_is_markup_in_the_head_of_the_page() -> None:
    pytest.importorskip("gradio")
    from hfkit.demo.page import escape

    assert escape("*a* <b>\n`c` é") == "&#42;a&#42; &#60;b&#62; &#96;c&#96; é"


MULTI_LABEL = {"problem_type": "multi_label_classification"}


@pytest.mark.parametrize(
    ("thresholds", "headline"),
    [((0.001, 0.001), "fake, real"), ((0.999, 0.999), NONE_CHOSEN), ((0.001, 0.999), "fake")],
)
@pytest.mark.parametrize("run", [TEXT_RUN, PHOTO_RUN], ids=["text", "photo"])
def test_any_number_of_labels_a_row(run: Path, thresholds: tuple[float, ...], headline: str, tmp_path: Path) -> None:
    names = {TEXT_RUN: ["fake", "real"], PHOTO_RUN: ["cat", "dog"]}[run]
    folder = copy_run(run, tmp_path / "run", **MULTI_LABEL, label_thresholds=list(thresholds))
    given = "garlic" if run == TEXT_RUN else str(PHOTOS[0])
    predictor = open_predictor(str(folder))
    answer = (answer_text if run == TEXT_RUN else answer_photo)(predictor, given)
    expected = predict(folder, given)
    assert answer.scores == {name: expected[f"score_{name}"] for name in names}
    assert answer.headline == headline.replace("fake", names[0]).replace("real", names[1])


def test_the_page_has_a_bar_for_each_label(tmp_path: Path) -> None:
    """And its head says from which score on a label is given."""
    pytest.importorskip("gradio")
    from hfkit.demo.page import SHOWN_SCORES, _describe, build_page
    from hfkit.prediction.results import ResultColumns

    many = [f"<l{number}>" for number in range(2 * SHOWN_SCORES)]
    for thresholds, bars in ((None, SHOWN_SCORES), ([0.3] * len(many), len(many))):
        predictor: Any = open_predictor(str(TEXT_RUN))
        predictor.results = ResultColumns(many, None, label_thresholds=thresholds)
        page = build_page(predictor, "a run", [], tmp_path)
        [scores] = [block for block in page.blocks.values() if getattr(block, "elem_id", None) == "scores"]
        assert scores.num_top_classes == bars
    assert "A label is given from a score of 0.3 on." in _describe(predictor, "a run")
    predictor.results = ResultColumns(["<a>", "b"], None, label_thresholds=[0.2, 0.75])
    assert "from this score on: &#60;a&#62; 0.2, b 0.75." in _describe(predictor, "a run")
