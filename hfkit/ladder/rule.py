"""Which rung is the best, which are not told apart from it, and which is enough: the rule of a ladder."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.intervals import accuracy_interval, with_interval
from ..evaluation.paired import PairedResult, compare_paired

RULE = (
    "The recommended rung is the cheapest with a saved model that is not told apart from the best one by the paired test "
    "(McNemar, p at least 0.05) on validation"
)


@dataclass(frozen=True)
class Answers:
    """Which rows of a split a classifier has right.

    Attributes:
        rows: (rows,) their numbers in the split's file or table.
        right: (rows,) booleans.

    """

    rows: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the rows that are right."""
        return float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return accuracy_interval(int(self.right.sum()), len(self.right))

    def describe(self, digits: int = 4) -> str:
        """Say the accuracy with its interval."""
        return with_interval(self.accuracy, *self.interval, digits=digits)

    def compare(self, other: "Answers") -> PairedResult:
        """Compare these answers with others to the same rows.

        Raises:
            ValueError: They are to others.

        """
        if not np.array_equal(self.rows, other.rows):
            raise ValueError("The rungs were evaluated on different rows.")
        return compare_paired(self.right, other.right)


@dataclass(frozen=True)
class Outcome:
    """What came of a rung.

    Attributes:
        name: Of the rung.
        seconds: What it took, from its start to its end.
        has_model: Whether it left a saved model.
        validation: Its answers there.
        test: The same of test; None where it has no labels, or is not there.

    """

    name: str
    seconds: float
    has_model: bool
    validation: Answers
    test: Answers | None = None


@dataclass(frozen=True)
class Recommendation:
    """Which rung is enough, and why.

    Attributes:
        rung: The recommended outcome.
        best: The one with the highest accuracy on validation.
        reason: Sentences on it.

    """

    rung: Outcome
    best: Outcome
    reason: str


def find_best(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome with the highest accuracy on validation; of equal ones the cheapest."""
    return min(outcomes, key=lambda outcome: (-outcome.validation.accuracy, outcome.seconds))


def recommend(outcomes: Sequence[Outcome]) -> Recommendation | None:
    """Return the cheapest rung with a saved model that is not told apart from the best of all rungs, by validation alone.

    Where each of them is worse than a rung without a model, such as word pieces, it is the best of them. Without any saved
    model there is none.
    """
    with_model = [outcome for outcome in outcomes if outcome.has_model]
    if not with_model:
        return None
    best = find_best(outcomes)
    level = [
        outcome
        for outcome in outcomes
        if outcome is best or not outcome.validation.compare(best.validation).is_told_apart
    ]
    enough = [outcome for outcome in level if outcome.has_model]
    rung = min(enough, key=lambda outcome: outcome.seconds) if enough else find_best(with_model)
    without = [outcome for outcome in level if not outcome.has_model]
    return Recommendation(rung, best, " ".join(_explain(rung, best, without)))


def _explain(rung: Outcome, best: Outcome, without: Sequence[Outcome]) -> list[str]:
    """Say how a rung stands to the best, and which ones without a model are as good."""
    sentences = []
    if rung is best:
        sentences.append(
            f"{begin_sentence(rung.name)} is the best on validation, and no cheaper one with a saved model is level with it."
        )
    else:
        paired = rung.validation.compare(best.validation)
        sentences.append(f"Against the best on validation, {paired.sentence(rung.name, best.name)}")
    others = [outcome for outcome in without if outcome is not best]
    if others:
        names = " and ".join(f"{outcome.name} ({outcome.seconds:.1f} s)" for outcome in others)
        verb = "are" if len(others) > 1 else "is"
        sentences.append(f"Not told apart from the best {verb} also {names}, of which hfkit saves no model.")
    if any(outcome.name.endswith("majority class") for outcome in without):
        rows = len(best.validation.right)
        sentences.append(
            f"The {rows} rows of validation are too few, or the labels too hard, to tell anything from guessing."
        )
    return sentences


def begin_sentence(name: str) -> str:
    """Write a name as the first words of a sentence."""
    return f"{name[0].upper()}{name[1:]}"
