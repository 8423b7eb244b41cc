"""A solved head in a run and in a model: the flags that choose it, what it says, and the same scores wherever it is loaded."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import Run
from safetensors.torch import load_file
from test_resume import continue_from
from tiny import TINY, inputs_for

from hfkit import load_pipeline
from hfkit.errors import UserError
from hfkit.features.apply_solution import apply_solution
from hfkit.features.candidates import Candidate
from hfkit.features.linear import LinearFit
from hfkit.features.solution import Solution
from hfkit.features.standardise import Standardiser
from hfkit.flags.configuration import read_configuration
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.names import TEXT_FLAGS, TRAINER_FLAGS
from hfkit.flags.parsing import parse_arguments
from hfkit.flags.solver import OBEYED, choose_solver
from hfkit.models.layer_groups import FeatureGroup
from hfkit.reproduce import safe_argv
from hfkit.training.label_issues import say_how_sure

RunRecipe = Callable[..., Run]


@pytest.mark.parametrize(
    ("argv", "head", "solver"),
    [
        ("--unfreeze_from none", "layers", "convex"),
        ("--unfreeze_from none --head linear", "linear", "convex"),
        ("--unfreeze_from none --head linear --pooling pooler --solver trainer", "linear", "trainer"),
        ("--unfreeze_from none --layers 1 2", "layers", "convex"),
        ("--unfreeze_from none --layers auto", "layers", "convex"),
        ("--solver both", "linear", "both"),
        ("--solver both --unfreeze_from encoder.layer.1 --head linear", "linear", "both"),
        ("--unfreeze_from none --num_train_epochs 2", "layers", "trainer"),
        ("--unfreeze_from none --head bigru", "bigru", None),
        ("--unfreeze_from none --head_hidden_size 7", "linear", "convex"),
        ("--unfreeze_from all", "linear", None),
    ],
)
def test_what_a_frozen_backbone_gets(argv: str, head: str, solver: str | None) -> None:
    arguments, said = choose_solver(parse_arguments([*argv.split(), "--backbone", "x"], (), TEXT))
    assert arguments.model.head == head
    assert (arguments.training.solver or arguments.filled_in.get("solver")) == solver
    assert bool(said) == (solver is not None)


def test_layers_of_images_are_for_a_head_on_layers() -> None:
    arguments, _ = choose_solver(parse_arguments(["--unfreeze_from", "none", "--layers", "blocks.1"], (), IMAGE))
    assert (arguments.model.head, arguments.model.layers) == ("layers", ["blocks.1"])
    with pytest.raises(UserError, match=r"--layers blocks.1 is for --head layers, not for --head mlp"):
        choose_solver(parse_arguments(["--layers", "blocks.1"], (), IMAGE))


@pytest.mark.parametrize(
    "flag",
    [
        *("logging_steps 5", "save_steps 5", "eval_steps 5", "save_total_limit 3", "max_grad_norm 2", "optim sgd"),
        *(
            "weight_decay 0",
            "warmup_steps 3",
            "lr_scheduler_type cosine",
            "gradient_accumulation_steps 2",
            "data_seed 7",
        ),
        *("report_to tensorboard", "no_load_best_model_at_end", "keep_checkpoints true", "eval_on_start true"),
    ],
)
def test_a_flag_of_steps_selects_the_trainer(flag: str) -> None:
    argv = ["--unfreeze_from", "none", *f"--{flag}".split()]
    name = argv[2].removeprefix("--").removeprefix("no_")
    assert choose_solver(parse_arguments(argv, (), TEXT))[1] == f"Solver: trainer (since --{name} is for it alone)."
    with pytest.raises(UserError, match=f"--{name} is for --solver trainer"):
        choose_solver(parse_arguments([*argv, "--solver", "convex"], (), TEXT))


@pytest.mark.parametrize(
    "flags",
    [
        *("seed 3", "bf16 false", "per_device_eval_batch_size 7", "report_to none", "class_weights balanced"),
        *("disable_tqdm true", "max_error 0.1", "label_issues true", "label_names a b", "ngrams none", "run_name x"),
    ],
)
def test_other_flags_leave_it_solved(flags: str) -> None:
    arguments, said = choose_solver(parse_arguments(["--unfreeze_from", "none", *f"--{flags}".split()], (), TEXT))
    assert (arguments.training.solver, said) == ("convex", "Solver: convex (default on a frozen backbone).")


def test_flags_without_effect_on_a_solved_head_are_said() -> None:
    argv = "--unfreeze_from none --dataloader_num_workers 2 --ddp_bucket_cap_mb 9"
    arguments, said = choose_solver(parse_arguments(argv.split(), (), TEXT))
    assert arguments.training.solver == "convex"
    assert said.endswith(" Without effect on it: --dataloader_num_workers, --ddp_bucket_cap_mb.")


def test_flags_of_a_whole_run_exist() -> None:
    assert TRAINER_FLAGS | set(TEXT_FLAGS.fields()) >= OBEYED


def test_a_solved_head_sees_images_as_they_are() -> None:
    arguments, _ = choose_solver(parse_arguments(["--unfreeze_from", "none"], (), IMAGE))
    assert (arguments.model.head, arguments.data.augment) == ("layers", "none")
    arguments, said = choose_solver(parse_arguments(["--unfreeze_from", "none", "--augment", "flip"], (), IMAGE))
    assert arguments.data.augment == "flip"
    assert said == "Solver: trainer (since --augment is for it alone)."


def test_two_heads_are_trained_in_steps() -> None:
    argv = "--backbone deit_tiny_distilled_patch16_224 --head linear --two_heads true".split()
    arguments, said = choose_solver(parse_arguments([*argv, "--unfreeze_from", "none"], (), IMAGE))
    assert said == "Solver: trainer (since --two_heads is for it alone)."
    assert arguments.training.solver == "trainer"
    with pytest.raises(UserError, match="solves one head, and --two_heads asks for two"):
        choose_solver(parse_arguments([*argv, "--solver", "both"], (), IMAGE))


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        ("--solver convex", "on a frozen backbone: write --unfreeze_from none"),
        ("--solver convex --unfreeze_from none --head bigru", "solves a head linear or layers"),
        ("--solver convex --unfreeze_from none --learning_rate 1", "--learning_rate is for --solver trainer"),
        ("--solver both --unfreeze_from none", "write --unfreeze_from all or a layer's name"),
        ("--solver both --head bigru", "--head bigru is none of them"),
        ("--layers 1", "--layers 1 is for --head layers, not for --head linear"),
        ("--unfreeze_from none --head linear --layers 1", "--layers 1 is for --head layers, not for --head linear"),
    ],
)
def test_flags_that_do_not_go_together(argv: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        choose_solver(parse_arguments(argv.split(), (), TEXT))


@pytest.mark.parametrize("name", [name for name in TINY if name.endswith("-layers")])
def test_a_model_with_a_solution_gives_its_logits(name: str, make_model: Callable[[str], Any]) -> None:
    model = make_model(name).eval()
    inputs = inputs_for(model, rows=6)
    with torch.no_grad():
        features = model.features(**inputs)
    groups = model.feature_groups()
    chosen = tuple(group for group in groups if group.layer in {groups[0].layer, groups[-1].layer})
    generator, width = np.random.default_rng(0), sum(group.width for group in chosen)
    fit = LinearFit(generator.normal(size=(width, 1)), np.zeros((0, 1)), generator.normal(size=1))
    standardiser = Standardiser.fit(features)
    candidate = Candidate("some", chosen, 1.0)
    solution = Solution(candidate, standardiser, fit, None, 1.0, np.arange(6), np.arange(6), None, (), None, 0.0)
    expected = standardiser.apply(features, chosen, np.arange(6)).double().numpy() @ fit.dense + fit.bias
    apply_solution(model, solution, groups, features)
    model.drop_unused_layers()
    with torch.no_grad():
        logits = model.eval()(**inputs).logits
    np.testing.assert_allclose((logits[:, 1] - logits[:, 0]).numpy(), expected[:, 0], atol=1e-3)


def test_a_linear_head_is_solved_too(make_model: Callable[[str], Any]) -> None:
    model = make_model("hfkit-text/bert-linear").eval()
    inputs = inputs_for(model, rows=5)
    with torch.no_grad():
        features = model.features(**inputs)
    groups = [FeatureGroup("features", "own", 0, features.shape[1])]
    fit = LinearFit(np.ones((features.shape[1], 1)), np.zeros((0, 1)), np.array([0.5]))
    standardiser = Standardiser.fit(features)
    solution = Solution(
        Candidate("all", tuple(groups), 1.0),
        standardiser,
        fit,
        None,
        1.0,
        np.arange(5),
        np.arange(5),
        None,
        (),
        None,
        0.0,
    )
    apply_solution(model, solution, groups, features)
    expected = standardiser.apply(features, groups, np.arange(5)).sum(dim=1) + 0.5
    with torch.no_grad():
        logits = model(**inputs).logits
    torch.testing.assert_close(logits[:, 1] - logits[:, 0], expected, atol=1e-4, rtol=1e-4)


def assert_candidates_agree(printed: str) -> None:
    """Each candidate is printed once with its score and interval, and the last sentence tells what was printed before it."""
    candidates = re.findall(r"^  (.+, C [\d.]+): [\d.]+ \([\d.]+ to [\d.]+, 24 rows\)$", printed, re.MULTILINE)
    assert len(candidates) == len(set(candidates)) > 5
    [(chosen, score)] = re.findall(
        r"^The best of them, fitted to the end: (.+): ([\d.]+ \(.+), 24 rows\)$", printed, re.M
    )
    assert chosen in candidates
    assert f"Solved head: {chosen}, the best of {len(candidates)} candidates out of fold: {score});" in printed


def test_doubtful_labels_say_how_sure_the_head_is() -> None:
    labels = np.array([0, 1] * 50)
    logits = np.eye(2)[labels]
    logits[:8] = logits[:8, ::-1]
    strong = say_how_sure(logits, labels)
    assert "is right on 0.9200 (0.8500 to 0.9589) of these rows out of fold" in strong
    assert "look at a row before you change its label" in strong
    weak = say_how_sure(logits, np.array([0, 0, 1, 1] * 25))
    assert "not surely more than the largest class alone: do not change labels by this list" in weak


def test_a_solved_run_is_saved_reported_and_rerun(
    tweets: Path, tiny_backbone: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from hfkit.tasks.text import train_texts

    flags = ["--backbone", str(tiny_backbone), "--dataset", str(tweets), "--max_length", "24", "--use_cpu", "true"]
    _, results = train_texts(
        [*flags, "--bf16", "false", "--unfreeze_from", "none", "--output_dir", str(tmp_path / "run")]
    )
    printed = capfd.readouterr().out
    said = " ".join(printed.split())
    assert "Solver: convex (default on a frozen backbone)." in said
    assert "Candidates, by the share of training rows that are right out of fold:" in said
    assert "expected calibration error" in said
    assert_candidates_agree(printed)
    proof = json.loads((tmp_path / "run" / "all_results.json").read_text())
    assert proof["frozen_sha256_before"] == proof["frozen_sha256_after"]
    assert proof["entering_sha256_before"] == proof["entering_sha256_after"]
    assert (tmp_path / "run" / "manifest.json").is_file()
    issues = pd.read_csv(tmp_path / "run" / "report" / "label_issues.csv")
    assert list(issues.columns) == ["row", "label", "suggested", "score", "reason", "group", "text"]
    _, again = train_texts(["--config", str(tmp_path / "run" / "hfkit.yaml"), "--output_dir", str(tmp_path / "again")])
    given = parse_arguments(["--config", str(tmp_path / "run" / "hfkit.yaml"), "--solver", "convex"], (), TEXT)
    assert choose_solver(given)[0].training.solver == "convex"
    content = read_configuration(tmp_path / "run" / "hfkit.yaml")
    flags = {**content.filled_in, **content.flags, "backbone": "minilm", "dataset": "sample"}
    fetched = parse_arguments(safe_argv(flags, "text-classification", None), (), TEXT)
    assert choose_solver(fetched)[0].training.solver == "convex"
    assert again["test_loss"] == pytest.approx(results["test_loss"], abs=1e-5)
    answer = load_pipeline(str(tmp_path / "run"), device="cpu")("hospital reports new cases", top_k=None)
    assert {row["label"] for row in answer} == {"fake", "real"}


@pytest.mark.slow
@pytest.mark.parametrize("trained", ["--unfreeze_from all", "--unfreeze_from encoder.layer.1 --head linear"])
def test_training_starts_from_a_solved_head_once(
    trained: str, run_fakenews: RunRecipe, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = [*trained.split(), "--solver", "both", "--save_total_limit", "5", "--learning_rate", "1e-4"]
    whole = run_fakenews(*flags, folder=tmp_path / "whole", capture=capfd)
    assert "head 0.0001 (as the backbone, since it starts solved)" in whole.output
    assert "Solved head: " in whole.output
    losses = [float(row["eval_loss"]) for row in whole.rows("report/epochs.csv")]
    assert len(losses) == 2
    folder = continue_from(3, whole, tmp_path / "killed")
    resumed = run_fakenews(*flags, "--resume_from_checkpoint", "true", folder=folder, capture=capfd)
    assert "Solved head: " not in resumed.output
    assert "the solved head on the last layer" in (whole.folder / "report" / "baselines.csv").read_text()
    assert "Left out of the baselines: the solved head (the run was continued" in " ".join(resumed.output.split())
    weights, others = (load_file(run.folder / "model.safetensors") for run in (whole, resumed))
    assert all(torch.equal(weights[key], others[key]) for key in weights)


@pytest.mark.slow
def test_training_without_a_rate_keeps_the_solved_head(run_fakenews: RunRecipe, tweets: Path, tmp_path: Path) -> None:
    """In steps of length 0 nothing changes: the model is the solved one, whose training rows are right far beyond chance."""
    flags = ("--solver", "both", "--unfreeze_from", "all", "--learning_rate", "0", "--num_train_epochs", "1")
    run = run_fakenews(*flags, folder=tmp_path / "run")
    rows = pd.read_csv(run.folder / "report" / "baselines.csv").set_index("name")
    row = rows.loc["the solved head on the last layer"]
    assert (row["accuracy"], row["difference"]) == (run.results["test_accuracy"], 0)
    train = pd.read_csv(tweets / "train.csv").dropna()
    answers = load_pipeline(str(run.folder), device="cpu")(list(train["tweet"]))
    assert np.mean([answer["label"] for answer in answers] == train["label"]) > 0.9


@pytest.mark.slow
def test_a_solved_run_of_images(photos: Path, tmp_path: Path) -> None:
    from hfkit.tasks.image import train_images

    flags = (
        "--backbone test_efficientnet --weights none --image_size 32 --use_cpu true --bf16 false --unfreeze_from none"
    )
    folder = tmp_path / "run"
    _, results = train_images([*flags.split(), "--dataset", str(photos), "--output_dir", str(folder)])
    assert 0 <= results["test_accuracy"] <= 1
    assert load_pipeline(str(folder), device="cpu")(str(photos / "test" / "cat" / "0.png"))
