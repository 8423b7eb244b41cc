"""Push: what travels, what is proven, and what is refused; on a Hub of our own."""

import json
import re
import shutil
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import IMAGE_ARGV, LazyRuns
from hub_client import Client, write_small
from hub_double import TOKEN, Failure
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results
from packaging.requirements import Requirement
from safetensors.torch import load_file, save_file
from tiny import TINY
from transformers import PreTrainedTokenizerBase

from hfkit.errors import UserError
from hfkit.hub import collect, proof, public_summary, push
from hfkit.hub.examples import find_examples
from hfkit.hub.masking import mask
from hfkit.hub.packages import list_packages
from hfkit.hub.public_flags import public_flags
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier
from hfkit.report.class_report import REPORT_FILE
from hfkit.report.summary import OWN_DATA, OWN_MODEL
from hfkit.reproduce import _compare, safe_argv
from hfkit.run_folders.manifest import model_files, write_manifest

Make = Callable[[str], BackboneClassifier]
TESTS = Path(__file__).parent.parent


@pytest.fixture
def bundle(finished_runs: LazyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what would be pushed of a run."""
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)  # there is no Hub to ask in this process
    collect.collect(finished_runs["bigru"].folder, tmp_path / "bundle", "me/news", "mit", "en")
    return tmp_path / "bundle"


# --- what travels ---


@pytest.mark.parametrize("name", TINY)
def test_every_file_of_a_saved_model_travels(
    name: str, make_model: Make, tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    """What `save_pretrained` writes is what is pushed: nothing is forgotten by its name."""
    model = make_model(name)
    model.save_pretrained(tmp_path)
    if not isinstance(model, ImageClassifier):
        tokenizer.save_pretrained(tmp_path)
    assert {path.name for path in model_files(tmp_path)} == {path.name for path in tmp_path.iterdir()}


def test_nothing_private_travels(bundle: Path, finished_runs: LazyRuns) -> None:
    run = finished_runs["bigru"].folder
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {"README.md", "config.json", "model.safetensors", "text.py", "text_pipeline.py", "hfkit.yaml"} <= names
    tables = {"report/epochs.csv", "report/baselines.csv"}  # metrics of all rows together, and none of a row
    assert not [
        name
        for name in names
        if "proof" in name or "checkpoint" in name or (name.endswith((".bin", ".csv", ".pkl")) and name not in tables)
    ]
    rows = {row["text"] for row in finished_runs["bigru"].rows("predictions.csv") if len(row["text"]) > 8}
    assert len(rows) > 8
    assert not [row for name in tables for row in rows if row in (bundle / name).read_text()]
    texts = [path.read_text() for path in bundle.rglob("*") if path.suffix in (".csv", ".json", ".yaml", ".md")]
    assert not [text for text in texts if str(run) in text or str(Path.home()) + "/" in text]
    flags = yaml.safe_load((bundle / "hfkit.yaml").read_text())
    assert flags["head"] == "bigru"
    assert not {"dataset", "backbone", "output_dir", "feature_cache"} & set(flags)  # folders of this machine


def test_no_name_of_a_file_of_this_machine_travels(bundle: Path, finished_runs: LazyRuns) -> None:
    flags = yaml.safe_load((finished_runs["bigru"].folder / "hfkit.yaml").read_text())
    names = {Path(flags[name]).name for name in ("backbone", "dataset")}
    assert names == {"tiny-bert", "tweets"}
    files = [
        path for path in bundle.rglob("*") if path.is_file() and path.suffix not in (".png", ".safetensors", ".py")
    ]
    assert not [(path.name, name) for path in files for name in names if name in path.read_text()]
    assert f"Backbone: {OWN_MODEL}." in (bundle / "README.md").read_text()


def test_no_local_name_of_a_model_travels_that_is_a_word() -> None:
    """As any word of a sentence it stays, and where a note names it, it does not."""
    summary = {
        "base_model": None,
        "backbone": "acmefraud",
        "dataset": "sample",
        "dataset_id": None,
        "task": "text-classification",
    }
    lines = ["Continues from acmefraud: head rows of fake kept.", "Acme and acmefraud are words."]
    summary |= {"kind": "A classifier.", "lines": lines, "data_lines": []}
    public = public_summary.public_summary(summary, {"backbone": "acmefraud", "dataset": "sample"}, [])
    assert public["lines"] == [f"Continues from {OWN_MODEL}: head rows of fake kept.", lines[1]]


def test_what_is_private_on_the_hub_is_named_where_it_is_asked_for(
    copied_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The backbone and the data of a run that the Hub shows to nobody without a token."""
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)
    public = {"acme/words"}
    monkeypatch.setattr(public_summary, "is_public", lambda name, kind: name in public)
    names = {"backbone": "acme/secret-bert", "dataset": "acme/customers"}
    for file, ids in (
        ("hfkit.yaml", names),
        ("summary.json", {"base_model": names["backbone"], "dataset_id": names["dataset"]}),
    ):
        content = yaml.safe_load((copied_run / file).read_text()) | ids
        if file == "summary.json":
            content |= {"backbone": "secret-bert", "dataset": names["dataset"]}
            content["lines"] += [f"Layers of {names['backbone']} are frozen."]
            content["data_lines"] += [f"Text column of {names['dataset']}: text."]
        (copied_run / file).write_text(json.dumps(content))
    write_manifest(copied_run)
    for name_private, folder in ((False, "hidden"), (True, "named")):
        collect.collect(copied_run, tmp_path / folder, "me/news", "mit", "en", name_private=name_private)
        texts = [
            path.read_text() for path in (tmp_path / folder).rglob("*") if path.suffix in (".json", ".yaml", ".md")
        ]
        assert (
            any("secret-bert" in text for text in texts) == any("customers" in text for text in texts) == name_private
        )
    assert "as they are private on the Hub: acme/secret-bert, acme/customers; --name_private" in capsys.readouterr().out
    public |= {*names.values()}
    collect.collect(copied_run, tmp_path / "public", "me/news", "mit", "en")
    card = ModelCard((tmp_path / "public" / "README.md").read_text())
    assert (card.data.base_model, card.data.datasets) == (names["backbone"], [names["dataset"]])


def test_a_card_of_many_labels_is_readable(copied_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)
    report, summary = (json.loads((copied_run / name).read_text()) for name in (REPORT_FILE, "summary.json"))
    names = [f"label {number:04}" for number in range(1000)]
    row = {**report["averages"]["macro avg"], "support": 2.0}
    report["classes"] = {name: {**row, "f1-score": number / 1000} for number, name in enumerate(names)}
    report["confusion"] = [[2 * (row == column) for column in range(1000)] for row in range(1000)]
    summary["classes"] = {name: {"train": number, "test": 2} for number, name in enumerate(names)}
    for name, content in ((REPORT_FILE, report), ("summary.json", summary)):
        (copied_run / name).write_text(json.dumps(content))
    write_manifest(copied_run)
    collect.collect(copied_run, tmp_path / "bundle", "me/news", "mit", "en")
    text = (tmp_path / "bundle" / "README.md").read_text()
    assert len(text) < 20_000
    assert "label 0019 and 980 more, all of which are in config.json" in text
    assert "the 30 classes of 1,000 with the lowest F1; all are in `report/classification_report.json`" in text
    assert "the 30 most frequent of 1,000 classes; all are in `summary.json`" in text
    assert len(re.findall(r"^\| label ", text, re.MULTILINE)) == 60
    assert "| macro avg |" in text


def test_what_has_to_be_installed(tmp_path: Path) -> None:
    """The lowest versions are those of hfkit, but of transformers that of the run."""
    (tmp_path / "env.json").write_text(json.dumps({"packages": {"transformers": "5.23.1"}}))
    (tmp_path / "cleaning.py").write_text("import emoji\nimport torch\n")
    bounds = {Requirement(line).name: str(Requirement(line).specifier) for line in requires("hfkit") or []}
    least = [f'"torch{bounds["torch"]}"', '"transformers>=5.23"']
    assert list_packages(tmp_path) == [*least, f'"emoji{bounds["emoji"]}"']
    (tmp_path / "spiece.model").write_bytes(b"")
    pieces = [f'"protobuf{bounds["protobuf"]}"', f'"sentencepiece{bounds["sentencepiece"]}"']
    assert list_packages(tmp_path) == [*least, f'"emoji{bounds["emoji"]}"', *pieces]
    (tmp_path / "tokenizer.json").write_text("{}")
    assert list_packages(tmp_path) == [*least, f'"emoji{bounds["emoji"]}"'], "which is all that is read"
    for config, packages in (
        ({"tokenizer_class": "CpmTokenizer"}, ['"rjieba>=0.1.13"']),
        ({"tokenizer_class": "XLMTokenizer"}, ['"sacremoses>=0.1"']),
        (
            {"tokenizer_class": "BertJapaneseTokenizer", "mecab_kwargs": {"mecab_dic": "ipadic"}},
            ['"fugashi>=1.0"', '"ipadic<2.0,>=1.0.0"'],
        ),
        ({"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "jumanpp"}, ['"rhoknp<1.3.1,>=1.1.0"']),
    ):
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
        assert set(packages) <= set(list_packages(tmp_path))
    (tmp_path / "image.py").write_text("def build():\n    import timm\n")
    (tmp_path / "preprocessor_config.json").write_text("{}")
    assert {f'"{name}{bounds[name]}"' for name in ("timm", "torchvision", "pillow")} <= set(list_packages(tmp_path))


def test_predictions_travel_where_it_is_asked_for(
    finished_runs: LazyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)
    collect.collect(finished_runs["bigru"].folder, tmp_path / "bundle", "me/news", "mit", "en", predictions=True)
    assert "predictions.csv" in {path.name for path in (tmp_path / "bundle").iterdir()}


def test_flags_that_others_can_use() -> None:
    """Decided by what the run noted, and not by what lies in the folder where it is pushed."""
    flags = {"dataset": "data/tweets", "backbone": "models/bert", "head": "linear", "metric": ["/home/me/m.py"]}
    local = {"task": "text-classification", "dataset": OWN_DATA, "dataset_id": None, "base_model": None}
    assert public_flags(flags, local) == {"head": "linear"}
    public = {**local, "dataset_id": "data/tweets", "base_model": "models/bert"}
    assert public_flags(flags, public) == {key: flags[key] for key in ("dataset", "backbone", "head")}
    images = {"task": "image-classification", "dataset": "digits", "dataset_id": None, "base_model": None}
    flags = public_flags({"dataset": "digits", "backbone": "vgg19", "weights": "/x/vgg.pth"}, images)
    assert flags == {"dataset": "digits", "backbone": "vgg19", "weights": "a file of its author"}


def test_a_folder_of_this_machine_in_a_file_is_refused(bundle: Path, finished_runs: LazyRuns) -> None:
    (bundle / "notes.md").write_text(f"made in {Path.home()}/work")
    with pytest.raises(UserError, match=r"notes\.md names the folder"):
        collect._check_privacy(bundle, finished_runs["bigru"].folder)


def test_words_that_look_like_a_folder_are_none(
    bundle: Path, finished_runs: LazyRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts of an address, and what stands in a tokenizer or in rows that were asked for."""
    home = str(Path.home())
    (bundle / "notes.md").write_text(f"see https://example.org{home}/work")
    (bundle / "predictions.csv").write_text(f"a text that names {home}/work")
    collect._check_privacy(bundle, finished_runs["bigru"].folder)
    data = yaml.safe_load((finished_runs["bigru"].folder / "hfkit.yaml").read_text())["dataset"]
    (bundle / "notes.md").write_text(f"rows of {data}")
    with pytest.raises(UserError, match=r"notes\.md names the folder"):
        collect._check_privacy(bundle, finished_runs["bigru"].folder)


@pytest.mark.slow
def test_a_summary_names_files_without_their_folders(finished_image_runs: LazyRuns) -> None:
    summary = finished_image_runs["timm"].json("summary.json")
    assert summary["dataset"] == "the author's own data"
    assert summary["dataset_id"] is None
    assert summary["classes"]["cat"]["train"] == 8
    assert not [line for line in summary["lines"] if "/tmp" in line]


def test_the_proof_has_the_hard_rows(finished_runs: LazyRuns) -> None:
    content = finished_runs["linear"].json("proof/rows.json")
    assert len(content["inputs"]) <= proof.PROOF_ROWS
    assert "" in content["inputs"]
    assert max(len(text.split()) for text in content["inputs"]) == 1500  # the longest one of the split
    assert any("https://" in text and not text.isascii() for text in content["inputs"])


# --- the card ---


def test_the_card_says_what_a_stranger_needs(bundle: Path, finished_runs: LazyRuns) -> None:
    text = (bundle / "README.md").read_text()
    content = ModelCard(text)
    run = finished_runs["bigru"]
    assert content.data.license == "mit"
    assert content.data.language == "en"
    assert content.data.pipeline_tag == "text-classification"
    results = {(r.dataset_split, r.metric_type): r.metric_value for r in content.data.eval_results}
    assert results["test", "accuracy"] == pytest.approx(run.results["test_accuracy"], abs=1e-4)
    assert results["validation", "f1"] == pytest.approx(run.results["eval_macro_f1"], abs=1e-4)
    assert "More information needed" not in text
    needs = (
        '"torch>=',
        '"transformers>=',
        "emoji",
        "revision=",
        "trust_remote_code=True",
        "load_pipeline",
        "hfkit reproduce",
    )
    said = (
        "95 % intervals",
        "held out",
        "| word pieces |",
        "the majority class (",
        "14 rows of test tell little",
        "With 95 % confidence at most 60 % of its answers are wrong; it answers ",
        "In `pipeline()` each answer has `answered`",
        "| class | train | validation | certification | test |",
        "Backbone:",
        "Training: 2 epochs of batches of 8 rows",
        "parameters train",
    )
    for needed in (*needs, *said, "Dropped rows: 1 of train", "No row that is held out stands in train"):
        assert needed in text, needed
    assert "report/confusion_matrix.png" in text
    assert (bundle / "report" / "confusion_matrix.png").exists()
    base_model = content.data.to_dict().get("base_model")
    assert base_model is None  # a folder of this machine is no model of the Hub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thanks @someone for this", "thanks @user for this"),
        ("write to first.last@clinic.example.com", "write to name@example.org"),
        ("see https://t.co/abc?id=4 now", "see https://example.org now"),
        ("call +41 44 123 45 67", "call 000"),
        ("call 041.44.123.45.67", "call 000"),
        ("SEE HTTPS://T.CO/ABC", "SEE https://example.org"),
        ("see t.co/abc now", "see https://example.org now"),
        ("3 of 10 cases in 2021. Yes/no?", "3 of 10 cases in 2021. Yes/no?"),
        ("RT@realname: so", "RT@user: so"),
        ("@@name and @first.last and @jean-luc.", "@user and @user and @user."),
        ("jane(at)acme.com, jane [at] acme dot com", "name@example.org, name@example.org"),
        ("jane at acme dot co dot uk; jane\uff20acme.com", "name@example.org; name@example.org"),
        ("ask u/name or /u/some-one", "ask u/user or u/user"),
        ("hf_abcdefGHIJ12345 and AKIAIOSFODNN7EXAMPLE", "TOKEN and TOKEN"),
        ("aws_AKIAIOSFODNN7EXAMPLE, keyhf_abcdefGHIJ0123456789", "aws_TOKEN, keyTOKEN"),
        ("jane&#64;acme.com, ja\u0301ne@acme.com", "name@example.org, name@example.org"),
        ("jane\ufe0f@acme.com, hf_\ufe0fabcdefGHIJ12345", "name@example.org, TOKEN"),
        ("so token_ya29.abcdefghij0123456789_-", "so token_TOKEN"),
        ("jane&#064;acme&#46;com; jane@a\u0301cme.com", "name@example.org; name@example.org"),
        ("a -----BEGIN PGP PRIVATE KEY BLOCK-----\nMIIE", "a TOKEN"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a TOKEN b"),
        ("1\ufe0f\u20e3 at home \u2764\ufe0f", "1\ufe0f\u20e3 at home \u2764\ufe0f"),
        ("jane @ acme . com, jane [@] acme [.] com", "name@example.org, name@example.org"),
        ("jane at acme.com; jane@\u200d\u200dacme.com; jane@acme\uff0ecom", "; ".join(["name@example.org"] * 3)),
        (
            "\N{WOMAN}\u200d\N{MICROSCOPE} at home.The risk-assessment",
            "\N{WOMAN}\u200d\N{MICROSCOPE} at home.The risk-assessment",
        ),
        ("ghp_0123456789abcdefABCDEF, sk-proj-abc123def456, xoxb-1234-abcd-efgh", "TOKEN, TOKEN, TOKEN"),
        (
            "We met at noon, dot com era, and/or u/ task-oriented",
            "We met at noon, dot com era, and/or u/ task-oriented",
        ),
    ],
)
def test_examples_are_masked(text: str, expected: str) -> None:
    assert mask(text) == expected


def test_examples_steer_nothing(tmp_path: Path) -> None:
    """The Hub shows them in its widget, as they stand in the front matter."""
    (tmp_path / "proof").mkdir()
    texts = ["a text that is \u202e turned round", "a text that is \x1b[2J cleared", "a text that is nothing of that"]
    proof_rows = {"inputs": texts, "scores": [[0.9, 0.1], [0.1, 0.9], [0.8, 0.2]]}
    (tmp_path / "proof" / "rows.json").write_text(json.dumps(proof_rows))
    assert find_examples(tmp_path) == texts[2:]


# --- refused before anything is uploaded ---


def swap_labels(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["id2label"] = {"0": "real", "1": "fake"}
    config["label2id"] = {"real": 0, "fake": 1}
    (run / "config.json").write_text(json.dumps(config))


def drop_auto_map(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    del config["auto_map"]
    (run / "config.json").write_text(json.dumps(config))


def other_cleaning(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["cleaning"] = ["url", "punctuation"]
    (run / "config.json").write_text(json.dumps(config))


def random_head(run: Path) -> None:
    state = load_file(run / "model.safetensors")
    torch.manual_seed(0)
    state = {key: torch.randn_like(value) if key.startswith("classifier") else value for key, value in state.items()}
    save_file(state, run / "model.safetensors", {"format": "pt"})


def flip_a_byte(run: Path) -> None:
    content = bytearray((run / "model.safetensors").read_bytes())
    content[-1] ^= 64  # of the exponent of the last number
    (run / "model.safetensors").write_bytes(content)


def cut_weights(run: Path) -> None:
    content = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(content[: len(content) // 2])


def other_tokenizer(run: Path) -> None:
    tokens = json.loads((run / "tokenizer.json").read_text())
    vocabulary = tokens["model"]["vocab"]
    words = sorted(word for word in vocabulary if word.isalpha())
    vocabulary.update(zip(words, [vocabulary[word] for word in words[1:] + words[:1]], strict=True))
    (run / "tokenizer.json").write_text(json.dumps(tokens))


def other_code(run: Path) -> None:
    code = (run / "text.py").read_text()
    assert "_all_logits(" in code
    (run / "text.py").write_text(code.replace("self._all_logits(", "2 * self._all_logits("))


def remove(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


SABOTAGES: dict[str, Callable[[Path], None]] = {
    "a file of code is missing": remove("heads.py"),
    "the pipeline's file is missing": remove("text_pipeline.py"),
    "the tokenizer is missing": remove("tokenizer.json"),
    "no auto_map": drop_auto_map,
    "swapped labels": swap_labels,
    "random head": random_head,
    "one byte of the weights": flip_a_byte,
    "half of the weights": cut_weights,
    "another tokenizer": other_tokenizer,
    "another cleaning": other_cleaning,
    "other code": other_code,
}


def prove_whole(run: Path) -> None:
    """Do what `push_run` does before it uploads."""
    collect.check_manifest(run)
    proof.prove(run, str(run))


@pytest.fixture
def copied_run(finished_runs: LazyRuns, tmp_path: Path) -> Path:
    """Return a run that may be spoiled."""
    return Path(shutil.copytree(finished_runs["bigru"].folder, tmp_path / "run"))


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_changed_run_is_refused_by_its_sums(sabotage: str, copied_run: Path, tmp_path: Path) -> None:
    SABOTAGES[sabotage](copied_run)
    with pytest.raises(UserError, match=r"is not what its run saved: .*Nothing was pushed"):
        collect.collect(copied_run, tmp_path / "bundle", "me/news", "mit", None)


def test_code_of_others_in_what_reads_the_inputs_is_not_pushed(copied_run: Path, tmp_path: Path) -> None:
    """Our own proof would run it."""
    file = copied_run / "tokenizer_config.json"
    named = {"auto_map": {"AutoTokenizer": [None, "evil/other--evil.T"]}}
    file.write_text(json.dumps({**json.loads(file.read_text()), **named}))
    write_manifest(copied_run)
    with pytest.raises(UserError, match=r"names code of others \(evil/other--evil\.T\).*Nothing was pushed"):
        collect.collect(copied_run, tmp_path / "bundle", "me/news", "mit", None)


FOUND_OUT = {
    "a file of code is missing": "heads",
    "the pipeline's file is missing": "names code that is not there",
    "no auto_map": "no auto_map",
    "swapped labels": "has the labels",
    "half of the weights": "cannot be loaded without hfkit",
    "the tokenizer is missing": "cannot be loaded without hfkit|gives other scores",
}
"""What a forged run is refused by, where it is not by other scores."""


@pytest.mark.slow
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_run_with_a_forged_manifest_is_refused_by_its_scores(sabotage: str, copied_run: Path, tmp_path: Path) -> None:
    """Who changes the sums as well is found out by what the model does."""
    SABOTAGES[sabotage](copied_run)
    write_manifest(copied_run)
    with pytest.raises(UserError, match=FOUND_OUT.get(sabotage, "gives other scores than the run")):
        prove_whole(copied_run)


def test_changed_results_are_refused(copied_run: Path, tmp_path: Path) -> None:
    """What the card says is under the sums, too."""
    results = json.loads((copied_run / "all_results.json").read_text())
    (copied_run / "all_results.json").write_text(json.dumps({**results, "test_accuracy": 0.99}))
    with pytest.raises(UserError, match=r"all_results\.json is another one"):
        collect.collect(copied_run, tmp_path / "bundle", "me/news", "mit", None)


NEEDED = ["config.json", "manifest.json", "proof/rows.json", "hfkit.yaml", "summary.json", "env.json"]


@pytest.mark.parametrize("name", NEEDED)
def test_a_folder_that_is_no_run_is_refused(name: str, copied_run: Path) -> None:
    (copied_run / name).unlink()
    with pytest.raises(UserError, match="is no finished run"):
        push.push_run(copied_run, "me/news", "mit")


# --- pushed ---


@pytest.mark.slow
@pytest.mark.nightly
def test_every_family_comes_back_from_the_hub(
    finished_runs: LazyRuns, finished_image_runs: LazyRuns, client: Client, tmp_path: Path
) -> None:
    """Pushed, loaded back by a process without hfkit, with equal scores: `push_run` proves it, or raises."""
    for name, run in {**finished_runs, **finished_image_runs}.items():
        folder = Path(shutil.copytree(run.folder, tmp_path / name))
        pushed = client("hfkit.hub.push:push_run", folder, f"me/{name}", "mit")
        repository = client.hub.repositories[f"me/{name}"]
        assert repository.refs["main"] == repository.refs[pushed["tag"]] == pushed["commit"]
        assert len(repository.commits) == 2  # the empty one, and ours
        assert json.loads((folder / "pushed.json").read_text()) == pushed
        assert pushed["proven"] is True
        content = ModelCard(client.hub.files(f"me/{name}")["README.md"].decode()).data.to_dict()
        check_front_matter(content)
    client.hub.requests.clear()
    assert "labels equal" in client("push_helpers:prove_offline", folder, f"me/{name}", pushed["commit"])
    assert not client.hub.requests


def check_front_matter(content: dict[str, Any]) -> None:
    """Hold the Hub's rules for metadata, as far as huggingface_hub knows them."""
    assert content["pipeline_tag"] in ("text-classification", "image-classification")
    assert content["library_name"] == "transformers"
    assert content["license"] == "mit"
    assert re.fullmatch("[a-z]{2,3}", content.get("language") or "en")
    assert all(re.fullmatch(r"[\w./-]+", tag) for tag in content["tags"])
    name, results = model_index_to_eval_results(content["model-index"])
    assert name
    assert all(0 <= result.metric_value <= 1 for result in results)
    assert eval_results_to_model_index(name, results) == content["model-index"]
    assert ("base_model" in content) == ("base_model_relation" in content)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["model", pytest.param("trainer", marks=pytest.mark.nightly)])
def test_pushes_without_hfkit_are_whole_too(by: str, finished_runs: LazyRuns, client: Client, tmp_path: Path) -> None:
    run = finished_runs["bigru"].folder
    said = client("push_helpers:push_plainly", run, by, f"me/by-{by}", tmp_path / "trainer")
    assert "labels equal" in said
    code = {path.name for path in run.glob("*.py")}
    assert code | {"config.json", "model.safetensors", "tokenizer.json"} <= set(client.hub.files(f"me/by-{by}"))


@pytest.mark.slow
def test_an_image_model_pushed_without_hfkit(finished_image_runs: LazyRuns, client: Client) -> None:
    run = finished_image_runs["vgg"].folder
    assert "labels equal" in client("push_helpers:push_image_model", run, "me/image-by-model")
    assert {path.name for path in run.glob("*.py")} <= set(client.hub.files("me/image-by-model"))


@pytest.mark.slow
def test_our_trainer_keeps_a_card(finished_runs: LazyRuns, client: Client, tmp_path: Path) -> None:
    """transformers' own would overwrite it by one that says "More information needed"."""
    client("push_helpers:push_by_our_trainer", finished_runs["linear"].folder, "me/with-card", tmp_path / "trainer")
    assert client.hub.files("me/with-card")["README.md"].decode() == "---\nlicense: mit\n---\n# Mine\n"


@pytest.mark.slow
def test_our_trainer_writes_a_short_card(finished_runs: LazyRuns, client: Client, tmp_path: Path) -> None:
    run = finished_runs["linear"].folder
    client("push_helpers:push_by_our_trainer", run, "me/no-card", tmp_path / "trainer", False)
    content = ModelCard(client.hub.files("me/no-card")["README.md"].decode())
    assert content.data.pipeline_tag == "text-classification"
    assert "Labels: fake, real" in content.text
    assert "More information needed" not in content.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        "linear --bf16 true",
        *(pytest.param(head, marks=pytest.mark.nightly) for head in ("bigru", "linear --peft lora --keep_adapter")),
    ],
)
def test_the_recipe_pushes(head: str, client: Client, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    argv = [
        "--backbone",
        str(tiny_backbone),
        "--dataset",
        str(tweets),
        "--max_steps",
        "2",
        "--max_length",
        "24",
        "--head",
        *head.split(),
        "--use_cpu",
        "true",
    ]
    name = f"me/recipe-{head.replace(' --', '-').replace(' ', '-')}"
    argv += [
        "--push_to_hub",
        "true",
        "--hub_model_id",
        name,
        "--license",
        "mit",
        "--hub_private_repo",
        "true",
    ]
    client("fakenews:main", [*argv, "--output_dir", str(tmp_path / "run")])
    assert client.hub.repositories[name].private
    assert len(client.hub.repositories[name].commits) == 2  # the empty one and ours, and none of the Trainer's
    files = client.hub.files(name)
    assert "training_args.bin" not in files
    assert b"license: mit" in files["README.md"]
    assert not [path for path in files if "adapter" in path]
    assert ("LoRA adapters of rank 8" in files["README.md"].decode()) == ("lora" in head)
    assert not [name for name, content in files.items() if TOKEN.encode() in content]
    if "bf16" in head:
        check_precision(tmp_path / "run", "bfloat16")


def check_precision(run: Path, trained_in: str) -> None:
    """Whatever a run computes in, its weights are float32, in which they are proven."""
    assert json.loads((run / "env.json").read_text())["precision"] == trained_in
    assert json.loads((run / "config.json").read_text())["dtype"] == "float32"
    assert {tensor.dtype for tensor in load_file(run / "model.safetensors").values()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ("", "timm_backbone.py"),
        *(
            pytest.param(flags, code, marks=pytest.mark.nightly)
            for flags, code in (
                ("--backbone vgg19 --unfreeze_from block5_conv1", "vgg.py"),
                ("--backbone densenet201 --unfreeze_from conv5_block1_0_bn", "densenet.py"),
                ("--backbone deit_tiny_distilled_patch16_224 --unfreeze_from blocks.11", "deit.py"),
            )
        ),
    ],
)
def test_the_image_recipe_pushes(flags: str, code: str, client: Client, photos: Path, tmp_path: Path) -> None:
    argv = [*IMAGE_ARGV.split(), "--dataset", str(photos), "--head", "linear", "--output_dir", str(tmp_path / "run")]
    name = f"me/photos-{code.partition('.')[0]}"
    push_flags = f"--push_to_hub true --hub_model_id {name} --license mit"
    client("cifar10:main", [*argv, *flags.split(), *push_flags.split()])
    assert len(client.hub.repositories[name].commits) == 2
    assert json.loads((tmp_path / "run" / "pushed.json").read_text())["proven"] is True
    assert {code, "image_pipeline.py", "report/confusion_matrix.png"} <= set(client.hub.files(name))


@pytest.mark.slow
def test_a_card_that_the_hub_would_refuse_uploads_nothing(
    finished_runs: LazyRuns, client: Client, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"me/refused: the card is not valid .*license"):
        client(
            "hfkit.hub.collect:collect", finished_runs["bigru"].folder, tmp_path / "bundle", "me/refused", "mine", None
        )
    assert "me/refused" not in client.hub.repositories


@pytest.mark.slow
def test_reproduce_and_check_what_was_pushed(client: Client, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """A run on a backbone of the Hub in float16, pushed, loaded by its tag, looked at, and run again with the data named."""
    client("push_helpers:upload", tiny_backbone, "me/tiny-bert")
    argv = [
        "--backbone",
        "me/tiny-bert",
        "--dataset",
        str(tweets),
        "--max_steps",
        "4",
        "--max_length",
        "24",
        "--use_cpu",
        "true",
    ]
    client("fakenews:main", [*argv, "--seed", "3", "--fp16", "true", "--output_dir", str(tmp_path / "run")])
    # This one is asked for by transformers alone, in the process that proves what is there.
    client.hub.failures[:] = [Failure("HEAD /me/again-and-again/resolve/.*/adapter_config.json")]
    pushed = client("hfkit.hub.push:push_run", tmp_path / "run", "me/again-and-again", "mit", "en")
    assert not client.hub.failures.pop().times
    asked = ("text-classification", "me/again-and-again", pushed["tag"], "a text")
    module, label, score = client("push_helpers:predict_as_stranger", *asked, False)
    assert module.startswith("transformers_modules.")
    client.hub.requests.clear()
    assert client("push_helpers:predict_as_stranger", *asked, True) == [module, label, score]
    assert not client.hub.requests
    assert ModelCard(client.hub.files("me/again-and-again")["README.md"].decode()).data.base_model == "me/tiny-bert"
    with pytest.raises(UserError, match="name it by --dataset"):
        client("hfkit.reproduce:reproduce", "me/again-and-again", tmp_path / "no")
    again = ("me/again-and-again", tmp_path / "new", None, str(tweets))
    assert client("push_helpers:reproduce_until_stopped", *again) == str(tmp_path / "new")
    begun = (tmp_path / "new" / "start.json").read_text()
    # The backbone's branch goes on meanwhile, and the run with what it began on.
    client.hub.repositories["me/tiny-bert"].commit({**client.hub.files("me/tiny-bert"), "more.txt": b""})
    comparison = client("hfkit.reproduce:reproduce", *again)
    assert (tmp_path / "new" / "start.json").read_text() == begun
    assert client("hfkit.reproduce:reproduce", *again) == comparison  # of the finished run
    assert set(comparison) == {"validation accuracy", "test accuracy", "test f1"}
    assert comparison["test accuracy"]["now"] == pytest.approx(comparison["test accuracy"]["card"], abs=1e-4)
    assert all(row["holds"] for row in comparison.values())
    for name in ("run", "new"):
        check_precision(tmp_path / name, "float16")
    for trust in (False, True):
        findings = client("push_helpers:check", "me/again-and-again", trust)
        assert all(well for _, well, _ in findings), findings
    client.hub.repositories["me/again-and-again"].commit({"pytorch_model.bin": b"", "config.json": b"{}"})
    assert {what for what, well, _ in client("push_helpers:check", "me/again-and-again", False) if not well} == {
        "weights",
        "labels",
        "card",
    }


SAFE = {"dataset": "constraint", "backbone": "me/tiny-bert", "head": "bigru", "seed": 3, "cleaning": ["report", "url"]}


def test_a_fetched_configuration_decides_nothing_else() -> None:
    """Keys that write elsewhere, push, report, run code or read files of ours are ignored."""
    harmful = {
        "output_dir": "/tmp/x",
        "push_to_hub": True,
        "hub_model_id": "evil/x",
        "report_to": ["wandb"],
        "metric": ["evil/x"],
    }
    harmful |= {
        "deepspeed": "/tmp/x.json",
        "feature_cache": "/tmp/x",
        "resume_from_checkpoint": "/tmp/x",
        "config": "/tmp/x",
    }
    argv = safe_argv({**SAFE, **harmful}, "text-classification", None)
    assert argv == safe_argv(SAFE, "text-classification", None)
    for smuggled in (
        {"cleaning": ["report", "--metric", "evil/space"]},
        {"head": ["bigru", "--push_to_hub", "true", "--hub_model_id", "me/public", "--license", "mit"]},
        {"head": "--config=/tmp/x"},
        {"seed": ["1", "--report_to", "wandb"]},
    ):
        with pytest.raises(UserError, match="it is not run"):
            safe_argv({**SAFE, **smuggled}, "text-classification", None)
    assert "-1e-3" in safe_argv({**SAFE, "learning_rate": "-1e-3"}, "text-classification", None)
    assert argv[argv.index("--cleaning") : argv.index("--cleaning") + 3] == ["--cleaning", "report", "url"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": None}, "name it by --dataset"),
        ({"dataset": "/home/me/secret.csv"}, "name it by --dataset"),
        ({"backbone": "../model"}, "backbone of that run was a file"),
        ({"backbone": None}, "backbone of that run was a file"),
        ({"dataset": "csv"}, "name it by --dataset"),
        ({"dataset": "owner/here"}, "name it by --dataset"),
        ({"dataset": "sample"}, "is a file or folder here"),
    ],
)
def test_local_data_has_to_be_named_again(
    change: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owner" / "here").mkdir(parents=True)
    (tmp_path / "sample").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        safe_argv({**SAFE, **change}, "text-classification", None)


def test_weights_that_were_a_file_are_missed() -> None:
    """They are not silently those of ImageNet."""
    flags = {"dataset": "digits", "backbone": "vgg19", "weights": "a file of its author"}
    with pytest.raises(UserError, match="weights of that run was a file"):
        safe_argv(flags, "image-classification", None)


def test_a_card_cannot_make_its_own_interval() -> None:
    """How wide an interval is follows from the rows of the new run, and a report on other rows is refused."""
    shown = {"split": "test", "confusion": [[2, 0], [0, 2]]}
    comparison = _compare({("test", "accuracy"): 1.0}, {"test_accuracy": 0.7}, {"test": 2000}, shown)
    assert comparison["test accuracy"]["holds"] is False
    with pytest.raises(UserError, match="report is on 4 rows of test, but the new run has 2000"):
        _compare({("test", "f1"): 1.0}, {"test_macro_f1": 0.7}, {"test": 2000}, shown)
    with pytest.raises(UserError, match="which is no share"):
        _compare({("test", "accuracy"): float("inf")}, {"test_accuracy": 0.7}, {"test": 2000}, shown)


def test_a_changed_run_never_reaches_the_hub(copied_run: Path, client: Client) -> None:
    random_head(copied_run)
    client.hub.requests.clear()
    with pytest.raises(UserError, match="Nothing was pushed"):
        client("hfkit.hub.push:push_run", copied_run, "me/changed", "mit")
    assert not [request for request in client.hub.requests if "create" in request or "commit" in request]


def test_files_of_an_older_model_go_and_others_stay(client: Client, tmp_path: Path) -> None:
    folder = write_small(tmp_path / "first", {"vgg.py": b"", "LICENSE": b"mine", "config.json": b"{}"})
    older = {"predictions.csv": b"rows", "adapter_config.json": b"{}", "pytorch_model.bin": b""}
    for name, content in older.items():
        (folder / name).write_bytes(content)
    client("push_helpers:upload", folder, "me/again")
    client("push_helpers:upload", write_small(tmp_path / "second", {"text.py": b"", "config.json": b"{}"}), "me/again")
    assert set(client.hub.files("me/again")) == {".gitattributes", "LICENSE", "config.json", "text.py"}


# --- what the Hub made of it ---


def spoil_weights(files: dict[str, bytes]) -> dict[str, bytes]:
    content = bytearray(files["model.safetensors"])
    content[-1] ^= 64
    return {**files, "model.safetensors": bytes(content)}


def spoil_code(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "text.py": files["text.py"] + b"# changed\n"}


def spoil_labels(files: dict[str, bytes]) -> dict[str, bytes]:
    return {**files, "config.json": files["config.json"].replace(b'"fake"', b'"true"')}


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [spoil_weights, spoil_code, spoil_labels])
def test_a_hub_that_stores_something_else_is_found_out(
    spoil: Callable[[dict[str, bytes]], dict[str, bytes]], copied_run: Path, client: Client
) -> None:
    """It is said, and the run knows that this commit is not proven."""
    client.hub.spoil = spoil
    try:
        with pytest.raises(UserError, match=r"is on the Hub, but it is not proven: .* does not hold what was uploaded"):
            client("hfkit.hub.push:push_run", copied_run, "me/spoilt", "mit")
    finally:
        client.hub.spoil = None
    assert json.loads((copied_run / "pushed.json").read_text())["proven"] is False
    assert not [name for name in client.hub.repositories["me/spoilt"].refs if name.startswith("hfkit-")]


@pytest.mark.nightly
def test_a_second_push_gets_a_tag_of_its_own(copied_run: Path, client: Client) -> None:
    """With another license: each card pins the commit that it stands in."""
    first, second = (client("hfkit.hub.push:push_run", copied_run, "me/twice", name) for name in ("mit", "apache-2.0"))
    repository = client.hub.repositories["me/twice"]
    for pushed in (first, second):
        assert repository.refs[pushed["tag"]] == pushed["commit"]
        assert pushed["tag"].encode() in repository.commits[pushed["commit"]]["README.md"]
    assert first["tag"] != second["tag"]
