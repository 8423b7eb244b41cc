"""Push: what travels, what is proven, and what is refused; on a Hub of our own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import ROOT, Run
from hub_double import TOKEN, Failure, HubDouble
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file
from tiny import TINY
from transformers import PreTrainedTokenizerBase

from hfkit import card, proof, push
from hfkit.errors import UserError
from hfkit.models.base import BackboneClassifier
from hfkit.models.image import ImageClassifier
from hfkit.reproduce import safe_words

Make = Callable[[str], BackboneClassifier]
TESTS = Path(__file__).parent


class Client:
    """A worker process and the Hub that it sees."""

    def __init__(self, hub: HubDouble, home: Path) -> None:
        self.hub = hub
        path = os.pathsep.join([str(ROOT), str(ROOT / "recipes"), str(TESTS)])
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "hub_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **hub.environment(home), "PYTHONPATH": path},
        )

    def __call__(self, call: str, *arguments: Any) -> Any:
        """Call a function there and return its value, or raise its error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        shown = [f"path:{value}" if isinstance(value, Path) else value for value in arguments]
        self.process.stdin.write(json.dumps({"call": call, "arguments": shown}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert TOKEN not in json.dumps(answer)
        if "error" in answer:
            raise UserError(answer["error"]) if answer["kind"] == "UserError" else AssertionError(answer["traceback"])
        return answer["value"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a worker with a Hub."""
    with HubDouble() as hub:
        worker = Client(hub, tmp_path_factory.mktemp("home"))
        yield worker
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        worker.process.wait(30)


@pytest.fixture
def bundle(finished_runs: dict[str, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what would be pushed of a run."""
    monkeypatch.setattr(ModelCard, "validate", lambda self: None)
    push.collect(finished_runs["bigru"].folder, tmp_path / "bundle", "me/news", "mit", "en")
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
    assert {path.name for path in proof.model_files(tmp_path)} == {path.name for path in tmp_path.iterdir()}


def test_nothing_private_travels(bundle: Path, finished_runs: dict[str, Run]) -> None:
    run = finished_runs["bigru"].folder
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {"README.md", "config.json", "model.safetensors", "text.py", "text_pipeline.py", "hfkit.yaml"} <= names
    assert not [
        name
        for name in names
        if "proof" in name
        or "checkpoint" in name
        or (name.endswith((".bin", ".csv", ".pkl")) and name != "report/epochs.csv")
    ]
    texts = [path.read_text() for path in bundle.rglob("*") if path.suffix in (".json", ".yaml", ".md")]
    assert not [text for text in texts if str(run) in text or str(Path.home()) + "/" in text]
    flags = yaml.safe_load((bundle / "hfkit.yaml").read_text())
    assert flags["head"] == "bigru"
    assert "dataset" not in flags  # a folder of this machine


def test_a_folder_of_this_machine_in_a_file_is_refused(bundle: Path, finished_runs: dict[str, Run]) -> None:
    (bundle / "notes.md").write_text(f"made in {Path.home()}/work")
    with pytest.raises(UserError, match=r"notes\.md names the folder"):
        push._check_privacy(bundle, finished_runs["bigru"].folder)


def test_a_summary_names_files_without_their_folders(finished_image_runs: dict[str, Run]) -> None:
    summary = finished_image_runs["vgg"].json("summary.json")
    assert summary["dataset"] == "the author's own data"
    assert summary["dataset_id"] is None
    assert summary["classes"]["cat"]["train"] == 8
    assert not [line for line in summary["lines"] if "/tmp" in line]


def test_the_proof_has_the_hard_rows(finished_runs: dict[str, Run]) -> None:
    content = finished_runs["linear"].json("proof/rows.json")
    assert len(content["inputs"]) <= proof.PROOF_ROWS
    assert "" in content["inputs"]
    assert max(len(text.split()) for text in content["inputs"]) == 1500  # the longest one of the split
    assert any("https://" in text and not text.isascii() for text in content["inputs"])


# --- the card ---


def test_the_card_says_what_a_stranger_needs(bundle: Path, finished_runs: dict[str, Run]) -> None:
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
    for needed in ("emoji", "revision=", "trust_remote_code=True", "load_pipeline", "hfkit reproduce", "95 % interval"):
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
        ("3 of 10 cases in 2021", "3 of 10 cases in 2021"),
    ],
)
def test_examples_are_masked(text: str, expected: str) -> None:
    assert card.mask(text) == expected


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
    push._check_manifest(run)
    proof.prove(run, str(run))


@pytest.fixture
def copied_run(finished_runs: dict[str, Run], tmp_path: Path) -> Path:
    """Return a run that may be spoiled."""
    return Path(shutil.copytree(finished_runs["bigru"].folder, tmp_path / "run"))


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_changed_run_is_refused_by_its_sums(sabotage: str, copied_run: Path, tmp_path: Path) -> None:
    SABOTAGES[sabotage](copied_run)
    with pytest.raises(UserError, match=r"is not what its run saved: .*Nothing was pushed"):
        push.collect(copied_run, tmp_path / "bundle", "me/news", "mit", None)


@pytest.mark.slow
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_run_with_a_forged_manifest_is_refused_by_its_scores(sabotage: str, copied_run: Path, tmp_path: Path) -> None:
    """Who changes the sums as well is found out by what the model does."""
    SABOTAGES[sabotage](copied_run)
    proof.write_manifest(copied_run)
    with pytest.raises(UserError):
        prove_whole(copied_run)


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "proof/rows.json", "hfkit.yaml"])
def test_a_folder_that_is_no_run_is_refused(name: str, copied_run: Path) -> None:
    (copied_run / name).unlink()
    with pytest.raises(UserError, match="is no finished run"):
        push.push_run(copied_run, "me/news", "mit")


# --- pushed ---


@pytest.mark.slow
def test_every_family_comes_back_from_the_hub(
    finished_runs: dict[str, Run], finished_image_runs: dict[str, Run], client: Client, tmp_path: Path
) -> None:
    """Pushed, loaded back by a process without hfkit, with equal scores: `push_run` proves it, or raises."""
    for name, run in {**finished_runs, **finished_image_runs}.items():
        folder = Path(shutil.copytree(run.folder, tmp_path / name))
        pushed = client("hfkit.push:push_run", folder, f"me/{name}", "mit")
        repository = client.hub.repositories[f"me/{name}"]
        assert repository.refs["main"] == repository.refs[pushed["tag"]] == pushed["commit"]
        assert len(repository.commits) == 2  # the empty one, and ours
        assert json.loads((folder / "pushed.json").read_text()) == pushed
    client.hub.requests.clear()
    assert "labels equal" in client("push_helpers:prove_offline", folder, f"me/{name}", pushed["commit"])
    assert not client.hub.requests


@pytest.mark.slow
@pytest.mark.parametrize("by", ["model", "trainer"])
def test_pushes_without_hfkit_are_whole_too(
    by: str, finished_runs: dict[str, Run], client: Client, tmp_path: Path
) -> None:
    said = client("push_helpers:push_plainly", finished_runs["bigru"].folder, by, f"me/by-{by}", tmp_path / "trainer")
    assert "labels equal" in said


@pytest.mark.slow
def test_the_recipe_pushes(client: Client, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    words = [
        "--backbone",
        str(tiny_backbone),
        "--dataset",
        str(tweets),
        "--max_steps",
        "2",
        "--max_length",
        "24",
        "--use_cpu",
        "true",
    ]
    words += ["--push_to_hub", "true", "--hub_model_id", "me/recipe", "--license", "mit", "--hub_private_repo", "true"]
    client("fakenews:main", [*words, "--output_dir", str(tmp_path / "run")])
    assert client.hub.repositories["me/recipe"].private
    files = client.hub.files("me/recipe")
    assert "training_args.bin" not in files
    assert b"license: mit" in files["README.md"]
    assert not [name for name, content in files.items() if TOKEN.encode() in content]


def test_a_card_that_the_hub_would_refuse_uploads_nothing(
    finished_runs: dict[str, Run], client: Client, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"me/refused: the card is not valid .*license"):
        client("hfkit.push:collect", finished_runs["bigru"].folder, tmp_path / "bundle", "me/refused", "mine", None)
    assert "me/refused" not in client.hub.repositories


@pytest.mark.slow
def test_reproduce_and_check_what_was_pushed(client: Client, tiny_backbone: Path, tweets: Path, tmp_path: Path) -> None:
    """A run on a backbone of the Hub, pushed, looked at, and run again with the data named."""
    client("push_helpers:upload", tiny_backbone, "me/tiny-bert")
    words = [
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
    client("fakenews:main", [*words, "--seed", "3", "--output_dir", str(tmp_path / "run")])
    client("hfkit.push:push_run", tmp_path / "run", "me/again-and-again", "mit", "en")
    assert ModelCard(client.hub.files("me/again-and-again")["README.md"].decode()).data.base_model == "me/tiny-bert"
    with pytest.raises(UserError, match="name it by --dataset"):
        client("hfkit.reproduce:reproduce", "me/again-and-again", tmp_path / "no")
    found = client("hfkit.reproduce:reproduce", "me/again-and-again", tmp_path / "new", None, str(tweets))
    assert found["test"]["now"] == found["test"]["card"]
    assert found["test"]["holds"] is True
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
    words = safe_words({**SAFE, **harmful}, "text-classification", None)
    assert words == safe_words(SAFE, "text-classification", None)
    assert words[words.index("--cleaning") : words.index("--cleaning") + 3] == ["--cleaning", "report", "url"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset": None}, "name it by --dataset"),
        ({"dataset": "/home/me/secret.csv"}, "name it by --dataset"),
        ({"backbone": "../model"}, "backbone of that run was a file"),
        ({"backbone": None}, "backbone of that run was a file"),
    ],
)
def test_local_data_has_to_be_named_again(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        safe_words({**SAFE, **change}, "text-classification", None)


def test_files_of_an_older_model_go_and_others_stay(client: Client, tmp_path: Path) -> None:
    folder = write_small(tmp_path / "first", {"vgg.py": b"", "LICENSE": b"mine", "config.json": b"{}"})
    client("hfkit.push:_upload", folder, "me/again", False)
    client(
        "hfkit.push:_upload",
        write_small(tmp_path / "second", {"text.py": b"", "config.json": b"{}"}),
        "me/again",
        False,
    )
    assert set(client.hub.files("me/again")) == {".gitattributes", "LICENSE", "config.json", "text.py"}


# --- failures ---


def write_small(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files to upload."""
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def upload(client: Client, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Return a function that uploads some files with failures."""
    client.hub.repositories.pop("me/failing", None)
    folder = write_small(tmp_path / "files", {"config.json": b"{}", "model.safetensors": os.urandom(20_000_000)})

    def run(*failures: Failure, repo_id: str = "me/failing") -> str:
        client.hub.failures[:] = failures
        return str(client("push_helpers:upload", folder, repo_id))

    yield run
    client.hub.failures.clear()
    client.hub.role = "write"


@pytest.mark.parametrize(
    ("pattern", "status", "sentence"),
    [
        ("POST /api/repos/create", 401, "token"),
        ("POST /api/repos/create", 403, "write access"),
        ("POST /api/models/me/failing/commit", 402, "room or quota"),
        ("POST /api/models/me/failing/commit", 413, "too large"),
        ("POST /me/failing.git/info/lfs", 403, "write access"),
    ],
)
def test_refusals_are_sentences(
    pattern: str, status: int, sentence: str, upload: Callable[..., str], client: Client
) -> None:
    with pytest.raises(UserError, match=rf"me/failing: the Hub answers {status}, .*{sentence}"):
        upload(Failure(pattern, status, times=99))
    if "me/failing" in client.hub.repositories:
        assert set(client.hub.files("me/failing")) == {".gitattributes"}  # nothing, and not half of it


def test_a_token_that_only_reads(client: Client) -> None:
    client.hub.role = "read"
    with pytest.raises(UserError, match="may only read"):
        client("hfkit.push:check_can_push", "me/news", "mit")
    client.hub.role = "write"
    client("hfkit.push:check_can_push", "me/news", "mit")


def test_no_token(client: Client, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hf auth login"):
        client(
            "push_helpers:upload_without_token", write_small(tmp_path / "files", {"config.json": b"{}"}), "me/without"
        )
    assert "me/without" not in client.hub.repositories


def test_a_name_that_something_else_has(upload: Callable[..., str]) -> None:
    """The Hub says that the name is taken, but there is no model of that name."""
    with pytest.raises(UserError, match="taken by something that is no model"):
        upload(Failure("POST /api/repos/create", 409))


def test_a_lost_commit_is_made_by_the_next_push(upload: Callable[..., str], client: Client) -> None:
    """The connection breaks when everything is uploaded but the commit: main has nothing, and the next push all."""
    with pytest.raises(UserError, match="cannot be reached"):
        upload(Failure("POST /api/models/me/failing/commit", times=9))
    assert set(client.hub.files("me/failing")) == {".gitattributes"}
    client.hub.requests.clear()
    upload()
    assert set(client.hub.files("me/failing")) == {".gitattributes", "config.json", "model.safetensors"}
    assert not [request for request in client.hub.requests if request.startswith("PUT")]  # 20 MB are there already


def test_a_name_that_is_none(upload: Callable[..., str]) -> None:
    with pytest.raises(UserError, match="USER/NAME"):
        upload(repo_id="a/b/c")


def test_a_connection_that_breaks_is_tried_again(upload: Callable[..., str], client: Client) -> None:
    """20 MB over plain LFS, cut twice."""
    commit = upload(Failure("PUT /_lfs", times=2))
    assert client.hub.repositories["me/failing"].refs["main"] == commit
    assert len(client.hub.files("me/failing")["model.safetensors"]) == 20_000_000


def test_too_many_requests_wait_as_asked(upload: Callable[..., str], client: Client) -> None:
    commit = upload(Failure("POST /me/failing.git/info/lfs", 429, headers={"Retry-After": "1"}))
    assert client.hub.repositories["me/failing"].refs["main"] == commit


def test_a_branch_that_moved_is_left_alone(upload: Callable[..., str], client: Client) -> None:
    """Somebody else commits while we upload."""

    def move() -> None:
        client.hub.repositories["me/failing"].commit({"theirs.txt": b"theirs"})

    with pytest.raises(UserError, match="412, the repository was changed"):
        upload(Failure("POST /api/models/me/failing/commit", before=move))
    assert set(client.hub.files("me/failing")) == {"theirs.txt"}
