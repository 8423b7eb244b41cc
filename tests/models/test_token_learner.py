"""TokenLearner: its modules against the paper's formulas, and pretrained transformers with learned tokens."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from datasets import Dataset
from PIL import Image
from tiny import DISTILLED, LABELS, TRANSFORMER, VIT, inputs_for
from torch import nn

from hfkit.backbones.image import build_image_classifier
from hfkit.data.transforms import make_processor
from hfkit.errors import UserError
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.freezing import FreezePlan
from hfkit.models.base import BackboneClassifier
from hfkit.models.token_learner import (
    ConvolutionalTokenLearner,
    TokenFuser,
    TokenLearner,
    TokenLearnerClassifier,
    TokenLearnerClassifierConfig,
)
from hfkit.profile import count_macs
from hfkit.report.illustrations import draw_token_maps


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def classifier(**options: object) -> TokenLearnerClassifier:
    torch.manual_seed(0)
    return TokenLearnerClassifier(TokenLearnerClassifierConfig(image_size=32, head_hidden_size=6, **LABELS, **options))


@pytest.mark.parametrize(
    ("width", "counts"),
    [
        (192, (15_936, 34_944, 13_256, 13_776, 14_096, 14_816)),
        (384, (30_144, 62_976, 25_928, 26_448, 27_536, 28_256)),
        (768, (58_560, 119_040, 51_272, 51_792, 54_416, 55_136)),
        (1024, (77_504, 156_416, 68_168, 68_688, 72_336, 73_056)),
    ],
)
def test_parameters_of_the_modules(width: int, counts: tuple[int, ...]) -> None:
    kinds = (ConvolutionalTokenLearner, TokenLearner, TokenFuser)
    assert tuple(size(kind(width, tokens)) for kind in kinds for tokens in (8, 16)) == counts


def test_each_token_is_a_mean_of_patches() -> None:
    """Weights over the patches are positive and sum to one; the order of the patches does not matter."""
    torch.manual_seed(0)
    learner, patches = TokenLearner(16, 4), torch.randn(2, 9, 16)
    maps = learner.maps(patches)
    assert maps.shape == (2, 4, 9)
    assert (maps > 0).all()
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 4))
    tokens = learner(patches)
    torch.testing.assert_close(tokens[1, 2], sum(maps[1, 2, p] * patches[1, p] for p in range(9)))
    torch.testing.assert_close(learner(patches[:, torch.randperm(9)]), tokens)
    same = torch.randn(1, 1, 16).expand(1, 9, 16)
    torch.testing.assert_close(learner(same), same[:, :4])


def test_tokens_of_the_paper_are_sums_over_a_grid() -> None:
    """They see where a patch is, grow with the number of patches, and are their mean where asked for."""
    torch.manual_seed(0)
    learner, patches = ConvolutionalTokenLearner(16, 4), torch.randn(2, 9, 16)
    tokens = learner(patches)
    maps = learner.maps(patches)
    assert ((maps > 0) & (maps < 1)).all()
    torch.testing.assert_close(tokens, torch.einsum("bsp,bpc->bsc", maps, patches))
    assert not torch.allclose(learner(patches[:, torch.tensor([1, 0, 2, 3, 4, 5, 6, 7, 8])]), tokens)
    learner.pooling = "mean"
    torch.testing.assert_close(learner(patches) * 9, tokens)
    with pytest.raises(ValueError, match="square"):
        learner(torch.randn(1, 8, 16))


def test_prefix_tokens_pass_through() -> None:
    tokens = torch.randn(2, 11, 16)
    for kind in (TokenLearner, ConvolutionalTokenLearner):
        out = kind(16, 4, prefix_tokens=2)(tokens)
        assert out.shape == (2, 6, 16)
        assert torch.equal(out[:, :2], tokens[:, :2])


def test_a_fused_block_changes_nothing_at_first() -> None:
    """The patches leave all fused blocks as they came in; then the fuser learns."""
    model = classifier(**VIT, token_learner_tokens=4, token_learner_at=0, token_fuser=True)
    block = model.backbone.blocks[0]
    tokens = torch.randn(2, 17, 16)
    torch.testing.assert_close(block(tokens)[:, 1:], tokens[:, 1:])
    nn.init.normal_(block.token_fuser.mixing.weight)
    assert not torch.allclose(block(tokens)[:, 1:], tokens[:, 1:])


def test_a_fused_net_is_the_plain_net_at_first(make_model: Callable[[str], BackboneClassifier]) -> None:
    """Also where the features are the mean over the patches, and there are tokens in front of them."""
    model = make_model("hfkit-token-learner/fused-mean")
    batch = inputs_for(model)
    tokens = model.forward_to("blocks.1", **batch)
    torch.testing.assert_close(model.backbone.blocks[1](tokens)[:, 1:], tokens[:, 1:])


def test_every_parameter_gets_a_gradient() -> None:
    """Otherwise two processes would wait for each other; the last block of a net with a class token needs no fuser."""
    for options in (VIT | {"class_token": False}, VIT, DISTILLED):
        for fuser in (False, True):
            model = classifier(**options, token_learner_tokens=4, token_learner_at=0, token_fuser=fuser)
            model(**inputs_for(model), labels=torch.tensor([0, 1, 1])).loss.backward()
            assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]


@pytest.mark.parametrize("fuser", [False, True])
def test_pretrained_weights_are_kept(fuser: bool) -> None:
    """Each tensor of the plain transformer is found again; what is new is left as it was drawn."""
    plain = timm.create_model("deit_tiny_distilled_patch16_224", img_size=32, **TRANSFORMER)
    model = classifier(**DISTILLED, token_learner_tokens=4, token_learner_at=1, token_fuser=fuser)
    before = {name: tensor.clone() for name, tensor in model.backbone.state_dict().items()}
    model.load_pretrained_backbone(plain.state_dict())
    own = model.backbone.state_dict()
    for name, tensor in plain.state_dict().items():
        if not name.startswith("head"):
            ours = name.replace("blocks.1.", "blocks.1.block.") if fuser else name
            assert torch.equal(own[ours], tensor), name
    new = [name for name in own if "token_learner" in name or "token_fuser" in name]
    assert new
    assert all(torch.equal(own[name], before[name]) for name in new)


@pytest.mark.parametrize("image_size", [32, 48])
def test_pretrained_weights_without_their_class_token(image_size: int) -> None:
    """Its position goes with it, and the others are those of the patches, interpolated where the image has another size."""
    plain = timm.create_model("vit_tiny_patch16_224", img_size=image_size, **TRANSFORMER)
    model = classifier(**VIT, token_learner_tokens=4, class_token=False)
    model.load_pretrained_backbone(plain.state_dict())
    own = model.backbone.state_dict()
    assert "cls_token" not in own
    assert torch.equal(own["blocks.0.attn.qkv.weight"], plain.blocks[0].attn.qkv.weight)
    positions = plain.pos_embed[:, 1:]
    if image_size == 32:
        assert torch.equal(own["pos_embed"], positions)
    torch.testing.assert_close(own["pos_embed"].mean(), positions.mean(), atol=2e-3, rtol=0)


def test_positions_of_patches_alone() -> None:
    """As in DeiT III, whose class token has none."""
    options = {**TRANSFORMER, "no_embed_class": True}
    plain = timm.create_model("vit_tiny_patch16_224", img_size=48, **options)
    model = classifier(backbone_name="vit_tiny_patch16_224", backbone_options=options, token_learner_tokens=4)
    model.load_pretrained_backbone(plain.state_dict())
    assert plain.pos_embed.shape[1] == 36
    assert model.backbone.pos_embed.shape[1] == 16


def test_the_form_of_the_paper_has_no_class_token() -> None:
    """Its features are the mean over the learned tokens, behind the last norm."""
    model = classifier(**VIT, token_learner_tokens=4, class_token=False).eval()
    batch = inputs_for(model)
    tokens = model.backbone.norm(model.forward_to("norm", **batch))
    assert tokens.shape == (3, 4, 16)
    torch.testing.assert_close(model.features(batch["pixel_values"]), tokens.mean(dim=1))


@pytest.mark.parametrize(
    ("name", "tokens", "at", "class_token", "macs"),
    [
        ("vit_base_patch16_224", 8, 3, False, 4.977),
        pytest.param("vit_base_patch16_224", 8, 6, False, 9.145, marks=pytest.mark.slow),
        pytest.param("vit_base_patch16_224", 16, 9, False, 13.486, marks=pytest.mark.slow),
        pytest.param("deit_base_distilled_patch16_224", 8, 6, True, 9.322, marks=pytest.mark.slow),
        ("deit_base_distilled_patch16_224", 16, 3, True, 5.664),
    ],
)
def test_multiply_accumulates(name: str, tokens: int, at: int, class_token: bool, macs: float) -> None:
    """The closed forms of the paper, with the attention products."""
    config = TokenLearnerClassifierConfig(
        backbone_name=name, token_learner_tokens=tokens, token_learner_at=at, class_token=class_token, head="linear"
    )
    model = TokenLearnerClassifier(config)
    patches, width, prefix = 196, 768, 2 if class_token else 0
    total, attention = count_macs(model)

    def block(number: int) -> int:
        return 12 * number * width**2 + 2 * number**2 * width

    learner = patches * width * 64 + 64 * patches * tokens + tokens * patches * width
    expected = 3 * 256 * width * patches + learner + 2 * width
    expected += at * block(patches + prefix) + (12 - at) * block(tokens + prefix)
    assert total == expected
    assert total / 1e9 == pytest.approx(macs, abs=1.5e-3)
    assert attention == 2 * width * (at * (patches + prefix) ** 2 + (12 - at) * (tokens + prefix) ** 2)


@pytest.mark.parametrize(("version", "fuser"), [("1.0", False), ("1.1", True)])
def test_multiply_accumulates_of_the_other_modules(version: str, fuser: bool) -> None:
    """The closed forms of the paper for its convolutions, and for a fuser behind each block."""
    patches, width, tokens = 16, 16, 4
    model = classifier(
        **VIT, class_token=False, token_learner_tokens=tokens, token_learner_at=1, token_learner_version=version,
        token_fuser=fuser, head="linear",
    )  # fmt: skip
    learner = {
        "1.0": 9 * patches * width * tokens + 27 * patches * tokens**2 + tokens * patches * width,
        "1.1": 64 * patches * width + 64 * patches * tokens + tokens * patches * width,
    }[version]
    fusing = tokens**2 * width + 64 * patches * width + 64 * patches * tokens + patches * tokens * width

    def block(number: int) -> int:
        return 12 * number * width**2 + 2 * number**2 * width

    expected = (
        3 * 8**2 * width * patches + block(patches) + learner + block(tokens) + (fusing if fuser else 0) + 2 * width
    )
    assert count_macs(model)[0] == expected


def test_maps_over_the_image(tmp_path: Path) -> None:
    model = classifier(**DISTILLED, token_learner_tokens=4).eval()
    maps = model.token_maps(**inputs_for(model))
    assert maps.shape == (3, 4, 4, 4)
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(3, 4))
    fused = classifier(**VIT, token_learner_tokens=4, token_learner_at=0, token_fuser=True).eval()
    assert fused.token_maps(**inputs_for(fused)).shape == (3, 4, 4, 4)
    Image.fromarray(np.full((20, 30, 3), 200, dtype=np.uint8)).save(tmp_path / "grey.png")
    rows = Dataset.from_dict({"image": [{"bytes": None, "path": str(tmp_path / "grey.png")}] * 2, "label": [1, 0]})
    draw_token_maps(tmp_path / "maps.png", model, make_processor(model.preprocessing(), 32), rows, ["a", "b"])
    with Image.open(tmp_path / "maps.png") as image:
        assert image.width > image.height


@pytest.mark.parametrize(
    ("backbone", "flags", "message"),
    [
        ("vgg19", {"token_learner_tokens": 8}, "--token_learner_tokens is for a ViT or DeiT"),
        ("resnet18", {"token_learner_tokens": 8}, "ViT or DeiT"),
        ("vit_tiny_patch16_224", {"token_learner_at": 3}, "--token_learner_at is for a ViT or DeiT whose"),
        ("vit_tiny_patch16_224", {"token_learner_tokens": 8, "token_learner_at": 12}, "no block 12.*0 to 11"),
        ("deit_tiny_distilled_patch16_224", {"token_learner_tokens": 8, "class_token": False}, "needs its tokens"),
        ("deit_tiny_distilled_patch16_224", {"token_learner_tokens": 8, "two_heads": True}, "--two_heads is for"),
    ],
)
def test_mistakes(backbone: str, flags: dict[str, object], message: str) -> None:
    arguments = ImageModelArguments(backbone=backbone, weights="none", **flags)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        build_image_classifier(arguments, None, ["a", "b"])


@pytest.mark.parametrize(("fuser", "stage"), [(False, "blocks.token_learner"), (True, "blocks.0")])
def test_frozen_new_weights_are_said(fuser: bool, stage: str) -> None:
    model = classifier(**VIT, token_learner_tokens=4, token_learner_at=0, token_fuser=fuser)
    for unfreeze_from, said in ((stage, False), ("none", True), ("blocks.1", True), ("all", False)):
        plan = FreezePlan(unfreeze_from)
        plan.apply(model)
        assert (f"{stage} starts at random and does not train" in plan.describe(model)) == said


def test_no_tokens_are_refused() -> None:
    with pytest.raises(UserError, match="--token_learner_tokens is 0"):
        ImageModelArguments(backbone="vit_tiny_patch16_224", token_learner_tokens=0)
