"""Configurations and weights from strangers, of every family: what would be followed, fetched or built without end is refused."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_configurations import EACH_FAMILY, ENDLESS, FOLLOWED, LARGER, change, save_tiny
from safetensors.torch import load_file, save_file
from tiny import image_configs, write_tiny_backbone
from transformers import ViTImageProcessor, ViTModel

from hfkit import load_pipeline
from hfkit.backbones.find import find_model
from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.text import build_text_classifier
from hfkit.errors import UserError
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.models import FAMILIES
from hfkit.models.encoders import load_encoder
from hfkit.prediction.loading import open_pipeline


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a saved model of a family, made when it is first asked for."""
    return cache(lambda family: save_tiny(family, tmp_path_factory.mktemp(family)))


def refuse_everywhere(folder: Path, family: str, sentence: str) -> None:
    """Open a model by each door, and see that none opens, and that what a user's command says is one sentence."""
    row = FAMILIES[family]
    with pytest.raises(ValueError, match=sentence):
        load_pipeline(str(folder))
    with pytest.raises(ValueError, match=sentence):
        row.model_class.from_pretrained(folder)
    with pytest.raises((ValueError, RecursionError)):  # transformers reads the file itself
        row.auto_class.from_pretrained(folder)
    with pytest.raises(UserError, match=sentence):
        open_pipeline(str(folder))  # hfkit predict
    with pytest.raises(UserError, match=sentence):
        find_model(str(folder), [])  # hfkit profile
    with pytest.raises(UserError, match=sentence):
        build_on(folder, family)


def build_on(folder: Path, family: str) -> None:
    """Build a new classifier by `--backbone FOLDER`."""
    if family == "hfkit-text":
        texts = parse_arguments(["--backbone", str(folder), "--max_length", "32"], (), TEXT)
        build_text_classifier(texts.model, texts.data, ["a", "b"])
    else:
        images = parse_arguments(["--backbone", str(folder)], (), IMAGE)
        build_image_classifier(images.model, None, ["a", "b"])


@EACH_FAMILY
def test_nothing_is_followed(family: str, saved: Callable[[str], Path], tmp_path: Path) -> None:
    for name, fields in FOLLOWED.items():
        for inside in (False, True):
            folder = change(saved(family), tmp_path / f"{name}-{inside}", family, fields, inside)
            refuse_everywhere(folder, family, "it is not f(ollowed|etched)")


@EACH_FAMILY
def test_nothing_is_endless(family: str, saved: Callable[[str], Path], tmp_path: Path) -> None:
    for name, fields in ENDLESS.items():
        for inside in (False, True):
            folder = change(saved(family), tmp_path / f"{name}-{inside}", family, fields, inside)
            refuse_everywhere(folder, family, "at most .* can be")
    folder = change(saved(family), tmp_path / "deep", family, {})
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    refuse_everywhere(folder, family, "nested too deep")
    (folder / "config.json").write_text(json.dumps({"model_type": family, "a": json.loads("[" * 99 + "]" * 99)}))
    refuse_everywhere(folder, family, "nested more than")
    (folder / "config.json").write_text(" " * 6_000_000 + "{}")
    refuse_everywhere(folder, family, "has 6 MB")


@EACH_FAMILY
def test_no_net_is_larger_than_its_weights(family: str, saved: Callable[[str], Path], tmp_path: Path) -> None:
    folder = change(saved(family), tmp_path / "larger", family, LARGER[family])
    with pytest.raises(ValueError, match="a larger net than its weights fill"):
        load_pipeline(str(folder))
    with pytest.raises(UserError, match="a larger net than its weights fill"):
        find_model(str(folder), [])
    labels = {"id2label": {str(number): f"l{number}" for number in range(100_000)}}
    folder = change(saved(family), tmp_path / "labels", family, labels)
    refuse_everywhere(folder, family, "100,000 labels")


@EACH_FAMILY
def test_weights_are_whole_and_its_own(family: str, saved: Callable[[str], Path], tmp_path: Path) -> None:
    folder = change(saved(family), tmp_path / "adapter", family, {})
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "evil/model"}))
    refuse_everywhere(folder, family, "adapter_config.json, by which another model, 'evil/model', would be loaded")
    whole = load_file(folder / "model.safetensors")
    head = next(name for name in whole if name.startswith("classifier"))
    for name, tensors in {
        "lacks": {key: whole[key] for key in whole if key != head},
        "has-more": {**whole, "other": torch.zeros(1)},
    }.items():
        folder = change(saved(family), tmp_path / name, family, {})
        (folder / "model.safetensors").unlink()
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})
        refuse_everywhere(folder, family, "its weights are not those of its config.json: .* is (missing|unknown)")


@EACH_FAMILY
def test_what_is_whole_loads(family: str, saved: Callable[[str], Path]) -> None:
    """What is refused above is refused for what was changed."""
    folder = saved(family)
    assert load_pipeline(str(folder)).model.config.model_type == family
    assert find_model(str(folder), []).config.model_type == family
    build_on(folder, family)


@pytest.mark.parametrize(
    "index", [{"weight_map": {"x": "../other/model.safetensors"}}, {"weight_map": {"x": "/etc/passwd"}}]
)
def test_an_index_names_its_own_files(index: dict[str, Any], saved: Callable[[str], Path], tmp_path: Path) -> None:
    folder = change(saved("hfkit-text"), tmp_path / "index", "hfkit-text", {})
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refuse_everywhere(folder, "hfkit-text", "names files that are not beside it")


def test_an_index_names_weights_of_safetensors_alone(saved: Callable[[str], Path], tmp_path: Path) -> None:
    """By the ending of its name transformers would choose how a shard is read."""
    folder = change(saved("hfkit-text"), tmp_path / "index", "hfkit-text", {})
    shapes = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").rename(folder / "model.bin")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict.fromkeys(shapes, "model.bin")}))
    refuse_everywhere(folder, "hfkit-text", r"names files that are no \.safetensors")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of a text encoder and of an image model of transformers, as on the Hub."""
    torch.manual_seed(0)
    image = tmp_path_factory.mktemp("vit")
    ViTModel(image_configs()["vit"]).save_pretrained(image)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(image)
    return {"hfkit-text": write_tiny_backbone(tmp_path_factory.mktemp("bert")), "hfkit-transformers-image": image}


@pytest.mark.parametrize("family", ["hfkit-text", "hfkit-transformers-image"])
def test_a_backbone_of_others_is_looked_at_too(family: str, foreign: dict[str, Path], tmp_path: Path) -> None:
    build_on(foreign[family], family)
    larger = {"num_hidden_layers": 1_900}
    for name, fields, sentence in (
        *((name, fields, "it is not f(ollowed|etched)") for name, fields in FOLLOWED.items()),
        *((name, fields, "at most .* can be") for name, fields in ENDLESS.items()),
        ("larger", larger, "a larger net than its weights fill"),
    ):
        folder = change(foreign[family], tmp_path / name, family, fields)
        with pytest.raises(UserError, match=sentence):
            build_on(folder, family)
    folder = change(foreign[family], tmp_path / "peft", family, {})
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "evil/model"}))
    with pytest.raises(UserError, match="another model, 'evil/model', would be loaded"):
        build_on(folder, family)
    # What its author's code and kernels would have been leaves no trace.
    told = {"auto_map": {"AutoModel": "evil--model.Model"}, "attn_implementation": "flash_attention_2"}
    build_on(change(foreign[family], tmp_path / "told", family, told), family)


def test_nothing_of_a_strangers_tokenizer_is_handed_on(foreign: dict[str, Path], tmp_path: Path) -> None:
    """Code that its files name would run where the new model is loaded with trust, and a template's name can lead elsewhere."""
    folder = change(foreign["hfkit-text"], tmp_path / "backbone", "hfkit-text", {})
    file = folder / "tokenizer_config.json"
    options = json.loads(file.read_text())
    file.unlink()
    templates = {"default": "x", "../../evil": "y"}
    code = {"AutoTokenizer": ["evil/other--evil.T", "evil/other--evil.T"]}
    file.write_text(json.dumps({**options, "auto_map": code, "chat_template": templates}))
    texts = parse_arguments(["--backbone", str(folder), "--max_length", "32"], (), TEXT)
    model, tokenizer, _ = build_text_classifier(texts.model, texts.data, ["a", "b"])
    tokenizer.save_pretrained(tmp_path / "new")
    model.save_pretrained(tmp_path / "new")
    saved = "".join(path.read_text("utf-8") for path in (tmp_path / "new").glob("*.json"))
    assert "evil" not in saved
    assert not list(tmp_path.rglob("*.jinja"))


def test_an_empty_net_is_bounded(foreign: dict[str, Path], tmp_path: Path) -> None:
    """`hfkit profile` and `--weights none` take no weights, with which a configuration would be compared."""
    family = "hfkit-transformers-image"
    assert find_model(str(foreign[family]), []).config.model_type == family
    for name, fields in {"larger": {"num_hidden_layers": 1_900}, "wider": {"hidden_size": 8_000_000}}.items():
        folder = change(foreign[family], tmp_path / name, family, fields)
        with pytest.raises(UserError, match="a larger net than its weights fill"):
            find_model(str(folder), [])
    folder = change(foreign[family], tmp_path / "bare", family, {"hidden_size": 800_000, "intermediate_size": 800_000})
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="a larger net than"):
        find_model(str(folder), [])


def test_without_headers_the_bytes_of_the_weights_bound_a_net(foreign: dict[str, Path], tmp_path: Path) -> None:
    for name, fields in {"whole": {}, "larger": {"vocab_size": 50_000_000}}.items():
        folder = change(foreign["hfkit-text"], tmp_path / name, "hfkit-text", fields)
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
        if name == "whole":
            load_encoder(str(folder))
            continue
        with pytest.raises(ValueError, match="a larger net than its weights fill"):
            load_encoder(str(folder))


def test_control_characters_are_not_read(foreign: dict[str, Path], tmp_path: Path) -> None:
    """transformers logs a field that it cannot set, with its value."""
    folder = change(foreign["hfkit-text"], tmp_path / "odd", "hfkit-text", {"use_return_dict": "\x1b]0;x\x07"})
    with pytest.raises(UserError, match="a field with control characters"):
        build_on(folder, "hfkit-text")
