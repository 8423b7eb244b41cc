"""The page: a tab for one text or photo and one for many, laid out by Gradio.

Whatever comes from data or labels stands in components that show it as text; in Markdown it is escaped.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import gradio as gr

from ..flags.paths import DATA_SUFFIXES, IMAGE_SUFFIXES
from ..models.cleaning import split_pair
from ..prediction.predictor import Predictor
from ..prediction.results import ResultColumns
from ..visible import visible
from .answer import Answer, answer_photo, answer_text
from .explanation_page import lay_out_explanation
from .table import PredictedTable, predict_table

SHOWN_SCORES = 10
"""Bars of a model that gives one label; one of more labels shows those of the highest scores."""
_SHOWN_LABELS = 20
_PHOTO_HEIGHT = 320
"""Pixels on the page."""
_MODEL_LOCK = Lock()
"""All events of a page share the model, which works for one of them at a time; while a label is explained, hooks change it."""


def build_page(predictor: Predictor, name: str, examples: Sequence[str], folder: Path) -> gr.Blocks:
    """Lay the page out.

    Args:
        predictor: The model.
        name: What the page calls it.
        examples: Texts, or files of photos.
        folder: Where outputs are written.

    """
    with gr.Blocks(title=f"hfkit demo: {name}", analytics_enabled=False, fill_width=False) as page:
        gr.Markdown(_describe(predictor, name))
        with gr.Tab("One text" if predictor.reads_texts else "One photo"):
            (_lay_out_text if predictor.reads_texts else _lay_out_photo)(predictor, examples)
        with gr.Tab("A table" if predictor.reads_texts else "Many photos"):
            _lay_out_table(predictor, folder)
    return page


def escape(text: str) -> str:
    """Return a text for Markdown that shows as it is: whatever could be markup is written as an HTML entity."""
    return "".join(
        sign if sign.isalnum() or sign == " " else f"&#{ord(sign)};" for sign in visible(" ".join(text.split()))
    )


def _describe(predictor: Predictor, name: str) -> str:
    """Return the head of the page."""
    results = predictor.results
    shown = ", ".join(map(escape, results.label_names[:_SHOWN_LABELS]))
    more = len(results.label_names) - _SHOWN_LABELS
    kind = "texts" if predictor.reads_texts else "photos"
    shown += f" and {more:,} more" if more > 0 else ""
    if results.label_thresholds is not None:
        return f"## {escape(name)}\n\nGives {kind} any number of these labels: {shown}. {_describe_thresholds(results)}"
    text = f"## {escape(name)}\n\nClassifies {kind} as: {shown}."
    if results.answer_threshold is not None:
        text += f" It does not answer below a confidence of {results.answer_threshold:.4f}."
    return text


def _describe_thresholds(results: ResultColumns) -> str:
    """Say from which score on each label is given."""
    thresholds = [f"{threshold:.4g}" for threshold in results.label_thresholds or ()]
    if len(set(thresholds)) == 1:
        return f"A label is given from a score of {thresholds[0]} on."
    pairs = list(zip(results.label_names, thresholds, strict=True))
    listed = ", ".join(f"{escape(name)} {threshold}" for name, threshold in pairs[:_SHOWN_LABELS])
    more = f" and {len(pairs) - _SHOWN_LABELS:,} more" if len(pairs) > _SHOWN_LABELS else ""
    return f"A label is given from this score on: {listed}{more}."


def _show_answer(answer: Answer) -> tuple[str, dict[str, float] | None]:
    """Return what the components of an answer hold."""
    return "\n".join(filter(None, [answer.headline, answer.note])), answer.scores or None


def _lay_out_answer(predictor: Predictor) -> list[Any]:
    """Add the components of an answer, and return them."""
    labels = len(predictor.results.label_names)
    # Of one label a row the first ones tell enough; of any number of them each bar is an answer.
    bars = SHOWN_SCORES if predictor.results.label_thresholds is None else labels
    return [
        gr.Textbox(label="Answer", lines=2, interactive=False, elem_id="answer"),
        gr.Label(
            label="Scores" if labels <= bars else f"The {bars} highest scores",
            num_top_classes=bars,
            show_heading=False,
            elem_id="scores",
        ),
    ]


def _lay_out_text(predictor: Predictor, examples: Sequence[str]) -> None:
    """Add the tab of one text."""

    def classify(*texts: str) -> tuple[str, dict[str, float] | None]:
        """Answer for the text, or the two of a pair, if there is one."""
        if not any(text.strip() for text in texts):
            return "Type a text first.", None
        with _MODEL_LOCK:
            return _show_answer(answer_text(predictor, *texts))

    with gr.Row():
        with gr.Column():
            text = gr.Textbox(label="Text", lines=4, placeholder="Type or paste a text", elem_id="text")
            texts = [text]
            if predictor.reads_pairs:
                texts.append(gr.Textbox(label="Second text", lines=4, elem_id="text_pair"))
            button = gr.Button("Classify", variant="primary", elem_id="classify")
        with gr.Column():
            answer = _lay_out_answer(predictor)
    gr.on([button.click, *(box.submit for box in texts)], classify, texts, answer, api_visibility="private")
    if not predictor.reads_pairs:  # the words of one text are what is explained
        lay_out_explanation(predictor, text, answer[0], _MODEL_LOCK)
    if examples:
        gr.Examples(
            [list(split_pair(example))[: len(texts)] for example in examples],
            texts,
            answer,
            classify,
            label="Examples: held-out rows of the run",
            run_on_click=True,
            cache_examples=False,
            elem_id="examples",
            api_visibility="private",
        )


def _lay_out_photo(predictor: Predictor, examples: Sequence[str]) -> None:
    """Add the tab of one photo; a new photo is classified at once."""

    def classify(file: str | None) -> tuple[str, dict[str, float] | None]:
        """Answer for the photo, if there is one."""
        if file is None:
            return "", None
        with _MODEL_LOCK:
            return _show_answer(answer_photo(predictor, file))

    with gr.Row():
        with gr.Column():
            # As a file and in its own mode, so that the model reads the very bytes that `hfkit predict` would.
            photo = gr.Image(
                label="Photo",
                type="filepath",
                image_mode=None,
                sources=["upload", "clipboard"],
                height=_PHOTO_HEIGHT,
                buttons=["fullscreen"],
                elem_id="photo",
            )
        with gr.Column():
            answer = _lay_out_answer(predictor)
    options: dict[str, Any] = {"api_visibility": "private"}
    # Gradio opens a photo before `classify` sees it: an answer for the one before must not stay beside one that fails there.
    cleared = photo.change(lambda: ("", None), None, answer, **options)
    classified = cleared.then(classify, photo, answer, **options)
    classified.failure(lambda: ("This cannot be read as a photo.", None), None, answer, **options)
    lay_out_explanation(predictor, photo, answer[0], _MODEL_LOCK)
    if examples:
        gr.Examples(
            [[example] for example in examples],
            photo,
            label="Examples: held-out rows of the run",
            cache_examples=False,
            elem_id="examples",
            api_visibility="private",
        )


def _lay_out_table(predictor: Predictor, folder: Path) -> None:
    """Add the tab of many rows."""
    texts = predictor.reads_texts
    label = "A CSV, TSV, JSONL or parquet file with a column of texts" if texts else "Photos"
    types = list(DATA_SUFFIXES if texts else IMAGE_SUFFIXES)

    def predict(files: str | list[str] | None, text_column: str | None) -> tuple[Any, ...]:
        """Predict all rows, and show the first ones and the files."""
        if not files:
            return "Upload a file first.", gr.update(visible=False), gr.update(visible=False)
        given = [files] if isinstance(files, str) else files
        with _MODEL_LOCK:
            return _show_table(predict_table(predictor, given, text_column or "", folder))

    uploaded = gr.File(
        label=label, file_types=types, file_count="single" if texts else "multiple", elem_id="table", height=140
    )
    column = gr.Textbox(
        label="Text column (--text_column), or two with a comma in between",
        placeholder="As in the run, or found by its name",
        visible=texts,
        elem_id="text_column",
    )
    button = gr.Button(f"Predict all {'rows' if texts else 'photos'}", variant="primary", elem_id="predict")
    message = gr.Textbox(label="Result", lines=2, interactive=False, elem_id="message")
    output = gr.File(label="Download", visible=False, file_count="multiple", interactive=False, elem_id="output")
    rows = gr.Dataframe(
        label="The first rows, without the scores", visible=False, interactive=False, wrap=True, elem_id="rows"
    )
    button.click(
        predict,
        [uploaded, column],
        [message, output, rows],
        api_visibility="private",
    )


def _show_table(table: PredictedTable) -> tuple[Any, ...]:
    """Return what the components of a predicted table hold."""
    shown = {"headers": table.columns, "data": table.rows, "metadata": None} if table.columns else None
    return (
        table.message,
        gr.update(value=table.files or None, visible=bool(table.files)),
        gr.update(value=shown, visible=bool(table.rows)),
    )
