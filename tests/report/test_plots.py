"""What the pictures of a run show: all of the text inside, none of it upon other text, and every value where it belongs."""

import warnings
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from datasets import Dataset
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from hfkit.report import plots
from hfkit.report.confusion import MAX_BARS, confusion_figure, describe_share, draw_confusion, find_confusions
from hfkit.report.illustrations import draw_errors
from hfkit.report.plot_text import measure_width, shorten, shorten_middle, shorten_names
from hfkit.report.tables import epoch_table

ODD_NAMES = [
    "$a$ & <b>",
    "кошка",
    "猫",
    "b\n",
    "",
    "\x07",
    "a very long name, number one",
    "a very long name, number two",
]


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A plot warns of letters that it cannot draw, and of layouts that do not fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def make_confusion(classes: int) -> np.ndarray:
    return np.diag(np.full(classes, 8)) + np.eye(classes, k=1, dtype=int) * 2


def boxes(figure: Figure) -> list[tuple[Text, np.ndarray]]:
    """Draw a figure, and return the texts that are seen with left, bottom, right and top of each in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    return [(text, text.get_window_extent(canvas.get_renderer()).extents) for text in texts]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("classes", [2, 30])
def test_a_matrix_is_coloured_by_recall_in_percent(classes: int) -> None:
    confusion = make_confusion(classes)
    confusion[0] *= 1000  # a large class is coloured as a small one is
    figure = confusion_figure(confusion, [f"class {number}" for number in range(classes)], "test")
    [image] = figure.axes[0].images
    assert image.get_clim() == (0, 100)
    assert image.get_array()[0].tolist() == pytest.approx([80, 20, *[0] * (classes - 2)])
    shown = texts(figure)
    assert "8,000\n80 %" in shown
    assert "class 0 (10,000)" in shown
    assert "share of the true class, %" in shown


def test_a_class_without_rows_has_no_colour() -> None:
    figure = confusion_figure(np.array([[3, 1], [0, 0]]), ["a", "b"], "test")
    [image] = figure.axes[0].images
    assert image.get_array().mask.tolist() == [[False, False], [True, True]]
    assert "b (0)" in texts(figure)


def test_of_many_classes_the_largest_errors_are_bars() -> None:
    confusion = make_confusion(200)
    confusion[5, 7], confusion[9] = 6, 0
    figure = confusion_figure(confusion, [f"class {number}" for number in range(200)], "test: many\naccuracy 0.8")
    left, right = figure.axes
    labels = [label.get_text() for label in left.get_yticklabels()]
    assert labels[0] == "class 5 → class 7"
    assert len(labels) == len(left.patches) == MAX_BARS
    assert left.get_ylim()[0] > left.get_ylim()[1]  # the first is at the top
    assert " 6 (38 %)" in texts(figure)
    assert next(label.get_text() for label in right.get_yticklabels()) == "class 5 (8 of 16)"
    assert right.patches[0].get_width() == pytest.approx(50)
    assert "The 25 lowest recalls of 200 classes (1 without rows)" in texts(figure)


def test_without_errors_that_is_said() -> None:
    figure = confusion_figure(np.diag([3] * 31), [f"class {number}" for number in range(31)], "test")
    assert "No row is wrong." in texts(figure)
    assert find_confusions(np.diag([3, 2])) == []


@pytest.mark.parametrize("classes", [len(ODD_NAMES), 47])
def test_names_of_every_kind_are_drawn(classes: int, tmp_path: Path) -> None:
    names = [*ODD_NAMES, *(f"class {number}" for number in range(classes - len(ODD_NAMES)))]
    figure = confusion_figure(make_confusion(classes), names, "test: $1")
    shown = "\n".join(texts(figure))
    for name in (r"\$a\$ & <b>", "кошка", "(label id 5)", "a very long … number two", r"test: \$1"):
        assert name in shown
    draw_confusion(tmp_path / "confusion.png", make_confusion(classes), names, "test: $1")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob("*.tmp"))


def test_a_picture_of_many_classes_is_small(tmp_path: Path) -> None:
    draw_confusion(tmp_path / "many.png", make_confusion(300), [f"class {number}" for number in range(300)], "many")
    assert (tmp_path / "many.png").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.001, "<1 %"), (0.5, "50 %"), (0.9999, ">99 %"), (1, "100 %")]
)
def test_only_all_is_100_percent(share: float, text: str) -> None:
    assert describe_share(share) == text


def test_shortened_text_fits_and_stays_distinct() -> None:
    for text in ("a" * 50, "猫" * 50, "IMG_20240101_123456_burst.jpg"):
        for width in (1, 2, 9, 10):
            assert measure_width(shorten(text, width)) <= width
            assert measure_width(shorten_middle(text, width)) <= width
    assert shorten_middle("IMG_20240101_123456_burst.jpg", 14) == "IMG_202…st.jpg"
    assert shorten("as it is", 8) == "as it is"
    assert len(set(shorten_names(["the same beginning 1", "the same beginning 2", "other"], 10))) == 3


def curve_history(missing: str = "") -> list[dict[str, float]]:
    history: list[dict[str, float]] = []
    for epoch in (1.0, 2.0, 3.0):
        history.append({"loss": 1 / epoch, "accuracy": 0.6, "epoch": epoch})
        history.append({"eval_loss": 0.5, "eval_accuracy": 0.6, "epoch": epoch})
    return [{name: value for name, value in entry.items() if not missing or missing not in name} for entry in history]


def test_curves_show_the_kept_epoch_and_chance() -> None:
    chance = plots.Chance.measure([0, 0, 0, 1])
    assert chance.accuracy == 0.75
    assert chance.loss == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))
    figure = plots.curves_figure(epoch_table(curve_history()), plots.KeptEpoch(2.0, "macro_f1"), chance)
    for axis, level, name in zip(
        figure.axes, (chance.loss, 0.75), ("class frequencies alone (0.562)", "majority class (0.750)"), strict=True
    ):
        lines = {line.get_label(): line for line in axis.lines}
        assert list(lines) == ["train", "validation", "kept: epoch 2, best by macro_f1", name]
        assert [text.get_text() for text in axis.get_legend().get_texts()] == list(lines)
        assert set(lines["kept: epoch 2, best by macro_f1"].get_xdata()) == {2.0}
        assert set(lines[name].get_ydata()) == {level}
        assert lines[name].get_linestyle() == "--"


@pytest.mark.parametrize("missing", ["", "accuracy", "eval", "loss"])
def test_curves_of_older_runs_are_drawn(missing: str, tmp_path: Path) -> None:
    epochs = epoch_table(curve_history(missing))
    plots.draw_curves(tmp_path / "curves.png", epochs, None, None)
    plots.draw_curves(tmp_path / "curves.png", epochs.dropna(axis=1, how="all"), None, plots.Chance(0.5, 0.7))
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_captions_overlap_nothing() -> None:
    names = ["IMG_20240101_123456_burst_003_cropped_final.jpg", "W" * 60, "猫" * 40, "$price$_1.png", "a.png"]
    images = [Image.new("RGB", size) for size in ((220, 220), (220, 5), (5, 220), (220, 140), (140, 220))]
    captions = [[name, f"is {name}", f"predicted {name} >99 %"] for name in names]
    figure = plots.captioned_figure(images, captions, 3)
    drawn = boxes(figure)
    assert len(drawn) == 15
    places = [box for _, box in drawn] + [axis.get_window_extent().extents for axis in figure.axes]
    for one, other in combinations(places, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    shown = [text.get_text() for text, _ in drawn]
    assert shown[0].startswith("IMG_2024")
    assert shown[0].endswith("final.jpg")
    assert "…" in shown[0]
    assert all(text.endswith(" >99 %") for text in shown[2::3])
    assert r"\$price\$_1.png" in shown


def test_errors_say_file_label_prediction_and_confidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ["test/cat/one.png", "test/cat/two.png", "test/dog/three.png"]
    cells = []
    for file in files:
        Image.new("RGB", (8, 6)).save(path := tmp_path / Path(file).name)
        cells.append({"bytes": path.read_bytes(), "path": None})
    errors = pd.DataFrame(
        {"row": [3, 1], "file": [files[2], files[0]], "label": ["dog", "cat"], "prediction": ["cat", "dog"]}, [2, 0]
    ).assign(confidence=[0.987, 0.51])
    captions: list[list[str]] = []

    def make_figure(images: list[Image.Image], lines: list[list[str]], columns: int) -> Figure:
        captions.extend(lines)
        return plots.captioned_figure(images, lines, columns)

    monkeypatch.setattr("hfkit.report.illustrations.captioned_figure", make_figure)
    draw_errors(tmp_path / "errors.png", Dataset.from_dict({"image": cells}), errors)
    assert captions == [["three.png", "is dog", "predicted cat 99 %"], ["one.png", "is cat", "predicted dog 51 %"]]
    assert (tmp_path / "errors.png").read_bytes().startswith(b"\x89PNG")


def test_an_empty_grid_is_left_out(tmp_path: Path) -> None:
    plots.draw_image_grid(tmp_path / "grid.png", [[], []], [[], []])
    assert not (tmp_path / "grid.png").exists()
