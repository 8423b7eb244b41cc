"""FDViT: counts, both ways of downsampling, masked training, and weights under the published names."""

import re
from pathlib import Path

import pytest
import torch
from tiny import FDVIT, LABELS, inputs_for
from torch import nn
from torch.nn import functional

from hfkit.backbones.image import build_image_classifier
from hfkit.errors import LOADING_ERRORS, UserError
from hfkit.flags.image_arguments import ImageModelArguments
from hfkit.freezing import FreezePlan
from hfkit.models.fdvit import FDVIT_SIZES, FdVitClassifier, FdVitClassifierConfig
from hfkit.models.fdvit_layers import Attention, FlexibleDownsampling, PaperDecoder, resample, sample_taps
from hfkit.models.losses import Objective
from hfkit.profile import count_macs


def published(name: str, **options: object) -> FdVitClassifier:
    return FdVitClassifier(FdVitClassifierConfig(weights_name=name, **FDVIT_SIZES[name], **options))


def tiny(**options: object) -> FdVitClassifier:
    torch.manual_seed(0)
    return FdVitClassifier(FdVitClassifierConfig(image_size=32, head_hidden_size=6, **FDVIT, **LABELS, **options))


def size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# --- sizes ---


@pytest.mark.parametrize(
    ("name", "grids", "widths", "inference", "training", "macs"),
    [
        ("fdvit_ti", [27, 19, 14, 10, 7], [64, 92, 126, 184, 260], 4_603_420, 5_400_422, (0.822, 0.575)),
        ("fdvit_s", [27, 19, 14, 10, 7], [144, 204, 288, 408, 570], 21_595_258, 25_540_030, (3.320, 2.766)),
        ("fdvit_b", [31, 22, 16, 11, 8], [256, 360, 512, 720, 1024], 68_099_320, 80_542_768, (14.058, 11.873)),
    ],
)
def test_sizes(
    name: str, grids: list[int], widths: list[int], inference: int, training: int, macs: tuple[float, float]
) -> None:
    """Parameters with ImageNet's head, to the unit; multiply-accumulates with and without the attention products."""
    model = published(name, head="linear", num_labels=1000)
    assert (model.config.grid_sizes(), model.config.widths()) == (grids, widths)
    assert size(model) == training
    total, attention = count_macs(model)
    assert [round(total / 1e9, 3), round((total - attention) / 1e9, 3)] == list(macs)
    side, blocks = model.config.grid_sizes(), model.config.depths
    assert attention == sum(2 * w**4 * d * n for w, d, n in zip(side, widths, blocks, strict=True))
    model.drop_training_parts()
    assert size(model) == inference


def test_shapes_of_the_stages() -> None:
    model = published("fdvit_ti").eval()
    with torch.inference_mode():
        shapes = [
            model.forward_to(f"stages.{stage}.blocks.0", pixel_values=torch.zeros(1, 3, 224, 224)).shape
            for stage in range(5)
        ]
    assert [tuple(shape[1:]) for shape in shapes] == [(729, 64), (361, 92), (196, 126), (100, 184), (49, 260)]


# --- downsampling ---


def test_resampling_keeps_corners_constants_and_ramps() -> None:
    ramp = torch.arange(27.0).expand(1, 1, 27, 27)
    torch.testing.assert_close(resample(ramp, 19)[0, 0, 3], torch.arange(19.0) * 26 / 18)
    grid = torch.randn(2, 3, 27, 27)
    small = resample(grid, 19)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        torch.testing.assert_close(small[..., row, column], grid[..., row, column])
    torch.testing.assert_close(resample(torch.ones(1, 1, 27, 27), 10), torch.ones(1, 1, 10, 10))
    assert resample(grid, 27) is grid


def test_taps_are_those_of_the_equation() -> None:
    """Z_out(c, h, w) = sum of Z_in(k, h S + i, w S + j) F(i, j, k, c), bilinear between pixels, zero outside."""
    torch.manual_seed(0)
    layer = FlexibleDownsampling(2, 3, 5, 4, "strided_taps", None)
    grid = torch.randn(1, 2, 5, 5)
    stride = (5 - 1) / (4 - 1)

    def pixel(k: int, y: float, x: float) -> torch.Tensor:
        total = torch.zeros(())
        for row in range(5):
            for column in range(5):
                share = max(0.0, 1 - abs(y - row)) * max(0.0, 1 - abs(x - column))
                total = total + share * grid[0, k, row, column]
        return total

    out = layer.convolve(grid)
    for h, w, c in ((0, 0, 0), (1, 2, 1), (3, 3, 2), (2, 0, 0)):
        taps = [
            pixel(k, h * stride + i, w * stride + j) * layer.conv.weight[c, k, i + 1, j + 1]
            for k in range(2)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        torch.testing.assert_close(out[0, c, h, w], torch.stack(taps).sum() + layer.conv.bias[c], rtol=1e-4, atol=1e-5)


def test_both_ways_agree_where_they_must() -> None:
    """On a grid of the same size, and where the kernel has nothing but its centre."""
    torch.manual_seed(0)
    for side_out, centre_only in ((6, False), (4, True)):
        code = FlexibleDownsampling(4, 5, 6, side_out, "resample_conv", None)
        paper = FlexibleDownsampling(4, 5, 6, side_out, "strided_taps", None)
        if centre_only:
            centre = torch.zeros_like(code.conv.weight)
            centre[..., 1, 1] = code.conv.weight[..., 1, 1]
            code.conv.weight = nn.Parameter(centre)
        paper.load_state_dict(code.state_dict())
        tokens = torch.randn(2, 36, 4)
        torch.testing.assert_close(code(tokens), paper(tokens))
    assert sample_taps(torch.randn(1, 2, 6, 6), 4).shape == (1, 2, 12, 12)


@pytest.mark.parametrize("sampling", ["resample_conv", "strided_taps"])
def test_the_decoder_of_the_paper(sampling: str) -> None:
    """Convolution, BatchNorm and ReLU, and then the same flexible convolution upwards."""
    torch.manual_seed(0)
    decoder = PaperDecoder(6, 4, 8, sampling).eval()
    decoder.norm.running_mean.normal_()
    grid = torch.randn(2, 6, 5, 5)
    inner = functional.batch_norm(decoder.conv(grid), decoder.norm.running_mean, decoder.norm.running_var).relu()
    if sampling == "resample_conv":
        expected = decoder.up(functional.interpolate(inner, size=(8, 8), mode="bilinear", align_corners=True))
    else:
        expected = functional.conv2d(sample_taps(inner, 8), decoder.up.weight, decoder.up.bias, stride=3)
    torch.testing.assert_close(decoder(grid), expected)
    assert expected.shape == (2, 4, 8, 8)


def test_the_flags_of_masked_training() -> None:
    arguments = ImageModelArguments(
        backbone="fdvit_ti", weights="none", fdvit_sampling="strided_taps", fdvit_decoder="paper", mask_ratio=0.4
    )
    model = build_image_classifier(arguments, 64, ["a", "b"])[0]
    assert (model.config.sampling, model.config.decoder, model.config.mask_ratio) == ("strided_taps", "paper", 0.4)
    assert "parameters more restore masked tokens" in model.describe_head()
    model.drop_training_parts()
    assert "restore" not in model.describe_head()


def test_attention_beside_its_convolution() -> None:
    """Softmax attention of each head, and the depth-wise convolution of the values in head-major order."""
    torch.manual_seed(0)
    layer, tokens = Attention(6, 2), torch.randn(1, 9, 6)
    query, key, value = layer.qkv(tokens)[0].split(6, dim=1)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        weights = (query[:, head] @ key[:, head].T / 3**0.5).softmax(-1)
        heads.append(weights @ value[:, head])
    local = functional.conv2d(value.T.view(1, 6, 3, 3), layer.get_v.weight, layer.get_v.bias, padding=1, groups=6)
    expected = layer.proj(torch.cat(heads, dim=1) + local.view(6, 9).T)
    torch.testing.assert_close(layer(tokens)[0], expected)


# --- masked training ---


def test_the_loss_in_training() -> None:
    """Cross-entropy, and the mean restoring loss by its weight; in evaluation the cross-entropy alone."""
    model = tiny(drop_path=0.0, head_dropout=0.0, mask_ratio=0.0, reconstruction_weight=0.5)
    batch, labels = inputs_for(model), torch.tensor([0, 1, 1])
    evaluated = model.eval()(**batch, labels=labels)
    trained = model.train()(**batch, labels=labels)
    assert not hasattr(evaluated, "auxiliary_loss")
    torch.testing.assert_close(trained.logits, evaluated.logits)
    layers = [model.backbone.stages[number].downsample for number in (1, 2)]
    restoring = []
    for number, layer in enumerate(layers, start=1):
        tokens = model.forward_to(f"stages.{number}.downsample", **batch)
        side = layer.side_out
        restored = layer.decoder(layer(tokens).transpose(1, 2).reshape(3, -1, side, side)).flatten(2).transpose(1, 2)
        restoring.append(functional.mse_loss(restored, tokens))
    expected = 0.5 * (restoring[0] + restoring[1]) / 2
    torch.testing.assert_close(trained.auxiliary_loss, expected)
    torch.testing.assert_close(trained.loss, evaluated.loss + expected)
    torch.testing.assert_close(model(**batch).auxiliary_loss, expected)  # without labels, as for weighted losses


def test_the_restoring_loss_joins_a_weighted_loss() -> None:
    """For 8 rows at once as for 2 x 4 accumulated ones."""
    model = tiny(drop_path=0.0, head_dropout=0.0, mask_ratio=0.0)
    model.train()
    labels = torch.tensor([0, 1, 1])
    outputs = model(**inputs_for(model))
    loss = Objective((1.0, 1.0))
    plain = functional.cross_entropy(outputs.logits, labels)
    torch.testing.assert_close(loss(outputs, labels), plain + outputs.auxiliary_loss)
    torch.testing.assert_close(loss(outputs, labels, 6), (plain + outputs.auxiliary_loss) / 2)


def test_masking_hides_tokens_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    seen = []
    layer = FlexibleDownsampling(1, 1, 30, 20, "resample_conv", nn.Identity())
    layer.norm.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    layer.decoder = nn.Upsample(30)
    layer.restoring_loss(torch.ones(8, 900, 1), 0.2, False)
    assert set(seen[0].unique().tolist()) == {0.0, 1.25}
    assert seen[0].mean() == pytest.approx(1.0, abs=0.02)


def test_detached_targets_get_no_gradient() -> None:
    torch.manual_seed(0)
    for detach in (False, True):
        layer = FlexibleDownsampling(2, 2, 4, 3, "resample_conv", None)
        layer.decoder = nn.Sequential(nn.Upsample(4), nn.Conv2d(2, 2, 1))
        tokens = torch.randn(1, 16, 2, requires_grad=True)
        layer.norm = nn.Identity()  # type: ignore[assignment]
        nn.init.zeros_(layer.conv.weight)  # what is restored does not depend on the tokens
        layer.restoring_loss(tokens, 0.2, detach).backward()
        assert (tokens.grad.abs().sum() > 0) == (not detach)


def test_frozen_downsamplings_restore_nothing() -> None:
    """Their decoders are frozen with them, and the loss has a term for each that trains."""
    model = tiny()
    FreezePlan("stages.2").apply(model)
    model.train()
    output = model(**inputs_for(model), labels=torch.tensor([0, 1, 1]))
    output.loss.backward()
    trains = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert not [name for name in trains if "stages.1" in name]
    assert trains == {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert any("stages.2.downsample.decoder" in name for name in trains)
    FreezePlan("none").apply(model)
    model.train()
    assert model(**inputs_for(model)).auxiliary_loss == 0


def test_evaluation_does_without_decoders(tmp_path: Path) -> None:
    model = tiny().eval()
    batch = inputs_for(model)
    with torch.inference_mode():
        before = model(**batch).logits
    model.drop_training_parts()
    assert not [name for name in model.state_dict() if "decoder" in name]
    model.save_pretrained(tmp_path)
    loaded = FdVitClassifier.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        assert torch.equal(loaded(**batch).logits, before)


# --- published weights ---


def under_published_names(model: FdVitClassifier, decoders: bool) -> dict[str, torch.Tensor]:
    """Return a model's weights as AMD's files name them."""
    state = {}
    for name, tensor in model.backbone.state_dict().items():
        name = name.replace("patch_embed.", "patch_embed.conv.")
        name = re.sub(r"stages\.(\d+)\.blocks", r"transformers.\1.blocks", name)
        layer = re.match(r"stages\.(\d+)\.downsample\.(norm|conv|decoder)\.", name)
        if layer:
            number = int(layer[1]) - 1
            if layer[2] == "decoder" and not decoders:
                continue
            theirs = {"norm": f"pools.{number}.ln.", "conv": f"pools.{number}.conv.", "decoder": f"decoders.{number}."}
            name = theirs[layer[2]] + name[layer.end() :]
        state[name] = tensor
    width = model.feature_size
    return {**state, "head.weight": torch.zeros(1000, width), "head.bias": torch.zeros(1000)}


@pytest.mark.parametrize("decoders", [True, False])
@pytest.mark.parametrize("weight", [0.0, 0.03])
def test_weights_under_the_published_names(decoders: bool, weight: float, tmp_path: Path) -> None:
    """A pickle of tensors, as AMD publishes it, made from a model of ours: every key finds its place."""
    source = published("fdvit_ti")
    torch.save(under_published_names(source, decoders), tmp_path / "pytorch_model.bin")
    file = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    names = {"pos_embed", "patch_embed.conv.weight", "transformers.4.blocks.1.attn.get_v.weight", "pools.3.ln.weight"}
    assert names | {"transformers.0.blocks.0.norm1.bias", "pools.0.conv.bias", "norm.weight", "head.bias"} <= set(file)
    model = published("fdvit_ti", reconstruction_weight=weight)
    model.load_pretrained_backbone(file)
    theirs = source.backbone.state_dict()
    for name, tensor in model.backbone.state_dict().items():
        if decoders or "decoder" not in name:
            assert torch.equal(tensor, theirs[name]), name
    file["transformers.0.blocks.0.norm9.bias"] = file.pop("transformers.0.blocks.0.norm1.bias")
    with pytest.raises(ValueError, match=r"stages\.0\.blocks\.0\.norm1\.bias is missing.*norm9\.bias is unknown"):
        model.load_pretrained_backbone(file)


def test_positions_of_another_image_size() -> None:
    source = published("fdvit_ti")
    model = published("fdvit_ti", image_size=160)
    model.load_pretrained_backbone(under_published_names(source, True))
    side = model.config.grid_sizes()[0]
    assert side == 19
    assert model.backbone.pos_embed.shape[-1] == side
    torch.testing.assert_close(model.backbone.pos_embed[..., 0, 0], source.backbone.pos_embed[..., 0, 0])


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    torch.save({"pos_embed": Malice()}, tmp_path / "pytorch_model.bin")
    monkeypatch.setattr("hfkit.models.fdvit.cached_file", lambda *names: str(tmp_path / "pytorch_model.bin"))
    with pytest.raises(LOADING_ERRORS):
        published("fdvit_ti").load_pretrained_backbone()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("backbone", "image_size", "flags", "message"),
    [
        ("fdvit_ti", 8, {}, "too small for patches of 16"),
        ("fdvit_ti", 100, {}, "every 8 pixels, so write 96 or 104"),
        ("vgg19", None, {"reconstruction_weight": 0.1}, "--reconstruction_weight is for fdvit_ti"),
        ("fdvit_ti", None, {"weights": "default"}, "cannot be loaded"),
    ],
)
def test_mistakes(backbone: str, image_size: int | None, flags: dict[str, object], message: str) -> None:
    arguments = ImageModelArguments(backbone=backbone, **{"weights": "none", **flags})  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        build_image_classifier(arguments, image_size, ["a", "b"])


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(UserError, match="write 0 or more"):
        ImageModelArguments(backbone="fdvit_ti", reconstruction_weight=-1.0)
    with pytest.raises(UserError, match="--mask_ratio is"):
        ImageModelArguments(backbone="fdvit_ti", mask_ratio=1.0)
