"""From rung to rung: what is finished is read back, what the budget does not hold is left out, and the rest is trained."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from ..errors import UserError
from ..evaluation.intervals import with_interval
from ..flags.configuration import CONFIGURATION_FILE, read_configuration
from . import baselines, trainings
from .outcomes import read_outcome, set_aside, write_outcome
from .rule import Outcome, Recommendation, begin_sentence, find_best, recommend
from .rungs import Rung, find_last_third, list_rungs
from .settings import LadderSettings, read_state, write_state
from .table import show_end

_MEMORY_IS_FULL = ("out of memory", "can't allocate memory")


class LeftOutError(Exception):
    """The budget does not hold a rung; the message says what it would take."""


@dataclass
class Ladder:
    """A ladder on its way.

    Attributes:
        settings: What it is asked to do.
        console: Where it speaks.
        outcomes: Of the finished rungs, by their folder.
        left_out: Rungs that are not there, and why.
        seconds: What each finished rung took, by its folder.
        earlier: What the rungs took before this session.
        spare: A task that was read for a rung without a net and that the first net can have, and its command line.
        layers: From which on about the last third of a backbone runs.
        unadaptable: Why a backbone can have no adapters; empty where it can.
        read_before: Seconds that reading the data and loading the model took, where that was done for another rung.

    """

    settings: LadderSettings
    console: Console
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    earlier: float = 0.0
    spare: tuple[list[str], trainings.Prepared] | None = None
    layers: dict[str, str] = field(default_factory=dict)
    unadaptable: dict[str, str] = field(default_factory=dict)
    read_before: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    def climb(self) -> Recommendation | None:
        """Go through all rungs, show the table, and return which rung is enough.

        Raises:
            UserError: The data cannot be read, or the first backbone cannot be loaded.

        """
        rungs = list_rungs(self.settings.modality, self.settings.backbones)
        self.seconds = read_state(self.settings.folder)["seconds"]
        self.earlier = sum(self.seconds.values())
        self._say(_describe(self.settings))
        for rung in rungs:
            outcome = read_outcome(rung, self.settings.folder / rung.folder, self.seconds.get(rung.folder))
            was_there = outcome is not None
            try:
                outcome = outcome or self._run(rung)
            except LeftOutError as reason:
                self._leave_out(rung, f"left out: {reason}")
            except UserError as error:
                if rung is rungs[0]:  # it trains nothing: the data or the backbone are wrong for all
                    raise
                self._leave_out(rung, f"failed: {error}")
            except (MemoryError, RuntimeError) as error:  # torch.OutOfMemoryError is one
                if not isinstance(error, MemoryError) and not any(text in str(error) for text in _MEMORY_IS_FULL):
                    raise
                self._leave_out(rung, "failed: the memory is full; lower --per_device_train_batch_size")
            else:
                self._report(rung, outcome, was_there)
        recommendation = recommend(list(self.outcomes.values()))
        show_end(self.console, self.settings, rungs, self.outcomes, self.left_out, recommendation, self.command)
        return recommendation

    def command(self, rung: Rung) -> list[str]:
        """Return the flags that train a rung alone."""
        return self.settings.argv(rung, self._layer(rung))

    def _run(self, rung: Rung) -> Outcome:
        """Run a rung, and return what came of it.

        Raises:
            LeftOutError: The budget does not hold it.
            UserError: It cannot be trained.

        """
        started, folder = time.perf_counter(), self.settings.folder / rung.folder
        self.read_before = 0.0
        self._check_budget(0.0, "the budget is used up")
        if rung.has_model:
            try:
                self._train(rung, folder)
            finally:
                trainings.release()
            spent = time.perf_counter() - started + self.read_before
        else:
            self._set_aside(rung, folder)
            spent, predictions = self._predict_without_net(rung)
            write_outcome(folder, spent, predictions)
        self.seconds[rung.folder] = spent
        write_state(self.settings, self.seconds)
        outcome = read_outcome(rung, folder, spent)
        assert outcome is not None, f"{folder} is not what was just written"
        return outcome

    def _train(self, rung: Rung, folder: Path) -> None:
        """Train a net, from its last checkpoint where there is one.

        Raises:
            LeftOutError: The budget does not hold it.
            UserError: It cannot be trained.

        """
        log = self.log(rung)
        goes_on = (folder / CONFIGURATION_FILE).is_file() and any(folder.glob("checkpoint-*/trainer_state.json"))
        if goes_on:
            self._say(f"{begin_sentence(rung.name)}: goes on from its last checkpoint.")
            argv = ["--output_dir", str(folder), "--resume_from_checkpoint", "true"]
            prepared = trainings.prepare(self.settings.modality, argv, log)
        else:
            self._set_aside(rung, folder)
            self._check_adapters(rung)
            prepared = self._prepare(rung)
            cost = trainings.estimate(prepared)
            self._check_budget(cost.seconds, cost.describe())
            self._say(f"{begin_sentence(rung.name)}: {cost.describe()}; what it says goes to {log}.")
        trainings.train(prepared, folder, log)

    def _check_adapters(self, rung: Rung) -> None:
        """Leave out adapters where the backbone can have none, such as a net of convolutions.

        Raises:
            LeftOutError: As above.

        """
        if rung.trains != "adapters":
            return
        if rung.backbone not in self.unadaptable:  # a ladder that goes on, with nothing read so far
            self._read(rung, self.settings.argv(rung, "all"))
        if self.unadaptable[rung.backbone]:
            raise LeftOutError(self.unadaptable[rung.backbone])

    def _prepare(self, rung: Rung) -> trainings.Prepared:
        """Return the task of a rung, the spare one where it is of the same flags."""
        argv, spare = self.command(rung), self.spare
        self.spare = None
        if spare is not None and spare[0] == argv:
            self.read_before = spare[1].seconds
            return spare[1]
        return self._read(rung, argv)

    def _read(self, rung: Rung, argv: list[str]) -> trainings.Prepared:
        """Prepare a task, and note from which layer on about the last third of its backbone runs, and what adapters say to it.

        Raises:
            UserError: It cannot be trained.

        """
        prepared = trainings.prepare(self.settings.modality, argv, self.log(rung))
        if rung.backbone not in self.layers:
            self.layers[rung.backbone] = find_last_third(prepared.task.model)
            self.unadaptable[rung.backbone] = prepared.why_no_adapters()
        return prepared

    def _predict_without_net(self, rung: Rung) -> tuple[float, baselines.Predictions]:
        """Return the seconds and the predictions of a rung without a net.

        Raises:
            UserError: They cannot be had.

        """
        argv = self.command(rung)
        if self.spare is None:  # as the solved head of the same backbone has it, which can take it over
            self.spare = argv, self._read(rung, argv)
        return baselines.predict_without_net(rung.name, self.spare[1].task)

    def _layer(self, rung: Rung) -> str:
        if rung.trains != "last":
            return ""
        file = self.settings.folder / rung.folder / CONFIGURATION_FILE
        layer = read_configuration(file).flags.get("unfreeze_from") if file.is_file() else None
        if layer is not None:
            return str(layer)
        if rung.backbone not in self.layers:  # a ladder that goes on, with nothing read so far
            self._read(rung, self.settings.argv(rung, "all"))
        return self.layers[rung.backbone]

    def _check_budget(self, seconds: float, what: str) -> None:
        """Refuse what the budget does not hold.

        Raises:
            LeftOutError: As above.

        """
        if self.settings.budget is None:
            return
        left = self.settings.budget - self.earlier - (time.perf_counter() - self.started)
        if seconds > max(left, 0.0) or left <= 0:
            raise LeftOutError(f"{what}; {max(left, 0):.0f} s of the budget of {self.settings.budget:.0f} s are left")

    def _set_aside(self, rung: Rung, folder: Path) -> None:
        aside = set_aside(folder)
        if aside is not None:
            self._say(
                f"{begin_sentence(rung.name)}: what an earlier attempt left cannot be gone on with, and is now {aside}."
            )

    def _report(self, rung: Rung, outcome: Outcome, was_there: bool) -> None:
        """Say what came of a rung, beside the best so far."""
        accuracy = with_interval(outcome.validation.accuracy, *outcome.validation.interval)
        there = ", as it was before" if was_there else ""
        line = f"{begin_sentence(rung.name)}: validation {accuracy}, {outcome.seconds:.1f} s{there}."
        if self.outcomes:
            best = find_best(list(self.outcomes.values()))
            paired = outcome.validation.compare(best.validation)
            line += f" Against the best so far, {paired.sentence('it', best.name)}"
        self.outcomes[rung.folder] = outcome
        self._say(line)

    def _leave_out(self, rung: Rung, reason: str) -> None:
        self.left_out[rung.folder] = reason.rstrip(".")
        self._say(f"{begin_sentence(rung.name)}: {self.left_out[rung.folder]}.")

    def log(self, rung: Rung) -> Path:
        """Return the file that has what a rung printed."""
        return self.settings.folder / "logs" / f"{rung.folder}.txt"

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def climb(settings: LadderSettings, console: Console | None = None) -> Recommendation | None:
    """Go through all rungs of a ladder, and return which one is enough; None where no model was saved.

    Args:
        settings: What it does; a ladder whose folder has finished rungs goes on where it was.
        console: Where it speaks; default: standard output.

    Raises:
        UserError: The folder cannot be read.

    """
    return Ladder(settings, console or Console()).climb()


def _describe(settings: LadderSettings) -> str:
    """Say what the ladder does."""
    backbones = " and ".join(settings.backbones)
    budget = "" if settings.budget is None else f" Budget: {settings.budget:.0f} s."
    return (
        f"Ladder on {settings.dataset}, {settings.modality}s, backbone {backbones}, in {settings.folder}. Test is used once, at "
        f"the end, and chooses nothing.{budget}"
    )
