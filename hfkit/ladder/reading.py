"""The tasks of a ladder: what was read for one rung serves another of the same flags, and all rungs read the same data."""

from dataclasses import dataclass, field

from ..backbones.lora_targets import why_no_adapters
from ..data.data_hashes import describe_changes, hash_data
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from ..models.base import BackboneClassifier
from . import trainings
from .failures import ChangedDataError, LeftOutError, describe_failure
from .rungs import Rung, find_last_third
from .settings import LadderSettings, LadderState, write_state


@dataclass(frozen=True)
class BackboneParts:
    """Which parts of a backbone rungs can train.

    Attributes:
        last_third: From which layer on about the last third of its layers runs; empty where it has no such layer.
        why_no_last_third: Why it has none, without a full stop.
        why_no_adapters: Why it can have no adapters, without a full stop; empty where it can.

    """

    last_third: str
    why_no_last_third: str
    why_no_adapters: str

    @classmethod
    def read(cls, model: BackboneClassifier) -> "BackboneParts":
        """Look at a loaded model; what raises is a reason that concerns a single rung, whatever it is."""
        layer, reason = "", ""
        try:
            layer = find_last_third(model)
        except Exception as error:
            reason = describe_failure(error)
        try:
            adapters = why_no_adapters(model)
        except Exception as error:
            adapters = describe_failure(error)
        return cls(layer, reason, adapters)


@dataclass
class TaskReader:
    """Reads the tasks of a ladder.

    Attributes:
        settings: Of the ladder.
        state: Has the hashes of the data that the ladder was started with, and gets them at the first reading.
        spare: A task that was read for a rung without a net and that the first net can have, and its command line.
        parts: Of each backbone that was read.
        not_shared: Backbones whose rungs each run a pass of their own.
        seconds_before: What reading the data and loading the model took, where that was done for another rung.

    """

    settings: LadderSettings
    state: LadderState
    spare: tuple[list[str], trainings.Prepared] | None = None
    parts: dict[str, BackboneParts] = field(default_factory=dict)
    not_shared: set[str] = field(default_factory=set)
    seconds_before: float = 0.0

    def command(self, rung: Rung) -> list[str]:
        """Return the flags that train a rung alone.

        Raises:
            LeftOutError: The backbone has no last third.

        """
        return self.settings.argv(rung, self.layer(rung))

    def layer(self, rung: Rung) -> str:
        """Return from which layer on a rung trains, that of its own folder where it was begun; empty where that is no matter.

        Raises:
            LeftOutError: The backbone has no such layer.

        """
        if rung.trains != "last":
            return ""
        file = self.settings.folder / rung.folder / CONFIGURATION_FILE
        layer = read_configuration(file).flags.get("unfreeze_from") if file.is_file() else None
        if layer is not None:
            return str(layer)
        parts = self._find_parts(rung)
        if not parts.last_third:
            raise LeftOutError(parts.why_no_last_third)
        return parts.last_third

    def check_adapters(self, rung: Rung) -> None:
        """Leave out adapters where the backbone can have none, such as a net of convolutions.

        Raises:
            LeftOutError: As above.

        """
        if rung.trains == "adapters" and (reason := self._find_parts(rung).why_no_adapters):
            raise LeftOutError(reason)

    def prepare(self, rung: Rung) -> trainings.Prepared:
        """Return the task of a rung, the spare one where it is of the same flags."""
        argv, spare = self.command(rung), self.spare
        self.spare = None
        if spare is not None and spare[0] == argv:
            self.seconds_before = spare[1].seconds
            return spare[1]
        return self._read(rung, argv)

    def resume(self, rung: Rung) -> trainings.Prepared:
        """Return the task of a rung that goes on from its last checkpoint."""
        self.spare = None
        folder = self.settings.folder / rung.folder
        return self._read(rung, ["--output_dir", str(folder), "--resume_from_checkpoint", "true"])

    def share(self, rung: Rung) -> trainings.Prepared:
        """Return a task with the data for a rung without a net; the solved head of the same backbone can take it over."""
        if self.spare is None:
            argv = self.command(rung)
            self.spare = argv, self._read(rung, argv)
        return self.spare[1]

    def _find_parts(self, rung: Rung) -> BackboneParts:
        if rung.backbone not in self.parts:  # a ladder that goes on, with nothing read so far
            self._read(rung, self.settings.argv(rung, "all"))
        return self.parts[rung.backbone]

    def _read(self, rung: Rung, argv: list[str]) -> trainings.Prepared:
        """Read the data and load a model, and note which parts of it can be trained.

        Raises:
            ChangedDataError: The data are not those of the ladder's start.
            UserError: It cannot be trained.

        """
        prepared = trainings.prepare(self.settings.modality, argv, self.settings.log(rung))
        self._check_data(prepared)
        if rung.backbone not in self.parts:
            self.parts[rung.backbone] = BackboneParts.read(prepared.task.model)
        return prepared

    def _check_data(self, prepared: trainings.Prepared) -> None:
        """Compare the data with those of the ladder's start, or take them as these.

        Raises:
            ChangedDataError: They are others.

        """
        hashes = hash_data(prepared.task.rows, prepared.task.label_names)
        if not self.state.data:
            self.state.data = hashes
            write_state(self.settings, self.state)
        elif changes := describe_changes(self.state.data, hashes):
            raise ChangedDataError(
                f"The data are not those that the ladder in {self.settings.folder} was started with ({changes}), and its "
                "rungs could not be compared: name another --output_dir."
            )
