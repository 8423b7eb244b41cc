"""Why a label: values sum to what they explain, point at what decides, and never stop the page."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
import torch
from conftest import write_photo
from demo_runs import PHOTO_RUN, TEXT_RUN, copy_run
from tiny import QUICK_NAMES, TEXT_NAMES

import hfkit
from hfkit.models.base import BackboneClassifier

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("captum") is None, reason="needs captum: pip install 'hfkit[demo-page]'"
)
TEXT = "garlic cures the virus, <b>hospital</b>"


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return hfkit.load_pipeline(str(TEXT_RUN), device="cpu")


def sharpen(model: BackboneClassifier) -> BackboneClassifier:
    """Let a random model tell its inputs apart."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(parameter.shape[-1] ** -0.5 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("name", sorted(QUICK_NAMES & set(TEXT_NAMES)))
def test_values_of_tokens_sum_to_what_the_text_changes(
    name: str, make_model: Callable[[str], BackboneClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen layers do not matter; the special tokens at both ends have no share."""
    from hfkit.demo import explain_text
    from hfkit.demo.explanation import log_odds

    monkeypatch.setattr(explain_text, "STEPS", 200)
    model = sharpen(make_model(name)).requires_grad_(False).eval()
    ids = [2, 40, 41, 55, 3]
    encoded = {"input_ids": ids, "attention_mask": [1] * 5, "special_tokens_mask": [1, 0, 0, 0, 1]}
    label, values = explain_text.attribute_tokens(model, encoded, 0)
    number = model.config.label2id[label]
    with torch.no_grad():
        whole, empty = (
            log_odds(model, model(torch.tensor([row]), torch.ones(1, 5)).logits, number).item()
            for row in (ids, [2, 0, 0, 0, 3])
        )
    assert sum(values) == pytest.approx(whole - empty, abs=0.02 * max(1, max(map(abs, values))))
    assert values[0] == values[-1] == 0
    assert any(abs(value) > 1e-6 for value in values)


def test_the_text_stays_whole_and_its_words_are_named(pipeline: Any) -> None:
    from hfkit.demo.explain_text import explain_text

    for text in (TEXT, "virus " * 400, "", "👍"):
        explanation = explain_text(pipeline, text)
        label = pipeline(text)[0]["label"]
        assert f"log-odds of {label}" in explanation.message
        values = [value for _, value in explanation.pieces if value is not None]
        assert all(-1 <= value <= 1 for value in values)
        if text == TEXT:
            assert "".join(piece for piece, _ in explanation.pieces) == TEXT
            assert max(map(abs, values)) == 1
            assert "garlic" in [piece for piece, value in explanation.pieces if value is not None]


def test_it_says_that_ngrams_are_left_out(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from hfkit.demo.explain_text import explain_text

    class Nothing(torch.nn.Module):
        """Scores of n-grams that are 0."""

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(ids), 1)

    before = explain_text(pipeline, TEXT)
    monkeypatch.setattr(pipeline.model, "ngrams", Nothing())
    left_out = "What the n-grams add to the logits is left out: it does not come from the embeddings."
    assert explain_text(pipeline, TEXT).message == f"{before.message}\n{left_out}"


def test_a_model_without_a_table_of_embeddings_is_told(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gradio")
    from hfkit.demo.explanation_page import explain

    class Hashes(torch.nn.Module):
        """Embeddings that are made otherwise."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return ids[..., None].expand(*ids.shape, table.embedding_dim) / 100

    table = pipeline.model.backbone.get_input_embeddings()
    monkeypatch.setitem(pipeline.model.backbone.embeddings._modules, "word_embeddings", Hashes())
    explanation = explain(pipeline, reads_texts=True, given=TEXT)
    assert explanation.message == "This model cannot be explained (it has no table of word embeddings)."
    assert explanation.pieces == []


def test_full_memory_is_told(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gradio")
    from hfkit.demo.explanation_page import explain

    def fail(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(pipeline.model, "forward", fail)
    assert explain(pipeline, reads_texts=True, given=TEXT).message == "There is not enough memory to explain this."


def test_words_are_told_by_the_text_and_not_by_the_tokenizer() -> None:
    from hfkit.demo.explain_text import join_words

    text = "It's a virus"
    offsets = [(0, 0), (0, 2), (2, 3), (3, 4), (4, 6), (6, 9), (9, 12), (0, 0)]  # spaces belong to what is behind them
    spans = join_words(text, offsets, [1, 0, 0, 0, 0, 0, 0, 1], [9, 1, 2, 3, 4, 5, 6, 9])
    assert [(text[start:end], value) for start, end, value in spans] == [
        ("It", 1),
        ("'", 2),
        ("s", 3),
        ("a", 4),
        ("virus", 11),
    ]
    text = "病" * 40
    spans = join_words(text, [(number, number + 2) for number in range(0, 40, 2)], [0] * 20, [1.0] * 20)
    assert len(spans) == 20


def test_the_patch_that_decides_has_the_highest_value() -> None:
    from hfkit.demo.explain_photo import attribute_patches

    class Corner(torch.nn.Module):
        """Says `corner` where the upper left quarter is bright."""

        def __init__(self) -> None:
            super().__init__()
            self.config = type("Config", (), {"id2label": {0: "corner", 1: "other"}})()

        def forward(self, values: torch.Tensor) -> Any:
            logit = values[:, :, :16, :16].mean(dim=(1, 2, 3))
            return type("Output", (), {"logits": torch.stack([logit, torch.zeros_like(logit)], dim=1)})()

    name, heat = attribute_patches(Corner(), torch.ones(1, 3, 32, 32))  # type: ignore[arg-type]
    assert name == "corner"
    assert heat.shape == (32, 32)
    assert heat[:12, :12].min() > 0
    assert heat[20:, 20:].abs().max() == 0


def test_a_photo_gets_a_heat_map_and_a_broken_file_a_sentence(tmp_path: Path) -> None:
    from hfkit.demo.explain_photo import explain_photo

    pipeline = hfkit.load_pipeline(str(PHOTO_RUN), device="cpu")
    photo = write_photo(tmp_path / "a.png", "cat", 1)
    explanation = explain_photo(pipeline, str(photo))
    assert f"log-odds of {pipeline(str(photo))[0]['label']} are red" in explanation.message
    assert explanation.image is not None
    assert min(explanation.image.size) >= 320
    shown = np.asarray(explanation.image, dtype=float)
    assert (shown.max(axis=-1) - shown.min(axis=-1)).max() > 20  # the map alone has colours
    (tmp_path / "b.png").write_text("no photo")
    assert explain_photo(pipeline, str(tmp_path / "b.png")).message.startswith("This cannot be read: ")


@pytest.mark.parametrize("run", [TEXT_RUN, PHOTO_RUN], ids=["text", "photo"])
def test_of_any_number_of_labels_each_is_judged_by_itself(run: Path, tmp_path: Path) -> None:
    """What raises one of them lowers no other; explained is the one with the highest score, also where none is given."""
    from hfkit.demo.explanation import log_odds
    from hfkit.demo.explanation_page import explain

    folder = copy_run(run, tmp_path / "run", problem_type="multi_label_classification", label_thresholds=[0.999, 0.999])
    pipeline: Any = hfkit.load_pipeline(str(folder), device="cpu")
    given = TEXT if run == TEXT_RUN else str(write_photo(tmp_path / "a.png", "cat", 1))
    assert pipeline(given) == []
    best = pipeline(given, top_k=None)[0]["label"]
    message = explain(pipeline, run == TEXT_RUN, given).message
    assert f"log-odds of {best} are red" in message
    assert "Of the labels it is the one with the highest score." in message
    assert log_odds(pipeline.model, torch.tensor([[1.0, 2.0]]), 1).item() == 2.0


def test_an_exported_model_has_no_such_button() -> None:
    gradio = pytest.importorskip("gradio")
    from hfkit.demo.explanation_page import lay_out_explanation

    with gradio.Blocks() as page:
        lay_out_explanation(object(), gradio.Textbox(), gradio.Textbox(), Lock())  # type: ignore[arg-type]
    assert not [block for block in page.blocks.values() if isinstance(block, gradio.Button)]
