"""One pass of the frozen layers for several rungs of a ladder."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..training.cost import Cost
from . import trainings
from .failures import write_traceback
from .reading import TaskReader
from .rungs import Rung

_SHARED = ("solved", "head", "last")
"""What trains in rungs whose frozen layers run once."""
_LEAST_SECONDS = 10.0
"""A shorter pass is not worth it that the others are read and loaded before their turn, too."""


@dataclass
class SharedPass:
    """What came of one pass for several rungs.

    Attributes:
        elsewhere: Seconds that are not the rung's own: of reading and loading the others, and of what only they need.
        seconds: Of a pass of its own, by the folder of each of the others.
        names: Of the others.

    """

    elsewhere: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


def share_pass(
    rung: Rung,
    prepared: trainings.Prepared,
    cost: Cost,
    later: Sequence[Rung],
    reader: TaskReader,
    left: float | None,
) -> SharedPass:
    """Let the pass of a rung store what later rungs of its backbone read, too, as far as the budget will hold these.

    Where that fails each is left to run its own, and the reason is in the log of the rung.

    Args:
        rung: Which is about to be trained.
        prepared: Its task.
        cost: Of it.
        later: The rungs behind it.
        reader: Reads their tasks.
        left: Seconds of the budget that are left, or None.

    """
    shared = SharedPass()
    own = cost.pass_seconds
    if rung.trains not in _SHARED or own < _LEAST_SECONDS or cost.is_stored or rung.backbone in reader.not_shared:
        return shared
    started = time.perf_counter()
    others = _prepare_others(rung, later, reader, None if left is None else left - cost.seconds)
    if others:
        is_shared = _try_to_share([prepared, *(task for _, task, _ in others)], reader.settings.log(rung))
        for (other, _, needed), is_stored in zip(others, is_shared[1:], strict=True):
            if is_stored:
                shared.seconds[other.folder] = needed.pass_seconds
                shared.names.append(other.name)
        if not shared.names:
            reader.not_shared.add(rung.backbone)
    shared.elsewhere = max(0.0, time.perf_counter() - started - (own if shared.names else 0.0))
    return shared


def _prepare_others(
    rung: Rung, later: Sequence[Rung], reader: TaskReader, room: float | None
) -> list[tuple[Rung, trainings.Prepared, Cost]]:
    """Return the later rungs of this one's backbone that read what it does and fit into `room` seconds, ready to be trained."""
    others: list[tuple[Rung, trainings.Prepared, Cost]] = []
    for other in later:
        is_begun = (reader.settings.folder / other.folder).exists()
        if other.backbone != rung.backbone or other.trains not in _SHARED or is_begun:
            continue
        try:
            task = reader.prepare(other)
            needed = trainings.estimate(task)
        except Exception:  # it is told when its turn comes
            continue
        if needed.is_stored or (room is not None and needed.seconds > room):
            continue
        room = None if room is None else room - (needed.seconds - needed.pass_seconds)
        others.append((other, task, needed))
    return others


def _try_to_share(prepared: Sequence[trainings.Prepared], log: Path) -> list[bool]:
    """Run one pass for all; where that fails, write why into the log, and say of each that it is not stored."""
    try:
        return trainings.share(list(prepared), log)
    except Exception as error:  # such as numbers that do not fit float16, or no memory for several models
        write_traceback(error, log)
        return [False] * len(prepared)
