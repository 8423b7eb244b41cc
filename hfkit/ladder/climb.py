"""From rung to rung: what is finished is read back, what the budget does not hold is left out, and the rest is trained."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from . import baselines, trainings
from .failures import LeftOutError, concerns_all, describe_failure, write_traceback
from .outcomes import can_go_on, last_written, read_outcome, remaining_share, set_aside, write_outcome
from .reading import TaskReader
from .rule import Outcome, Recommendation, begin_sentence, find_best, recommend
from .rungs import Rung, list_rungs
from .settings import LadderSettings, LadderState, read_state, write_state
from .sharing import share_pass
from .table import show_end


@dataclass
class Ladder:
    """A ladder on its way.

    Attributes:
        settings: What it is asked to do.
        console: Where it speaks.
        state: What it keeps from one session to the next.
        reader: Reads the tasks of the rungs.
        outcomes: Of the finished rungs, by their folder.
        left_out: Rungs that are not there, and why.
        earlier: Seconds of the sessions before this one.
        started: When this session began, by the clock of `time.perf_counter`.
        told: Backbones of which it was said at how many tokens their texts are cut.
        later: The rungs behind the one that runs.

    """

    settings: LadderSettings
    console: Console
    state: LadderState
    reader: TaskReader
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    earlier: float = 0.0
    started: float = field(default_factory=time.perf_counter)
    told: set[str] = field(default_factory=set)
    later: list[Rung] = field(default_factory=list)

    @classmethod
    def begin(cls, settings: LadderSettings, console: Console) -> "Ladder":
        """Return a ladder that goes on where its folder has come to.

        Raises:
            UserError: The folder cannot be read.

        """
        state = read_state(settings.folder)
        cut_off, state.begun = state.begun, None
        if cut_off is not None:  # a rung was killed, and could not say what it had taken
            state.spent += (taken := max(0.0, last_written(settings.folder / "logs") - cut_off))
        ladder = cls(settings, console, state, TaskReader(settings, state), earlier=state.spent)
        if cut_off is not None:
            ladder._say(
                f"A rung was cut off; {taken:.0f} s of it, up to the last line of its log, count to the budget."
            )
        return ladder

    def climb(self) -> Recommendation | None:
        """Go through all rungs, show the table, and return which rung is enough.

        Raises:
            UserError: The data cannot be read or are not those of the ladder's start, or the first backbone cannot be loaded.

        """
        rungs = list_rungs(self.settings.modality, self.settings.backbones)
        self._say(_describe(self.settings))
        if self.state.seconds:
            self._compare_data(rungs[0])
        for number, rung in enumerate(rungs):
            self.later = rungs[number + 1 :]
            self.state.begun = time.time()
            write_state(self.settings, self.state)
            try:
                self._take(rung, is_first=rung is rungs[0])
            finally:  # of a rung that failed or was stopped, too
                self.state.spent, self.state.begun = self._spent(), None
                write_state(self.settings, self.state)
            if rung.has_model:  # here nothing names the model any more, nor does the traceback of an error
                trainings.release()
        recommendation = recommend(list(self.outcomes.values()))
        show_end(self.console, self.settings, rungs, self.outcomes, self.left_out, recommendation, self.reader.command)
        return recommendation

    def _compare_data(self, rung: Rung) -> None:
        """Read the data before what is finished is believed, which holds for the same data alone.

        Raises:
            UserError: They cannot be read, or are others.

        """
        try:
            self.reader.share(rung)
        except Exception as error:
            if concerns_all(error, is_first=True):
                raise
            log = self.settings.log(rung)
            write_traceback(error, log)
            reason = describe_failure(error)
            self._say(f"The data cannot be compared with those of the ladder's start: {reason} (the log is {log}).")

    def _take(self, rung: Rung, is_first: bool) -> None:
        """Read a rung back or run it, and say what came of it; whatever it raises, the ladder goes on.

        Raises:
            UserError: The first rung, which trains nothing, cannot be read, or the data have changed: so it is for all.

        """
        try:
            outcome = read_outcome(rung, self.settings.folder / rung.folder, self.state.seconds.get(rung.folder))
            was_there = outcome is not None
            self._report(rung, outcome or self._run(rung), was_there)
        except LeftOutError as reason:
            self._leave_out(rung, f"left out: {reason}")
        except Exception as error:
            if concerns_all(error, is_first):
                raise
            log = self.settings.log(rung)
            write_traceback(error, log)
            self._leave_out(rung, f"failed: {describe_failure(error)} (its log is {log})")

    def _run(self, rung: Rung) -> Outcome:
        """Run a rung, and return what came of it.

        Raises:
            LeftOutError: The budget does not hold it, or the backbone has no place for it.
            UserError: It cannot be trained.

        """
        started, folder = time.perf_counter(), self.settings.folder / rung.folder
        self.reader.seconds_before = 0.0
        self._check_budget(0.0, "the budget is used up")
        if rung.has_model:
            pass_seconds = self._train(rung, folder)
            spent = time.perf_counter() - started + self.reader.seconds_before + pass_seconds
        else:
            self._set_aside(rung, folder)
            spent, predictions = baselines.predict_without_net(rung.name, self.reader.share(rung).task)
            write_outcome(folder, spent, predictions)
        self.state.seconds[rung.folder] = spent
        outcome = read_outcome(rung, folder, spent)
        assert outcome is not None, f"{folder} is not what was just written"
        return outcome

    def _train(self, rung: Rung, folder: Path) -> float:
        """Train a net, from its last checkpoint where there is one; return the seconds of a pass that ran with an earlier rung's.

        Raises:
            LeftOutError: The budget does not hold it, or the backbone has no place for it.
            UserError: It cannot be trained.

        """
        log = self.settings.log(rung)
        if can_go_on(folder):
            prepared = self.reader.resume(rung)
            cost, share = trainings.estimate(prepared), remaining_share(folder)
            self._check_budget(share * cost.seconds, f"{share:.0%} are still to do of {cost.describe()}")
            self._say(
                f"{begin_sentence(rung.name)}: goes on from its last checkpoint, with {share:.0%} of the training to do."
            )
        else:
            self._set_aside(rung, folder)
            self.reader.check_adapters(rung)
            prepared = self.reader.prepare(rung)
            self._say_changed_length(rung, prepared)
            cost = trainings.estimate(prepared)
            self._check_budget(cost.seconds, cost.describe())
            self._say(f"{begin_sentence(rung.name)}: {cost.describe()}; what it says goes to {log}.")
            left = None if self.settings.budget is None else self.settings.budget - self._spent()
            shared = share_pass(rung, prepared, cost, self.later, self.reader, left)
            self.reader.seconds_before -= shared.elsewhere
            if shared.names:
                self.state.passes |= shared.seconds
                write_state(self.settings, self.state)
                self._say(f"The pass of {rung.name} stored what {' and '.join(shared.names)} will read, too.")
        trainings.train(prepared, folder, log)
        return self.state.passes.get(rung.folder, 0.0) if cost.is_stored else 0.0

    def _say_changed_length(self, rung: Rung, prepared: trainings.Prepared) -> None:
        """Say once of a backbone that texts are cut at fewer tokens than by default; all else is in the logs."""
        if rung.backbone in self.told:
            return
        self.told.add(rung.backbone)
        for note in prepared.task.notes:
            if note.code == "max_length":
                self._say(f"{rung.backbone}: {note.text}")

    def _spent(self) -> float:
        """Return the seconds of all sessions up to now."""
        return self.earlier + time.perf_counter() - self.started

    def _check_budget(self, seconds: float, what: str) -> None:
        """Refuse what the budget does not hold.

        Raises:
            LeftOutError: As above.

        """
        if self.settings.budget is None:
            return
        left = self.settings.budget - self._spent()
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
        accuracy = outcome.validation.describe()
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

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def climb(settings: LadderSettings, console: Console) -> Recommendation | None:
    """Go through all rungs of a ladder, and return which one is enough; None where no model was saved.

    Args:
        settings: What it does; a ladder whose folder has finished rungs goes on where it was.
        console: Where it speaks.

    Raises:
        UserError: The folder cannot be read.

    """
    return Ladder.begin(settings, console).climb()


def _describe(settings: LadderSettings) -> str:
    """Say what the ladder does."""
    backbones = " and ".join(settings.backbones)
    budget = "" if settings.budget is None else f" Budget: {settings.budget:.0f} s."
    return (
        f"Ladder on {settings.dataset}, {settings.modality}s, backbone {backbones}, in {settings.folder}. Test chooses nothing, "
        f"and is shown once, at the end.{budget}"
    )
