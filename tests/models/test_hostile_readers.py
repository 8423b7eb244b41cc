"""Tokenizers, image processors and weights from strangers: no class but of their kind, no file but those beside them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY, tiny_tokenizer
from transformers import CONFIG_MAPPING, ViTImageProcessor
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from hfkit.errors import UserError
from hfkit.models.config_checks import check_config
from hfkit.models.reader_checks import check_reader
from hfkit.models.tokenizer_checks import check_rules, check_special_tokens
from hfkit.prediction.loading import open_pipeline

TEXT, IMAGE, SPECIAL = "tokenizer_config.json", "preprocessor_config.json", "special_tokens_map.json"
NESTED = {"image_processor_type": "ViTImageProcessor", "repo_path": "/", "class_info_file": "etc/x.json"}
CODE = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\nfrom transformers import BertModel as M\n"


def replace(pattern: str, content: str) -> dict[str, Any]:
    """Return a rule of a tokenizer.json."""
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def charsmap(longest: int) -> str:
    """Return what SentencePiece stores of characters that become other ones: a trie of 8 bytes, and what two become."""
    return base64.b64encode((8).to_bytes(4, "little") + bytes(8) + b"a\0" + b"b" * longest + b"\0").decode()


def template(pieces: list[dict[str, Any]], ids: int) -> dict[str, Any]:
    """Return a rule of a tokenizer.json that puts tokens around a text."""
    token = {"id": "E", "ids": [2] * ids, "tokens": ["[CLS]"] * ids}
    return {"type": "TemplateProcessing", "single": pieces, "pair": [], "special_tokens": {"E": token}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a saved model of texts and one of images, by the file that says how their inputs are read."""
    torch.manual_seed(0)
    folders = {}
    for file, family in ((TEXT, "hfkit-text"), (IMAGE, "hfkit-transformers-image")):
        folder = folders[file] = tmp_path_factory.mktemp(family)
        TINY[next(name for name in TINY if name.startswith(f"{family}/"))]().save_pretrained(folder)
        reader = tiny_tokenizer(folder) if file == TEXT else ViTImageProcessor(size={"height": 32, "width": 32})
        reader.save_pretrained(folder)
    return folders


def change(folder: Path, copy: Path, file: str, changes: dict[str, Any]) -> Path:
    """Copy a folder and change a file of JSON in it."""
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    content = json.loads((copy / file).read_text()) if (copy / file).exists() else {}
    (copy / file).write_text(json.dumps({**content, **changes}))
    return copy


@pytest.mark.parametrize(
    ("file", "changes", "reason"),
    [
        ("processor_config.json", {"image_processor": NESTED}, "has repo_path"),
        ("processor_config.json", {"a": [{"size": {"height": 100_000}}]}, "at most 4,096"),
        ("processor_config.json", {"image_processor": {"image_processor_type": "AutoModel"}}, "no image processor"),
        ("config.json", {"image_processor_type": "AutoModel"}, "is no image processor"),
        ("config.json", {"feature_extractor_type": "AutoModel"}, "is no image processor"),
        (TEXT, {"init_inputs": ["/etc/hosts"]}, "has init_inputs"),
        (TEXT, {"emoji_file": "/etc/hosts"}, "has emoji_file"),
        (TEXT, {"sudachi_kwargs": {"sudachi_config_path": "/etc/hosts"}}, "has sudachi_config_path"),
        (TEXT, {"mecab_kwargs": {"mecab_option": "-d /etc"}}, "has mecab_option"),
        (TEXT, {"gguf_file": "../x.gguf"}, "tokenizer_config.json has gguf_file"),
        (TEXT, {"tokenizer_class": "AutoModel"}, "the name of no tokenizer"),
        (TEXT, {"tokenizer_class": "AutoModelFast"}, "the name of no tokenizer"),
        (TEXT, {"tokenizer_class": "RagTokenizer"}, "the name of no tokenizer"),
        (TEXT, {"tokenizer_class": "BertTokenizer", "vocab": "/etc/hosts"}, "has vocab"),
        (TEXT, {"fast_tokenizer_files": ["../tokenizer.json"]}, "not beside it"),
        (IMAGE, {"image_processor_type": "AutoModel"}, "is no image processor"),
        (
            IMAGE,
            {"image_processor_type": "ViTImageProcessor", "repo_path": "/", "class_info_file": "etc"},
            "has repo_path",
        ),
        (IMAGE, {"size": {"height": 30_000, "width": 30_000}}, "at most 4,096"),
        (IMAGE, {"crop_size": 30_000}, "at most 4,096"),
        (IMAGE, {"image_processor_type": "Swin2SRImageProcessor", "size_divisor": 60_000}, "at most 4,096"),
        (
            IMAGE,
            {"image_processor_type": "ViTImageProcessor", "image_grid_pinpoints": [[60_000, 9]]},
            "at most 4,096",
        ),
        (IMAGE, {"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.001}, "sizes that together"),
        (
            IMAGE,
            {"image_processor_type": "LayoutLMv3ImageProcessor", "tesseract_config": "-c debug_file=/x"},
            "tesseract_config",
        ),
        (IMAGE, {"image_processor_type": "Lfm2VlImageProcessor", "downsample_factor": 400}, "no image processor"),
        (TEXT, {"tokenizer_class": "ByT5Tokenizer", "extra_ids": 300_000_000}, "tokens of its own"),
        (TEXT, {"tokenizer_class": "PegasusTokenizer", "offset": 300_000_000}, "tokens of its own"),
        (IMAGE, {"patch_size": 4096, "max_num_patches": 4096}, "sizes that together"),
        (IMAGE, {"size": {"height": 0, "width": 32}}, "no number of pixels"),
        (IMAGE, {"size": "large"}, "no number of pixels"),
        (IMAGE, {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": 2_000_000_000}, "at most 16,777,216"),
        (SPECIAL, {"tokenizer_file": "/etc/hosts"}, "no special token"),
        (SPECIAL, {"tokenizer_file": None, "gguf_file": "x.gguf", "name_or_path": "evil/other"}, "no special token"),
        ("config.json", {"configuration_files": ["config.4.0.0.json"]}, "has configuration_files"),
        (
            "tokenizer.json",
            {"normalizer": {"type": "Sequence", "normalizers": [replace(".", "b" * 100)] * 3}},
            "long one",
        ),
        (
            "tokenizer.json",
            {"normalizer": {"type": "Sequence", "normalizers": [replace("(?=a)", "a")] * 20}},
            "long one",
        ),
        ("tokenizer.json", {"normalizer": replace("x", "b" * 100_000)}, "long one"),
        (
            "tokenizer.json",
            {"normalizer": {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}] * 20}},
            "long one",
        ),
        (
            "tokenizer.json",
            {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}] * 20}},
            "long one",
        ),
        ("tokenizer.json", {"normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap(1000)}}, "long one"),
        (
            "tokenizer.json",
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [{**replace(".", "b" * 50), "add_prefix_space": True}] * 3,
                }
            },
            "long one",
        ),
        (
            "tokenizer.json",
            {
                "normalizer": {
                    "type": "Sequence",
                    "normalizers": [{"type": "Precompiled", "precompiled_charsmap": charsmap(250)}] * 4,
                }
            },
            "long one",
        ),
        ("tokenizer.json", {"normalizer": [["Replace"]]}, "no object"),
        ("tokenizer.json", {"post_processor": template([{"SpecialToken": ["E", 0]}], 1000)}, "no object"),
        (
            "tokenizer.json",
            {"post_processor": {"special_tokens": {"E": ["E", [2] * 1000, ["x"] * 1000]}, "single": []}},
            "no object",
        ),
        (TEXT, {"fast_tokenizer_files": "tokenizer.4.0.0.json"}, "not beside it"),
        ("tokenizer.json", {"normalizer": {"type": "Prepend", "prepend": "b" * 100_000}}, "long one"),
        (
            "tokenizer.json",
            {"post_processor": template([{"Sequence": {"id": "A", "type_id": 0}}] * 1000, 1)},
            "long one",
        ),
        (
            "tokenizer.json",
            {"post_processor": template([{"SpecialToken": {"id": "E", "type_id": 0}}], 1000)},
            "long one",
        ),
        (
            "tokenizer.json",
            {"post_processor": {"type": "Sequence", "processors": [template([{"Sequence": {"id": "A"}}] * 30, 1)] * 4}},
            "long one",
        ),
    ],
)
def test_what_reads_the_inputs_is_looked_at(
    file: str, changes: dict[str, Any], reason: str, saved: dict[str, Path], tmp_path: Path
) -> None:
    folder = change(saved[TEXT if file in (TEXT, SPECIAL, "tokenizer.json") else IMAGE], tmp_path, file, changes)
    (folder / "evil.py").write_text(CODE)
    change(folder, folder, "config.json", {"auto_map": {"AutoModel": "evil.M"}})
    with pytest.raises(UserError, match=reason):
        open_pipeline(str(folder))
    assert not (folder / "ran").exists()


def test_honest_readers_are_loaded(saved: dict[str, Path], tmp_path: Path) -> None:
    for file, folder in saved.items():
        assert open_pipeline(str(folder))
        check_reader(json.loads((folder / file).read_text()), file)
    reader = {"feature_size": 80, "sampling_rate": 16_000, "image_token_id": 151_655, "size": {"shortest_edge": 224}}
    check_reader({**reader, "crop_pct": 0.875, "patch_size": 16, "max_num_patches": 1024, "resample": 3}, IMAGE)
    nested = {"type": "Sequence", "normalizers": [replace(" {2,}", " "), replace("``", '"'), {"type": "NFKD"}, None]}
    names = [{"type": "Replace", "pattern": {"String": "\n"}, "content": "[NEWLINE]"}] * 4
    check_rules({"normalizer": {"type": "Sequence", "normalizers": names}, "pre_tokenizer": {"type": "ByteLevel"}})
    check_rules({"normalizer": nested, "post_processor": None, "added_tokens": []})
    check_special_tokens({"unk_token": "x", "additional_special_tokens": ["y"], "image_token": {"content": "z"}})
    check_config({"model_type": "xlm", "sinusoidal_embeddings": True, "emb_dim": 2048, "max_position_embeddings": 512})
    check_config({"model_max_length": 1000000000000000019884624838656})  # as transformers writes it
    on_its_machine = {"special_tokens_map_file": "/home/me/x.json", "_name_or_path": "/me/bert", "init_inputs": []}
    check_reader({**on_its_machine, "tokenizer_file": "/home/me/x.json", "vocab_file": None}, TEXT)


def test_a_versioned_tokenizer_is_looked_at_too(saved: dict[str, Path], tmp_path: Path) -> None:
    """transformers takes the newest that is named and not newer than itself."""
    folder = change(saved[TEXT], tmp_path, TEXT, {"fast_tokenizer_files": ["tokenizer.4.0.0.json"]})
    whole = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.4.0.0.json").write_text(json.dumps(whole))
    assert open_pipeline(str(folder))
    (folder / "tokenizer.4.0.0.json").write_text(json.dumps({**whole, "normalizer": replace("x", "b" * 1000)}))
    with pytest.raises(UserError, match="long one"):
        open_pipeline(str(folder))


def test_pickles_and_weights_elsewhere_are_not_read(saved: dict[str, Path], tmp_path: Path) -> None:
    """Without .safetensors transformers takes pytorch_model.bin, also by an index that leads out of the folder."""
    weights = saved[TEXT] / "model.safetensors"
    state = {"x": torch.zeros(1)}
    for name, index in (("bin", None), ("index", {"weight_map": {"x": "../../elsewhere.bin"}})):
        (tmp_path / name).mkdir()
        folder = change(saved[TEXT], tmp_path / name, "config.json", {})
        (folder / weights.name).unlink()
        torch.save(state, folder / "pytorch_model.bin")
        if index is not None:
            (folder / "pytorch_model.bin").unlink()
            (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        with pytest.raises(UserError, match=r"safetensors|not beside it"):
            open_pipeline(str(folder))
    (tmp_path / "named").mkdir()
    folder = change(
        saved[TEXT], tmp_path / "named", "config.json", {"transformers_weights": "other.safetensors.index.json"}
    )
    with pytest.raises(UserError, match="has transformers_weights"):
        open_pipeline(str(folder))


@pytest.mark.parametrize(
    "fields",
    [
        {"tpu_short_seq_length": 20_000},
        {"max_position_embeddings": 10**8},
        {"window_size": 4096},
        {"model_type": "gpt_neo", "window_size": 100_000},
        {"model_type": "gpt_neo", "attention_types": [[["global"], 150_000_000]]},
        {"model_type": "mpt", "max_seq_len": 500_000_000},
        {"model_type": "reformer", "lsh_attn_chunk_length": 10_000},
        {"model_type": "big_bird", "block_size": 10_000},
        {"model_type": "big_bird", "num_random_blocks": -3},
        {"model_type": "zamba2", "chunk_size": 10_000},
        {"model_type": "poolformer", "padding": [12_000, 1, 1, 1]},
        {"model_type": "cvt", "patch_padding": [12_000, 1, 1]},
        {"model_type": "yoso", "hash_code_len": 30},
        {"parts": [[{"padding": 12_000}]]},
        {"pad_type": 9_000},
        {"depths": [1_000] * 300},
        {"layers": ["M"] * 100_000},
        {"max_length": 2_000_000_000},
        {"attention_window": [512, 40_000_000]},
        {"model_type": "roformer", "hidden_size": 16, "max_position_embeddings": 3_000_000},
        {"block_repeats": [1, 2**30]},
        {"model_type": "albert", "num_hidden_layers": 2_000, "inner_group_num": 64},
        {"model_type": "albert", "num_hidden_layers": 1_000_000},
        {"image_size": 4096},
        {"sinusoidal_pos_embds": True, "dim": 16, "max_position_embeddings": 3_000_000},
        {"sinusoidal_embeddings": True, "hidden_size": 2048, "max_position_embeddings": 20_000},
        {"dtype": "\x1b[2J"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_sizes_that_take_memory_without_parameters(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"config.json has"):
        check_config({"backbone_config": fields})


def test_names_of_labels_are_no_fields() -> None:
    check_config({"label2id": {"window": 100, "mouse_pad": 65}, "task_specific_params": {"padding": 1_000}})


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf")])
def test_a_number_that_is_none_is_a_sentence(number: float) -> None:
    for field in ("window_size", "max_length", "num_random_blocks"):
        with pytest.raises(ValueError, match=rf"config.json has {field} \S+, and"):
            check_config({field: number})


@pytest.mark.parametrize(
    "options",
    [
        {"feature_extractor_type": "ViTFeatureExtractor"},
        {"feature_extractor_type": "ConvNextFeatureExtractor"},
        {"image_processor_type": "DINOv3ViTImageProcessorFast"},
        {"image_processor_type": "TimmWrapperImageProcessor"},
        {"feature_extractor_type": "WhisperFeatureExtractor"},
    ],
    ids=str,
)
def test_honest_image_processors_are_read(options: dict[str, str]) -> None:
    check_reader(options, IMAGE)


def test_what_transformers_takes_where_nothing_is_said_is_allowed() -> None:
    """Of all its nets that classify."""
    for names in (MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES, MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES):
        for model_type in names:
            check_config(CONFIG_MAPPING[model_type]().to_dict())


def test_tables_that_a_net_computes_are_bounded(saved: dict[str, Path], tmp_path: Path) -> None:
    """A mask of 60,000 by 60,000 positions has no parameter."""
    config = {
        "model_type": "gpt_neo",
        "max_position_embeddings": 60_000,
        "hidden_size": 8,
        "num_heads": 2,
        "vocab_size": 64,
    }
    inner = {**config, "num_layers": 1, "attention_types": [[["global"], 1]]}
    folder = change(saved[TEXT], tmp_path, "config.json", {"backbone_config": inner})
    with pytest.raises(UserError, match=r"beside the weights|its weights are not|larger net"):
        open_pipeline(str(folder))
