"""Everything here runs offline, on tiny models; what needs real data or minutes is marked."""

import os
import tempfile

os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hfkit-tests-")  # caches of code and data of this run alone
os.environ["HFKIT_CACHE"] = os.path.join(os.environ["HF_HOME"], "hfkit")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_EVALUATE_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a tiny net is no faster on two cores, and two runs of the tests are

import copy
import csv
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_lines import write_reader_folder
from faults.campaign import pytest_terminal_summary as pytest_terminal_summary  # a hook
from filelock import FileLock
from hub_client import Client
from hub_double import HubDouble
from PIL import Image
from tiny import NIGHT_NAMES, QUICK_NAMES, TINY, tiny_tokenizer, write_tiny_backbone
from transformers import PreTrainedTokenizerBase

from hfkit.models.base import BackboneClassifier
from hfkit.notes import Note

ROOT = Path(__file__).parent.parent
TEST_DATA = Path(os.environ.get("HFKIT_TEST_DATA", ROOT.parent / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most models to the whole suite, and skip the tests on real data where there is none, and say so."""
    for item in items:
        parameters = (
            item.callspec.params.values() if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ()
        )
        models = {value for value in parameters if isinstance(value, str) and value in TINY}
        if models - QUICK_NAMES:
            item.add_marker(pytest.mark.slow)
            # Heads on several layers are read by families with other heads, too: most of them are tested by night.
            if (
                item.get_closest_marker("sweep")
                or models & NIGHT_NAMES
                or all(name.endswith("-layers") for name in models - QUICK_NAMES)
            ):
                item.add_marker(pytest.mark.nightly)
        if item.get_closest_marker("nightly"):
            item.add_marker(
                pytest.mark.slow
            )  # a `-m` on the command line takes the place of the one that leaves nights out
        if item.get_closest_marker("real_data") and not TEST_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"needs real data in HFKIT_TEST_DATA ({TEST_DATA} is not there)"))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    """Return a real WordPiece tokenizer with a few hundred words."""
    return tiny_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@cache
def _build(name: str) -> BackboneClassifier:
    torch.manual_seed(1)  # each the same, whatever others there are
    return TINY[name]().eval()


@pytest.fixture
def make_model() -> Callable[[str], BackboneClassifier]:
    """Return a function that gives a fresh copy of a tiny model by its name."""
    return lambda name: copy.deepcopy(_build(name))


def make_once(file: Path, make: Callable[[], Any]) -> Any:
    """Return what stands in a JSON file, which the first process that asks makes."""
    with FileLock(f"{file}.lock"):
        if not file.exists():
            file.write_text(json.dumps(make()))
        return json.loads(file.read_text())


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all processes of the tests see."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def make_folder_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process that asks fills: runs of all processes name the same one."""

    def fill() -> None:
        folder.mkdir()
        make(folder)

    make_once(folder.with_suffix(".json"), fill)
    return folder


@pytest.fixture(scope="session")
def tiny_backbone(shared_folder: Path) -> Path:
    """Return a folder with a tiny BERT checkpoint, as pretraining leaves it, and its tokenizer."""
    return make_folder_once(shared_folder / "tiny-bert", write_tiny_backbone)


def read_notes(notes: Iterable[Note]) -> list[str]:
    """Return what notes say."""
    return [note.text for note in notes]


def load_recipe(name: str) -> Any:
    """Import a recipe."""
    return load_script(ROOT / "recipes" / f"{name}.py")


def load_script(path: Path) -> Any:
    """Import a script, which is no part of a package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tweets(shared_folder: Path) -> Path:
    """Return a folder with three small splits: odd texts in the test split, one row without a text in train."""
    return make_folder_once(shared_folder / "tweets", write_tweets)


def write_tweets(folder: Path) -> None:
    """Write `train.csv`, `validation.csv` and `test.csv`."""
    words = {"fake": "garlic cures virus", "real": "hospital reports new cases"}
    odd = ["", "virus " * 1500, "👍 @user https://t.co/x &amp; <b>", 'a "quoted",\ntext', "=1+1", "[bold]x|y"]
    contents: dict[str, list[tuple[str, str]]] = {
        split: [(f"{words[label]} {row} {split}", label) for row in range(size) for label in ("fake", "real")]
        for split, size in (("train", 12), ("validation", 4), ("test", 4))
    }
    contents["train"].append(("", "real"))
    contents["test"] += [(text, "fake") for text in odd]
    for split, rows in contents.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("tweet", "label"), *rows])


@dataclass
class Run:
    """A finished run of a recipe."""

    folder: Path
    results: dict[str, float]
    output: str

    def json(self, name: str) -> Any:
        """Read a JSON file of the run."""
        return json.loads((self.folder / name).read_text())

    def rows(self, name: str) -> list[dict[str, str]]:
        """Read a CSV file of the run."""
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def run_fakenews(tiny_backbone: Path, tweets: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Return a function that runs the recipe on tiny data with further arguments."""
    recipe = load_recipe("fakenews")
    argv = ["--backbone", str(tiny_backbone), "--dataset", str(tweets), "--max_length", "24", "--use_cpu", "true"]
    argv += [
        "--bf16",
        "false",
        "--num_train_epochs",
        "2",
        "--per_device_train_batch_size",
        "8",
        "--disable_tqdm",
        "true",
    ]

    def run(*more: str, capture: Any = None, folder: Path | None = None) -> Run:
        folder = folder or tmp_path_factory.mktemp("runs") / "run"
        results = recipe.main([*argv, "--output_dir", str(folder), *more])
        return Run(folder, results, capture.readouterr().out if capture else "")

    return run


@dataclass
class LazyRuns(Mapping[str, Run]):
    """Runs by name, each made when it is first asked for, once for all processes of the tests."""

    shared: Path
    make: Callable[..., Run]
    argv: Mapping[str, str]

    def __getitem__(self, name: str) -> Run:
        results = make_once(self.shared / f"{name}.json", lambda: self._make(name))
        return Run(self.shared / name, results, "")

    def _make(self, name: str) -> dict[str, float]:
        return self.make(*self.argv[name].split(), folder=self.shared / name).results

    def __iter__(self) -> Iterator[str]:
        return iter(self.argv)

    def __len__(self) -> int:
        return len(self.argv)


@pytest.fixture(scope="session")
def finished_runs(run_fakenews: Callable[..., Run], shared_folder: Path) -> LazyRuns:
    """Return a run of each head: one with one logit, one with CT-BERT's cleaning, n-grams, a promise and its checkpoints."""
    argv = {
        "linear": "--head linear --unfreeze_from encoder.layer.1",
        "bigru": "--head bigru --head_hidden_size 6 --cleaning ctbert --ngrams 1 2 --max_error 0.6 "
        "--keep_checkpoints true",
        "one-logit": "--head linear --head_logits 1 --unfreeze_from none",
    }
    return LazyRuns(shared_folder, run_fakenews, argv)


def write_photo(path: Path, label: str, seed: int, size: tuple[int, int] = (20, 16)) -> Path:
    """Write a noisy picture, reddish for cats and bluish for others."""
    noise = np.random.default_rng(seed).integers(0, 120, (size[1], size[0], 3))
    noise[..., 0 if label == "cat" else 2] += 130
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise.astype("uint8")).save(path)
    return path


def write_odd_photos(folder: Path) -> list[Path]:
    """Write pictures of every kind that can be converted: modes, shapes, formats, a turned one."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = Image.open(write_photo(folder / "plain.png", "cat", 1))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by 90 degrees
    photo.save(folder / "turned.jpg", exif=orientation)
    photo.convert("L").save(folder / "grey.png")
    half = photo.copy()
    half.putalpha(128)
    half.save(folder / "alpha.webp")
    photo.convert("CMYK").save(folder / "print.jpg")
    photo.convert("P").save(folder / "palette.gif")
    photo.resize((1, 1)).save(folder / "dot.png")
    photo.resize((20_000, 50)).save(folder / "panorama.jpg")
    return sorted(folder.iterdir())


@pytest.fixture(scope="session")
def photos(shared_folder: Path) -> Path:
    """Return a folder of photos of cats and dogs in three splits, with odd ones in the test split."""
    return make_folder_once(shared_folder / "photos", write_photos)


def write_photos(folder: Path) -> None:
    """Write the photos: eight, two and two of each class, and the odd ones."""
    for split, number in (("train", 8), ("validation", 2), ("test", 2)):
        for label in ("cat", "dog"):
            for index in range(number):
                write_photo(
                    folder / split / label / f"{index}.png", label, len(split) * 1000 + (label == "dog") * 100 + index
                )
    write_odd_photos(folder / "test" / "cat")


IMAGE_ARGV = (
    "--backbone test_efficientnet --weights none --image_size 32 --use_cpu true --bf16 false --max_steps 2 "
    "--per_device_train_batch_size 8 --disable_tqdm true --save_strategy no --eval_strategy no --load_best_model_at_end false"
)


@pytest.fixture(scope="session")
def run_cifar10(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """Return a function that runs the image recipe on the photos with random weights and further arguments."""
    recipe = load_recipe("cifar10")
    argv = [*IMAGE_ARGV.split(), "--dataset", str(photos)]

    def run(*more: str, capture: Any = None, folder: Path | None = None) -> Run:
        folder = folder or tmp_path_factory.mktemp("runs") / "run"
        results = recipe.main([*argv, "--output_dir", str(folder), *more])
        return Run(folder, results, capture.readouterr().out if capture else "")

    return run


@pytest.fixture(scope="session")
def finished_image_runs(run_cifar10: Callable[..., Run], shared_folder: Path) -> LazyRuns:
    """Return a short run of each family of image models, partly frozen."""
    options = {
        "vgg": "--backbone vgg19 --unfreeze_from block5_conv1",
        "densenet": "--backbone densenet201 --unfreeze_from conv5_block1_0_bn",
        "deit": "--backbone deit_tiny_distilled_patch16_224 --unfreeze_from blocks.11 --two_heads true",
        "timm": "--unfreeze_from none --head mlp --augment randaugment --mixup 0.2 --cutmix 1 --max_error 0.5",
        "token-learner": "--backbone deit_tiny_distilled_patch16_224 --head linear --unfreeze_from blocks.token_learner "
        "--token_learner_tokens 3 --token_learner_at 10",
        "fdvit": "--backbone fdvit_ti --unfreeze_from stages.4 --label_smoothing_factor 0.1",
    }
    return LazyRuns(shared_folder, run_cifar10, options)


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a worker with a Hub."""
    with HubDouble() as hub:
        worker = Client(hub, tmp_path_factory.mktemp("home"))
        yield worker
        assert worker.process.stdin is not None
        worker.process.stdin.close()
        worker.process.wait(30)


@pytest.fixture(scope="session")
def written_reader_folder(photos: Path, shared_folder: Path) -> Path:
    """Return a folder with what the commands of the pages name."""
    return make_folder_once(shared_folder / "reader", lambda folder: write_reader_folder(folder, photos))


@pytest.fixture
def reader_folder(written_reader_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder for one test."""
    return Path(shutil.copytree(written_reader_folder, tmp_path / "reader"))
