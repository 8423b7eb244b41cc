"""Tiny configurations of every model family, and what goes with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AlbertConfig,
    BertConfig,
    BertForPreTraining,
    BertTokenizerFast,
    ConvNextV2Config,
    DebertaV2Config,
    Dinov2Config,
    DINOv3ViTConfig,
    DistilBertConfig,
    ElectraConfig,
    EuroBertConfig,
    GteConfig,
    ModernBertConfig,
    MPNetConfig,
    NomicBertConfig,
    PreTrainedConfig,
    Qwen3Config,
    RobertaConfig,
    SiglipVisionConfig,
    T5Config,
    ViTConfig,
    XLMConfig,
    XLMRobertaConfig,
)

from hfkit.models import (
    DeitClassifier,
    DeitClassifierConfig,
    DenseNetClassifier,
    DenseNetClassifierConfig,
    FdVitClassifier,
    FdVitClassifierConfig,
    TextClassifier,
    TextClassifierConfig,
    TimmClassifier,
    TimmClassifierConfig,
    TokenLearnerClassifier,
    TokenLearnerClassifierConfig,
    TransformersImageClassifier,
    TransformersImageClassifierConfig,
    VggClassifier,
    VggClassifierConfig,
)
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier

LABELS = {"id2label": {0: "fake", 1: "real"}, "label2id": {"fake": 0, "real": 1}}
WORDS = (
    "the a of to in is are and for with on virus covid vaccine mask test cure doctor hospital news water garlic people "
    "cases deaths says cures kills stops new health study city country fake real report claims thumbs up"
).split()
BERT = {
    "vocab_size": 120,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
}
# The layers of DeBERTa-v3 share their relative positions, and the norm of these.
DEBERTA_V3: dict[str, Any] = {
    "relative_attention": True,
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "conv_kernel_size": 3,
}
# Its dropouts are no modules.
XLM: dict[str, Any] = {
    "vocab_size": 120,
    "emb_dim": 16,
    "n_layers": 2,
    "n_heads": 2,
    "max_position_embeddings": 64,
    "pad_index": 0,
    "pad_token_id": 0,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
BOTH_HEADS = ("bert", "roberta", "distilbert", "deberta", "electra", "modernbert")
"""Encoders that are tested with either head; the others with a linear one."""


def encoder_configs() -> dict[str, PreTrainedConfig]:
    """Return a tiny config of each kind of encoder that is tested."""
    return {
        "bert": BertConfig(**BERT),
        "roberta": RobertaConfig(**BERT, pad_token_id=0),
        "distilbert": DistilBertConfig(
            vocab_size=120, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=64
        ),
        "deberta": DebertaV2Config(**BERT, **DEBERTA_V3),
        "electra": ElectraConfig(**BERT, embedding_size=8),
        "modernbert": ModernBertConfig(
            **BERT, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=2, sep_token_id=3
        ),
        "qwen3": Qwen3Config(**BERT, num_key_value_heads=1, head_dim=8, tie_word_embeddings=True),
        "t5": T5Config(vocab_size=120, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2, dropout_rate=0.0),
        "mpnet": MPNetConfig(**BERT, pad_token_id=0),
        "albert": AlbertConfig(**BERT, embedding_size=8),
        "xlm-roberta": XLMRobertaConfig(**BERT, pad_token_id=0),
        "eurobert": EuroBertConfig(
            **BERT, num_key_value_heads=1, pad_token_id=0, bos_token_id=1, eos_token_id=2, mask_token_id=4
        ),
        "nomic": NomicBertConfig(**BERT, pad_token_id=0),
        "gte": GteConfig(**BERT, pad_token_id=0),
        "xlm": XLMConfig(**XLM),
    }


def _text(encoder: str, head: str, **options: object) -> Callable[[], BackboneClassifier]:
    def build() -> BackboneClassifier:
        config = TextClassifierConfig(
            backbone_config=encoder_configs()[encoder],
            head=head,
            head_hidden_size=6,
            max_length=32,
            **LABELS,
            **options,
        )
        return TextClassifier(config)

    return build


TINY: dict[str, Callable[[], BackboneClassifier]] = {
    f"hfkit-text/{encoder}-{head}": _text(encoder, head)
    for encoder in encoder_configs()
    for head in (("linear", "bigru") if encoder in BOTH_HEADS else ("linear",))
}
TINY |= {f"hfkit-text/{encoder}-layers": _text(encoder, "layers") for encoder in encoder_configs()}
TINY["hfkit-text/bert-layers-first"] = _text("bert", "layers", layers=[2], poolings=["first"], head_logits=1)
TINY["hfkit-text/bert-layers-standardised"] = _text("bert", "layers", layers=[0, 2], standardised=True)
TINY["hfkit-text/bert-linear-1-logit"] = _text("bert", "linear", head_logits=1)
TINY["hfkit-text/bert-bigru-1-logit"] = _text("bert", "bigru", head_logits=1)
TINY["hfkit-text/bert-linear-mean"] = _text("bert", "linear", pooling="mean")
TINY["hfkit-text/bert-linear-last"] = _text("bert", "linear", pooling="last")


# A ViT of timm, with the sizes of a toy.
TRANSFORMER = {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2}
VIT = {"backbone_name": "vit_tiny_patch16_224", "backbone_options": TRANSFORMER}
DISTILLED = {"backbone_name": "deit_tiny_distilled_patch16_224", "backbone_options": TRANSFORMER}
FDVIT = {"patch_size": 8, "patch_stride": 4, "heads": [2, 2, 2], "head_sizes": [4, 6, 8], "depths": [1, 2, 1]}
TRANSFORMERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
}


def image_configs() -> dict[str, PreTrainedConfig]:
    """Return a tiny config of each kind of image model of transformers that is tested."""
    return {
        "vit": ViTConfig(**TRANSFORMERS),
        "dinov2": Dinov2Config(**TRANSFORMERS, mlp_ratio=2),
        "dinov3": DINOv3ViTConfig(**TRANSFORMERS, num_register_tokens=2),
        "convnextv2": ConvNextV2Config(hidden_sizes=[8, 12], depths=[1, 2], num_stages=2, image_size=32),
        "siglip": SiglipVisionConfig(**TRANSFORMERS),
    }


IMAGE_MODELS: dict[str, tuple[type[ImageClassifier], dict[str, Any]]] = {
    "hfkit-vgg/flat": (VggClassifier, {"layers": [4, "M", 6, 8, "M"]}),
    "hfkit-vgg/pooled-elu": (
        VggClassifier,
        {"layers": [4, "M", 6, 8, "M"], "global_pool": True, "head_layers": 1, "head_activation": "elu"},
    ),
    "hfkit-densenet/mlp": (DenseNetClassifier, {"growth_rate": 4, "block_config": [2, 2], "num_init_features": 8}),
    "hfkit-deit/mean": (DeitClassifier, {"backbone_options": TRANSFORMER}),
    "hfkit-deit/two-heads": (DeitClassifier, {"backbone_options": TRANSFORMER, "two_heads": True}),
    "hfkit-timm/efficientnet": (TimmClassifier, {"backbone_name": "test_efficientnet"}),
    "hfkit-timm/resnet": (TimmClassifier, {"backbone_name": "test_resnet"}),
    "hfkit-timm/convnext": (TimmClassifier, {"backbone_name": "test_convnext"}),
    "hfkit-timm/vit-linear": (
        TimmClassifier,
        {**VIT, "head": "linear"},
    ),
    "hfkit-timm/vit-map": (
        TimmClassifier,
        {"backbone_name": "vit_base_patch16_siglip_224", "backbone_options": {**TRANSFORMER, "img_size": 32}},
    ),
    "hfkit-token-learner/distilled": (TokenLearnerClassifier, {**DISTILLED, "token_learner_tokens": 4}),
    "hfkit-token-learner/convolutions": (
        TokenLearnerClassifier,
        {**VIT, "token_learner_tokens": 4, "token_learner_version": "1.0", "class_token": False},
    ),
    "hfkit-token-learner/fused": (
        TokenLearnerClassifier,
        {**VIT, "token_learner_tokens": 4, "token_learner_at": 0, "token_fuser": True},
    ),
    "hfkit-token-learner/fused-mean": (
        TokenLearnerClassifier,
        {
            "backbone_name": "vit_tiny_patch16_224",
            "backbone_options": {**TRANSFORMER, "class_token": False, "reg_tokens": 1, "global_pool": "avg"},
            "token_learner_tokens": 4,
            "token_learner_at": 1,
            "token_fuser": True,
        },
    ),
    "hfkit-token-learner/mean": (TokenLearnerClassifier, {**VIT, "token_learner_tokens": 4, "class_token": False}),
    "hfkit-fdvit/code": (FdVitClassifier, FDVIT),
    "hfkit-fdvit/paper": (FdVitClassifier, {**FDVIT, "sampling": "strided_taps", "decoder": "paper"}),
    "hfkit-fdvit/trained": (FdVitClassifier, {**FDVIT, "reconstruction_weight": 0.0}),
    # Has buffers that no checkpoint holds.
    "hfkit-timm/swin": (
        TimmClassifier,
        {
            "backbone_name": "swin_tiny_patch4_window7_224",
            "backbone_options": {"embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2], "window_size": 4},
        },
    ),
}
IMAGE_MODELS |= {
    f"hfkit-transformers-image/{name}": (
        TransformersImageClassifier,
        # So few units can all be below zero at the start, and learn nothing with ReLU.
        {"backbone_config": config, "head_activation": "elu"},
    )
    for name, config in image_configs().items()
}
IMAGE_MODELS["hfkit-transformers-image/vit-class-token"] = (
    TransformersImageClassifier,
    {"backbone_config": ViTConfig(**{**TRANSFORMERS, "image_size": 16}), "pooling": "class_token"},
)
IMAGE_MODELS["hfkit-transformers-image/siglip-mean"] = (
    TransformersImageClassifier,
    {"backbone_config": SiglipVisionConfig(**TRANSFORMERS), "pooling": "mean"},
)
SMALL_IMAGES = {**TRANSFORMER, "img_size": 32}
TWINS = {"embed_dims": [8, 8], "num_heads": [2, 2], "mlp_ratios": [2, 2], "depths": [2, 2], "sr_ratios": [2, 1]}
IMAGE_MODELS |= {
    f"hfkit-timm/{family}": (TimmClassifier, {"backbone_name": name, "backbone_options": options, "head": "linear"})
    for family, name, options in (
        # With its own 1e-5 each layer would add next to nothing, and all images would have the same scores.
        ("dinov2", "vit_small_patch14_dinov2", {**SMALL_IMAGES, "init_values": 1.0}),
        ("dinov3", "vit_small_patch16_dinov3", SMALL_IMAGES),
        ("eva02", "eva02_tiny_patch14_224", SMALL_IMAGES),
        ("convnextv2", "convnextv2_atto", {"depths": [1, 1, 2, 1], "dims": [4, 8, 8, 8]}),
        ("mobilenetv4", "mobilenetv4_conv_small_035", {}),
        ("twins", "twins_pcpvt_small", {**TWINS, "img_size": 32}),
    )
}
IMAGE_CONFIGS = {
    VggClassifier: VggClassifierConfig,
    DenseNetClassifier: DenseNetClassifierConfig,
    DeitClassifier: DeitClassifierConfig,
    TimmClassifier: TimmClassifierConfig,
    TokenLearnerClassifier: TokenLearnerClassifierConfig,
    FdVitClassifier: FdVitClassifierConfig,
    TransformersImageClassifier: TransformersImageClassifierConfig,
}


def _image(model_class: type[ImageClassifier], **options: Any) -> Callable[[], BackboneClassifier]:
    return lambda: model_class(IMAGE_CONFIGS[model_class](image_size=32, head_hidden_size=6, **LABELS, **options))


def _image_layers(model_class: type[ImageClassifier], **options: Any) -> Callable[[], BackboneClassifier]:
    def build() -> BackboneClassifier:
        model = model_class(IMAGE_CONFIGS[model_class](image_size=32, **LABELS, **{**options, "head": "layers"}))
        model.keep_layers()
        return model

    return build


TINY |= {name: _image(model_class, **options) for name, (model_class, options) in IMAGE_MODELS.items()}
ONE_HEAD_ALONE = {"deit/two-heads", "vgg/pooled-elu", "fdvit/paper", "fdvit/trained", "transformers-image/siglip-mean"}
ONE_HEAD_ALONE |= {f"token-learner/{name}" for name in ("convolutions", "fused-mean", "mean")}
TINY |= {
    f"{name}-layers": _image_layers(model_class, **options)
    for name, (model_class, options) in IMAGE_MODELS.items()
    if name.removeprefix("hfkit-") not in ONE_HEAD_ALONE
}
# Nets whose contract is tested, and that are trained by a Trainer in slow tests alone.
SLOW_IMAGE_NAMES = [f"hfkit-timm/{name}" for name in ("convnextv2", "dinov2", "dinov3", "mobilenetv4", "twins")]
SLOW_IMAGE_NAMES += [f"{name}-layers" for name in SLOW_IMAGE_NAMES]
QUICK_NAMES = {
    *(f"hfkit-text/{name}" for name in ("bert-linear", "bert-bigru", "bert-layers", "qwen3-linear")),
    *(
        "hfkit-text/t5-linear",
        "hfkit-vgg/flat",
        "hfkit-deit/two-heads",
        "hfkit-timm/efficientnet",
        "hfkit-timm/efficientnet-layers",
    ),
    *("hfkit-token-learner/fused", "hfkit-transformers-image/vit"),
}
"""One of each kind: what is tested of a model is tested of these in the quick suite, and of all others in the whole one."""
NIGHT_NAMES = {
    name
    for name in TINY
    if name.partition("/")[2].rpartition("-")[0]
    in ("mpnet", "albert", "xlm-roberta", "eurobert", "nomic", "gte", "xlm")
}
"""Encoders that differ from others by little: what is tested of each model is tested of these by night."""
TEXT_NAMES = [name for name in TINY if name.startswith("hfkit-text")]
IMAGE_NAMES = [name for name in TINY if name not in TEXT_NAMES]


def inputs_for(model: BackboneClassifier, rows: int = 3, tokens: int = 7) -> dict[str, torch.Tensor]:
    """Return a batch for a model: images, or token rows of different length, padded on the right."""
    generator = torch.Generator().manual_seed(1)
    if isinstance(model, ImageClassifier):
        size = model.config.image_size
        return {"pixel_values": torch.randn(rows, 3, size, size, generator=generator)}
    lengths = torch.tensor([tokens - row % 4 for row in range(rows)])
    mask = (torch.arange(tokens)[None] < lengths[:, None]).long()
    ids = torch.randint(5, 100, (rows, tokens), generator=generator) * mask
    return {"input_ids": ids, "attention_mask": mask}


def tiny_tokenizer(folder: Path, positions: int = 64) -> BertTokenizerFast:
    """Write a WordPiece vocabulary and return its tokenizer."""
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789.,:!?#@/_")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    vocabulary += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    path = folder / "vocab.txt"
    path.write_text("\n".join(dict.fromkeys(vocabulary)) + "\n")
    return BertTokenizerFast(vocab=str(path), model_max_length=positions)


def write_tiny_backbone(folder: Path, **options: Any) -> Path:
    """Write a tiny BERT with its pretraining heads (keys `bert.*` and `cls.*`) and its tokenizer; `options` are of its config."""
    torch.manual_seed(3)
    # Wide weights, so that different texts get different scores.
    config = BertConfig(**{**BERT, **options}, initializer_range=0.5)
    BertForPreTraining(config).save_pretrained(folder)
    tiny_tokenizer(folder, config.max_position_embeddings).save_pretrained(folder)
    return folder
