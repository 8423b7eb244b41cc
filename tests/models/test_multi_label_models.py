"""Models that give each row any number of labels: config, loss, and what `pipeline()` answers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image
from tiny import BERT, VIT, inputs_for
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from transformers import BertConfig, PreTrainedTokenizerBase, ViTImageProcessor

from hfkit.models import (
    ImageClassificationPipeline,
    TextClassificationPipeline,
    TextClassifier,
    TextClassifierConfig,
    TimmClassifier,
    TimmClassifierConfig,
)
from hfkit.models.base import BackboneClassifier
from hfkit.models.label_sets import MULTI_LABEL, SINGLE_LABEL, choose_labels, label_scores
from hfkit.models.losses import IGNORED, Objective, classifier_loss, right_rows, row_losses

NAMES = ("toxic", "threat", "insult")
LABELS: dict[str, Any] = {
    "id2label": dict(enumerate(NAMES)),
    "label2id": {name: index for index, name in enumerate(NAMES)},
    "problem_type": MULTI_LABEL,
}


def build_text(head: str = "linear", **options: Any) -> TextClassifier:
    torch.manual_seed(0)
    config = TextClassifierConfig(
        backbone_config=BertConfig(**BERT), head=head, head_hidden_size=6, max_length=32, **LABELS, **options
    )
    return TextClassifier(config).eval()


def build_image(head: str = "mlp", **options: Any) -> TimmClassifier:
    torch.manual_seed(0)
    model = TimmClassifier(TimmClassifierConfig(**VIT, image_size=32, head=head, **LABELS, **options)).eval()
    if head == "layers":
        model.keep_layers()
    return model


@pytest.mark.parametrize("build", [build_text, build_image])
def test_a_saved_model_keeps_its_kind_and_its_thresholds(build: Any, tmp_path: Path) -> None:
    model = build(label_thresholds=[0.5, 0.25, 0.75])
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert again.config.problem_type == MULTI_LABEL
    assert again.config.label_thresholds == [0.5, 0.25, 0.75]
    torch.testing.assert_close(again(**inputs_for(again)).logits, model(**inputs_for(model)).logits)


def test_a_config_without_the_field_is_for_one_label() -> None:
    config = TextClassifierConfig(backbone_config=BertConfig(**BERT))
    assert (config.problem_type, config.label_thresholds) == (SINGLE_LABEL, None)
    assert TimmClassifierConfig(**VIT).problem_type == SINGLE_LABEL


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"head_logits": 1, "num_labels": 2}, "head_logits"),
        ({"num_labels": 1}, "two labels"),
        ({"num_labels": 3, "label_thresholds": [0.5, 0.5]}, "each of 3 labels"),
        ({"num_labels": 2, "label_thresholds": [0.5, 1.0]}, "between 0 and 1"),
        ({"num_labels": 2, "answer_threshold": 0.9}, "answer_threshold"),
        ({"num_labels": 2, "problem_type": SINGLE_LABEL, "label_thresholds": [0.5, 0.5]}, "label_thresholds"),
        ({"num_labels": 2, "problem_type": "regression"}, "problem_type"),
    ],
)
def test_what_does_not_go_together_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        TextClassifierConfig(backbone_config=BertConfig(**BERT), **{"problem_type": MULTI_LABEL, **options})


@pytest.mark.parametrize("head", ["linear", "bigru", "layers"])
def test_texts_have_one_logit_a_label_and_a_binary_loss(head: str) -> None:
    model = build_text(head)
    labels = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    outputs = model(**inputs_for(model), labels=labels)
    assert outputs.logits.shape == (3, 3)
    torch.testing.assert_close(outputs.loss, binary_cross_entropy_with_logits(outputs.logits, labels))


@pytest.mark.parametrize("head", ["linear", "mlp", "layers"])
def test_images_have_one_logit_a_label_and_a_binary_loss(head: str) -> None:
    model = build_image(head)
    labels = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1]])  # whole numbers, as stored features have them
    outputs = model(**inputs_for(model), labels=labels)
    torch.testing.assert_close(outputs.loss, binary_cross_entropy_with_logits(outputs.logits, labels.float()))


def test_the_loss_goes_by_the_problem_and_not_by_the_shape() -> None:
    """Mixed images have targets of the same shape as rows with several labels."""
    torch.manual_seed(0)
    logits, targets = torch.randn(4, 3), torch.tensor([[0.0, 1.0, 0.0]] * 4)
    torch.testing.assert_close(classifier_loss(logits, targets), cross_entropy(logits, targets))
    torch.testing.assert_close(
        classifier_loss(logits, targets, MULTI_LABEL), binary_cross_entropy_with_logits(logits, targets)
    )
    outputs = SimpleNamespace(logits=logits)
    assert Objective(problem_type=MULTI_LABEL).is_plain(outputs, targets)
    assert not Objective().is_plain(outputs, targets)


def test_an_ignored_row_counts_nowhere() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    padded = torch.cat([labels, torch.full((2, 2), float(IGNORED))])
    more = torch.cat([logits, torch.randn(2, 2)])
    objective = Objective((2.0, 5.0), 0.1, MULTI_LABEL)
    assert row_losses(more, padded, MULTI_LABEL)[3:].tolist() == [0.0, 0.0]
    assert not right_rows(more, padded, MULTI_LABEL)[3:].any()
    for compute in (
        lambda logits, labels: classifier_loss(logits, labels, MULTI_LABEL),
        lambda logits, labels: objective(SimpleNamespace(logits=logits), labels),
    ):
        torch.testing.assert_close(compute(more, padded), compute(logits, labels))


def test_weights_count_where_a_label_is_there() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 3), torch.randint(0, 2, (5, 3)).float()
    whole = Objective((3.0, 1.0, 0.5), 0.0, MULTI_LABEL)
    losses = binary_cross_entropy_with_logits(logits, labels, reduction="none")
    weights = 1 + labels * torch.tensor([2.0, 0.0, -0.5])
    torch.testing.assert_close(
        whole.per_row(SimpleNamespace(logits=logits), labels), (losses * weights).mean(dim=1), rtol=1e-6, atol=1e-6
    )
    parts = [whole(SimpleNamespace(logits=logits[a:b]), labels[a:b], 5) for a, b in ((0, 3), (3, 5))]
    torch.testing.assert_close(sum(parts), whole(SimpleNamespace(logits=logits), labels))


def test_smoothing_moves_both_targets() -> None:
    logits, labels = torch.tensor([[1.0, -2.0]]), torch.tensor([[1.0, 0.0]])
    smoothed = Objective(None, 0.2, MULTI_LABEL).per_row(SimpleNamespace(logits=logits), labels)
    expected = binary_cross_entropy_with_logits(logits, torch.tensor([[0.9, 0.1]]))
    torch.testing.assert_close(smoothed[0], expected)


def test_a_row_is_right_when_all_its_labels_are() -> None:
    logits = torch.tensor([[2.0, -2.0], [2.0, -2.0], [0.0, -2.0], [-0.5, -2.0]])
    labels = torch.tensor([[1, 0], [1, 1], [1, 0], [1, 0]])
    assert right_rows(logits, labels, MULTI_LABEL).tolist() == [True, False, True, False]
    assert right_rows(logits, labels, MULTI_LABEL, [0.3, 0.5]).tolist() == [True, False, True, True]
    assert label_scores(logits).dtype == torch.float64
    assert choose_labels(logits[:1], [0.5, 0.1]).tolist() == [[True, True]]


@pytest.fixture
def classifiers(tokenizer: PreTrainedTokenizerBase) -> list[tuple[Any, BackboneClassifier, Any]]:
    """Return pipelines of texts and of images whose scores do not depend on the input, their models, and an input."""
    processor = ViTImageProcessor(size={"height": 32, "width": 32})
    text, image = build_text(label_thresholds=[0.5, 0.95, 0.1]), build_image(label_thresholds=[0.5, 0.95, 0.1])
    return [
        (TextClassificationPipeline(model=text, tokenizer=tokenizer), text, "the virus"),
        (ImageClassificationPipeline(model=image, image_processor=processor), image, Image.new("RGB", (40, 40))),
    ]


def fix_scores(model: Any, scores: list[float]) -> None:
    linear = [module for module in model.classifier.modules() if isinstance(module, torch.nn.Linear)][-1]
    linear.weight.data.zero_()
    linear.bias.data = torch.logit(torch.tensor(scores))


def test_pipelines_answer_by_one_schema(classifiers: list[tuple[Any, Any, Any]]) -> None:
    for classify, model, content in classifiers:
        fix_scores(model, [0.6, 0.9, 0.3])
        given = classify(content)
        assert [answer["label"] for answer in given] == ["toxic", "insult"]
        assert [answer["score"] for answer in given] == pytest.approx([0.6, 0.3])
        whole = classify(content, top_k=None)
        assert [answer["label"] for answer in whole] == ["threat", "toxic", "insult"]
        assert classify(content, top_k=1) == whole[:1]
        assert classify([content, content]) == [given, given]
        assert classify([content], top_k=None) == [whole]
        fix_scores(model, [0.4, 0.9, 0.05])
        assert classify(content) == []
