"""The page in a browser: typed, submitted, read; nothing of the data runs, and nothing is asked of other machines."""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from demo_page import serve
from demo_runs import HOSTILE_LABEL, HOSTILE_TEXT, PHOTO_RUN, TEXT_RUN, copy_run, write_hostile_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        any(find_spec(name) is None for name in ("gradio", "captum", "playwright")),
        reason="needs gradio, captum and playwright: pip install 'hfkit[test]'",
    ),
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium, google-chrome or chromium-browser on the PATH"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[str], Any]]:
    """Return a function that opens a page; at the end nothing was asked of other machines, and no foreign code ran."""
    context = browser.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))

    def open_it(url: str) -> Any:
        page = context.new_page()
        page.goto(url)
        page.locator("#answer").wait_for()
        return page

    yield open_it
    assert all(page.evaluate("window.hacked") is None for page in context.pages)
    assert {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    context.close()


def wait_for(locator: Any, text: str) -> None:
    from playwright.sync_api import expect

    expect(locator).to_have_value(text, timeout=30_000)  # a full machine answers late


def test_a_text_is_typed_and_its_score_read(open_page: Any) -> None:
    import hfkit

    with serve(TEXT_RUN) as url:
        page = open_page(url)
        page.locator("#text textarea").fill("garlic cures virus")
        page.locator("#classify").click()
        [answer] = hfkit.load_pipeline(str(TEXT_RUN), device="cpu")(["garlic cures virus"])
        wait_for(page.locator("#answer textarea"), f"{answer['label']}, with a confidence of {answer['score']:.4f}")
        assert page.locator("#scores meter").count() == 2
        assert f"{100 * answer['score']:.0f}%" in page.locator("#scores").inner_text()
        page.locator("#why").click()
        page.locator("#why_text").get_by_text("garlic").first.wait_for()
        assert f"log-odds of {answer['label']} are red" in page.locator("#why_message textarea").input_value()
        page.locator("#text textarea").fill("garlic cures virus.")  # another text, whatever its answer
        page.locator("#why_text").wait_for(state="hidden")
        page.locator("#text textarea").fill(" ")
        page.locator("#classify").click()
        wait_for(page.locator("#answer textarea"), "Type a text first.")
        with pytest.raises(HTTPError, match="400"):  # a page elsewhere whose name leads to this machine
            urlopen(Request(url, headers={"Host": "elsewhere.example"}), timeout=30)
        assert page.locator("#scores meter").count() == 0


def test_markup_in_data_and_labels_is_shown_and_not_run(open_page: Any, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "<i>other</i>"), (HOSTILE_TEXT, "<u>x</u>")])
    with serve(write_hostile_run(tmp_path / "<b>run")) as url:
        page = open_page(url)
        assert HOSTILE_LABEL in page.locator("body").inner_text()
        page.locator("#examples").get_by_text("<script>").first.click()
        wait_for(page.locator("#text textarea"), HOSTILE_TEXT)
        page.locator("#scores meter").first.wait_for()
        assert HOSTILE_LABEL in page.locator("#scores").inner_text()
        page.locator("#why").click()
        page.locator("#why_text").get_by_text("script").first.wait_for()
        page.get_by_role("tab", name="A table").click()
        page.locator("#table input[type=file]").set_input_files(str(table))
        page.locator("#predict").click()
        page.locator("#rows").get_by_text("<u>x</u>").filter(visible=True).first.wait_for()
        shown = page.locator("#rows").inner_text()
        assert "<i>other</i>" in shown
        assert HOSTILE_TEXT[:60] in " ".join(shown.split())
        with page.expect_download() as download:
            page.locator("#output a").first.click()
        with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
            assert [row["text"] for row in csv.DictReader(file)] == [HOSTILE_TEXT]


def test_photos_are_dropped_and_an_unsure_model_says_so(open_page: Any, tmp_path: Path) -> None:
    run = copy_run(PHOTO_RUN, tmp_path / "run", answer_threshold=0.99)
    proof = json.loads((PHOTO_RUN / "proof" / "rows.json").read_text())
    broken = tmp_path / "broken.png"
    broken.write_text("no photo")
    with serve(run) as url:
        page = open_page(url)
        page.locator("#photo input[type=file]").set_input_files(str(PHOTO_RUN / "proof" / proof["inputs"][0]))
        confidence = max(proof["scores"][0])
        expected = f"not sure: a confidence of {confidence:.4f}, and the model is silent below 0.9900"
        wait_for(page.locator("#answer textarea"), expected)
        assert page.locator("#scores meter").count() == 2
        page.locator("#why").click()
        page.locator("#why_photo img").wait_for()
        assert page.get_by_label("Share").count() == 0
        page.locator("#photo").get_by_label("Remove Image").or_(page.locator("#photo").get_by_label("Clear")).click()
        wait_for(page.locator("#answer textarea"), "")
        page.locator("#photo input[type=file]").set_input_files(str(broken))
        wait_for(page.locator("#answer textarea"), "This cannot be read as a photo.")
        page.locator("#examples button:has(img), #examples td:has(img)").last.click()
        page.wait_for_function("document.querySelector('#answer textarea').value.startsWith('not sure')")
