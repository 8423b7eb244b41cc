"""The part of the page that tells why: a button, and the words or patches that speak for the label."""

from threading import Lock
from typing import Any

import gradio as gr

from ..errors import FORWARD_ERRORS, first_sentence, is_memory_full
from ..prediction.predictor import Predictor
from .explanation import Explanation


def lay_out_explanation(predictor: Predictor, content: Any, answer: Any, lock: Lock) -> None:
    """Add a button that explains the answer, and what it shows; nothing where the model is an exported one.

    Of such a model neither gradients nor inner layers are there.

    Args:
        predictor: The model.
        content: The component that holds the text or the photo.
        answer: The component of the answer: a new one, or another text or photo, hides what explained the one before.
        lock: Of the model, which nobody else uses meanwhile: captum puts hooks on it.

    """
    pipeline = getattr(predictor, "pipeline", None)
    if pipeline is None:
        return
    what = "words" if predictor.reads_texts else "patches"
    button = gr.Button(f"Why? Show which {what} speak for the label", elem_id="why")
    message = gr.Textbox(label="Why", visible=False, interactive=False, elem_id="why_message")
    if predictor.reads_texts:
        shown: Any = gr.HighlightedText(
            label="The text, cleaned as in training", visible=False, interactive=False, elem_id="why_text"
        )
    else:
        shown = gr.Image(
            label="The photo as the model reads it, in grey",
            visible=False,
            interactive=False,
            height=320,
            buttons=["fullscreen", "download"],  # and none that shares it
            elem_id="why_photo",
        )

    def show(given: str | None) -> tuple[Any, Any]:
        """Explain the label of the text or photo, if there is one."""
        if not (given or "").strip():
            return gr.update(value="There is nothing to explain yet.", visible=True), gr.update(visible=False)
        with lock:
            explanation = explain(pipeline, predictor.reads_texts, str(given))
        value = explanation.pieces or explanation.image
        return gr.update(value=explanation.message, visible=True), gr.update(value=value, visible=bool(value))

    button.click(show, content, [message, shown], api_visibility="private")
    # An answer that reads as the one before does not change.
    gr.on(
        [answer.change, content.change],
        lambda: (gr.update(visible=False),) * 2,
        None,
        [message, shown],
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )


def explain(pipeline: Any, reads_texts: bool, given: str) -> Explanation:
    """Explain the label of a text or of the file of a photo; captum, which is slow to import, comes with the first one."""
    try:
        if reads_texts:
            from .explain_text import explain_text

            return explain_text(pipeline, given)
        from .explain_photo import explain_photo

        return explain_photo(pipeline, given)
    except (*FORWARD_ERRORS, NotImplementedError) as error:
        if is_memory_full(error):
            return Explanation("There is not enough memory to explain this.")
        return Explanation(f"This model cannot be explained ({first_sentence(error)}).")
