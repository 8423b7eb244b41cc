"""Classification heads: plain modules, sizes in, logits out."""

import torch
from torch import nn


class LinearHead(nn.Module):
    """Dropout and one linear layer on a pooled vector.

    Args:
        input_size: Width of the pooled vector.
        num_logits: Width of the output.
        dropout: Probability of dropping an input feature in training.

    """

    def __init__(self, input_size: int, num_logits: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(input_size, num_logits)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map `features` (batch, input_size) to logits (batch, num_logits)."""
        return self.linear(self.dropout(features))


class LayersHead(nn.Module):
    """Features of several layers side by side, standardised where that is asked for, dropout, and one linear layer.

    Args:
        input_size: Width of all features together.
        num_logits: Width of the output.
        dropout: Probability of dropping an input feature in training; a standardised one then stands at its mean.
        standardised: Subtract the buffer `mean` (input_size,) and divide by `scale` (input_size,), 0 and 1 at first;
            otherwise there are no such buffers.

    """

    mean: torch.Tensor | None
    scale: torch.Tensor | None

    def __init__(self, input_size: int, num_logits: int, dropout: float = 0.1, standardised: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(input_size) if standardised else None)
        self.register_buffer("scale", torch.ones(input_size) if standardised else None)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(input_size, num_logits)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map `features` (batch, input_size) to logits (batch, num_logits), in the precision of the weights."""
        # Under autocast, too: a solved head takes differences of large sums, of which bfloat16 leaves little.
        with torch.autocast(features.device.type, enabled=False):
            features = features.to(self.linear.weight.dtype)
            if self.mean is not None and self.scale is not None:
                features = (features - self.mean) / self.scale
            return self.linear(self.dropout(features))


class BiGruHead(nn.Module):
    """A bidirectional GRU over token states, dropout, and one linear layer.

    It takes the forward state after the last real token and the backward state after the first one, so padding never
    changes a logit. Two one-way GRUs, the second over each row reversed by a gather, compute what a packed bidirectional
    `nn.GRU` computes; unlike packing, they can be exported to ONNX.

    Args:
        input_size: Width of a token state.
        num_logits: Width of the output.
        hidden_size: Units of each direction.
        dropout: Probability of dropping one of the 2 * hidden_size features in training.

    """

    def __init__(self, input_size: int, num_logits: int, hidden_size: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.forward_gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.backward_gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * hidden_size, num_logits)

    def forward(self, states: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Map `states` (batch, tokens, input_size), padded on the right, to logits (batch, num_logits).

        `attention_mask` (batch, tokens) is 1 on real tokens; a row without any counts as one token long.
        """
        last = attention_mask.sum(dim=1).long().clamp(min=1) - 1
        positions = torch.arange(states.shape[1], device=states.device)
        mirrored = (last[:, None] - positions[None, :]).clamp(min=0)
        reversed_states = states.gather(1, mirrored[:, :, None].expand_as(states))
        final = [
            self._state_at(gru, sequence, last)
            for gru, sequence in ((self.forward_gru, states), (self.backward_gru, reversed_states))
        ]
        return self.linear(self.dropout(torch.cat(final, dim=1)))

    @staticmethod
    def _state_at(gru: nn.GRU, sequence: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """Run `gru` over `sequence` and return its state (batch, hidden_size) at each row's `position`."""
        outputs, _ = gru(sequence)
        return outputs.gather(1, position[:, None, None].expand(-1, 1, outputs.shape[2])).squeeze(1)


class MlpHead(nn.Sequential):
    """Hidden layers, each with an activation and dropout, and one linear layer, on a feature vector.

    Two layers of 256 with ReLU are the head of Keras-style transfer learning; one layer of 256 with ELU is that of Malpure
    et al., arXiv 2110.05270.

    Args:
        input_size: Width of the feature vector.
        num_logits: Width of the output.
        hidden_size: Width of each hidden layer.
        layers: Number of hidden layers.
        activation: `relu` or `elu`.
        dropout: Probability of dropping a hidden unit in training.

    """

    def __init__(
        self,
        input_size: int,
        num_logits: int,
        hidden_size: int = 256,
        layers: int = 2,
        activation: str = "relu",
        dropout: float = 0.5,
    ) -> None:
        modules: list[nn.Module] = []
        for width in [input_size, *[hidden_size] * layers][:layers]:
            modules += [
                nn.Linear(width, hidden_size),
                nn.ELU() if activation == "elu" else nn.ReLU(),
                nn.Dropout(dropout),
            ]
        super().__init__(*modules, nn.Linear(hidden_size if layers else input_size, num_logits))
