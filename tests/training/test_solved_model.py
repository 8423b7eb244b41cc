"""A solution inside a model: folded into its weights or beside them, with its n-grams, and as it was after it is saved."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Run
from tiny import inputs_for

from hfkit.data.ngrams import ngram_matrix
from hfkit.features.apply_solution import LARGEST_DIFFERENCE, apply_solution
from hfkit.features.candidates import Candidate
from hfkit.features.linear import LinearFit
from hfkit.features.solution import Solution, SolverInputs
from hfkit.features.solve import solve_head
from hfkit.features.standardise import Standardiser
from hfkit.models.layer_groups import FeatureGroup, LayerReport
from hfkit.models.text import TextClassifier
from hfkit.tasks.text import make_text_task, read_text_flags
from hfkit.training.start_solved import shape_head

MakeModel = Callable[[str], Any]


def make_solution(features: torch.Tensor, groups: list[FeatureGroup]) -> Solution:
    """Return a head of random weights for standardised features."""
    generator, rows = np.random.default_rng(0), np.arange(len(features))
    fit = LinearFit(3 * generator.normal(size=(features.shape[1], 1)), np.zeros((0, 1)), generator.normal(size=1))
    candidate = Candidate("all", tuple(groups), 1.0)
    return Solution(candidate, Standardiser.fit(features), fit, None, 1.0, rows, rows, None, (), None, 0.0)


def exact_probabilities(solution: Solution, features: torch.Tensor) -> np.ndarray:
    """Return what the solution gives for the second class in float64."""
    columns, mean, scale = solution.standardiser.scale(solution.candidate.groups)
    logits = ((features.double().numpy()[:, columns] - mean) / scale) @ solution.fit.dense + solution.fit.bias
    return 1 / (1 + np.exp(-logits[:, 0]))


@pytest.mark.parametrize("name", ["hfkit-text/bert-layers", "hfkit-text/bert-linear", "hfkit-timm/vit-linear"])
@pytest.mark.parametrize(("mean", "keeps"), [(0.0, False), (3000.0, True)], ids=["near 0", "far from it"])
def test_mean_and_scale_stay_where_weights_alone_would_be_too_coarse(
    mean: float, keeps: bool, name: str, make_model: MakeModel, tmp_path: Path
) -> None:
    """Folded into weights in float32, features far from 0 with a small deviation lose what tells them apart."""
    model = make_model(name).eval()
    width = model.feature_size
    groups = model.feature_groups() or [FeatureGroup("features", "own", 0, width)]
    features = mean + torch.randn(40, width, generator=torch.Generator().manual_seed(0))
    solution = make_solution(features, groups)
    [*said] = apply_solution(model, solution, groups, features)
    assert model.config.standardised == keeps
    assert bool(said) == keeps
    if keeps:
        assert said[0].startswith(
            "The head keeps mean and scale of its features: folded into the weights they would move"
        )
    model.save_pretrained(tmp_path)
    for each in (model, type(model).from_pretrained(tmp_path)):
        assert ("classifier.mean" in each.state_dict()) == keeps
        with torch.no_grad():
            probabilities = each.eval().classifier(features).softmax(dim=1)[:, 1].numpy()
        np.testing.assert_allclose(probabilities, exact_probabilities(solution, features), atol=LARGEST_DIFFERENCE)


@pytest.mark.slow
def test_a_linear_head_with_mean_and_scale_goes_on(finished_runs: Mapping[str, Run], tmp_path: Path) -> None:
    """As the backbone of another run, and where a training that started from it is continued."""
    folder = Path(shutil.copytree(finished_runs["linear"].folder, tmp_path / "run"))
    saved = TextClassifier.from_pretrained(folder)
    saved.standardise_head()
    with torch.no_grad():
        saved.classifier.mean.fill_(0.3)
        saved.classifier.scale.fill_(2.0)
    saved.save_pretrained(folder)
    (folder / "manifest.json").unlink()  # its sums are those of the weights before
    model = make_text_task(read_text_flags(["--backbone", str(folder), "--dataset", "sample"])[0]).model
    started = TextClassifier.from_pretrained(finished_runs["linear"].folder)
    settings: Any = SimpleNamespace(continues_solved=True, checkpoint=folder)
    shape_head(started, settings)
    started.load_state_dict(saved.state_dict())
    for each in (model, started):
        inputs = saved.probe_inputs()
        with torch.no_grad():
            torch.testing.assert_close(each.eval()(**inputs).logits, saved.eval()(**inputs).logits)
    other = ["--backbone", str(folder), "--dataset", "sample", "--head", "bigru"]
    assert not make_text_task(read_text_flags(other)[0]).model.config.standardised


def test_one_fit_on_states_and_ngrams_is_in_the_saved_model(make_model: MakeModel, tmp_path: Path) -> None:
    """The logits of the model that is loaded again are those of the fit, for rows that it has not seen, too."""
    model = make_model("hfkit-text/bert-layers").eval()
    inputs = inputs_for(model, rows=40)
    with torch.no_grad():
        features = model.features(**inputs)
    rows = [row[mask == 1].tolist() for row, mask in zip(inputs["input_ids"], inputs["attention_mask"], strict=True)]
    train, labels = slice(0, 30), np.arange(30) % 2
    groups = model.feature_groups()
    solution = solve_head(SolverInputs(features[train], groups, labels, 2, rows[train], ngrams_are_given=True))
    assert solution.vocabulary is not None
    assert np.abs(solution.fit.sparse).max() > 0
    apply_solution(model, solution, groups, features[train])
    model.drop_unused_layers()
    model.save_pretrained(tmp_path)
    saved = type(model).from_pretrained(tmp_path).eval()
    assert saved.config.ngram_count == len(solution.vocabulary)
    with torch.no_grad():
        logits = saved(**inputs).logits.numpy()
    states = solution.standardiser.apply(features, solution.candidate.groups, np.arange(40)).double().numpy()
    expected = states @ solution.fit.dense + ngram_matrix(rows, solution.vocabulary) @ solution.fit.sparse
    difference = logits[:, 1] - logits[:, 0]
    np.testing.assert_allclose(difference, expected[:, 0] + solution.fit.bias[0], atol=1e-3)


def test_dropped_layers_are_told_with_what_they_took(make_model: MakeModel) -> None:
    said = LayerReport(4, 8, 100, 300, seconds=(0.0123, 0.005)).sentence()
    assert "the last 8 of 12 are not used and are dropped, with 300 parameters (75%)" in said
    assert said.endswith("and it takes 5 ms in place of 12.3.")
    model = make_model("hfkit-text/bert-layers").eval()
    model.keep_layers([0, 1], ["mean"])
    report = model.drop_unused_layers()
    assert report.dropped
    assert min(report.seconds) > 0
