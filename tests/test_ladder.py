"""The ladder: its rungs and their flags, its rule, what it refuses, and its way from rung to rung on tiny data."""

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import IMAGE_ARGV, load_recipe, write_photo
from processes import run_command
from rich.console import Console
from safetensors.torch import load_file
from tiny import QUICK_NAMES
from torch import equal

from hfkit.data.modality import find_modality
from hfkit.errors import UserError
from hfkit.flags.kinds import IMAGE, TEXT
from hfkit.flags.ladder import read_budget
from hfkit.flags.parsing import parse_arguments
from hfkit.freezing import FreezePlan
from hfkit.ladder import climb as climbing
from hfkit.ladder import trainings
from hfkit.ladder.climb import climb
from hfkit.ladder.reading import BackboneParts, TaskReader
from hfkit.ladder.rule import Answers, Outcome, recommend
from hfkit.ladder.rungs import find_last_third, list_rungs
from hfkit.ladder.settings import LadderSettings, LadderState, make_settings, read_state, write_state
from hfkit.models.base import BackboneClassifier
from hfkit.training.cost import Cost
from hfkit.training.trainer import ClassifierTrainer

# --- the rule ---


def outcome(name: str, seconds: float, wrong: Sequence[int], rows: int = 200, has_model: bool = True) -> Outcome:
    """Return an outcome that has these rows wrong."""
    right = np.ones(rows, dtype=bool)
    right[list(wrong)] = False
    return Outcome(name, seconds, has_model, Answers(np.arange(rows), right))


PIECES = outcome("word pieces", 2, range(24), has_model=False)
HEAD = outcome("the solved head", 20, range(20))
LAST = outcome("the last third of the layers", 90, range(18))
WHOLE = outcome("the whole net", 600, range(19))
POOR = outcome("the whole net", 600, range(60))


@pytest.mark.parametrize(
    ("outcomes", "recommended", "best", "sentence"),
    [
        (
            [HEAD, LAST, WHOLE],
            HEAD,
            LAST,
            "Against the best on validation, the solved head is not told apart from the last third of the layers (",
        ),
        ([outcome("the solved head", 20, range(60)), WHOLE], WHOLE, WHOLE, "The whole net is the best on validation"),
        (
            [PIECES, HEAD],
            HEAD,
            HEAD,
            "Not told apart from the best is also word pieces (2.0 s), of which hfkit saves no",
        ),
        ([PIECES, POOR], POOR, PIECES, "the whole net is worse than word pieces by 18.0 points"),
        ([outcome("a BiGRU", 5, range(18)), LAST], "a BiGRU", "a BiGRU", "is the best on validation"),
        (
            [outcome("the majority class", 0, [0, 1, 2], 8, False), outcome("the whole net", 9, [0], 8)],
            "the whole net",
            "the whole net",
            "The 8 rows of validation are too few, or the labels too hard, to tell anything from guessing.",
        ),
    ],
    ids=["level and cheaper", "clearly best", "word pieces are level", "worse than word pieces", "a tie", "few rows"],
)
def test_the_cheapest_that_is_not_told_apart_is_recommended(
    outcomes: list[Outcome], recommended: Any, best: Any, sentence: str
) -> None:
    """In whatever order they come; what test says would change nothing."""
    for order in (outcomes, outcomes[::-1]):
        recommendation = recommend(order)
        assert recommendation is not None
        assert recommendation.rung.name == getattr(recommended, "name", recommended)
        assert recommendation.best.name == getattr(best, "name", best)
        assert sentence in recommendation.reason


def test_without_a_model_nothing_is_recommended() -> None:
    assert recommend([]) is None
    assert recommend([PIECES]) is None


def test_rungs_on_other_rows_are_not_compared() -> None:
    other = Outcome("other", 1.0, True, Answers(np.arange(1, 201), HEAD.validation.right))
    with pytest.raises(ValueError, match="different rows"):
        recommend([HEAD, other])


# --- the rungs and their flags ---


def settings(modality: Any, backbones: tuple[str, ...], flags: dict[str, list[str]], folder: Path) -> LadderSettings:
    return LadderSettings("data", modality, backbones, None, folder, flags)


@pytest.mark.parametrize(("modality", "kinds", "count"), [("text", TEXT, 8), ("image", IMAGE, 6)])
def test_every_rung_is_a_command_line_of_its_recipe(modality: Any, kinds: Any, count: int, tmp_path: Path) -> None:
    flags = {"num_train_epochs": ["2"], "learning_rate": ["1e-4"], "seed": ["3"], "label_column": ["verdict"]}
    flags |= {"lora_rank": ["4"]}
    rungs = list_rungs(modality, ["some/model"])
    assert len(rungs) == count
    whole = settings(modality, ("some/model",), flags, tmp_path)
    parsed = [parse_arguments(whole.argv(rung, "layer.7"), (), kinds) for rung in rungs]
    trains = [rung.trains for rung in rungs]
    assert [arguments.model.unfreeze_from for arguments in parsed] == [
        {"last": "layer.7", "all": "all"}.get(kind, "none") for kind in trains
    ]
    assert all((one.training.seed, one.data.label_column) == (3, ["verdict"]) for one in parsed)
    in_steps = ("head", "last", "adapters", "all")
    assert ["num_train_epochs" in one.given for one in parsed] == [kind in in_steps for kind in trains]
    assert [(one.model.peft, one.model.lora_rank) for one in parsed] == [
        ("lora", 4) if kind == "adapters" else ("none", 8) for kind in trains
    ]
    assert ["learning_rate" in one.given for one in parsed] == [kind in ("last", "all") for kind in trains]


def test_what_needs_no_net_is_there_once() -> None:
    rungs = list_rungs("text", ["minilm", "org/other"])
    assert [rung.name for rung in rungs[:4]] == [
        "the majority class",
        "word pieces",
        "the solved head of minilm",
        "the solved head of org/other",
    ]
    assert len(rungs) == 14
    assert len({rung.folder for rung in rungs}) == 14


@pytest.mark.parametrize("name", sorted(QUICK_NAMES))
def test_the_last_third_trains_a_part(name: str, make_model: Callable[[str], BackboneClassifier]) -> None:
    model = make_model(name)
    layer = find_last_third(model)
    FreezePlan(layer).apply(model)
    trained = [parameter.requires_grad for parameter in model.backbone.parameters()]
    assert any(trained)
    assert not all(trained)


# --- what is refused ---


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--backbone minilm data.csv", "hfkit ladder begins with the data, not with --backbone"),
        ("sample --peft lora", "--peft is what a ladder decides for each rung"),
        ("sample --head bigru", "--head is what a ladder decides for each rung"),
        ("sample --max_error 0.02", "--max_error is what a ladder decides for each rung"),
        ("sample --label_thresholds auto", "--label_thresholds auto chooses on validation, by which a ladder compares"),
        ("sample --label_issues true", "--label_issues is what a ladder decides for each rung"),
        ("sample --maxlength 9", "Unknown flag 'maxlength': did you mean 'max_length'?"),
        ("sample other.csv", "hfkit ladder takes one file, folder or Hub id, not other.csv besides"),
        ("sample --budget soon", "--budget is soon: write a time above 0, such as 90s, 10m or 2h."),
        ("./nothing.csv", "There is no file or folder ./nothing.csv"),
    ],
)
def test_refusals_are_light(line: str, message: str) -> None:
    code, said, imported = run_command("ladder", *line.split())
    assert (code, imported) == (2, "[]")
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1


def test_the_folder_of_another_ladder_is_refused(tmp_path: Path) -> None:
    make_settings("sample", ["--seed", "1"], None, None, tmp_path / "ladder")
    make_settings("sample", ["--seed", "1"], None, "5m", tmp_path / "ladder")
    with pytest.raises(UserError, match="was started with seed 1, not 2: go on with the flags of its start"):
        make_settings("sample", ["--seed", "2"], None, None, tmp_path / "ladder")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(UserError, match="is not empty, and holds no ladder"):
        make_settings("sample", [], None, None, tmp_path / "full")


def test_flags_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Unknown flag of a ladder for texts 'image_size'"):
        make_settings("sample", ["--image_size", "32"], None, None, tmp_path / "ladder")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("2", 120)])
def test_a_budget_has_a_unit(text: str, seconds: float) -> None:
    assert read_budget(text) == seconds


# --- what the data hold ---


def test_data_tell_what_they_hold(tweets: Path, photos: Path, tmp_path: Path) -> None:
    assert [find_modality(name) for name in ("sample", "digits")] == ["text", "image"]
    assert find_modality(str(tweets)) == find_modality(str(tweets / "train.csv")) == "text"
    assert find_modality(str(photos)) == "image"
    texts = pd.DataFrame({"sentence": ["a", "b"], "label": [0, 1]})
    texts.to_parquet(tmp_path / "texts.parquet")
    assert find_modality(str(tmp_path / "texts.parquet")) == "text"
    images = pd.DataFrame({"img": [{"bytes": b"x", "path": None}] * 2, "label": [0, 1]})
    (tmp_path / "images").mkdir()
    images.to_parquet(tmp_path / "images" / "train.parquet")
    assert find_modality(str(tmp_path / "images")) == "image"


def test_data_that_do_not_tell_are_refused_with_what_was_seen(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has neither images nor tables \(csv, .*\), but nothing:"):
        find_modality(str(tmp_path))
    (tmp_path / "a.pdf").write_text("x")
    with pytest.raises(UserError, match=r"but 1 \.pdf: name a folder of images"):
        find_modality(str(tmp_path))
    with pytest.raises(UserError, match=r"a\.pdf is a file with \.pdf"):
        find_modality(str(tmp_path / "a.pdf"))
    pd.DataFrame({"weight": [1.0], "height": [2.0]}).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(UserError, match="only weight, height: say by --task"):
        find_modality(str(tmp_path))
    write_photo(tmp_path / "train" / "cat" / "1.png", "cat", 1)
    with pytest.raises(UserError, match=r"has both tables \(train\.parquet\) and images \(such as .*\)"):
        find_modality(str(tmp_path))


# --- from rung to rung ---

TEXT_FLAGS = "--max_length 24 --use_cpu true --bf16 false --num_train_epochs 2 --batch_size 8 --disable_tqdm true"


@pytest.fixture
def run_ladder(
    tiny_backbone: Path, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Any, str]]:
    """Return a function that runs some rungs on the tweets in the same folder, and returns what is recommended and was said."""

    def run(*kept: str, budget: str | None = None, data: Path = tweets) -> tuple[Any, str]:
        rungs = [rung for rung in list_rungs("text", [str(tiny_backbone)]) if not kept or rung.folder[3:] in kept]
        monkeypatch.setattr(climbing, "list_rungs", lambda *_: rungs)
        flags = ["--backbone", str(tiny_backbone), *TEXT_FLAGS.split()]
        console = Console(file=io.StringIO(), width=200)
        chosen = climb(make_settings(str(data), flags, None, budget, tmp_path / "ladder"), console)
        assert isinstance(console.file, io.StringIO)
        return chosen, console.file.getvalue()

    return run


@pytest.mark.slow
def test_a_short_ladder(run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path) -> None:
    """Its lines, its files, what it recommends; and run again it trains nothing and says the same."""
    chosen, said = run_ladder("majority-class", "word-pieces", "solved-head")
    folder = tmp_path / "ladder"
    assert chosen.rung.name == "the solved head"
    way, _, end = said.partition("\nLadder on ")
    assert "The majority class: validation 0.5000 (" in way
    assert "Word pieces: validation 1.0000 (" in way
    assert "Against the best so far, it is not told apart from the majority class (difference 50.0 points, " in way
    assert "The solved head: about " in way
    results = json.loads((folder / "02-solved-head" / "all_results.json").read_text())
    tested = f"the solved head {results['test_accuracy']:.4f} ({results['test_accuracy_low']:.4f} to "
    assert tested in end
    assert not re.search(r"\btest\b", way.partition("\n")[2].replace(str(tmp_path), ""))
    assert f"Its model: {folder / '02-solved-head'}" in end
    assert (folder / "02-solved-head" / "model.safetensors").exists()
    assert "hfkit train text --dataset " in end
    table = pd.read_csv(folder / "table.csv")
    assert table["is_recommended"].tolist() == [False, False, True]
    assert table["validation_accuracy"][2] == results["eval_accuracy"]
    assert table["test_accuracy_high"][2] == results["test_accuracy_high"]
    assert (folder / "ladder.png").stat().st_size > 1000
    assert (folder / "table.md").read_text().startswith("# Ladder on ")
    written = (folder / "02-solved-head" / "manifest.json").stat().st_mtime_ns
    _, again = run_ladder("majority-class", "word-pieces", "solved-head")
    assert again.partition("\nLadder on ")[2] == end
    assert again.count(", as it was before.") == 3
    assert (folder / "02-solved-head" / "manifest.json").stat().st_mtime_ns == written


@pytest.mark.slow
def test_a_backbone_with_few_positions_has_a_ladder(
    tiny_backbone: Path, tweets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gave a length, so texts are cut at what it takes, and that is said once."""
    kept = ("majority-class", "solved-head", "whole-net")
    rungs = [rung for rung in list_rungs("text", [str(tiny_backbone)]) if rung.folder[3:] in kept]
    monkeypatch.setattr(climbing, "list_rungs", lambda *_: rungs)
    flags = ["--backbone", str(tiny_backbone), *TEXT_FLAGS.removeprefix("--max_length 24 ").split()]
    console = Console(file=io.StringIO(), width=200)
    chosen = climb(make_settings(str(tweets), flags, None, None, tmp_path / "ladder"), console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert chosen is not None
    assert "failed" not in said
    assert said.count("Texts are cut at 64 tokens, and not at 128 as by default") == 1


def test_what_the_budget_does_not_hold_is_left_out(
    run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, and the rest goes on; a failure too; with more time it is caught up on."""
    monkeypatch.setattr(trainings, "estimate", lambda _: Cost(0.0, 1, 100.0, {"train": 25, "validation": 8}, 3))

    def fail(*_: Any) -> None:
        raise UserError("the layer is not there.")

    monkeypatch.setattr(TaskReader, "layer", lambda _, rung: fail() if rung.trains == "last" else "")
    chosen, said = run_ladder("majority-class", "last-third-of-the-layers", "whole-net", budget="10m")
    assert chosen is None
    log = tmp_path / "ladder" / "logs" / "04-last-third-of-the-layers.txt"
    assert f"The last third of the layers: failed: the layer is not there (its log is {log})." in said
    assert "The whole net: left out: about " in said
    assert "of the budget of 600 s are left." in said
    assert "No rung left a saved model: nothing is recommended." in said
    status = pd.read_csv(tmp_path / "ladder" / "table.csv")["status"]
    assert status[0] == "finished"
    assert status[1] == f"failed: the layer is not there (its log is {log})"
    assert status[2].startswith("left out: about ")
    assert not (tmp_path / "ladder" / "06-whole-net").exists()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("shapes do not\nfit"), "ValueError: shapes do not fit"),
        pytest.param(
            RuntimeError("CUDA error: device-side assert"),
            "RuntimeError: CUDA error: device-side assert",
            marks=pytest.mark.slow,
        ),
        pytest.param(KeyError("pooler"), "KeyError: 'pooler'", marks=pytest.mark.slow),
        (AssertionError(), "AssertionError"),
        (RuntimeError("CUDA out of memory."), "the memory is full; lower --per_device_train_batch_size"),
        (UserError("No layer is so called."), "No layer is so called"),
    ],
)
def test_whatever_a_rung_raises_the_ladder_goes_on(
    error: Exception,
    reason: str,
    run_ladder: Callable[..., tuple[Any, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one sentence, and the traceback in the log."""
    log = tmp_path / "ladder" / "logs" / "02-solved-head.txt"

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(trainings, "train", fail)
    chosen, said = run_ladder("majority-class", "solved-head", "word-pieces")
    assert chosen is None
    assert f"The solved head: failed: {reason} (its log is {log})." in said
    assert "Word pieces: validation 1.0000 (" in said
    assert "Traceback" in log.read_text()
    table = pd.read_csv(tmp_path / "ladder" / "table.csv").set_index("name")
    assert table["status"].to_dict() == {
        "the majority class": "finished",
        "word pieces": "finished",
        "the solved head": f"failed: {reason} (its log is {log})",
    }


@pytest.mark.slow
def test_a_rung_that_failed_is_tried_again(
    run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same command; what it took before counts against the budget."""
    state = tmp_path / "ladder" / "ladder.json"

    def fail(*_: Any) -> None:
        raise ValueError

    with monkeypatch.context() as patch:
        patch.setattr(trainings, "train", fail)
        run_ladder("majority-class", "solved-head")
    content = json.loads(state.read_text())
    assert list(content["seconds"]) == ["00-majority-class"]
    assert content["spent"] > content["seconds"]["00-majority-class"]
    state.write_text(json.dumps(content | {"spent": 500.0}))
    _, said = run_ladder("majority-class", "solved-head", budget="400s")
    assert "The solved head: left out: the budget is used up; 0 s of the budget of 400 s are left." in said
    chosen, said = run_ladder("majority-class", "solved-head", budget="1h")
    assert chosen.rung.name == "the solved head"
    assert json.loads(state.read_text())["spent"] > 500


def test_a_ladder_of_an_older_version_goes_on(tmp_path: Path) -> None:
    (tmp_path / "ladder.json").write_text(json.dumps({"flags": {"seed": ["1"]}, "seconds": {"a": 2, "b": 3.5}}))
    state = read_state(tmp_path)
    assert (state.seconds, state.spent, state.data) == ({"a": 2, "b": 3.5}, 5.5, {})


def test_what_a_killed_rung_took_counts(tmp_path: Path) -> None:
    """Up to what it wrote last: a kill lets nothing more be written."""
    settings = make_settings("sample", [], "text", None, tmp_path / "ladder")
    write_state(settings, LadderState({"00-majority-class": 2.0}, spent=10.0, begun=1_000.0))
    os.utime(tmp_path / "ladder" / "ladder.json", (1_001, 1_001))
    log = settings.log(list_rungs("text", ("minilm",))[2])
    log.parent.mkdir()
    log.write_text("Epoch 1")
    os.utime(log, (1_060, 1_060))
    said = io.StringIO()
    ladder = climbing.Ladder.begin(settings, Console(file=said))
    assert (ladder.state.spent, ladder.earlier, ladder.state.begun) == (70.0, 70.0, None)
    assert "A rung was cut off; 60 s of it" in said.getvalue()


def test_a_rung_that_runs_has_its_begin_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is written in between, such as the hashes of the data: a kill could come at any moment."""
    settings = make_settings("sample", [], "text", None, tmp_path / "ladder")
    seen: list[float | None] = []

    def take(ladder: Any, *_: Any, **__: Any) -> None:
        write_state(settings, ladder.state)
        seen.append(read_state(settings.folder).begun)
        raise UserError("stop")

    monkeypatch.setattr(climbing.Ladder, "_take", take)
    with pytest.raises(UserError, match="stop"):
        climbing.Ladder.begin(settings, Console(file=io.StringIO())).climb()
    assert seen[0] is not None
    assert read_state(settings.folder).begun is None


def test_a_backbone_without_layers_has_no_last_third(
    run_ladder: Callable[..., tuple[Any, str]],
    make_model: Callable[[str], BackboneClassifier],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(BackboneClassifier, "stages", lambda _: [])
    with pytest.raises(UserError, match="the backbone has no layers one after the other"):
        find_last_third(make_model("hfkit-text/bert-linear"))
    _, said = run_ladder("majority-class", "last-third-of-the-layers")
    assert "The majority class: validation 0.5000" in said
    assert "The last third of the layers: left out: the backbone has no layers one after the other, of which" in said


def test_a_backbone_that_cannot_be_looked_at_has_other_rungs(
    make_model: Callable[[str], BackboneClassifier], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(BackboneClassifier, "execution_order", fail)
    parts = BackboneParts.read(make_model("hfkit-text/bert-linear"))
    assert parts == BackboneParts("", "RuntimeError: no such kernel", "RuntimeError: no such kernel")


@pytest.mark.parametrize(
    ("split", "before", "after", "said"),
    [
        ("test", "2 test,real", "2 test,fake", "test has other labels"),
        ("validation", "cures virus 1", "cures colds 1", "validation has other texts"),
        ("validation", "3 validation,real", "3 validation,real\nanother,fake", "validation has 9 rows, not 8"),
        ("train", "5 train,real", "5 train,fake", "train has other labels"),
    ],
)
def test_other_data_are_refused(
    split: str,
    before: str,
    after: str,
    said: str,
    run_ladder: Callable[..., tuple[Any, str]],
    tweets: Path,
    tmp_path: Path,
) -> None:
    """Also where all rungs are finished; and what is the same is gone on with."""
    data = tmp_path / "tweets"
    shutil.copytree(tweets, data)
    run_ladder("majority-class", data=data)
    assert "as it was before" in run_ladder("majority-class", data=data)[1]
    file = data / f"{split}.csv"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    with pytest.raises(UserError, match=rf"was started with \({said}\), and its rungs .*: name another --output_dir"):
        run_ladder("majority-class", "solved-head", data=data)
    assert not (tmp_path / "ladder" / "02-solved-head").exists()


@pytest.mark.slow
def test_a_ladder_that_was_stopped_goes_on(
    run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In front of its first checkpoint a rung begins again, and behind it goes on; the model is that of a whole run."""
    folder = tmp_path / "ladder"

    husk = folder / "06-whole-net"
    compute_loss = ClassifierTrainer.compute_loss
    for steps in (1, 4):  # in the first epoch, which has three; then in the second
        taken = iter(range(steps))

        def stop(*arguments: Any, taken: Any = taken, **options: Any) -> Any:
            if next(taken, None) is None:
                raise KeyboardInterrupt
            return compute_loss(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(ClassifierTrainer, "compute_loss", stop)
            with pytest.raises(KeyboardInterrupt):
                run_ladder("majority-class", "whole-net")
        if steps == 1:
            assert not husk.exists()  # of what never had a checkpoint nothing is left, but where the process is killed
            husk.mkdir()
            (husk / "hfkit.yaml").touch()
    assert (folder / "06-whole-net-set-aside-1" / "hfkit.yaml").exists()
    assert [path.name for path in husk.glob("checkpoint-*")] == ["checkpoint-3"]
    with monkeypatch.context() as patch:
        patch.setattr(trainings, "estimate", lambda _: Cost(0.0, 1, 100.0, {"train": 25, "validation": 8}, 3))
        _, said = run_ladder("majority-class", "whole-net", budget="10m")
    assert re.search(r"The whole net: left out: \d+% are still to do of about \d+ s", said)
    chosen, said = run_ladder("majority-class", "whole-net")
    assert "The majority class: validation 0.5000" in said
    assert re.search(r"The whole net: goes on from its last checkpoint, with \d+% of the training to do\.", said)
    line = next(line for line in said.splitlines() if line.startswith("The command that trains it alone: "))
    argv = line.partition("hfkit train text ")[2].split()
    load_recipe("fakenews").main([*argv, "--output_dir", str(tmp_path / "alone")])
    weights, alone = (load_file(path / "model.safetensors") for path in (husk, tmp_path / "alone"))
    assert all(equal(weights[name], alone[name]) for name in alone)
    assert chosen.rung.name == "the whole net"


def test_data_that_no_rung_could_read_end_the_ladder(tmp_path: Path) -> None:
    (tmp_path / "tweets.csv").write_text("tweet,kind\na,fake\n")
    with pytest.raises(UserError, match="has no column named label"):
        climb(make_settings(str(tmp_path / "tweets.csv"), [], None, None, tmp_path / "ladder"), Console(quiet=True))


@pytest.mark.slow
def test_a_changed_result_is_not_believed(run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path) -> None:
    run_ladder("majority-class")
    file = tmp_path / "ladder" / "00-majority-class" / "predictions.csv"
    file.write_text(file.read_text().replace("real", "fake"))
    _, said = run_ladder("majority-class")
    assert "what an earlier attempt left cannot be gone on with" in said
    assert "as it was before" not in said


@pytest.mark.slow
def test_a_pass_that_cannot_be_shared_ends_no_ladder(
    run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rung then runs its own, and the log has the reason."""

    def refuse(*_: Any) -> Any:
        raise UserError("float16 is too small for these states.")

    monkeypatch.setattr("hfkit.ladder.sharing._LEAST_SECONDS", 0.0)
    monkeypatch.setenv("HFKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trainings, "share", refuse)
    _, said = run_ladder("solved-head", "bigru-on-frozen-layers")
    assert "will read, too" not in said
    assert "failed" not in said
    log = next((tmp_path / "ladder" / "logs").glob("*solved-head.txt"))
    assert "float16 is too small for these states." in log.read_text("utf-8")


@pytest.mark.slow
def test_all_rungs_of_texts(
    run_ladder: Callable[..., tuple[Any, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those with frozen layers share a pass, and their seconds count as if each ran its own."""
    monkeypatch.setattr("hfkit.ladder.sharing._LEAST_SECONDS", 0.0)
    monkeypatch.setenv("HFKIT_CACHE", str(tmp_path / "cache"))  # that of the other tests holds the states
    _, said = run_ladder()
    assert "failed" not in said
    shared = "a BiGRU on frozen layers and the last third of the layers"
    assert f"The pass of the solved head stored what {shared} will read, too." in said
    logs = {file.stem[3:]: file.read_text("utf-8") for file in (tmp_path / "ladder" / "logs").iterdir()}
    for name in ("bigru-on-frozen-layers", "last-third-of-the-layers"):
        assert "what is in front of it was found" in logs[name]
        assert re.search(r"(BiGRU|last third).*what the frozen layers give is stored", said)
    state = read_state(tmp_path / "ladder")
    assert set(state.passes) == {"03-bigru-on-frozen-layers", "04-last-third-of-the-layers"}
    table = pd.read_csv(tmp_path / "ladder" / "table.csv")
    assert table["status"].tolist() == ["finished"] * 8
    assert table["test_accuracy"].notna().all()
    assert (table["seconds"] > 0).all()


@pytest.mark.nightly
def test_all_rungs_of_images(photos: Path, tmp_path: Path) -> None:
    flags = [*IMAGE_ARGV.split(), "--max_steps", "1"]
    console = Console(file=io.StringIO(), width=200)
    chosen = climb(make_settings(str(photos), flags, None, None, tmp_path / "ladder"), console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "failed" not in said
    assert "LoRA adapters: left out: the backbone has no linear layers in its blocks." in said
    assert "hfkit train image --dataset" in said
    table = pd.read_csv(tmp_path / "ladder" / "table.csv")
    assert table["name"].tolist()[2:4] == ["an MLP on frozen layers", "the last third of the layers"]
    assert chosen.rung.has_model
