"""The layers of FDViT: attention with a convolution beside it, and downsampling by any factor (see `fdvit.py`)."""

import math

import torch
from timm.layers import DropPath, Mlp
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Self-attention with a depth-wise convolution of the values beside it (LePE; in the code, not in the paper)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.get_v = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (batch, tokens, width) to the same shape; the tokens are a square grid."""
        batch, number, width = tokens.shape
        side = math.isqrt(number)
        heads = self.qkv(tokens).view(batch, number, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        attended = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(tokens.shape)
        values = value.transpose(2, 3).reshape(batch, width, side, side)
        return self.proj(attended + self.get_v(values).flatten(2).transpose(1, 2))


class Block(nn.Module):
    """A transformer's block: attention and MLP, each behind a LayerNorm and beside the identity."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, 4 * width)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (batch, tokens, width) to the same shape."""
        tokens = tokens + self.drop_path(self.attn(self.norm1(tokens)))
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


class FlexibleDownsampling(nn.Module):
    """A 3x3 convolution from a grid of `side_in`^2 tokens to one of `side_out`^2; their ratio need not be a whole number.

    2 C_in + 9 C_in C_out + C_out parameters, and a decoder's where one is given.

    Args:
        width_in: Width of a token that comes in.
        width_out: Width of a token that goes out.
        side_in: Side of the grid that comes in.
        side_out: Side of the grid that goes out.
        sampling: As in `FdVitClassifierConfig`.
        decoder: Restores the grid that came in, in training; None: there is none.

    """

    def __init__(
        self, width_in: int, width_out: int, side_in: int, side_out: int, sampling: str, decoder: nn.Module | None
    ) -> None:
        super().__init__()
        self.side_in, self.side_out, self.sampling = side_in, side_out, sampling
        self.norm = nn.LayerNorm(width_in)
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.decoder = decoder

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (batch, side_in^2, width_in) to (batch, side_out^2, width_out)."""
        return to_tokens(self.convolve(to_grid(self.norm(tokens), self.side_in)))

    def convolve(self, grid: torch.Tensor) -> torch.Tensor:
        """Map (batch, width_in, side_in, side_in) to (batch, width_out, side_out, side_out)."""
        return flexible_convolution(self.conv, grid, self.side_out, self.sampling)

    def restoring_loss(self, tokens: torch.Tensor, mask_ratio: float, detach_target: bool) -> torch.Tensor:
        """Mask a share of `tokens`, downsample and decode them, and return the mean square error to `tokens`."""
        assert self.decoder is not None
        kept = torch.rand(*tokens.shape[:2], 1, device=tokens.device) >= mask_ratio
        masked = tokens * kept / (1 - mask_ratio)
        restored = self.decoder(to_grid(self(masked), self.side_out))
        return functional.mse_loss(to_tokens(restored), tokens.detach() if detach_target else tokens)


class Decoder(nn.Module):
    """Restores a grid of tokens from a downsampled one, as AMD's code does: a convolution, and bilinear upsampling."""

    def __init__(self, width_in: int, width_out: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1)

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        """Map (batch, width_in, its side, its side) to (batch, width_out, side, side)."""
        return resample(self.conv(grid), self.side)


class PaperDecoder(Decoder):
    """The paper's decoder: BatchNorm and ReLU behind the convolution, and a flexible convolution upwards."""

    def __init__(self, width_in: int, width_out: int, side: int, sampling: str) -> None:
        super().__init__(width_in, width_out, side)
        self.sampling = sampling
        self.norm = nn.BatchNorm2d(width_out)
        self.up = nn.Conv2d(width_out, width_out, 3, padding=1)

    def forward(self, grid: torch.Tensor) -> torch.Tensor:
        """Map (batch, width_in, its side, its side) to (batch, width_out, side, side)."""
        return flexible_convolution(self.up, self.norm(self.conv(grid)).relu(), self.side, self.sampling)


def flexible_convolution(conv: nn.Conv2d, grid: torch.Tensor, side: int, sampling: str) -> torch.Tensor:
    """Convolve (batch, width, side_in, side_in) to (batch, width_out, side, side), for any two sides.

    Args:
        conv: A convolution of 3x3 taps, with padding.
        grid: What is convolved.
        side: Of the result.
        sampling: As in `FdVitClassifierConfig`.

    """
    if sampling == "resample_conv":
        return conv(resample(grid, side))
    return functional.conv2d(sample_taps(grid, side), conv.weight, conv.bias, stride=3)


def resample(grid: torch.Tensor, side: int, mode: str = "bilinear") -> torch.Tensor:
    """Resample (batch, width, side_in, side_in) to (batch, width, side, side); the corners keep their values."""
    if grid.shape[-1] == side:
        return grid
    return functional.interpolate(grid, size=(side, side), mode=mode, align_corners=True)


def sample_taps(grid: torch.Tensor, side: int) -> torch.Tensor:
    """Sample what a 3x3 convolution at `side` x `side` places takes from (batch, width, side_in, side_in).

    The places are (side_in - 1) / (side - 1) apart, and the 3 x 3 taps of each one pixel apart (equations 5 and 6 of the
    paper); between pixels it is bilinear, and outside the grid zero. Returns (batch, width, 3 side, 3 side).
    """
    side_in = grid.shape[-1]
    places = torch.linspace(0, side_in - 1, side, device=grid.device)
    pixels = (places[:, None] + torch.arange(-1.0, 2.0, device=grid.device)).flatten()
    points = 2 * pixels / max(side_in - 1, 1) - 1
    rows, columns = torch.meshgrid(points, points, indexing="ij")
    where = torch.stack([columns, rows], dim=-1).expand(grid.shape[0], -1, -1, -1).to(grid.dtype)
    return functional.grid_sample(grid, where, mode="bilinear", padding_mode="zeros", align_corners=True)


def to_grid(tokens: torch.Tensor, side: int) -> torch.Tensor:
    """Map (batch, side^2, width) to (batch, width, side, side)."""
    return tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)


def to_tokens(grid: torch.Tensor) -> torch.Tensor:
    """Map (batch, width, side, side) to (batch, side^2, width)."""
    return grid.flatten(2).transpose(1, 2)
