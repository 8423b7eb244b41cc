"""The rungs of a ladder: what is trained, by which flags of the recipes, in rising cost."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from ..data.modality import Modality
from ..errors import UserError
from ..evaluation.baselines import MAJORITY, WORD_PIECES
from ..models.base import BackboneClassifier

Trains = Literal["nothing", "solved", "head", "last", "adapters", "all"]

_KINDS: dict[Modality, list[tuple[str, Trains, str]]] = {
    "text": [
        (MAJORITY, "nothing", ""),
        (WORD_PIECES, "nothing", ""),
        ("the solved head", "solved", ""),
        ("a BiGRU on frozen layers", "head", "--head bigru"),
        ("the last third of the layers", "last", ""),
        ("LoRA adapters", "adapters", "--peft lora"),
        ("the whole net", "all", ""),
        ("the whole net with BiGRU and n-grams", "all", "--head bigru --ngrams auto"),
    ],
    "image": [
        (MAJORITY, "nothing", ""),
        ("the solved head", "solved", ""),
        ("an MLP on frozen layers", "head", "--head mlp"),
        ("the last third of the layers", "last", ""),
        ("LoRA adapters", "adapters", "--peft lora"),
        ("the whole net", "all", ""),
    ],
}
"""Name, what of the backbone trains, and further flags."""


@dataclass(frozen=True)
class Rung:
    """One step of a ladder.

    Attributes:
        name: As a sentence goes on after "better than".
        folder: Name of its folder.
        backbone: Whose word pieces or layers it uses.
        trains: `nothing`: it is no net; `solved`: the head that hfkit puts on a frozen backbone by itself; `head`: another
            head on a frozen backbone; `last`: about the last third of the layers; `adapters`: LoRA adapters in all layers;
            `all`: everything.
        flags: Of its own, besides `--unfreeze_from`.

    """

    name: str
    folder: str
    backbone: str
    trains: Trains
    flags: tuple[str, ...] = ()

    @property
    def has_model(self) -> bool:
        """Whether it leaves a saved model."""
        return self.trains != "nothing"


def list_rungs(modality: Modality, backbones: Sequence[str]) -> list[Rung]:
    """Return the rungs in rising cost: of each kind those of all backbones; what needs no net once."""
    rungs: list[Rung] = []
    for kind, trains, flags in _KINDS[modality]:
        for backbone in backbones[:1] if trains == "nothing" else backbones:
            is_one_of_several = len(backbones) > 1 and trains != "nothing"
            name = f"{kind} of {backbone}" if is_one_of_several else kind
            words = re.sub(r"[^a-z0-9]+", "-", re.sub(r"^(the|an?) ", "", kind).lower()).strip("-")
            suffix = f"-{re.sub(r'[^A-Za-z0-9]+', '-', backbone.rpartition('/')[2])}" if is_one_of_several else ""
            rungs.append(Rung(name, f"{len(rungs):02d}-{words}{suffix}", backbone, trains, tuple(flags.split())))
    return rungs


def find_last_third(model: BackboneClassifier) -> str:
    """Return the name of the layer from which on about the last third of a backbone's layers runs.

    Its layers are the largest group of stages beside each other, such as `encoder.layer.0` to `encoder.layer.11`, in the order
    in which they run.

    Raises:
        UserError: It has no layers that run one after the other.

    """
    own = {name.rpartition(".")[0] for name, _ in model.backbone.named_parameters()}
    trainable = [stage for stage in model.stages() if any(f"{name}.".startswith(f"{stage}.") for name in own)]
    running = [name for name in model.execution_order().first_calls if name in trainable]
    groups: dict[str, list[str]] = {}
    for stage in running:
        groups.setdefault(stage.rpartition(".")[0], []).append(stage)
    if not groups:
        raise UserError("the backbone has no layers one after the other, of which a part could train.")
    layers = max(groups.values(), key=len)
    return layers[min(ceil(len(layers) * 2 / 3), len(layers) - 1)]
