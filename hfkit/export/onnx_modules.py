"""A copy of a model that the exporter to ONNX takes, with the same weights and the same logits."""

import copy
import keyword
from typing import Any

import torch
from torch import nn

from ..models.base import BackboneClassifier


class OnnxGru(nn.Module):
    """A one-way `nn.GRU` of one layer as the operator GRU of ONNX.

    Decomposed into PyTorch's own operations it would be a loop over the tokens, of which the exporter fixes the number.
    It runs only where it is traced.
    """

    weight_ih_l0: torch.Tensor
    weight_hh_l0: torch.Tensor
    bias: torch.Tensor

    def __init__(self, gru: nn.GRU) -> None:
        super().__init__()
        assert gru.num_layers == 1
        assert not gru.bidirectional
        assert gru.batch_first
        self.hidden_size = gru.hidden_size
        for name in ("weight_ih_l0", "weight_hh_l0"):
            self.register_buffer(name, self._reorder(getattr(gru, name).detach())[None])
        biases = [self._reorder(getattr(gru, name).detach()) for name in ("bias_ih_l0", "bias_hh_l0")]
        self.register_buffer("bias", torch.cat(biases)[None])

    @staticmethod
    def _reorder(weight: torch.Tensor) -> torch.Tensor:
        """Bring the gates from PyTorch's order (reset, update, new) into that of ONNX (update, reset, new)."""
        reset, update, new = weight.chunk(3)
        return torch.cat([update, reset, new])

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, None]:
        """Map `states` (batch, tokens, width) to the outputs (batch, tokens, hidden_size)."""
        batch, tokens, _ = states.shape
        outputs = torch.onnx.ops.symbolic(
            "GRU",
            (states.transpose(0, 1), self.weight_ih_l0, self.weight_hh_l0, self.bias),
            {"hidden_size": self.hidden_size, "linear_before_reset": 1},
            dtype=states.dtype,
            shape=(tokens, 1, batch, self.hidden_size),
        )
        return outputs.squeeze(1).transpose(0, 1), None


class RenamedModuleDict(nn.ModuleDict):
    """Modules by name, one of which is a word of Python's own, such as `class`, that the exporter cannot write as code."""

    def __init__(self, modules: nn.ModuleDict) -> None:
        super().__init__({f"{name}_": module for name, module in modules.items()})

    def __getitem__(self, key: str) -> nn.Module:
        """Return a module by its name in the model."""
        return super().__getitem__(f"{key}_")


def make_exportable(model: BackboneClassifier) -> BackboneClassifier:
    """Return a copy of a model in eval mode, which shares its weights, with modules that can be exported."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    exportable = copy.deepcopy(model, shared).eval()
    for name, module in list(exportable.named_modules()):
        if isinstance(module, nn.GRU):
            exportable.set_submodule(name, OnnxGru(module))
        elif isinstance(module, nn.ModuleDict) and any(map(keyword.iskeyword, module)):
            exportable.set_submodule(name, RenamedModuleDict(module))
    return exportable
