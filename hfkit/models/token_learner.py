"""TokenLearner (Ryoo et al., arXiv 2106.11297): a vision transformer whose last blocks see few learned tokens."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional

from .timm_backbone import TimmClassifier, TimmClassifierConfig

HIDDEN_SIZE = 64
"""Width of the hidden layer of the MLPs in TokenLearner v1.1 and TokenFuser."""


class TokenLearner(nn.Module):
    """TokenLearner v1.1: each learned token is a mean of the patches, weighted by an MLP and a softmax over the patches.

    2C + 64C + 64 + 64S + S parameters for width C and S tokens.

    Args:
        width: Width C of a token.
        tokens: Number S of learned tokens.
        prefix_tokens: Tokens in front of the patches (class, distillation) that pass through unchanged.
        dropout: After each layer of the MLP, in training.

    """

    def __init__(self, width: int, tokens: int, prefix_tokens: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.prefix_tokens = prefix_tokens
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _mlp(width, tokens, dropout)

    def maps(self, patches: torch.Tensor) -> torch.Tensor:
        """Return how much of each of the `patches` (batch, patches, width) goes into each token, (batch, tokens, patches)."""
        return self.mlp(self.norm(patches)).transpose(1, 2).softmax(dim=-1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (batch, prefix + patches, width) to (batch, prefix + learned tokens, width)."""
        prefix, patches = tokens[:, : self.prefix_tokens], tokens[:, self.prefix_tokens :]
        return torch.cat([prefix, self.maps(patches) @ patches], dim=1)


class ConvolutionalTokenLearner(TokenLearner):
    """TokenLearner v1.0, that of the paper: four convolutions over the grid of patches, and a sigmoid for each token.

    2C + 9CS + 27S^2 parameters for width C and S tokens.

    Args:
        width: Width C of a token.
        tokens: Number S of learned tokens.
        prefix_tokens: Tokens in front of the patches (class, distillation) that pass through unchanged.
        pooling: `sum` over the weighted patches as in the paper, which makes large tokens, or their `mean`.

    """

    def __init__(
        self, width: int, tokens: int, prefix_tokens: int = 0, pooling: Literal["sum", "mean"] = "sum"
    ) -> None:
        nn.Module.__init__(self)
        self.prefix_tokens, self.pooling = prefix_tokens, pooling
        self.norm = nn.LayerNorm(width, eps=1e-6)
        widths = [width, tokens, tokens, tokens]
        self.convolutions = nn.ModuleList(nn.Conv2d(w, tokens, 3, padding=1, bias=False) for w in widths)

    def maps(self, patches: torch.Tensor) -> torch.Tensor:
        """Return how much of each of the `patches` (batch, patches, width) goes into each token, (batch, tokens, patches).

        Raises:
            ValueError: The patches are no square.

        """
        side = int(patches.shape[1] ** 0.5)
        if side * side != patches.shape[1]:
            raise ValueError(f"TokenLearner 1.0 needs a square of patches, not {patches.shape[1]}: write version 1.1.")
        grid = self.norm(patches).transpose(1, 2).unflatten(2, (side, side))
        for number, convolution in enumerate(self.convolutions):
            grid = convolution(functional.gelu(grid, approximate="tanh") if number else grid)
        weights = grid.flatten(2).sigmoid()
        return weights / patches.shape[1] if self.pooling == "mean" else weights


class TokenFuser(nn.Module):
    """Brings learned tokens back to the grid of patches they came from.

    The mixing of tokens starts at zero, so that a block between TokenLearner and TokenFuser changes nothing at first.
    S^2 + S + 6C + 64C + 64 + 64S + S parameters for width C and S tokens.

    Args:
        width: Width C of a token.
        tokens: Number S of learned tokens.
        dropout: Of the output, in training.

    """

    def __init__(self, width: int, tokens: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(width, eps=1e-6)
        self.mixing = nn.Linear(tokens, tokens)
        self.mixed_norm = nn.LayerNorm(width, eps=1e-6)
        self.patch_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = _mlp(width, tokens, dropout)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.mixing.weight)
        nn.init.zeros_(self.mixing.bias)

    def forward(self, learned: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
        """Map `learned` (batch, tokens, width) to what is added to `patches` (batch, patches, width), of their shape."""
        mixed = self.mixing(self.token_norm(learned).transpose(1, 2)).transpose(1, 2)
        weights = self.mlp(self.patch_norm(patches)).sigmoid()
        return self.dropout(weights @ self.mixed_norm(mixed))


class FusedBlock(nn.Module):
    """A transformer's block on learned tokens, whose output is added to the patches; prefix tokens pass through the block.

    Without a `token_fuser` the learned tokens themselves are the output.
    """

    def __init__(self, token_learner: TokenLearner, block: nn.Module, token_fuser: TokenFuser | None) -> None:
        super().__init__()
        self.token_learner, self.block, self.token_fuser = token_learner, block, token_fuser

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (batch, prefix + patches, width) to the same shape, or without a fuser to (batch, prefix + learned, width)."""
        prefix = self.token_learner.prefix_tokens
        learned = self.block(self.token_learner(tokens))
        if self.token_fuser is None:
            return learned
        patches = tokens[:, prefix:]
        return torch.cat([learned[:, :prefix], patches + self.token_fuser(learned[:, prefix:], patches)], dim=1)


class TokenLearnerClassifierConfig(TimmClassifierConfig):
    """Configuration of `TokenLearnerClassifier`.

    Args:
        token_learner_tokens: Number of learned tokens.
        token_learner_at: Number of the block in front of which they are learned; default: half the blocks.
        token_learner_version: `1.1` (MLP and softmax) or `1.0` (convolutions and sigmoids).
        token_fuser: From that block on, learn tokens for each block and fuse them back, in place of going on with them.
        token_learner_pooling: Of version 1.0: `sum` over the weighted patches as in the paper, or their `mean`.
        class_token: Keep the class token; without it, as in the paper, the features are the mean over the last tokens.

    """

    model_type = "hfkit-token-learner"

    token_learner_tokens: int = 8
    token_learner_at: int | None = None
    token_learner_version: Literal["1.1", "1.0"] = "1.1"
    token_learner_pooling: Literal["sum", "mean"] = "sum"
    token_fuser: bool = False
    class_token: bool = True


class TokenLearnerClassifier(TimmClassifier):
    """A ViT or DeiT of timm with a TokenLearner in front of one of its blocks, `blocks.token_learner`.

    Pretrained weights keep their names, but with `token_fuser`, where block N is `blocks.N.block`. The TokenLearner itself
    starts at random, and prefix tokens pass through it (an adaptation: the paper's transformer has none).
    """

    config_class = TokenLearnerClassifierConfig

    def _create(self, pretrained: bool = False) -> Any:
        """Build the timm model with learned tokens, or `pretrained` the plain one.

        Raises:
            ValueError: It is no vision transformer, or has no such block.

        """
        if not self.config.class_token and "distilled" in self.config.backbone_name:
            raise ValueError("a distilled DeiT needs its tokens: write a plain vit or deit")
        net = super()._create(pretrained)
        if not isinstance(net, VisionTransformer):
            raise ValueError("tokens can be learned in a ViT or DeiT only")
        if not pretrained:
            net.blocks = self._with_learned_tokens(net)
        return net

    def _options(self, pretrained: bool = False) -> dict[str, Any]:
        # Published weights have a class token, which `_fit_positions` leaves out.
        without = {} if self.config.class_token or pretrained else _NO_CLASS_TOKEN
        return {**super()._options(pretrained), **without}

    def _with_learned_tokens(self, net: VisionTransformer) -> nn.Sequential:
        """Return the blocks, in order of execution, with what makes and takes the learned tokens."""
        blocks = OrderedDict(net.blocks.named_children())
        at = len(blocks) // 2 if self.config.token_learner_at is None else self.config.token_learner_at
        if not 0 <= at < len(blocks):
            raise ValueError(f"there is no block {at} to learn tokens in front of: write 0 to {len(blocks) - 1}")
        self.config.token_learner_at = at
        if self.config.token_fuser:
            last = list(blocks)[-1] if net.global_pool == "token" else None  # nobody reads the patches that leave it
            for name in list(blocks)[at:]:
                fuser = None if name == last else TokenFuser(net.embed_dim, self.config.token_learner_tokens)
                blocks[name] = FusedBlock(self._new_token_learner(net), blocks[name], fuser)
            return nn.Sequential(blocks)
        items = list(blocks.items())
        learner = ("token_learner", self._new_token_learner(net))
        return nn.Sequential(OrderedDict([*items[:at], learner, *items[at:]]))

    def _new_token_learner(self, net: VisionTransformer) -> TokenLearner:
        config = self.config
        sizes = (net.embed_dim, config.token_learner_tokens, net.num_prefix_tokens)
        if config.token_learner_version == "1.0":
            return ConvolutionalTokenLearner(*sizes, config.token_learner_pooling)
        return TokenLearner(*sizes)

    @property
    def randomly_initialised(self) -> str:  # type: ignore[override]
        """The layer that makes the (first) learned tokens."""
        return f"blocks.{self.config.token_learner_at}" if self.config.token_fuser else "blocks.token_learner"

    def token_maps(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return what the learned tokens look at: (batch, tokens, rows, columns of patches), for images as `forward` takes.

        With `token_fuser`, those of the first block with learned tokens.
        """
        module = self.backbone.get_submodule(self.randomly_initialised)
        learner = module.token_learner if self.config.token_fuser else module
        tokens = self.forward_to(self.randomly_initialised, pixel_values=pixel_values)
        maps = learner.maps(tokens[:, learner.prefix_tokens :])
        return maps.unflatten(2, self.backbone.patch_embed.grid_size)

    def describe_head(self) -> str:
        """Say in two sentences what the head is, and where tokens are learned."""
        config, net = self.config, self.backbone
        what = f"{config.token_learner_tokens} for {net.patch_embed.num_patches} patches"
        where = f"in front of block {config.token_learner_at}"
        if config.token_fuser:
            where = f"for each block from {config.token_learner_at} on, and fused back"
        return (
            f"{super().describe_head()} Learned tokens (TokenLearner {config.token_learner_version}): {what}, {where}; "
            "their weights are new."
        )

    def _fit_positions(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Leave out a class token that this model does not have, with its position, and fit those of the patches."""
        if not self.config.class_token and "cls_token" in state:
            first = 0 if self.backbone.no_embed_class else 1
            state = {**state, "pos_embed": state["pos_embed"][:, first:]}
            del state["cls_token"]
        return super()._fit_positions(state)

    def _load_backbone_state(self, state: Mapping[str, torch.Tensor], source: str) -> None:
        """Copy the weights of the plain transformer; what makes the learned tokens stays as it is where they lack it."""
        own = self.backbone.state_dict()
        fused = f"blocks.{self.config.token_learner_at}.block."
        if self.config.token_fuser and not any(name.startswith(fused) for name in state):
            state = {self._fused_name(name): tensor for name, tensor in state.items()}
        new = {name: own[name] for name in own if "token_learner" in name or "token_fuser" in name}
        super()._load_backbone_state({**new, **state}, source)

    def _fused_name(self, name: str) -> str:
        parts = name.split(".")
        is_fused = parts[0] == "blocks" and int(parts[1]) >= int(self.config.token_learner_at or 0)
        return ".".join([*parts[:2], "block", *parts[2:]]) if is_fused else name


_NO_CLASS_TOKEN = {"class_token": False, "global_pool": "avg", "fc_norm": False}
"""Options of timm for a ViT whose features are the mean over the tokens."""


def _mlp(width: int, tokens: int, dropout: float) -> nn.Sequential:
    """Build the MLP from a patch to a number for each token, with the initialisation of the paper's code."""
    layers = [nn.Linear(width, HIDDEN_SIZE), nn.Linear(HIDDEN_SIZE, tokens)]
    for layer in layers:
        nn.init.xavier_uniform_(layer.weight)
        nn.init.normal_(layer.bias, std=1e-6)
    return nn.Sequential(layers[0], nn.GELU(approximate="tanh"), nn.Dropout(dropout), layers[1], nn.Dropout(dropout))
