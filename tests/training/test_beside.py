"""A head that is solved beside a training in steps: the row of the solved head, and doubtful labels."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Run, make_once, write_photo
from rich.console import Console
from tiny import TINY, inputs_for

from hfkit.evaluation.paired import compare_paired
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.training import baselines, beside, solver
from hfkit.training.frozen_copy import frozen_flags
from hfkit.training.label_issues import wants_label_issues

RunRecipe = Callable[..., Run]
FLIPPED = 11
OWN = {"fake": ["garlic", "cures", "kills", "thumbs"], "real": ["hospital", "reports", "cases", "study"]}
OTHERS = (
    "the a people city country water news new virus covid mask test vaccine doctor deaths says claims health".split()
)


def write_texts(folder: Path) -> Path:
    """Write texts of random words of which three tell the class; one row of train has the other label."""
    generator, other = np.random.default_rng(0), {"fake": "real", "real": "fake"}
    folder.mkdir(parents=True, exist_ok=True)
    for split, size in (("train", 60), ("validation", 20), ("test", 40)):
        rows = []
        for number in range(size):
            label = "fake" if number % 2 else "real"
            words = [*generator.choice(OTHERS, 6), *generator.choice(OWN[label], 3)]
            given = other[label] if split == "train" and number == FLIPPED else label
            rows.append((" ".join(generator.permutation(words)), given))
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("tweet", "label"), *rows])
    return folder


ARGV = {
    "linear": "--unfreeze_from none --head linear --solver trainer --feature_cache CACHE",
    "convex by hinge": "--unfreeze_from none --head linear --pooling mean --ngrams none --feature_cache CACHE",
    "convex": "--unfreeze_from none --head linear --feature_cache CACHE",
    "bigru": "--unfreeze_from none --head bigru --head_hidden_size 6 --label_issues true --feature_cache CACHE",
    "uncached": "--unfreeze_from none --head linear --solver trainer --feature_cache off",
    "tuned": "--head linear --feature_cache CACHE",
    "tuned and looked at": "--head linear --label_issues true --feature_cache CACHE",
    "both": "--solver both --pooling mean --feature_cache CACHE",
    "both and looked at": "--solver both --label_issues true --feature_cache CACHE",
}


@pytest.fixture(scope="module")
def runs(tiny_backbone: Path, shared_folder: Path) -> Callable[[str], Run]:
    """Return a function that gives a run by its name, made when it is first asked for."""
    from hfkit.tasks.text import train_texts

    texts = write_texts(shared_folder / "beside" / "texts")
    flags = ["--backbone", str(tiny_backbone), "--dataset", str(texts), "--max_length", "24", "--use_cpu", "true"]
    flags += ["--bf16", "false", "--disable_tqdm", "true"]

    def run(name: str) -> Run:
        folder = shared_folder / "beside" / name
        own = ARGV[name].replace("CACHE", str(shared_folder / "beside" / "cache")).split()
        own += [] if name.startswith("convex") else ["--num_train_epochs", "2"]
        argv = [*flags, *own, "--output_dir", str(folder)]
        return Run(folder, make_once(shared_folder / "beside" / f"{name}.json", lambda: train_texts(argv)[1]), "")

    return run


def read_right(run: Run) -> np.ndarray:
    table = pd.read_csv(run.folder / "predictions.csv")
    return (table["label"] == table["prediction"]).to_numpy()


def read_baselines(run: Run) -> pd.DataFrame:
    return pd.read_csv(run.folder / "report" / "baselines.csv").set_index("name")


@pytest.mark.slow
def test_the_row_is_the_solved_run_and_compared_on_the_same_rows(runs: Callable[[str], Run]) -> None:
    trained, solved = runs("linear"), runs("convex")
    row = read_baselines(trained).loc["the solved head on the last layer"]
    paired = compare_paired(read_right(trained), read_right(solved))
    assert row["accuracy"] == read_right(solved).mean() == solved.results["test_accuracy"] > 0.9
    assert row["macro_f1"] == pytest.approx(solved.results["test_macro_f1"])
    expected = (paired.difference, paired.low, paired.high, paired.p_value)
    assert tuple(row[["difference", "difference_low", "difference_high", "p_value"]]) == pytest.approx(expected)
    assert row["seconds"] > 0
    assert trained.results["test_baseline_solved_head_on_the_last_layer_accuracy"] == row["accuracy"]
    curves = [(run.folder / "report" / "learning_curve.csv").read_text() for run in (trained, solved)]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_tokens_give_the_row_of_a_head_on_their_mean(runs: Callable[[str], Run]) -> None:
    """A BiGRU's stored tokens have the same mean as what a linear head takes by default on a frozen encoder."""
    rows = [read_baselines(runs(name)).loc["the solved head on the last layer"] for name in ("bigru", "linear")]
    assert rows[0]["accuracy"] == rows[1]["accuracy"]
    assert rows[0]["macro_f1"] == rows[1]["macro_f1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["convex", "uncached", "tuned", pytest.param("tuned and looked at", marks=pytest.mark.nightly)]
)
def test_runs_without_a_row(name: str, runs: Callable[[str], Run]) -> None:
    assert list(read_baselines(runs(name)).index) == ["this model", "the majority class", "word pieces"]


@pytest.mark.parametrize(
    "name",
    [
        "convex",
        pytest.param("bigru", marks=pytest.mark.slow),
        *(pytest.param(name, marks=pytest.mark.nightly) for name in ("tuned and looked at", "both and looked at")),
    ],
)
def test_a_wrong_label_ranks_first(name: str, runs: Callable[[str], Run], shared_folder: Path) -> None:
    folder = runs(name).folder / "report"
    issues = pd.read_csv(folder / "label_issues.csv")
    texts = pd.read_csv(shared_folder / "beside" / "texts" / "train.csv")["tweet"]
    assert [texts[row] for row in issues["row"]] == list(issues["text"])
    assert issues["row"][0] == FLIPPED
    assert (issues["label"][0], issues["suggested"][0]) == ("real", "fake")
    assert (folder / "learning_curve.png").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "uncached", "tuned"])
def test_labels_are_looked_at_where_that_is_asked_for(name: str, runs: Callable[[str], Run]) -> None:
    assert not (runs(name).folder / "report" / "label_issues.csv").exists()


@pytest.mark.slow
def test_a_training_that_starts_from_a_solved_head_has_its_curve(runs: Callable[[str], Run]) -> None:
    """Without n-grams, which such a head does not have; where labels are looked at, it is the curve of that head."""
    curves = [
        (runs(name).folder / "report" / "learning_curve.csv").read_text() for name in ("both", "both and looked at")
    ]
    assert curves[0] != curves[1]


@pytest.mark.slow
def test_a_training_that_starts_from_a_solved_head_is_compared_with_it(
    runs: Callable[[str], Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is that of the head alone, as a run that is solved by the loss of such a start and nothing else has it."""
    rows = read_baselines(runs("both"))
    expected = ["this model", "the majority class", "word pieces", "the solved head on the last layer"]
    assert list(rows.index) == expected
    row = rows.loc[expected[-1]]
    describe = solver.describe_inputs
    monkeypatch.setattr(solver, "describe_inputs", lambda *given: replace(describe(*given), losses=("hinge",)))
    alone = runs("convex by hinge")  # which no other test asks for: it would be made by another loss
    assert row["accuracy"] == alone.results["test_accuracy"]
    assert row["seconds"] >= runs("both").json("train_results.json")["train_solving_seconds"]


@pytest.mark.slow
def test_a_second_backbone_changes_nothing_of_the_training(runs: Callable[[str], Run]) -> None:
    """Neither its weights nor its random numbers."""
    plain, looked_at = (runs(name).results for name in ("tuned", "tuned and looked at"))
    kinds = ("test_loss", "eval_loss", "test_accuracy")
    assert [plain[kind] for kind in kinds] == [looked_at[kind] for kind in kinds]
    losses = [run.json("train_results.json")["train_loss"] for run in (runs("tuned"), runs("tuned and looked at"))]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_the_pass_of_a_solved_run_serves_label_issues(
    runs: Callable[[str], Run], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a solved run writes none where flags say so."""
    from hfkit.tasks.text import train_texts

    configuration = ["--config", str(runs("convex").folder / "hfkit.yaml"), "--feature_cache", str(tmp_path / "cache")]
    solved = ["--head", "layers", "--label_issues", "false", "--output_dir", str(tmp_path / "solved")]
    train_texts([*configuration, *solved])
    assert not (tmp_path / "solved" / "report" / "label_issues.csv").exists()
    capfd.readouterr()
    tuned = ["--unfreeze_from", "all", "--label_issues", "true", "--num_train_epochs", "1"]
    train_texts([*configuration, *tuned, "--output_dir", str(tmp_path / "tuned")])
    said = capfd.readouterr().out
    assert re.search(r"its pass over 60 rows took [\d.]+ s; the pass was in the feature cache", said)
    assert "Learning curve of the solved head, out of fold on 60 training rows" in said


@pytest.mark.slow
@pytest.mark.nightly
def test_a_failure_ends_no_run(
    runs: Callable[[str], Run], tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hfkit.tasks.text import train_texts

    cached = runs("linear")
    flags = ["--config", str(cached.folder / "hfkit.yaml"), "--num_train_epochs", "1"]

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as context:
        context.setattr(baselines, "predict_rows", fail)
        train_texts([*flags, "--output_dir", str(tmp_path / "row")])
    assert "Left out of the baselines: the solved head on the last layer (MemoryError)." in capfd.readouterr().out
    monkeypatch.setattr(beside, "solve_head", fail)
    train_texts([*flags, "--label_issues", "true", "--output_dir", str(tmp_path / "head")])
    said = capfd.readouterr().out
    assert "Left out: the solved head, and with it label issues (MemoryError)." in said
    assert "the solved head on the last layer" not in read_baselines(Run(tmp_path / "head", {}, "")).index
    train_texts([*flags, "--baselines", "false", "--output_dir", str(tmp_path / "none")])
    assert "solved head" not in capfd.readouterr().out  # it was not even tried


@pytest.mark.parametrize(
    ("flag", "is_resumed", "is_there", "wanted"),
    [
        (None, False, False, False),
        (False, True, False, False),
        (True, False, False, True),
        (True, True, False, True),
        (True, True, True, False),
    ],
)
def test_a_run_that_is_continued_keeps_its_label_issues(
    flag: bool | None, is_resumed: bool, is_there: bool, wanted: bool, tmp_path: Path
) -> None:
    settings: Any = SimpleNamespace(
        training=SimpleNamespace(label_issues=flag), checkpoint=tmp_path if is_resumed else None, folder=tmp_path
    )
    if is_there:
        (tmp_path / "report").mkdir()
        (tmp_path / "report" / "label_issues.csv").write_text("row\n")
    assert wants_label_issues(settings, Console(quiet=True)) == wanted


@pytest.mark.parametrize(
    ("argv", "layers"),
    [
        ("--head bigru --head_hidden_size 7", None),
        ("--head linear --pooling pooler", None),
        ("--head layers --layers 1 2", ["1", "2"]),
    ],
)
def test_the_flags_of_a_second_backbone_of_texts(argv: str, layers: list[str] | None) -> None:
    flags = frozen_flags(parse_arguments([*argv.split(), "--backbone", "x"], (), TEXT).model)
    assert (flags.backbone, flags.head, flags.unfreeze_from, flags.layers) == ("x", "layers", "none", layers)
    assert flags.pooling is None


def test_the_flags_of_a_second_backbone_of_images() -> None:
    argv = (
        "--backbone vit_tiny_patch16_224 --token_learner_tokens 8 --class_token false --weights none --two_heads true"
    )
    flags = frozen_flags(parse_arguments(argv.split(), (), IMAGE).model)
    assert (flags.head, flags.weights, flags.two_heads) == ("layers", "none", False)
    assert (flags.token_learner_tokens, flags.class_token) == (None, True)


@pytest.mark.parametrize("name", [name for name in TINY if not name.endswith("-layers")])
def test_two_heads_by_one_pass_give_the_logits_of_the_model(name: str, make_model: Callable[[str], Any]) -> None:
    model = make_model(name)
    inputs = inputs_for(model)
    with torch.no_grad():
        parted = model(states=model.features(**inputs), **inputs).logits
        assert torch.equal(parted, model(**inputs).logits)


@pytest.fixture(scope="module")
def odd_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of reddish cats and bluish dogs, of which the first cat is a dog."""
    folder = tmp_path_factory.mktemp("odd-photos")
    for split, number in (("train", 16), ("validation", 4), ("test", 6)):
        for label in ("cat", "dog"):
            for index in range(number):
                seen = "dog" if (split, label, index) == ("train", "cat", 0) else label
                seed = len(split) * 1000 + (label == "dog") * 100 + index
                write_photo(folder / split / label / f"{index:02d}.png", seen, seed)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "has_row"),
    [
        ("--unfreeze_from none --head mlp --augment flip", True),
        pytest.param(
            "--unfreeze_from none --head mlp --augment randaugment --cache_views 2", False, marks=pytest.mark.nightly
        ),
        pytest.param("--unfreeze_from none --head mlp --augment none --mixup 0.2", False, marks=pytest.mark.nightly),
        pytest.param("--unfreeze_from all --augment flip", False, marks=pytest.mark.nightly),
    ],
)
def test_label_issues_of_images_are_found_on_images_as_they_are(
    argv: str, has_row: bool, odd_photos: Path, run_cifar10: RunRecipe, tmp_path: Path
) -> None:
    flags = ["--dataset", str(odd_photos), "--feature_cache", str(tmp_path / "cache"), "--label_issues", "true"]
    run = run_cifar10(*flags, *argv.split())
    issues = pd.read_csv(run.folder / "report" / "label_issues.csv")
    assert (issues["label"][0], issues["suggested"][0]) == ("cat", "dog")
    assert str(issues.iloc[0]["file"]).endswith("00.png")
    assert ("the solved head on the last layer" in read_baselines(run).index) == has_row
