"""Configurations of strangers, of every family: what they would have followed, fetched or built without end."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import TINY, tiny_tokenizer
from transformers import ViTImageProcessor

from hfkit.models import FAMILIES

ONE_OF_EACH = {family: next(name for name in TINY if name.startswith(f"{family}/")) for family in FAMILIES}
QUICK = ("hfkit-text", "hfkit-transformers-image", "hfkit-timm")
"""Those with a backbone's configuration or options inside; all others by the whole suite."""
EACH_FAMILY = pytest.mark.parametrize(
    "family", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in FAMILIES]
)
INNER = {
    "hfkit-text": "backbone_config",
    "hfkit-transformers-image": "backbone_config",
    "hfkit-deit": "backbone_options",
    "hfkit-timm": "backbone_options",
    "hfkit-token-learner": "backbone_options",
}
"""Where a family has the fields of a backbone; the others have them in the configuration itself."""
FOLLOWED: dict[str, dict[str, Any]] = {
    "kernel": {"_attn_implementation": "evil/kernel"},
    "kernel-of-a-part": {"attn_implementation": {"": "sdpa", "vision": "evil/kernel@main:attention"}},
    "experts": {"experts_implementation": "evil/kernel"},
    "quantization": {"quantization_config": {"quant_method": "evil"}},
    "adapter": {"base_model_name_or_path": "evil/model"},
    "timm": {"pretrained": True, "backbone_kwargs": {"checkpoint_path": "/etc/passwd"}},
    "timm-record": {"pretrained_cfg": {"file": "/etc/passwd", "hf_hub_id": "evil/model", "url": "http://evil"}},
    "backbone": {"backbone": "evil/model", "use_pretrained_backbone": True, "use_timm_backbone": True},
    "file": {"checkpoint_path": "/etc/passwd"},
    "nested": {"anything": [{"cache_dir": "/etc"}]},
}
"""What a loader of transformers, timm or peft would follow somewhere."""
ENDLESS: dict[str, dict[str, Any]] = {
    "layers": {"num_hidden_layers": 50_000_000},
    "depth": {"depths": [50_000_000], "depth": 50_000_000, "n_layers": 50_000_000},
    "vocabulary": {"vocab_size": 8_000_000_000},
    "labels": {"num_labels": 8_000_000_000},
    "image": {"image_size": 1_000_000},
}
"""Numbers that no net has."""
LARGER: dict[str, dict[str, Any]] = {
    "hfkit-text": {"backbone_config": {"num_hidden_layers": 1_900}},
    "hfkit-vgg": {"layers": [4] * 9_000},
    "hfkit-densenet": {"block_config": [1] * 9_000},
    "hfkit-deit": {"backbone_options": {"depth": 1_900}},
    "hfkit-timm": {"backbone_name": "vit_tiny_patch16_224", "backbone_options": {"depth": 1_900}},
    "hfkit-token-learner": {"backbone_options": {"depth": 1_900}},
    "hfkit-transformers-image": {"backbone_config": {"num_hidden_layers": 1_900}},
    "hfkit-fdvit": {"depths": [1, 9_000, 1]},
}
"""Nets that could be, and that are larger than the weights beside them."""


def save_tiny(family: str, folder: Path) -> Path:
    """Save a tiny model of a family with what reads its inputs."""
    torch.manual_seed(0)
    TINY[ONE_OF_EACH[family]]().save_pretrained(folder)
    if family == "hfkit-text":
        tiny_tokenizer(folder).save_pretrained(folder)
    else:
        ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def change(folder: Path, to: Path, family: str, fields: dict[str, Any], inside: bool = False) -> Path:
    """Return a copy of a model whose configuration has these fields, itself or where it describes its backbone."""
    to.mkdir()
    for path in folder.iterdir():
        os.link(path, to / path.name)
    config = json.loads((to / "config.json").read_text())
    place = config.get(INNER[family]) or {} if inside and family in INNER else config
    for name, value in fields.items():
        place[name] = {**place[name], **value} if isinstance(place.get(name), dict) else value
    if inside and family in INNER:
        config[INNER[family]] = place
    (to / "config.json").unlink()
    (to / "config.json").write_text(json.dumps(config))
    return to
