"""What makes up for classes of unequal size: own weights, the focal loss, and balanced sampling."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from conftest import IMAGE_ARGV, Run, load_recipe
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from hfkit.errors import UserError
from hfkit.models.label_sets import MULTI_LABEL, SINGLE_LABEL
from hfkit.models.losses import IGNORED, Objective
from hfkit.training.objective import logit_offsets
from hfkit.training.sampler import ClassBalancedSampler


def outputs(logits: torch.Tensor) -> Any:
    return SimpleNamespace(logits=logits)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("weights", [None, (2.0, 0.5, 1.0)])
def test_the_focal_loss_is_that_of_the_paper(gamma: float, weights: tuple[float, ...] | None) -> None:
    """Of one label a row, and of any number of them."""
    torch.manual_seed(0)
    logits, labels = 3 * torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    scale = torch.tensor(weights or (1.0, 1.0, 1.0))
    probabilities = logits.softmax(dim=1)[range(6), labels]
    expected = (1 - probabilities) ** gamma * cross_entropy(logits, labels, reduction="none") * scale[labels]
    losses = Objective(weights, focal_gamma=gamma).per_row(outputs(logits), labels)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-6)

    flags = torch.nn.functional.one_hot(labels, 3).float()
    probabilities = torch.where(flags == 1, logits.sigmoid(), 1 - logits.sigmoid())
    factors = (1 - probabilities) ** gamma * torch.where(flags == 1, scale, 1.0)
    expected = (factors * binary_cross_entropy_with_logits(logits, flags, reduction="none")).mean(dim=1)
    losses = Objective(weights, 0.0, MULTI_LABEL, None, gamma).per_row(outputs(logits), flags)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-6)


def test_adjusted_logits_are_those_of_the_paper() -> None:
    """Which say that the balanced error is least where each class counts by its share, and leave a balanced table as it is."""
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 2), torch.tensor([0, 0, 0, 0, 0, 1])
    task = SimpleNamespace(training_labels=lambda: labels.numpy(), label_names=["a", "b"])
    offsets = logit_offsets(SimpleNamespace(logit_adjustment=2.0), task)
    assert offsets == pytest.approx([2 * np.log(5 / 6), 2 * np.log(1 / 6)])
    expected = cross_entropy(logits + torch.tensor(offsets), labels, reduction="none")
    objective = Objective(logit_offsets=offsets)
    torch.testing.assert_close(objective.per_row(outputs(logits), labels), expected)
    assert not objective.is_plain(outputs(logits), labels)
    even = SimpleNamespace(training_labels=lambda: np.array([0, 1]), label_names=["a", "b"])
    same = Objective(logit_offsets=logit_offsets(SimpleNamespace(logit_adjustment=1.0), even))
    torch.testing.assert_close(same.per_row(outputs(logits), labels), cross_entropy(logits, labels, reduction="none"))
    assert logit_offsets(SimpleNamespace(logit_adjustment=0.0), task) is None


def test_without_gamma_it_is_the_plain_loss() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    torch.testing.assert_close(Objective()(outputs(logits), labels), cross_entropy(logits, labels))
    assert Objective().is_plain(outputs(logits), labels)
    assert not Objective(focal_gamma=1.0).is_plain(outputs(logits), labels)


@pytest.mark.parametrize("kind", [SINGLE_LABEL, MULTI_LABEL])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_its_gradients_are_numbers_where_a_row_is_certain_or_ignored(kind: str, gamma: float) -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [1.0, 2.0]], requires_grad=True)
    labels = torch.tensor([0, 0, IGNORED])
    if kind == MULTI_LABEL:
        labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [IGNORED, IGNORED]])
    losses = Objective(None, 0.0, kind, None, gamma).per_row(outputs(logits), labels)
    losses.sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert losses[2] == 0
    assert not logits.grad[2].any()
    assert logits.grad[1].any(), "what is wrong is learnt from"


@pytest.mark.parametrize("counts", [(20, 4), (7, 7, 7), (50, 3, 1, 9)])
def test_each_class_is_drawn_equally_often(counts: tuple[int, ...]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    epochs = [0]
    sampler = ClassBalancedSampler(labels, 1, lambda: epochs[-1])
    first = list(sampler)
    assert len(first) == len(sampler) == len(labels)
    of_classes = np.bincount(labels[first])
    assert of_classes.max() - of_classes.min() <= 1
    times = np.bincount(first, minlength=len(labels))
    for label in range(len(counts)):
        assert np.ptp(times[labels == label]) <= 1
    assert list(sampler) == first, "the epoch alone decides"
    epochs.append(1)
    assert list(sampler) != first


def test_all_rows_of_a_frequent_class_come_in_time() -> None:
    labels, epoch = np.repeat([0, 1], (40, 4)), [0]
    sampler, seen = ClassBalancedSampler(labels, 1, lambda: epoch[0]), set[int]()
    for epoch[0] in range(20):
        seen |= set(sampler)
    assert seen == set(range(44))


def test_each_is_printed_and_kept(run_fakenews: Callable[..., Run], capfd: pytest.CaptureFixture[str]) -> None:
    flags = "--class_weights fake=2.5 --focal_gamma 1.5 --train_sampling_strategy balanced --num_train_epochs 1"
    run = run_fakenews(*flags.split(), capture=capfd)
    said = " ".join(run.output.split())
    for line in (
        "Class weights: fake 2.500, real 1.000.",
        "Loss: focal with gamma 1.5: a row counts less, the better it is predicted (Lin et al. 2017).",
        "Order of the rows: balanced (an epoch draws 24 rows, about 12 of each class, so that those of rare ones come again).",
    ):
        assert line in said
        assert line in run.json("summary.json")["lines"]
    written = yaml.safe_load((run.folder / "hfkit.yaml").read_text())
    assert (written["class_weights"], written["focal_gamma"]) == (["fake=2.5"], 1.5)
    assert written["train_sampling_strategy"] == "balanced"
    assert run.json("all_results.json")["train_objective"] != run.json("all_results.json")["train_loss"]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ("--class_weights fale=2", "--class_weights names 'fale', which is no class of the data: did you mean fake?"),
        ("--focal_gamma 2 --label_smoothing_factor 0.1", "leave one of them out"),
        (
            "--logit_adjustment 1 --class_weights balanced",
            "--logit_adjustment 1 both make up for rare classes: leave one",
        ),
        ("--logit_adjustment=-1", "--logit_adjustment is -1: write 0 or more, such as 1."),
    ],
)
def test_what_does_not_go_together_is_refused(flags: str, problem: str, run_fakenews: Callable[..., Run]) -> None:
    with pytest.raises(UserError) as error:
        run_fakenews(*flags.split())
    assert problem in str(error.value)


def test_mixed_images_have_no_focal_loss(photos: Path) -> None:
    argv = [*IMAGE_ARGV.split(), "--dataset", str(photos), "--mixup", "0.2", "--focal_gamma", "2"]
    with pytest.raises(UserError, match="--mixup mixes classes"):
        load_recipe("cifar10").main(argv)


@pytest.mark.slow
@pytest.mark.nightly
def test_images_and_solved_heads(photos: Path, tmp_path: Path, run_fakenews: Callable[..., Run]) -> None:
    argv = [*IMAGE_ARGV.split(), "--dataset", str(photos), "--train_sampling_strategy", "balanced"]
    load_recipe("cifar10").main([*argv, "--class_weights", "cat=3", "--output_dir", str(tmp_path / "run")])
    lines = Run(tmp_path / "run", {}, "").json("summary.json")["lines"]
    assert "Class weights: cat 3.000, dog 1.000." in lines
    assert any(line.startswith("Order of the rows: balanced (an epoch draws") for line in lines)
    solved = ["--unfreeze_from", "none", "--class_weights"]
    recalls = []
    for weight in ("fake=0.001", "fake=1000"):
        rows = run_fakenews(*solved, weight).rows("predictions.csv")
        recalls.append(sum(row["prediction"] == "fake" for row in rows))
    assert recalls[0] < recalls[1]
