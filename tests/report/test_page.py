"""The page of a run: whole in one file, nothing of the data is run, readable with many rows."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from conftest import LazyRuns

from hfkit.report.html import PAGE_FILE, write_page
from hfkit.report.page_contents import MOST_CHARACTERS, MOST_ERRORS, MOST_ISSUES, MOST_KINDS
from hfkit.training.summary import describe_use

HOSTILE = (
    "<script>document.title = 'run'</script>",
    "<img src=x onerror=\"document.title = 'run'\">",
    "{{ 7 * 7 }}{% include 'page.html' %}",
)
OURS = set(
    "html head meta title style body header h1 h2 h3 p nav a main div table thead tbody tr th td img pre details summary".split()
)


class Page(HTMLParser):
    """What a page shows, its elements, and what it would load or open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.elements = "", set[str]()
        self.sources: list[str] = []
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.sources += [
            value or "" for name, value in attributes if name in ("src", "href", "data", "srcset", "action")
        ]
        self.ids += [value or "" for name, value in attributes if name == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


def write_report(folder: Path, errors: pd.DataFrame, names: list[str]) -> Path:
    """Write an evaluation whose tables hold these errors, and its page."""
    (folder / "report").mkdir(parents=True)
    metrics = {"precision": 0.5, "recall": 0.5, "f1-score": 0.5, "support": 10}
    report = {"split": "test", "accuracy": 0.5, **dict.fromkeys(names, metrics)}
    (folder / "report" / "classification_report.json").write_text(json.dumps(report))
    errors.to_csv(folder / "report" / "errors.csv", index=False)
    issues = errors[["row", "label", "text"]].assign(suggested=names[0], score=0.1, reason="unlikely label", group="")
    issues.to_csv(folder / "report" / "label_issues.csv", index=False)
    results = {"test_accuracy": 0.5, "test_accuracy_low": 0.4, "test_accuracy_high": 0.6, "test_macro_f1": 0.5}
    summary = {"kind": f"A model of {HOSTILE[0]}.", "rows": {"test": len(errors)}}
    write_page(folder, results, summary, [f"Text column: {HOSTILE[1]}."], [f"hfkit predict '{HOSTILE[2]}' new.csv"])
    return folder / PAGE_FILE


def make_errors(texts: list[str], names: list[str]) -> pd.DataFrame:
    """Return an error of each text, taken for the next class."""
    labels = [names[number % len(names)] for number in range(len(texts))]
    wrong = [names[(number + 1) % len(names)] for number in range(len(texts))]
    rows = range(1, len(texts) + 1)
    return pd.DataFrame({"row": rows, "text": texts, "label": labels, "prediction": wrong, "confidence": 0.9})


def test_the_page_of_a_run_is_whole(finished_runs: LazyRuns) -> None:
    """It says what the run found, did and promises, and loads nothing from anywhere."""
    run = finished_runs["bigru"]
    page = Page((run.folder / PAGE_FILE).read_text())
    assert page.elements <= OURS
    assert all(source.startswith(("#", "data:image/png;base64,")) for source in page.sources)
    links = [source[1:] for source in page.sources if source.startswith("#")]
    assert links
    assert set(links) <= set(page.ids)
    assert (
        len([source for source in page.sources if source.startswith("data:")]) == 4
    )  # confusion, curves, and of scores two
    summary = run.json("summary.json")
    for text in (
        f"{run.results['test_accuracy']:.4f} ({run.results['test_accuracy_low']:.4f} to",
        "the majority class",
        "word pieces",
        *summary["lines"],
        *summary["data_lines"],
        *(row["text"][:40] for row in run.rows("report/errors.csv")[:1]),
        f"hfkit predict {run.folder} new.csv",
        "ngrams:",
    ):
        assert " ".join(text.split()) in " ".join(page.text.split()), text


def test_a_run_of_data_in_memory_says_how_to_train_again(tmp_path: Path) -> None:
    """No file holds them, so that the line is one of Python."""
    line = describe_use(tmp_path / "a run", "text", "reviews.csv")[-1]
    assert line == f"hfkit train text --config '{tmp_path}/a run/hfkit.yaml' --name 'a run-again'"
    *_, comment, imported, line = describe_use(tmp_path / "a run", "text", "memory:0123456789ab")
    assert "in memory" in comment
    assert not any("hfkit train" in each for each in (comment, imported, line))
    given = {}
    hfkit = SimpleNamespace(train_text_classifier=lambda data, **flags: given.update(flags, data=data))
    exec(line, {"hfkit": hfkit, "data": "rows"})
    assert given == {"data": "rows", "config": f"{tmp_path}/a run/hfkit.yaml", "name": "a run-again"}


@pytest.mark.slow
def test_the_page_of_photos_shows_them(finished_image_runs: LazyRuns) -> None:
    run = finished_image_runs["timm"]
    page = Page((run.folder / PAGE_FILE).read_text())
    names = {file.name for file in (run.folder / "report").glob("*.png")}
    assert {"samples.png", "errors.png", "reliability.png", "coverage.png"} <= names
    assert len([source for source in page.sources if source.startswith("data:")]) == len(names)


def test_nothing_of_the_data_is_run(tmp_path: Path) -> None:
    """Texts, class names and what a run says stand there as they are."""
    names = ["<b>bold</b>", "a&amp;b"]
    page = Page(write_report(tmp_path, make_errors(list(HOSTILE), names), names).read_text())
    assert page.elements <= OURS
    assert all(source.startswith("#") for source in page.sources)
    for text in (*HOSTILE, *names):
        assert text in page.text


def test_a_browser_runs_nothing(tmp_path: Path) -> None:
    """Chromium, which would run a script, shows the page's own title afterwards."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("needs chromium on the path")
    file = write_report(tmp_path / "mine", make_errors(list(HOSTILE), ["a", "b"]), ["a", "b"])
    argv = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'browser'}",
        "--dump-dom",
    ]
    shown = subprocess.run([*argv, file.as_uri()], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "<title>mine</title>" in shown
    assert "&lt;script&gt;document.title" in shown


def test_many_rows_and_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(20)]
    texts = [f"text {number} " + "x" * 2000 for number in range(20_000)]
    file = write_report(tmp_path, make_errors(texts, names), names)
    page = Page(file.read_text())
    assert "20,000 of 20,000 rows are wrong" in page.text
    assert f"the {MOST_KINDS} most frequent of 20 kinds" in page.text
    assert page.text.count("x" * (MOST_CHARACTERS - 20)) == MOST_KINDS * MOST_ERRORS + MOST_ISSUES
    assert "characters)" in page.text
    assert file.stat().st_size < 300_000


def test_texts_and_labels_stay_as_they_are(tmp_path: Path) -> None:
    """Also those that look like numbers, and one with a carriage return, which is no new row."""
    names = ["01", "1"]
    page = Page(write_report(tmp_path, make_errors(["0012", "a\rb,c", "NA"], names), names).read_text())
    assert "3 of 3 rows are wrong" in page.text
    assert "01, taken for 1: 2 rows" in page.text
    assert "1, taken for 01: 1 rows" in page.text
    for text in ("0012", "b,c", "NA", "0.9000"):
        assert text in page.text


def test_without_labels_it_shows_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    write_page(tmp_path, {}, {"kind": "A classifier."}, ["12 rows."], [])
    page = Page((tmp_path / PAGE_FILE).read_text())
    assert "No labelled rows were held out" in page.text
    assert set(page.ids) == {"result", "done", "again"}
    assert {f"#{id}" for id in page.ids} == set(page.sources)
