"""FDViT (Xu et al., ICCV 2023): a vision transformer that is downsampled by a factor that need not be a whole number.

"FDViT: Improve the Hierarchical Architecture of Vision Transformer", by AMD, written here from its formulas. A US patent
application (US-20260044928-A1) covers the method; hfkit's license grants no rights of its applicant.
The paper and AMD's code differ; the defaults here are those of the code, which the published weights follow.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from transformers.modeling_outputs import ImageClassifierOutput
from transformers.utils import cached_file

from .fdvit_layers import Block, Decoder, FlexibleDownsampling, PaperDecoder, resample, to_tokens
from .image import ImageClassifier, ImageClassifierConfig, Preprocessing, Step
from .losses import classifier_loss

FDVIT_SIZES: dict[str, dict[str, Any]] = {
    "fdvit_ti": {"heads": (2, 4, 6, 8, 10), "head_sizes": (32, 23, 21, 23, 26)},
    "fdvit_s": {"heads": (3, 6, 9, 12, 15), "head_sizes": (48, 34, 32, 34, 38)},
    "fdvit_b": {
        "heads": (4, 8, 8, 16, 16),
        "head_sizes": (64, 45, 64, 45, 64),
        "depths": (3, 3, 3, 2, 2),
        "patch_size": 14,
        "patch_stride": 7,
    },
}
"""Options of the published sizes."""


class FdVitClassifierConfig(ImageClassifierConfig):
    """Configuration of `FdVitClassifier`; the defaults are FDViT-S.

    Args:
        weights_name: Which of the published weights `default` means: `fdvit_ti`, `fdvit_s` or `fdvit_b`.
        patch_size: Height and width of a patch in pixels.
        patch_stride: Pixels from one patch to the next.
        heads: Attention heads in each stage.
        head_sizes: Width of a head in each stage; a token is `heads * head_sizes` wide.
        depths: Blocks in each stage.
        reduction: Factor between the sides of the grids of two stages.
        sampling: `resample_conv`, the code's (bilinear resampling, then a convolution on its grid), or `strided_taps`, the
            paper's equation 6 (a convolution of the pixels one apart, at steps that are no whole number).
        drop_path: Rate of stochastic depth of the last block, growing from 0.
        mask_ratio: Share of the tokens that are masked in training, which each downsampling learns to restore.
        reconstruction_weight: Weight of that loss (0.03 in the code, 0.1 in the paper); 0: none, and there are no decoders.
        decoder: `code` (a convolution and bilinear upsampling) or `paper` (with BatchNorm and ReLU in between).
        detach_target: Send no gradient into the tokens that are to be restored.

    """

    model_type = "hfkit-fdvit"

    weights_name: str = "fdvit_s"
    patch_size: int = 16
    patch_stride: int = 8
    heads: list[int] | tuple[int, ...] = (3, 6, 9, 12, 15)
    head_sizes: list[int] | tuple[int, ...] = (48, 34, 32, 34, 38)
    depths: list[int] | tuple[int, ...] = (2, 3, 3, 2, 2)
    reduction: float = math.sqrt(2)
    sampling: Literal["resample_conv", "strided_taps"] = "resample_conv"
    drop_path: float = 0.1
    mask_ratio: float = 0.2
    reconstruction_weight: float = 0.03
    decoder: Literal["code", "paper"] = "code"
    detach_target: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        self.heads, self.head_sizes, self.depths = list(self.heads), list(self.head_sizes), list(self.depths)
        super().__post_init__(**kwargs)
        if not len(self.heads) == len(self.head_sizes) == len(self.depths):
            raise ValueError("heads, head_sizes and depths name one number for each stage")
        for name, value, choices in (
            ("weights_name", self.weights_name, tuple(FDVIT_SIZES)),
            ("sampling", self.sampling, ("resample_conv", "strided_taps")),
            ("decoder", self.decoder, ("code", "paper")),
        ):
            if value not in choices:
                raise ValueError(f"Unknown {name} '{value}': write {' or '.join(choices)}.")

    def widths(self) -> list[int]:
        """Return the width of a token in each stage."""
        return [heads * size for heads, size in zip(self.heads, self.head_sizes, strict=True)]

    def grid_sizes(self) -> list[int]:
        """Return the side of the grid of tokens in each stage: the first one over powers of `reduction`, rounded half up.

        Raises:
            ValueError: The image is smaller than a patch, or a grid vanishes.

        """
        first = (self.image_size - self.patch_size) // self.patch_stride + 1
        # A little more than a half, since the square of a root is not quite a whole number.
        sides = [math.floor(first / self.reduction**stage + 0.5 + 1e-9) for stage in range(len(self.depths))]
        if self.image_size < self.patch_size or min(sides) < 1:
            raise ValueError(f"image_size {self.image_size} is too small for patches of {self.patch_size} pixels")
        return sides


@dataclass
class MaskedClassifierOutput(ImageClassifierOutput):
    """What an FDViT returns in training: `auxiliary_loss` is the weighted restoring loss, which `loss` contains."""

    auxiliary_loss: torch.Tensor | None = None


class FdVit(nn.Module):
    """The layers of an FDViT: overlapping patches, positions, and stages of blocks, each behind a downsampling but the first."""

    def __init__(self, config: FdVitClassifierConfig) -> None:
        super().__init__()
        widths, sides = config.widths(), config.grid_sizes()
        self.patch_embed = nn.Conv2d(3, widths[0], config.patch_size, config.patch_stride)
        self.pos_embed = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, widths[0], sides[0], sides[0]), std=0.02))
        rates = [config.drop_path * block / sum(config.depths) for block in range(sum(config.depths))]
        self.stages = nn.ModuleList()
        for stage, depth in enumerate(config.depths):
            part = nn.Module()
            if stage:
                part.downsample = _downsampling(config, stage)
            start = sum(config.depths[:stage])
            part.blocks = nn.ModuleList(
                Block(widths[stage], config.heads[stage], rate) for rate in rates[start : start + depth]
            )
            self.stages.append(part)
        self.norm = nn.LayerNorm(widths[-1], eps=1e-6)

    def embed(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Map images (batch, 3, height, width) to tokens (batch, patches, width)."""
        return to_tokens(self.patch_embed(pixel_values) + self.pos_embed)


class FdVitClassifier(ImageClassifier):
    """An FDViT without its head: the mean of the last tokens, and a head on it.

    Sizes at 224 pixels without a head and decoders: 4,342,420 (Ti), 21,024,258 (S) and 67,074,320 (B) parameters. In
    training, each downsampling that trains also learns to restore masked tokens; a saved model needs no decoders (see
    `drop_training_parts`).
    """

    config_class = FdVitClassifierConfig
    training_parts = ("decoder",)

    def __init__(self, config: FdVitClassifierConfig) -> None:
        super().__init__(config)
        self.backbone = FdVit(config)
        self.feature_size = config.widths()[-1]
        self._finish()

    def preprocessing(self) -> Preprocessing:
        """Return what FDViT was trained with: DeiT's preparation of ImageNet."""
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        return Preprocessing(published_name(self.config.weights_name), 224, mean, std, "bicubic")

    def steps(self) -> list[Step]:
        """Return patches, downsamplings, blocks, norm, and the mean over the tokens."""
        net = self.backbone
        steps: list[Step] = [("patch_embed", net.embed)]
        for number, stage in enumerate(net.stages):
            if number:
                steps.append((f"stages.{number}.downsample", stage.downsample))
            steps += [(f"stages.{number}.blocks.{name}", block) for name, block in stage.blocks.named_children()]
        return [*steps, ("norm", net.norm), ("", _average)]

    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        states: torch.Tensor | None = None,
    ) -> ImageClassifierOutput:
        """Classify a batch of images; see `ImageClassifier.forward`.

        In training, the restoring loss of each downsampling that trains is added: cross-entropy
        + reconstruction_weight * their sum / the number of all downsamplings. It is `auxiliary_loss` of the output.
        """
        if not (self.training and self.config.reconstruction_weight):
            return super().forward(pixel_values, labels, states)
        steps = self.steps()
        if states is not None:
            position = self._position(self.start_layer)
            steps = [] if position is None else steps[position:]
        else:
            assert pixel_values is not None
            states = pixel_values
        losses = [torch.zeros((), device=states.device)]

        def run(states: torch.Tensor = states) -> torch.Tensor:
            """Run the steps, and keep their restoring losses."""
            for _, step in steps:
                if isinstance(step, FlexibleDownsampling) and step.conv.weight.requires_grad:
                    losses.append(step.restoring_loss(states, self.config.mask_ratio, self.config.detach_target))
                states = step(states)
            return states

        logits = self._logits(self._read(run) if steps else states)
        auxiliary = self.config.reconstruction_weight * sum(losses[1:], losses[0]) / max(len(self.config.depths) - 1, 1)
        loss = classifier_loss(logits, labels, self.config.problem_type)
        return MaskedClassifierOutput(
            loss=None if loss is None else loss + auxiliary, logits=logits, auxiliary_loss=auxiliary
        )

    def describe_head(self) -> str:
        """Say in two sentences what the head is, and what restores masked tokens."""
        size = sum(p.numel() for name, p in self.backbone.named_parameters() if ".decoder." in name)
        restoring = f" In training {size:,} parameters more restore masked tokens; the saved model has none of them."
        return super().describe_head() + (restoring if size else "")

    def drop_training_parts(self) -> None:
        """Remove the decoders, which nothing but training uses."""
        for stage in self.backbone.stages[1:]:
            stage.downsample.decoder = None
        self.config.reconstruction_weight = 0.0

    def load_pretrained_backbone(self, source: str | Mapping[str, torch.Tensor] = "default") -> None:
        """Copy AMD's weights, `default` for those on the Hub or a state dict under its names, into the backbone, strictly.

        AMD publishes a pickle, which is read as tensors and nothing else. Decoders that it lacks stay as they are, and the
        classification head is left out. Positions of another image size are interpolated. The names of AMD's tensors
        are known from its code, those of the two norms of a block inferred; the files themselves were never at hand when
        this was written, and were never loaded.
        """
        given = source
        if isinstance(given, str):
            file = cached_file(published_name(self.config.weights_name), "pytorch_model.bin")
            given = torch.load(str(file), map_location="cpu", weights_only=True)
        own = self.backbone.state_dict()
        state = {_own_name(name): given[name] for name in given if not name.startswith("head.")}
        if not self.config.reconstruction_weight:
            state = {name: tensor for name, tensor in state.items() if ".decoder." not in name}
        decoders = {name: tensor for name, tensor in own.items() if ".decoder." in name}
        positions = state.get("pos_embed")
        if positions is not None and positions.ndim == 4:
            state["pos_embed"] = resample(positions, own["pos_embed"].shape[-1], mode="bicubic")
        self._load_backbone_state({**decoders, **state}, self.config.weights_name)


def _downsampling(config: FdVitClassifierConfig, stage: int) -> FlexibleDownsampling:
    """Build what stands in front of a stage, with a decoder where it learns to restore tokens."""
    width_in, width_out = config.widths()[stage - 1 : stage + 1]
    side_in, side_out = config.grid_sizes()[stage - 1 : stage + 1]
    decoder: Decoder | None = None
    if config.reconstruction_weight and config.decoder == "paper":
        decoder = PaperDecoder(width_out, width_in, side_in, config.sampling)
    elif config.reconstruction_weight:
        decoder = Decoder(width_out, width_in, side_in)
    return FlexibleDownsampling(width_in, width_out, side_in, side_out, config.sampling, decoder)


def _average(tokens: torch.Tensor) -> torch.Tensor:
    return tokens.mean(dim=1)


def published_name(name: str) -> str:
    """Return the Hub id of the weights of a published size."""
    return f"amd/FDViT_{name.removeprefix('fdvit_')}"


_NAMES = (
    (re.compile(r"^patch_embed\.conv\."), "patch_embed."),
    (re.compile(r"^transformers\."), "stages."),
    (re.compile(r"^pools\.(\d+)\.ln\."), r"pools.\1.norm."),
    (re.compile(r"^decoders\.(\d+)\."), r"pools.\1.decoder."),
)
"""AMD's names, and ours; `pools.N` is the downsampling in front of stage N + 1."""


def _own_name(name: str) -> str:
    """Return our name of one of AMD's tensors."""
    for pattern, ours in _NAMES:
        name = pattern.sub(ours, name)
    return re.sub(r"^pools\.(\d+)\.", lambda match: f"stages.{int(match[1]) + 1}.downsample.", name)
