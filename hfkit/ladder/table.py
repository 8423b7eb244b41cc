"""The end of a ladder: its table on the console and as files, its picture, and what is recommended."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console

from ..evaluation.intervals import warn_of_few_rows
from ..evaluation.paired import PairedResult
from ..files import write_file
from ..report.console import console_table
from ..report.plots import draw_scores
from ..report.tables import markdown_table, write_table
from .rule import RULE, Answers, Outcome, Recommendation, begin_sentence
from .rungs import Rung
from .settings import LadderSettings


def make_table(
    rungs: Sequence[Rung],
    outcomes: Mapping[str, Outcome],
    left_out: Mapping[str, str],
    recommendation: Recommendation | None,
) -> pd.DataFrame:
    """Bring a ladder to one row a rung, for a file: scores with intervals, and the paired differences.

    `difference` is the accuracy on validation less that of the best rung; `test_difference` that on test less that of the
    recommended one.

    Args:
        rungs: All of them.
        outcomes: Of those that finished, by folder.
        left_out: Why the others did not, by folder.
        recommendation: What is recommended.

    """
    rows = []
    for rung in rungs:
        row: dict[str, Any] = {
            "name": rung.name,
            "folder": rung.folder,
            "status": left_out.get(rung.folder, "finished"),
        }
        outcome = outcomes.get(rung.folder)
        if outcome is not None:
            row |= {"seconds": outcome.seconds, **_scores("validation", outcome.validation)}
            row |= {} if outcome.test is None else _scores("test", outcome.test)
            if recommendation is not None:
                row["is_recommended"] = outcome is recommendation.rung
                row |= _paired("", outcome, outcome.validation, recommendation.best, recommendation.best.validation)
                row |= _paired("test_", outcome, outcome.test, recommendation.rung, recommendation.rung.test)
        rows.append(row)
    return pd.DataFrame(rows)


def _scores(split: str, answers: Answers) -> dict[str, float]:
    low, high = answers.interval
    return {f"{split}_accuracy": answers.accuracy, f"{split}_accuracy_low": low, f"{split}_accuracy_high": high}


def _paired(
    prefix: str, outcome: Outcome, answers: Answers | None, other: Outcome, other_answers: Answers | None
) -> dict[str, float]:
    if outcome is other or answers is None or other_answers is None:
        return {}
    paired = answers.compare(other_answers)
    ends = {"difference": paired.difference, "difference_low": paired.low, "difference_high": paired.high}
    return {f"{prefix}{name}": value for name, value in {**ends, "p_value": paired.p_value}.items()}


def shown_table(outcomes: Sequence[Outcome], recommendation: Recommendation | None) -> pd.DataFrame:
    """Bring the finished rungs to what people read: seconds, scores with intervals, and how each stands to the best."""
    names = [outcome.name.removeprefix("the ") for outcome in outcomes]
    shown = pd.DataFrame(index=pd.Index(names, name="rung"))
    shown["seconds"] = [f"{outcome.seconds:.1f}" for outcome in outcomes]
    shown["validation (95 %)"] = [outcome.validation.describe(3) for outcome in outcomes]
    if recommendation is not None:
        best = recommendation.best
        paired = [None if one is best else one.validation.compare(best.validation) for one in outcomes]
        shown["against the best"] = [_verdict(result) for result in paired]
    if any(outcome.test is not None for outcome in outcomes):
        shown["test (95 %)"] = ["" if outcome.test is None else outcome.test.describe(3) for outcome in outcomes]
    return shown


def _verdict(paired: PairedResult | None) -> str:
    if paired is None:
        return "best"
    ends = f"{100 * paired.difference:.1f} points, {100 * paired.low:.1f} to {100 * paired.high:.1f}"
    return ends if paired.is_told_apart else f"not told apart ({ends})"


def show_end(
    console: Console,
    settings: LadderSettings,
    rungs: Sequence[Rung],
    outcomes: Mapping[str, Outcome],
    left_out: Mapping[str, str],
    recommendation: Recommendation | None,
    command: Callable[[Rung], list[str]],
) -> None:
    """Print the table and what is recommended, and write both with the picture into the ladder's folder.

    Args:
        console: Where to print.
        settings: Of the ladder.
        rungs: All of them.
        outcomes: Of those that finished, by folder.
        left_out: Why the others did not, by folder.
        recommendation: What is recommended.
        command: Returns the flags that train a rung alone.

    """
    folder, finished = settings.folder, list(outcomes.values())
    whole = make_table(rungs, outcomes, left_out, recommendation)
    write_table(folder / "table.csv", whole)
    missing = [f"{begin_sentence(rung.name)}: {left_out[rung.folder]}." for rung in rungs if rung.folder in left_out]
    lines = [*missing, *_recommend(settings, rungs, outcomes, recommendation, command)]
    title = f"Ladder on {settings.dataset}"
    parts = [f"# {title}", *lines]
    if finished:
        shown = shown_table(finished, recommendation)
        parts.insert(1, markdown_table(shown))
        console.print(console_table(f"\n{title}", shown))
        draw_scores(folder / "ladder.png", whole[whole["status"] == "finished"], title)
    write_file(folder / "table.md", "\n\n".join(part.strip() for part in parts) + "\n")
    for line in lines[len(missing) :]:  # what is missing was said on the way
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _recommend(
    settings: LadderSettings,
    rungs: Sequence[Rung],
    outcomes: Mapping[str, Outcome],
    recommendation: Recommendation | None,
    command: Callable[[Rung], list[str]],
) -> list[str]:
    """Say which rung is enough, why, how it does on test beside the others, where its model is, and how it is trained alone."""
    if recommendation is None:
        return ["No rung left a saved model: nothing is recommended."]
    chosen = recommendation.rung
    rung = next(rung for rung in rungs if outcomes.get(rung.folder) is chosen)
    return [
        f"{RULE}. Recommended: {chosen.name}, {chosen.seconds:.1f} s. {recommendation.reason}",
        *_describe_test(chosen, list(outcomes.values())),
        f"Its model: {settings.folder / rung.folder}",
        f"The command that trains it alone: hfkit train {settings.modality} {shlex.join(command(rung))}",
    ]


def _describe_test(chosen: Outcome, outcomes: Sequence[Outcome]) -> list[str]:
    """Say how the recommended rung does on test, and how it stands there to each of the others."""
    if chosen.test is None:
        return ["There is no test split with labels."]
    warning = warn_of_few_rows("test", len(chosen.test.right), *chosen.test.interval)
    accuracy = chosen.test.describe()
    compared = [
        chosen.test.compare(other.test).sentence("It", other.name)
        for other in outcomes
        if other is not chosen and other.test is not None
    ]
    return [f"Test, which chose nothing: {chosen.name} {accuracy}. {warning}".strip(), *compared]
