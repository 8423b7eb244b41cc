"""Distilled DeiT (Touvron et al., arXiv 2012.12877): timm's transformer with class and distillation token, and a new head."""

import torch
from torch import nn

from .timm_backbone import TimmClassifier, TimmClassifierConfig


class DeitClassifierConfig(TimmClassifierConfig):
    """Configuration of `DeitClassifier`.

    Args:
        backbone_name: `deit_{tiny,small,base}_distilled_patch16_224`, or `deit_base_distilled_patch16_384`.
        two_heads: One head for each of the two tokens, their logits averaged, in place of one on the tokens' mean.

    Examples:
        >>> from hfkit import DeitClassifierConfig
        >>> config = DeitClassifierConfig(two_heads=True, num_labels=10)
        >>> config.backbone_name, config.two_heads
        ('deit_base_distilled_patch16_224', True)

    """

    model_type = "hfkit-deit"

    backbone_name: str = "deit_base_distilled_patch16_224"
    two_heads: bool = False


class DeitClassifier(TimmClassifier):
    """A distilled DeiT without its heads: one head on the mean of class and distillation token, or one on each.

    Sizes with the base model: 85,800,192 parameters without a head; the mean of the tokens has 768 numbers.

    Examples:
        >>> import torch
        >>> from hfkit import DeitClassifier, DeitClassifierConfig
        >>> config = DeitClassifierConfig(backbone_name="deit_tiny_distilled_patch16_224", image_size=32, num_labels=10)
        >>> model = DeitClassifier(config).eval()
        >>> model(torch.zeros(2, 3, 32, 32)).logits.shape
        torch.Size([2, 10])

    """

    config_class = DeitClassifierConfig

    def _pool(self, states: torch.Tensor) -> torch.Tensor:
        """Map the last states to the mean of the two tokens, (batch, width), or for two heads to both, (batch, 2, width)."""
        return states[:, :2] if self.config.two_heads else super()._pool(states)

    def _logits(self, features: torch.Tensor) -> torch.Tensor:
        """Map features to logits (batch, num_labels)."""
        if not self.config.two_heads:
            return super()._logits(features)
        return (self.classifier["class"](features[:, 0]) + self.classifier["distillation"](features[:, 1])) / 2

    def describe_head(self) -> str:
        """Say in one sentence what the head is and what it stands on."""
        tokens = "each of the two tokens, logits averaged" if self.config.two_heads else "the mean of both tokens"
        return f"{super().describe_head()[:-1]}, on {tokens}."

    def _new_head(self) -> nn.Module:
        """Build the head, or the two heads."""
        if not self.config.two_heads:
            return super()._new_head()
        return nn.ModuleDict({"class": super()._new_head(), "distillation": super()._new_head()})
