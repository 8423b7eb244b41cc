"""The heads by themselves: the BiGRU equals the library's packed one."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from hfkit.models.heads import BiGruHead


def packed_reference(head: BiGruHead) -> nn.GRU:
    """Return a bidirectional `nn.GRU` with the weights of `head`."""
    gru = nn.GRU(head.forward_gru.input_size, head.forward_gru.hidden_size, batch_first=True, bidirectional=True)
    state = {f"{key}": value for key, value in head.forward_gru.state_dict().items()}
    state |= {f"{key}_reverse": value for key, value in head.backward_gru.state_dict().items()}
    gru.load_state_dict(state)
    return gru


@pytest.fixture
def case() -> tuple[BiGruHead, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    head = BiGruHead(10, 3, hidden_size=8, dropout=0.0)
    states = torch.randn(5, 9, 10)
    mask = (torch.arange(9)[None] < torch.tensor([9, 1, 4, 7, 2])[:, None]).long()
    return head, states, mask


def test_bigru_equals_a_packed_bidirectional_gru(case: tuple[BiGruHead, torch.Tensor, torch.Tensor]) -> None:
    head, states, mask = case
    states.requires_grad_(True)
    logits = head(states, mask)
    logits.square().sum().backward()
    gradient, weight_gradient = states.grad.clone(), head.backward_gru.weight_hh_l0.grad.clone()
    states.grad = None
    gru = packed_reference(head)
    packed = pack_padded_sequence(states, mask.sum(1), batch_first=True, enforce_sorted=False)
    _, final = gru(packed)
    expected = head.linear(torch.cat([final[0], final[1]], dim=1))
    expected.square().sum().backward()
    torch.testing.assert_close(logits, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(gradient, states.grad, atol=1e-4, rtol=0)
    torch.testing.assert_close(weight_gradient, gru.weight_hh_l0_reverse.grad, atol=1e-4, rtol=0)


def test_bigru_does_not_see_padding(case: tuple[BiGruHead, torch.Tensor, torch.Tensor]) -> None:
    head, states, mask = case
    longer = torch.cat([states, torch.randn(5, 6, 10)], dim=1)
    longer_mask = torch.cat([mask, torch.zeros(5, 6, dtype=torch.long)], dim=1)
    torch.testing.assert_close(head(states, mask), head(longer, longer_mask), atol=1e-6, rtol=0)


def test_bigru_takes_a_row_without_tokens(case: tuple[BiGruHead, torch.Tensor, torch.Tensor]) -> None:
    head, states, mask = case
    assert torch.isfinite(head(states, mask * 0)).all()


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::FutureWarning")
def test_bigru_can_be_traced_at_any_shape(case: tuple[BiGruHead, torch.Tensor, torch.Tensor]) -> None:
    """What an ONNX export needs: a graph without packing, whose numbers of rows and tokens stay free."""
    head, states, mask = case
    traced = torch.jit.trace(head.eval(), (states, mask))
    for rows, tokens in ((2, 4), (5, 9), (1, 1)):
        torch.testing.assert_close(
            traced(states[:rows, :tokens], mask[:rows, :tokens]), head(states[:rows, :tokens], mask[:rows, :tokens])
        )
