"""What a model costs: parameters, multiply-accumulates, activation memory, and milliseconds a row on this machine."""

import copy
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from .models.base import BackboneClassifier
from .models.image import ImageClassifier

BATCH_SIZES = (1, 32)
SECONDS = 3.0
"""How long each batch size is timed for, at least; the median of the repetitions counts."""


@dataclass(frozen=True)
class Profile:
    """What a model costs.

    Attributes:
        inputs: What a row is, such as `3x224x224` or `128 tokens`.
        backbone_parameters: Numbers in the backbone.
        head_parameters: Numbers in the head.
        macs: Multiply-accumulates of the forward pass of one row.
        attention_macs: Those of them that multiply queries with keys and scores with values, which some papers leave out;
            only of attention that torch runs as one operation.
        activation_bytes: What a training step keeps of one row for the backward pass, with all layers trainable, in float32.
        milliseconds: Of a row's forward pass in float32, for each batch size.

    """

    inputs: str
    backbone_parameters: int
    head_parameters: int
    macs: int
    attention_macs: int
    activation_bytes: int
    milliseconds: dict[int, float]


def profile_model(model: BackboneClassifier, batch_sizes: Sequence[int] = BATCH_SIZES) -> Profile:
    """Measure a model on random rows, on the device where it is; what only training uses is in the activation memory alone."""
    shown, _ = _random_rows(model, 1)
    kept = activation_bytes(model)
    model = copy.deepcopy(model)
    model.drop_training_parts()
    macs, attention = count_macs(model)
    head = sum(parameter.numel() for parameter in model.classifier.parameters())
    return Profile(
        inputs=shown,
        backbone_parameters=sum(parameter.numel() for parameter in model.backbone.parameters()),
        head_parameters=head,
        macs=macs,
        attention_macs=attention,
        activation_bytes=kept,
        milliseconds={size: milliseconds_a_row(model, size) for size in batch_sizes},
    )


def count_macs(model: BackboneClassifier) -> tuple[int, int]:
    """Return the multiply-accumulates of one row's forward pass, and those of them that are attention products.

    Counted are matrix products, convolutions and attention, as torch counts their floating-point operations, halved.
    """

    def attention(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
        # Heads of queries can share one of keys and values, which older releases of torch do not count.
        key, value = ((shape[0], query[1], *shape[2:]) for shape in (key, value))
        return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]

    # torch has no formula for its attention on CPU.
    on_cpu = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    counter = FlopCounterMode(display=False, custom_mapping={on_cpu: attention})
    _, row = _random_rows(model, 1)
    with counter:  # gradients stay on: without them torch's tracker of modules fails on DeBERTa's shared embeddings
        model.eval()(**row)
    counts = counter.get_flop_counts()["Global"]
    fused = sum(count for operation, count in counts.items() if "scaled_dot_product" in str(operation))
    return counter.get_total_flops() // 2, fused // 2


def activation_bytes(model: BackboneClassifier) -> int:
    """Return the bytes that a training step keeps of one row for the backward pass: half of what it keeps of two rows."""
    model = copy.deepcopy(model).requires_grad_(True)  # a step in training mode moves BatchNorm's statistics
    kept: dict[int, int] = {}
    own = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}
    held = []  # a storage that were given back could come again under the same address

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            held.append(storage)
        return tensor

    _, rows = _random_rows(model, 2)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train()(**rows, labels=torch.zeros(2, dtype=torch.long, device=model.device))
    return sum(kept.values()) // 2


def milliseconds_a_row(model: BackboneClassifier, batch_size: int) -> float:
    """Return the median milliseconds of a row's forward pass in batches of `batch_size`."""
    _, rows = _random_rows(model, batch_size)
    times: list[float] = []
    model.eval()
    with torch.inference_mode():
        model(**rows)  # the first pass allocates
        while sum(times) < SECONDS or len(times) < 3:
            started = time.perf_counter()
            model(**rows).logits.cpu()  # waits for a GPU
            times.append(time.perf_counter() - started)
    return statistics.median(times) / batch_size * 1000


def _random_rows(model: BackboneClassifier, number: int) -> tuple[str, dict[str, torch.Tensor]]:
    """Return what a row is called, and a batch of random ones."""
    if isinstance(model, ImageClassifier):
        size = model.config.image_size
        return f"3x{size}x{size}", {"pixel_values": torch.randn(number, 3, size, size, device=model.device)}
    length = model.config.max_length
    ids = torch.randint(0, model.config.backbone_config.vocab_size, (number, length), device=model.device)
    return f"{length} tokens", {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
