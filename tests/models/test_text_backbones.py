"""Causal models and T5's encoder under a head, and what a linear head stands on."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run
from tiny import BERT, LABELS, WORDS, encoder_configs, inputs_for
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    AutoModelForSequenceClassification,
    BartConfig,
    BartModel,
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MT5Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3ForCausalLM,
    T5ForConditionalGeneration,
    UMT5Config,
    ViTConfig,
    ViTModel,
)

from hfkit import load_pipeline
from hfkit.backbones.text import build_text_classifier
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments, TextModelArguments
from hfkit.models.base import BackboneClassifier
from hfkit.models.pooling import pool
from hfkit.models.text import TextClassifier, TextClassifierConfig

Make = Callable[[str], BackboneClassifier]
RunRecipe = Callable[..., Run]
NAMES = ["fake", "real"]


def bare_tokenizer(folder: Path, **special: str) -> PreTrainedTokenizerFast:
    """Save a tokenizer that adds no special tokens, as those of causal models."""
    words = ["<unk>", "</s>", *special.values(), *WORDS]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(words))}
    model = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    model.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model, unk_token="<unk>", eos_token="</s>", **special)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return folders of a Qwen3 and a T5 as pretraining leaves them, with a language-model head and a decoder."""
    torch.manual_seed(5)
    models: dict[str, PreTrainedModel] = {
        "qwen3": Qwen3ForCausalLM(encoder_configs()["qwen3"]).to(torch.bfloat16),
        "t5": T5ForConditionalGeneration(encoder_configs()["t5"]),
    }
    folders = {}
    for name, model in models.items():
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
        bare_tokenizer(folders[name])
    return folders


@pytest.mark.parametrize("head", ["linear", "bigru"])
@pytest.mark.parametrize("name", ["qwen3", "t5"])
def test_backbone_equals_its_source(name: str, head: str, checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """The layers alone, in float32, without the decoder and the language-model head; equal again after saving."""
    folder = checkpoints[name]
    model = TextClassifier.from_backbone(str(folder), head=head, max_length=32, **LABELS).eval()
    whole = {"qwen3": Qwen3ForCausalLM, "t5": T5ForConditionalGeneration}[name].from_pretrained(folder)
    part = whole.model if name == "qwen3" else whole.encoder
    own = model.backbone if name == "qwen3" else model.backbone.encoder
    expected = part.float().state_dict()
    assert set(own.state_dict()) == set(expected)
    assert all(torch.equal(tensor, expected[key]) for key, tensor in own.state_dict().items())
    assert not any("decoder" in key or "lm_head" in key for key in model.state_dict())
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    batch = inputs_for(model)
    torch.testing.assert_close(loaded(**batch).logits, model(**batch).logits, atol=1e-7, rtol=1e-6)
    assert not getattr(loaded.backbone.config, "use_cache", False)


SIZES: dict[str, Any] = {key: BERT[key] for key in BERT if key != "max_position_embeddings"}
OTHERS: dict[str, PreTrainedConfig] = {
    "llama": LlamaConfig(**SIZES, num_key_value_heads=1, pad_token_id=None),
    "gemma3": Gemma3TextConfig(**SIZES, num_key_value_heads=1, head_dim=8, sliding_window=4),
    "gpt2": GPT2Config(vocab_size=120, n_embd=16, n_layer=2, n_head=2, n_positions=64),
    "mt5": MT5Config(vocab_size=120, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
    "umt5": UMT5Config(vocab_size=120, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2),
}


@pytest.mark.parametrize("name", OTHERS)
def test_padding_changes_nothing_for_other_models(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = TextClassifierConfig(backbone_config=OTHERS[name], **LABELS)
    model = TextClassifier(config).eval()
    batch = inputs_for(model)
    logits = model(**batch).logits
    for sides in ((0, 4), (4, 0)):
        padded = {key: torch.nn.functional.pad(tensor, sides) for key, tensor in batch.items()}
        torch.testing.assert_close(model(**padded).logits, logits, atol=1e-6, rtol=0)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    torch.testing.assert_close(loaded(**batch).logits, logits, atol=1e-7, rtol=1e-6)


def test_models_without_states_of_texts_are_refused(tmp_path: Path) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    bart = BartConfig(
        vocab_size=20,
        d_model=8,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
    )
    clip = CLIPConfig(
        text_config={**sizes, "vocab_size": 20}, vision_config={**sizes, "image_size": 8, "patch_size": 4}
    )
    for name, model in {
        "bart": BartModel(bart),
        "vit": ViTModel(ViTConfig(**sizes, image_size=8, patch_size=4)),
        "clip": CLIPModel(clip),
    }.items():
        model.save_pretrained(tmp_path / name)
        with pytest.raises(
            UserError, match=rf"is a {name} model(,| and) (which reads no texts|no encoder such as bert)"
        ):
            build_text_classifier(TextModelArguments(backbone=str(tmp_path / name)), TextDataArguments(), NAMES)


# --- tokenizers of causal models ---


def test_tokenizer_without_padding_pads_with_its_end_token(checkpoints: dict[str, Path]) -> None:
    model, tokenizer, notes = build_text_classifier(
        TextModelArguments(backbone=str(checkpoints["qwen3"])), TextDataArguments(max_length=20), NAMES
    )
    assert tokenizer.pad_token == tokenizer.eos_token == "</s>"
    assert (model.config.pad_token_id, tokenizer.padding_side) == (tokenizer.eos_token_id, "right")
    assert any("its end token, </s>, fills rows up" in note.text for note in notes)
    assert any(note.text.startswith("Pooling: last (in a causal model") for note in notes)


def test_positions_of_causal_models_and_t5(checkpoints: dict[str, Path]) -> None:
    """Rotary positions end where the config says, those of T5 nowhere."""
    qwen, t5 = (TextModelArguments(backbone=str(checkpoints[name])) for name in ("qwen3", "t5"))
    with pytest.raises(UserError, match="--max_length 65 is more than the 64 positions"):
        build_text_classifier(qwen, TextDataArguments(max_length=65), NAMES)
    build_text_classifier(t5, TextDataArguments(max_length=700), NAMES)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "head"), [("qwen3", "linear"), ("t5", "bigru")])
def test_pipeline_gives_the_scores_of_the_run(
    name: str, head: str, checkpoints: dict[str, Path], run_fakenews: RunRecipe, tweets: Path, tmp_path: Path
) -> None:
    """Through the feature cache; the test split has an empty text, which these tokenizers make no token of."""
    argv = ["--backbone", str(checkpoints[name]), "--head", head, "--head_hidden_size", "6", "--num_train_epochs", "1"]
    run = run_fakenews(*argv, "--unfreeze_from", "none", folder=tmp_path / "run")
    rows = run.rows("predictions.csv")
    with (tweets / "test.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["tweet"] for row in csv.DictReader(file)]
    assert "" in texts
    for size in (1, 4):
        answers = load_pipeline(str(run.folder), device="cpu")(texts, top_k=None, batch_size=size)
        for answer, row in zip(answers, rows, strict=True):
            for item in answer:
                assert item["score"] == pytest.approx(float(row[f"score_{item['label']}"]), abs=1e-5)


# --- pooling ---


def test_pooling_by_the_mask() -> None:
    states = torch.arange(12.0).view(2, 3, 2)
    mask = torch.tensor([[1, 1, 1], [1, 1, 0]])
    assert pool(states, mask, "mean").tolist() == [[2.0, 3.0], [7.0, 8.0]]
    assert pool(states, mask, "last").tolist() == [[4.0, 5.0], [8.0, 9.0]]
    assert pool(states, mask, "first").tolist() == [[0.0, 1.0], [6.0, 7.0]]
    half = torch.full((1, 5000, 1), 3.0, dtype=torch.bfloat16)
    assert pool(half, torch.ones(1, 5000), "mean").item() == 3.0


def test_config_without_pooling_gives_the_same_logits(make_model: Make, tmp_path: Path) -> None:
    """What was saved before there was a choice: the pooler, and where there is none the first token."""
    for name, expected in (("hfkit-text/bert-linear", "pooler"), ("hfkit-text/electra-linear", "first")):
        model = make_model(name)
        model.save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        assert config.pop("pooling", None) is None
        (tmp_path / "config.json").write_text(json.dumps(config))
        loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
        assert ("pooler's" in loaded.describe_head()) == (expected == "pooler")
        batch = inputs_for(model)
        states = loaded.backbone(**batch)
        features = states.pooler_output if expected == "pooler" else states.last_hidden_state[:, 0]
        torch.testing.assert_close(model(**batch).logits, loaded.classifier(features))
        torch.testing.assert_close(model(**batch).logits, loaded(**batch).logits, atol=1e-7, rtol=1e-6)


def pooling_note(folder: Path, **flags: Any) -> tuple[str | None, str]:
    """Return the pooling that is chosen, and the first note."""
    arguments = TextModelArguments(backbone=str(folder), **flags)
    model, _, notes = build_text_classifier(arguments, TextDataArguments(max_length=24), NAMES)
    assert (model.config.pooling == "pooler") == (getattr(model.backbone, "pooler", None) is not None)
    return model.config.pooling, notes[0].text if notes else ""


def test_default_of_the_pooling(tiny_backbone: Path, tmp_path: Path) -> None:
    assert pooling_note(tiny_backbone) == ("pooler", "Pooling: pooler (pretrained with the encoder).")
    assert pooling_note(tiny_backbone, unfreeze_from="none") == ("mean", "Pooling: mean (default on a frozen encoder).")
    assert pooling_note(tiny_backbone, pooling="last") == ("last", "Pooling: last (given).")
    assert pooling_note(tiny_backbone, head="bigru") == (None, "")
    shutil.copytree(tiny_backbone, tmp_path / "bare")
    BertModel(BertConfig(**BERT), add_pooling_layer=False).save_pretrained(tmp_path / "bare")
    assert pooling_note(tmp_path / "bare") == ("first", "Pooling: first (no pretrained pooler).")
    with pytest.raises(UserError, match="has no pretrained pooler: write mean, first or last"):
        pooling_note(tmp_path / "bare", pooling="pooler")
    with pytest.raises(UserError, match="--pooling mean is for --head linear"):
        TextModelArguments(head="bigru", pooling="mean")


@pytest.mark.parametrize(
    ("record", "pooling", "reason"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "first", "recorded by"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean", "recorded by"),
        ({"pooling_mode_lasttoken": True}, "last", "recorded by"),
        ({"embedding_dimension": 16, "pooling_mode": "cls"}, "first", "recorded by"),
        ({"pooling_mode_max_tokens": True}, "mean", "in place of pooling_mode_max_tokens in"),
        ({}, "mean", "in place of no mode in"),
    ],
)
def test_record_of_a_sentence_encoder(
    record: dict[str, Any], pooling: str, reason: str, tiny_backbone: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_backbone, folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(record))
    chosen, note = pooling_note(folder)
    assert chosen == pooling
    assert reason in note
    assert pooling_note(folder, pooling="last")[0] == "last"
    (folder / "1_Pooling" / "config.json").write_text("[")
    with pytest.raises(UserError, match=r"1_Pooling/config\.json of .* cannot be read"):
        pooling_note(folder)
