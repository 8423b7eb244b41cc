"""LoRA (Hu et al., arXiv 2106.09685): adapters of low rank beside frozen linear layers, by peft.

A layer W x becomes W x + alpha / rank * B A x, of which A (rank, inputs) and B (outputs, rank) train; B starts at 0. Afterwards
the product is added to W, and the model is what it was without adapters: nothing of peft is saved with it.
"""

import copy
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

from ..flags.arguments import ModelArguments
from ..models.base import BackboneClassifier
from .lora_targets import AUTO, choose_targets, is_named_by_peft, peft_names, uncalled_kinds

ADAPTER_FOLDER = "adapter"
"""Where a run keeps its adapter, in its folder."""
_NAMED = 6
"""So many kinds of layers are named in a sentence."""


@dataclass(frozen=True)
class LoraPlan:
    """Which adapters a backbone gets.

    Attributes:
        rank: Of each adapter.
        alpha: What an adapter adds counts alpha / rank times.
        targets: Which linear layers have one, see `lora_targets.choose_targets`.

    """

    rank: int = 8
    alpha: int = 16
    targets: tuple[str, ...] = AUTO

    @classmethod
    def from_flags(cls, flags: ModelArguments) -> "LoraPlan | None":
        """Return what the flags of a model ask for; None without `--peft lora`."""
        if flags.peft != "lora":
            return None
        return cls(flags.lora_rank, flags.lora_alpha, tuple(flags.lora_targets))

    def inject(self, model: BackboneClassifier) -> None:
        """Put adapters beside the chosen layers of a backbone; where there are some, nothing happens.

        Raises:
            UserError: The backbone has no such layers, or none that adapters can train.

        """
        if find_adapters(model):
            return
        from peft import LoraConfig, inject_adapter_in_model

        names = choose_targets(model, self.targets)
        transposed = any(isinstance(model.backbone.get_submodule(name), Conv1D) for name in names)
        config = LoraConfig(r=self.rank, lora_alpha=self.alpha, target_modules=names, fan_in_fan_out=transposed)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fan_in_fan_out is set to")  # of nets with linear layers of both kinds
            inject_adapter_in_model(config, model.backbone)
        adapted = find_adapters(model)
        if adapted.keys() != set(names):  # it goes by the ends of names
            raise RuntimeError(f"peft adapts {sorted(adapted)} and not {sorted(names)}; please report this as a bug.")
        model.forget_execution_order()

    def describe(self, model: BackboneClassifier) -> str:
        """Say which adapters a backbone has: their rank, how many, beside which layers, and who chose these."""
        names = adapted_layers(model)
        counts = Counter(name.rpartition(".")[2] for name in names)
        kinds = [f"{count} {kind}" for kind, count in counts.items()]
        more = f" and {sum([*counts.values()][_NAMED:])} others" if len(kinds) > _NAMED else ""
        model_type, known = peft_names(model)
        origin = "given"
        if self.targets == AUTO:
            by_peft = all(is_named_by_peft(name, known) for name in names)
            uncalled = "" if by_peft else " and ".join(uncalled_kinds(model))
            without = f", but {uncalled}, whose weights are used past the layers" if uncalled else ""
            origin = (
                f"peft's choice for {model_type}"
                if by_peft
                else f"all in the blocks, of which peft names none{without}"
            )
        layers = "linear layer" if len(names) == 1 else "linear layers"
        return (
            f"LoRA adapters of rank {self.rank} and alpha {self.alpha} beside {len(names)} {layers} "
            f"({', '.join(kinds[:_NAMED])}{more}; {origin}), the first of them {names[0]}"
        )


def find_adapters(model: BackboneClassifier) -> dict[str, Any]:
    """Return the layers of a backbone that have adapters, peft's `LoraLayer`s, by name; none without adapters."""
    if not hasattr(model.backbone, "peft_config"):
        return {}
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in model.backbone.named_modules() if isinstance(module, LoraLayer)}


def adapted_layers(model: BackboneClassifier) -> list[str]:
    """Name the layers that have adapters in order of execution."""
    adapters = find_adapters(model)
    return [name for name in model.execution_order().first_calls if name in adapters]


def adapter_parameters(model: BackboneClassifier) -> set[str]:
    """Return the names of the backbone's parameters that belong to adapters, and not to the layers beside them."""
    names: set[str] = set()
    for layer, module in find_adapters(model).items():
        own = {name for name, _ in module.named_parameters() if not name.startswith("base_layer.")}
        names |= {f"{layer}.{name}" for name in own}
    return names


def merge_adapters(model: BackboneClassifier) -> int:
    """Add the adapters of a backbone to its weights and take them out, and return how many there were."""
    adapters = find_adapters(model)
    for name, adapter in adapters.items():
        adapter.merge()
        model.backbone.set_submodule(name, adapter.get_base_layer())
    if adapters:
        del model.backbone.peft_config
        model.forget_execution_order()
        model.train(model.training)
    return len(adapters)


def save_adapter(model: BackboneClassifier, folder: Path, base: str | None) -> None:
    """Write the adapters of a backbone as peft does, for `peft.PeftModel.from_pretrained(backbone, folder)`.

    Args:
        model: With adapters.
        folder: Where to; it is made.
        base: Hub id of the backbone, or None where it is not from the Hub: no path of this machine is written.

    """
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(model.backbone)
    # As the names are in a `PeftModel`, which stands around the backbone.
    tensors = {f"base_model.model.{name}": tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    [config] = map(copy.copy, model.backbone.peft_config.values())
    config.base_model_name_or_path, config.inference_mode = base, True
    config.target_modules = sorted(config.target_modules)  # a set, which would be written in another order each time
    config.save_pretrained(str(folder))
