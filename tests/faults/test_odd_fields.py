"""An odd value in a file of a saved model is refused in one sentence by whatever opens it, or the model predicts as others do."""

import io
import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from faults.campaign import Outcome, Record, attempt, report
from odd_fields import Fault, make_fault
from PIL import Image
from tiny import TINY, tiny_tokenizer
from transformers import ViTImageProcessor

from hfkit import load_pipeline
from hfkit.backbones.find import find_model
from hfkit.backbones.image import build_image_classifier
from hfkit.backbones.text import build_text_classifier
from hfkit.errors import UserError
from hfkit.export.contents import make_settings
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.parsing import parse_arguments
from hfkit.prediction.loading import PipelinePredictor, open_pipeline

QUICK = {"hfkit-text/bert-linear": 14, "hfkit-transformers-image/vit": 6}
"""How many seeds of a model are tried in the quick suite."""
INPUTS = {
    **dict.fromkeys(("hfkit-text/bert-linear", "hfkit-text/bert-bigru", "hfkit-text/bert-layers"), 200),
    **dict.fromkeys(("hfkit-text/modernbert-linear", "hfkit-text/t5-linear", "hfkit-text/qwen3-linear"), 80),
    **dict.fromkeys(("hfkit-text/deberta-linear", "hfkit-text/roberta-linear", "hfkit-text/xlm-linear"), 80),
    **dict.fromkeys(("hfkit-transformers-image/vit", "hfkit-transformers-image/convnextv2"), 120),
    **dict.fromkeys(("hfkit-timm/efficientnet", "hfkit-timm/vit-linear", "hfkit-deit/two-heads"), 60),
    **dict.fromkeys(("hfkit-vgg/flat", "hfkit-densenet/mlp", "hfkit-fdvit/code"), 60),
    **dict.fromkeys(("hfkit-token-learner/distilled", "hfkit-timm/efficientnet-layers"), 60),
}
"""The same by night: each kind of net and of head."""
Saved = Callable[[str], Path]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Return the folder of a saved model by its name, made when it is first asked for."""
    folders: dict[str, Path] = {}

    def of(name: str) -> Path:
        if name not in folders:
            torch.manual_seed(0)
            folder = folders[name] = tmp_path_factory.mktemp("model")
            TINY[name]().save_pretrained(folder)
            if name.startswith("hfkit-text"):
                tiny_tokenizer(folder).save_pretrained(folder)
            else:
                ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
        return folders[name]

    return of


def predict(folder: Path) -> str:
    """Predict a row as `hfkit predict` and as `pipeline()` does, and return what is silently wrong, or nothing."""
    predictor = PipelinePredictor.open(str(folder))
    content: Any = "the virus cures"
    given: Any = content
    if not predictor.reads_texts:
        photo, given = io.BytesIO(), Image.new("RGB", (20, 16), (200, 80, 10))
        given.save(photo, "PNG")
        content = {"bytes": photo.getvalue(), "path": None}
    scored = predictor.scorer.score([content], lambda _: None)
    if scored.problems:
        return f"a whole photo counts as unreadable: {scored.problems[0]}"
    [values] = predictor.results.values(scored.logits)
    answer = dict(zip(predictor.results.names, values, strict=True))
    names = predictor.results.label_names
    scores = [answer[f"score_{name}"] for name in names]
    if not math.isfinite(sum(scores)):
        return f"the scores are {scores}"
    several = predictor.results.label_thresholds is not None
    if not several and (answer["prediction"] not in names or abs(sum(scores) - 1) > 1e-4):
        return f"the answer is {answer}"
    of_pipeline = {each["label"]: each["score"] for each in predictor.pipeline(given, top_k=None)}
    if [of_pipeline.get(name) for name in names] != pytest.approx(scores, abs=1e-4):
        return f"pipeline() gives {of_pipeline}, and predict {scores}"
    return ""


def profile(folder: Path) -> str:
    """Open a model as `hfkit profile` does."""
    model = find_model(str(folder), [])
    with torch.inference_mode():
        logits = model(**model.probe_inputs()).logits
    return "" if logits.shape[1] == model.config.num_labels else f"the logits are {tuple(logits.shape)}"


def build_on(folder: Path) -> str:
    """Build a new classifier by `--backbone FOLDER`."""
    if (folder / "tokenizer.json").exists():
        texts = parse_arguments(["--backbone", str(folder), "--max_length", "32"], (), TEXT)
        build_text_classifier(texts.model, texts.data, ["a", "b"])
    else:
        images = parse_arguments(["--backbone", str(folder)], (), IMAGE)
        build_image_classifier(images.model, None, ["a", "b"])
    return ""


def export(folder: Path) -> str:
    """Write down how an exported model reads its inputs; the net itself is exported by torch."""
    json.dumps(make_settings(open_pipeline(str(folder)), str(folder), None))
    return ""


USES: dict[str, Callable[[Path], str]] = {
    "predict": predict,
    "profile": profile,
    "--backbone": build_on,
    "export": export,
}


def use(way: Callable[[Path], str], fault: Fault, model: Path, folder: Path) -> str:
    """Use a copy of a model with a fault in one way."""
    try:
        return way(fault.copy(model, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def try_fields(model: Path, seeds: Iterable[int], uses: Iterable[str], folder: Path) -> Iterator[Outcome]:
    """Use a model with the faults of seeds, in each way."""
    for seed in seeds:
        fault = make_fault(model, seed)
        for name in uses:
            what = f"{name}, seed {seed}, {fault.kind}"
            yield attempt(f"fields of a model, {name}", what, partial(use, USES[name], fault, model, folder / "odd"))


REFUSED: list[tuple[str, tuple[str, ...], Any, str]] = [
    ("config.json", ("id2label",), {"0": "a", "1": "a"}, "an id2label with two names that are the same"),
    ("config.json", ("id2label",), {"0": "a", "2": "b"}, "an id2label that is no table of names for the classes 0, 1"),
    ("config.json", ("id2label",), ["a", "b"], "an id2label that is no table of names for the classes 0, 1"),
    ("config.json", ("max_length",), "32", "has max_length '32', and it must be a whole number"),
    ("config.json", ("head_dropout",), True, "has head_dropout 'True', and it must be a number"),
    ("config.json", ("dtype",), "save", "has a dtype that is none of a net's weights"),
    ("config.json", ("backbone_config", "hidden_act"), "odd", r"make no net \(KeyError: .*odd"),
    ("config.json", ("backbone_config", "layer_norm_eps"), -5.0, "it does not predict: its scores are no numbers"),
    ("config.json", ("cleaning",), ["odd"], "odd"),
    ("tokenizer_config.json", ("pad_token",), {"a": 1}, "what reads its inputs cannot be loaded|it does not predict"),
]


@pytest.mark.parametrize(("file", "path", "value", "sentence"), REFUSED)
def test_each_kind_is_refused_when_a_model_is_opened(
    file: str, path: tuple[str, ...], value: Any, sentence: str, saved: Saved, tmp_path: Path
) -> None:
    folder = Fault(file, path, value).copy(saved("hfkit-text/bert-linear"), tmp_path / "odd")
    with pytest.raises(UserError, match=sentence):
        open_pipeline(str(folder))  # hfkit predict, evaluate, export and the demo
    with pytest.raises(ValueError, match=sentence):
        load_pipeline(str(folder))


def test_what_only_some_rows_show_is_a_sentence(saved: Saved, tmp_path: Path) -> None:
    """A short row fits; a long one has more tokens than the encoder has positions."""
    folder = Fault("config.json", ("max_length",), 5_000).copy(saved("hfkit-text/bert-linear"), tmp_path / "odd")
    scorer = PipelinePredictor.open(str(folder)).scorer
    assert len(scorer.score(["virus"], lambda _: None).logits) == 1
    with pytest.raises(UserError, match=r"The model does not predict these rows \(.*: its files do not fit each other"):
        scorer.score(["virus", "virus " * 100], lambda _: None)


def test_a_pattern_that_goes_back_without_end_is_a_sentence(saved: Saved, tmp_path: Path) -> None:
    """The tokenizer gives it up by a panic, which is no `Exception`."""
    model = saved("hfkit-text/bert-linear")
    folder = Fault("tokenizer_config.json", ("tokenizer_class",), "PreTrainedTokenizerFast").copy(
        model, tmp_path / "one"
    )
    replace = {"type": "Replace", "pattern": {"Regex": "(x+x+)+y"}, "content": ""}
    scorer = PipelinePredictor.open(
        str(Fault("tokenizer.json", ("normalizer",), replace).copy(folder, tmp_path / "two"))
    ).scorer
    with pytest.raises(UserError, match=r"does not predict these rows \(PanicException: .*retry-limit"):
        scorer.score(["virus", "x" * 24], lambda _: None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_some_fields(name: str, saved: Saved, tmp_path: Path, record_property: Record) -> None:
    assert predict(saved(name)) == ""
    assert report(try_fields(saved(name), range(QUICK[name]), ["predict"], tmp_path), record_property) == []


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", INPUTS)
def test_all(name: str, saved: Saved, tmp_path: Path, record_property: Record) -> None:
    assert predict(saved(name)) == ""
    assert report(try_fields(saved(name), range(INPUTS[name]), USES, tmp_path), record_property) == []
