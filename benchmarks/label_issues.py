"""Which labels are wrong: rows of train with flipped labels, found by hfkit and by cleanlab in the same scores.

    python benchmarks/label_issues.py --texts FOLDER

Of the tweets' training labels 2, 5 and 10 % are flipped at random. The head is solved on them as by `hfkit train text
--unfreeze_from none`; its calibrated scores out of fold, near-duplicates in one fold, are what both ways rank the rows by. AUROC
says how well flipped rows stand in front of the others; precision at k is the share of flipped ones in the first k, as many as
were flipped. The seconds are those of the ranking alone, the shortest of five; both take those of solving before.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from cleanlab.rank import get_label_quality_scores
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from hfkit.evaluation.intervals import accuracy_interval, with_interval
from hfkit.evaluation.label_issues import score_labels
from hfkit.evaluation.metrics import softmax
from hfkit.features.inputs import training_inputs
from hfkit.features.matrix import read_features
from hfkit.features.solution import SolverInputs
from hfkit.features.solve import solve_head
from hfkit.tasks.text import make_text_task, read_text_flags
from hfkit.training.resolve import resolve
from hfkit.training.solver import describe_inputs, list_groups

SHARES = (0.02, 0.05, 0.1)
REPEATS = 5
DRAWS = 300


@dataclass(frozen=True)
class Ranking:
    """How well one way put the flipped rows in front.

    Attributes:
        name: Of the way.
        auroc: Area under the curve, and the ends of its 95 % interval (percentile bootstrap over rows).
        precision: Share of flipped rows among the first k, and the ends of its 95 % interval (Wilson).
        seconds: What ranking took.

    """

    name: str
    auroc: tuple[float, float, float]
    precision: tuple[float, float, float]
    seconds: float


@dataclass(frozen=True)
class Measured:
    """What was found with a share of the labels flipped; `solving` are the seconds of the scores out of fold, for both."""

    share: float
    flipped: int
    rows: int
    solving: float
    rankings: tuple[Ranking, ...]


def main() -> None:
    """Flip, solve, rank, and print and write how well and how fast."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", default="constraint", help="Folder of the tweets; default: downloaded.")
    parser.add_argument("--backbone", default="minilm")
    parser.add_argument("--seed", type=int, default=1, help="What the flipped rows are drawn by.")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/label_issues.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = read_inputs(given.texts, folder, ["--backbone", given.backbone])
    measured = [measure(inputs, share, given.seed) for share in SHARES]
    _print(measured)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps([asdict(each) for each in measured], indent=2) + "\n")


def read_inputs(texts: str, folder: str, flags: Sequence[str]) -> SolverInputs:
    """Return what a run with these flags and a frozen backbone solves its head on.

    Args:
        texts: Folder of the tweets.
        folder: Where a run would be written.
        flags: Further ones.

    """
    argv = ["--dataset", texts, "--unfreeze_from", "none", "--output_dir", f"{folder}/run", *flags]
    arguments, _ = read_text_flags(argv)
    task = make_text_task(arguments)
    settings = resolve(task, arguments, "label-issues")
    states = training_inputs(task, settings.arguments).states
    features = read_features(task, states, settings.training.per_device_eval_batch_size)
    return describe_inputs(task, settings, features, list_groups(task, features.shape[1]))


def measure(inputs: SolverInputs, share: float, seed: int) -> Measured:
    """Flip a share of the labels, solve the head on them, and rank the rows in both ways."""
    labels = inputs.labels
    flipped = np.zeros(len(labels), dtype=bool)
    generator = np.random.default_rng(seed)
    flipped[generator.choice(len(labels), max(1, int(share * len(labels))), replace=False)] = True
    given = np.where(flipped, (labels + generator.integers(1, inputs.classes, len(labels))) % inputs.classes, labels)
    started = time.perf_counter()
    solution = solve_head(replace(inputs, labels=given))
    solving = time.perf_counter() - started
    if solution.out_of_fold is None:
        raise SystemExit("No row could be scored out of fold.")
    rows, groups, probabilities = solution.rows, solution.groups, softmax(solution.out_of_fold)
    ways: dict[str, Callable[[], Any]] = {
        "hfkit": lambda: score_labels(probabilities, given[rows], groups),
        "cleanlab": lambda: get_label_quality_scores(given[rows], probabilities),
    }
    rankings = tuple(_rank(name, way, flipped[rows]) for name, way in ways.items())
    return Measured(share, int(flipped[rows].sum()), len(rows), solving, rankings)


def _rank(name: str, way: Callable[[], Any], flipped: np.ndarray) -> Ranking:
    """Measure one way: its scores are the lowest for the most suspicious rows."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        scores = np.asarray(way())
        seconds.append(time.perf_counter() - started)
    count = int(flipped.sum())
    right = int(flipped[np.argsort(scores, kind="stable")[:count]].sum())
    precision = (right / count, *accuracy_interval(right, count))
    return Ranking(name, _area(scores, flipped), precision, min(seconds))


def _area(scores: np.ndarray, flipped: np.ndarray) -> tuple[float, float, float]:
    """Return the area under the curve and the ends of its 95 % interval."""
    generator, areas = np.random.default_rng(0), []
    for _ in range(DRAWS):
        drawn = generator.integers(0, len(flipped), len(flipped))
        if flipped[drawn].any():
            areas.append(roc_auc_score(flipped[drawn], -scores[drawn]))
    low, high = np.percentile(areas, [2.5, 97.5])
    return float(roc_auc_score(flipped, -scores)), float(low), float(high)


def _print(measured: Sequence[Measured]) -> None:
    """Print a table."""
    table = Table("labels flipped", "way", "AUROC (95 %)", "precision at k (95 %)", "seconds", "solving before")
    for each in measured:
        for ranking in each.rankings:
            table.add_row(
                f"{each.share:.0%}, k = {each.flipped:,}",
                ranking.name,
                with_interval(*ranking.auroc),
                with_interval(*ranking.precision, digits=3),
                f"{ranking.seconds:.4f}",
                f"{each.solving:.1f}",
            )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
