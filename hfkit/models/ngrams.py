"""A linear classifier on the TF-IDF of n-grams of token ids, computed without scikit-learn."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

BITS = 21
"""Bits of a key for each token of its n-gram: three tokens fill an int64."""
LONGEST = 3
MOST_IDS = 2**BITS - 1
"""Token ids of n-grams are below this number: one more stands for a token, and 0 for none."""


def describe_lengths(longest: int) -> str:
    """Return what n-grams of up to so many tokens are called."""
    return "1-grams" if longest == 1 else f"1- to {longest}-grams"


def pack_ngrams(tokens: Sequence[Any]) -> Any:
    """Return the keys of n-grams, one number for each, by which they are told apart, also those of different length.

    Args:
        tokens: Ids of the first, the second, ... tokens of all n-grams: int64 tensors or arrays of one shape, at most three.

    """
    keys = tokens[0] + 1
    for ids in tokens[1:]:
        keys = keys * 2**BITS + (ids + 1)
    return keys


class NgramScorer(nn.Module):
    """Linear scores of the n-grams of token ids in a text: sublinear tf, smooth idf, L2 norm, as scikit-learn's TfidfVectorizer.

    All that it has learned stands in buffers, which training leaves alone. Special tokens are in no n-gram, and no n-gram
    goes across them. It is made of gathers, comparisons, sums and a sort, which can all be exported to ONNX.

    Args:
        count: Number of n-grams that are known.
        num_logits: Width of the score.
        longest: Tokens of the longest n-grams, 1 to 3.
        special_count: Number of special tokens.

    """

    keys: torch.Tensor
    idf: torch.Tensor
    weight: torch.Tensor
    special_ids: torch.Tensor

    def __init__(self, count: int, num_logits: int, longest: int = 2, special_count: int = 0) -> None:
        super().__init__()
        self.longest = longest
        self.register_buffer("keys", torch.zeros(count, dtype=torch.long))
        self.register_buffer("idf", torch.ones(count))
        self.register_buffer("weight", torch.zeros(count, num_logits))
        self.register_buffer("special_ids", torch.zeros(special_count, dtype=torch.long))

    def extra_repr(self) -> str:
        """Return the sizes, for `print(model)`."""
        return (
            f"{len(self.keys)}, {self.weight.shape[1]}, longest={self.longest}, special_count={len(self.special_ids)}"
        )

    def describe(self) -> str:
        """Say in a few words what is scored."""
        return f"the score of {len(self.keys):,} {describe_lengths(self.longest)} of tokens"

    @torch.no_grad()
    def fill(self, **values: Any) -> None:
        """Copy tensors or arrays of the buffers' shapes into them, by name."""
        for name, value in values.items():
            buffer = self.get_buffer(name)
            buffer.copy_(torch.as_tensor(value, dtype=buffer.dtype).reshape(buffer.shape))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return the score (batch, num_logits) of `input_ids` (batch, tokens); `attention_mask` is 1 on real tokens."""
        keys = self._sorted_keys(input_ids.long(), attention_mask != 0)
        places = _last_below(self.keys, keys).add(1).clamp(max=len(self.keys) - 1)
        # Equal n-grams of a row are neighbours: the first of them stands for all. Where there is none, the key is no known one.
        previous = functional.pad(keys, (1, 0), value=-2)[:, :-1]
        is_first = keys != previous
        groups = is_first.long().cumsum(dim=1) - 1
        counts = torch.zeros_like(keys).scatter_add(1, groups, torch.ones_like(keys)).gather(1, groups)
        tfidf = (1 + counts.to(self.idf.dtype).log()) * self.idf[places]
        tfidf = torch.where(is_first & (self.keys[places] == keys), tfidf, 0.0)
        norm = (tfidf**2).sum(dim=1, keepdim=True).clamp(min=torch.finfo(tfidf.dtype).tiny).sqrt()
        return ((tfidf / norm)[:, :, None] * self.weight[places]).sum(dim=1)

    def _sorted_keys(self, ids: torch.Tensor, is_real: torch.Tensor) -> torch.Tensor:
        """Return the keys (batch, longest * tokens) of all n-grams of each row in ascending order; -1 where there is none."""
        if len(self.special_ids):
            is_real = is_real & ~(ids[:, :, None] == self.special_ids).any(dim=2)
        tokens = ids.shape[1]
        ids = functional.pad(ids, (0, self.longest - 1))
        is_real = functional.pad(is_real, (0, self.longest - 1))
        keys = []
        is_whole = is_real[:, :tokens]
        for length in range(1, self.longest + 1):
            is_whole = is_whole & is_real[:, length - 1 : length - 1 + tokens]
            packed = pack_ngrams([ids[:, first : first + tokens] for first in range(length)])
            keys.append(torch.where(is_whole, packed, -1))
        return torch.cat(keys, dim=1).sort(dim=1).values


def _last_below(table: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return for each of `values` where the last smaller number of an ascending table is, -1 if nowhere, by binary search."""
    below = torch.full_like(values, -1)
    for step in reversed(range(len(table).bit_length())):
        further = (below + 2**step).clamp(max=len(table) - 1)
        below = torch.where(table[further] < values, further, below)
    return below
