"""What a ladder is asked to do: its flags, which of them each rung gets, and its folder."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from ..data.modality import Modality, find_modality
from ..errors import UserError
from ..files import write_file
from ..flags.ladder import read_budget, read_ladder_flags
from ..flags.names import IMAGE_FLAGS, TEXT_FLAGS, RecipeFlags, known_names, table_holds
from ..flags.paths import check_is_folder
from ..flags.values import LORA_FLAGS
from .rungs import Rung

STATE_FILE = "ladder.json"
FLAGS: dict[Modality, RecipeFlags] = {"text": TEXT_FLAGS, "image": IMAGE_FLAGS}
DEFAULT_BACKBONES: dict[Modality, str] = {"text": "minilm", "image": "efficientnet_lite0"}
_CHANGES_OF_IMAGES = frozenset("augment mixup cutmix cache_views".split())
_FOR_EVERY_RUNG = frozenset(
    "weights backbone_revision seed use_cpu bf16 fp16 per_device_eval_batch_size feature_cache feature_cache_dtype baselines "
    "class_weights label_thresholds metric disable_tqdm dataloader_num_workers".split()
)
"""Flags besides those of the data that the solved head takes, too: any other would make it one that is trained in steps."""


@dataclass(frozen=True)
class LadderSettings:
    """What a ladder does.

    Attributes:
        dataset: As the recipes take it.
        modality: Whether it holds texts or images.
        backbones: One or more.
        budget: Seconds for all of it, or None.
        folder: Of the ladder.
        flags: Further flags of the recipes with their values.

    """

    dataset: str
    modality: Modality
    backbones: tuple[str, ...]
    budget: float | None
    folder: Path
    flags: dict[str, list[str]]

    def argv(self, rung: Rung, layer: str) -> list[str]:
        """Return the command line that trains a rung alone, without the folder.

        Args:
            rung: Which.
            layer: From which on about the last third of the layers runs; used by the rung that trains these.

        """
        unfreeze_from = {"last": layer, "all": "all"}.get(rung.trains, "none")
        argv = ["--dataset", self.dataset, "--backbone", rung.backbone, "--unfreeze_from", unfreeze_from, *rung.flags]
        for name, values in self.flags.items():
            if self._is_for(name, rung):
                argv += [f"--{name}", *values]
        return argv

    def log(self, rung: Rung) -> Path:
        """Return the file that has what a rung printed."""
        return self.folder / "logs" / f"{rung.folder}.txt"

    def _is_for(self, name: str, rung: Rung) -> bool:
        of_data = {item.name for item in fields(FLAGS[self.modality].data)} - _CHANGES_OF_IMAGES
        if rung.trains in ("nothing", "solved"):
            return name in of_data | _FOR_EVERY_RUNG
        if name in LORA_FLAGS:
            return rung.trains == "adapters"
        # That of fine-tuning is too low for adapters, which have a default of their own.
        return name != "learning_rate" or rung.trains not in ("head", "adapters")

    def state(self) -> dict[str, Any]:
        """Return what has to be the same for the ladder to be gone on with."""
        return {
            "dataset": self.dataset,
            "task": self.modality,
            "backbone": list(self.backbones),
            **self.flags,
        }


@dataclass
class LadderState:
    """What a ladder keeps from one session to the next.

    Attributes:
        seconds: What each finished rung took, by its folder.
        spent: Seconds of all sessions, those of rungs that failed or were stopped among them: the budget is of them all.
        passes: Of rungs whose frozen layers ran with those of an earlier one, what a pass of their own takes, by folder.
        begun: When the rung that runs was begun, in seconds since the epoch; None between rungs.
        data: Hashes of the rows that the ladder was started with, see `hfkit.data.data_hashes`; empty until they are read.

    """

    seconds: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0
    passes: dict[str, float] = field(default_factory=dict)
    begun: float | None = None
    data: dict[str, dict[str, Any]] = field(default_factory=dict)


def make_settings(
    dataset: str, flags: Sequence[str], task: Modality | None, budget: str | None, output_dir: Path | None
) -> LadderSettings:
    """Read what a ladder is asked to do, find out what the data hold, and make the folder or find what it has so far.

    Args:
        dataset: As the recipes take it.
        flags: `--backbone` with one or more names, and further flags of the recipes.
        task: Whether the data are texts or images; None: it is found out.
        budget: Such as `10m`.
        output_dir: Folder; None: a new one.

    Raises:
        UserError: A flag is not as it must be, the data say nothing, or the folder holds something else.

    """
    given = read_ladder_flags(flags)
    config, revision = (given.get(name, [None])[0] for name in ("dataset_config", "dataset_revision"))
    modality = task or find_modality(dataset, config, revision)
    if table_holds():
        read_ladder_flags(flags, known_names(FLAGS[modality]), f"flag of a ladder for {modality}s")
    backbones = tuple(dict.fromkeys(given.pop("backbone", [DEFAULT_BACKBONES[modality]])))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(dataset).name).strip("-") or "data"
    folder = output_dir or Path("runs") / f"ladder-{name}-{datetime.now():%Y%m%d-%H%M%S}"
    settings = LadderSettings(dataset, modality, backbones, read_budget(budget), folder.expanduser(), given)
    _check_folder(settings)
    return settings


def _check_folder(settings: LadderSettings) -> None:
    """Begin a new ladder, or refuse a folder that holds another one or something else.

    Raises:
        UserError: As above.

    """
    folder = check_is_folder(str(settings.folder))
    if not (folder / STATE_FILE).is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"The folder {folder} is not empty, and holds no ladder: name another --output_dir.")
        write_state(settings, LadderState())
        return
    before, now = _read_flags(folder), settings.state()
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            was, is_now = (_plain(values.get(name)) for values in (before, now))
            raise UserError(
                f"The ladder in {folder} was started with {name} {was}, not {is_now}: go on with the flags of its start, or "
                "name another --output_dir."
            )


def _plain(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value or "left out")


def write_state(settings: LadderSettings, state: LadderState) -> None:
    """Write what the ladder was asked for, and how far it has come."""
    content = {"flags": settings.state(), **vars(state)}
    write_file(settings.folder / STATE_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_state(folder: Path) -> LadderState:
    """Return how far a ladder has come; one of an older version knows of its finished rungs alone.

    Raises:
        UserError: It cannot be read.

    """
    content = _read_content(folder)
    try:
        seconds = {str(name): float(value) for name, value in content["seconds"].items()}
        spent = float(content.get("spent", sum(seconds.values())))
        passes = {str(name): float(value) for name, value in content.get("passes", {}).items()}
        begun = content.get("begun")
        return LadderState(
            seconds, spent, passes, None if begun is None else float(begun), dict(content.get("data", {}))
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(folder) from error


def _read_flags(folder: Path) -> dict[str, Any]:
    """Return what a ladder was asked for.

    Raises:
        UserError: It cannot be read.

    """
    flags = _read_content(folder).get("flags")
    if not isinstance(flags, dict):
        raise _unreadable(folder)
    return flags


def _read_content(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / STATE_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(folder) from error


def _unreadable(folder: Path) -> UserError:
    return UserError(f"{folder / STATE_FILE} cannot be read: name another --output_dir.")
