"""Checksums that prove that what is frozen did not move, and the record of them that a resumed run is compared with."""

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.utils._pytree import tree_leaves

from .files import write_file
from .machine import package_versions
from .models.base import BackboneClassifier
from .models.execution_order import probing

RECORD_FILE = "frozen.json"


def frozen_checksum(model: BackboneClassifier, without: tuple[str, ...] = ()) -> str:
    """SHA-256 over the backbone's frozen parameters and the buffers of its modules in eval mode; empty where there are none.

    Args:
        model: The model.
        without: Names of modules that do not count, such as `model.training_parts`.

    """
    digest = hashlib.sha256()
    anything = False
    kept = set(model.modules_in_eval_mode())
    for module_name, module in model.backbone.named_modules():
        if set(module_name.split(".")) & set(without):
            continue
        tensors = [(n, p) for n, p in module.named_parameters(recurse=False) if not p.requires_grad]
        tensors += list(module.named_buffers(recurse=False)) if module in kept else []
        for name, tensor in tensors:
            anything = True
            digest.update(f"{module_name}.{name}".encode())
            digest.update(_bytes(tensor))
    return digest.hexdigest() if anything else ""


def entering_checksum(model: BackboneClassifier) -> str:
    """SHA-256 over all tensors that the first trained layer is called with on the probe batch, in the model's present mode.

    Empty where everything trains.
    """
    if model.trained_from is None:
        return ""
    digest = hashlib.sha256()
    with torch.no_grad():
        arguments = model.layer_arguments(model.trained_from, **model.probe_inputs())
    for tensor in tree_leaves(arguments):
        if isinstance(tensor, torch.Tensor):
            digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            digest.update(_bytes(tensor))
    return digest.hexdigest()


@dataclass(frozen=True)
class FrozenRecord:
    """What is frozen, as checksums, and where they were computed.

    Attributes:
        frozen_sha256: Of the frozen parameters and buffers.
        entering_sha256: Of what enters the first trained layer on the probe batch, in eval mode and float32.
        trained_from: That layer, `classifier`, or None.
        computed_on: What the last bit of a number depends on: machine, device, threads and versions of packages.

    """

    frozen_sha256: str
    entering_sha256: str
    trained_from: str | None
    computed_on: dict[str, str]

    @classmethod
    def take(cls, model: BackboneClassifier) -> "FrozenRecord":
        """Compute the checksums of a model as it is."""
        with probing(model):
            entering = entering_checksum(model)
        return cls(frozen_checksum(model), entering, model.trained_from, _place(model.device))

    def write(self, folder: Path) -> None:
        """Keep the record in the run's folder."""
        write_file(folder / RECORD_FILE, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> "FrozenRecord | None":
        """Return the record of the run's first start; None where there is none, or a damaged one."""
        try:
            return cls(**json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _place(device: torch.device) -> dict[str, str]:
    """Return what the last bit of a number depends on besides the model."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    return {
        "machine": platform.node(),
        "device": f"{name}, {threads} threads, {precision} precision of products",
        "versions": json.dumps(package_versions(), sort_keys=True),
    }


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
