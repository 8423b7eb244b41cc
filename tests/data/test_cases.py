"""Files in the shapes that people's data arrive in: made-up rows, kept beside the repository."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from hfkit.data.splits import LabelledData
from hfkit.data.text import load_text_data
from hfkit.errors import UserError
from hfkit.flags.arguments import TextDataArguments

CASES = Path(os.environ.get("HFKIT_TEST_CASES", Path(__file__).parents[3] / "shared" / "cases"))

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason=f"needs example files in HFKIT_TEST_CASES ({CASES} is not there)"
)

READ: list[tuple[str, dict[str, Any], int, list[str], str]] = [
    ("01b-quotes/tweets.tsv", {}, 120, ["fake", "real"], "tab-separated, header, quotes kept, UTF-8"),
    ("01b-quotes/odd.tsv", {}, 120, ["fake", "real"], "tab-separated, header, quotes kept, UTF-8"),
    ("04-isot", {}, 140, ["Fake", "True"], "Labels: by the names of the files (Fake 70, True 70)."),
    ("04-isot/merged.csv", {}, 140, ["0", "1"], "Label column: class"),
    ("05-sms/spam.csv", {}, 120, ["ham", "spam"], "cp1252 (guessed)"),
    ("05-sms/SMSSpamCollection", {}, 120, ["ham", "spam"], "tab-separated, no header"),
    ("05-sms/sms.tsv", {"header": False, "encoding": "utf-8", "separator": "tab"}, 120, ["ham", "spam"], "no header"),
    ("06-imdb", {}, 160, ["neg", "pos"], "Labels: by the names of the folders"),
    ("06-imdb/aclImdb", {}, 160, ["neg", "pos"], "unsup 20"),
    ("07-agnews", {"header": False, "label_column": "1", "text_column": ["2", "3"]}, 160, list("1234"), "no header"),
    ("07-agnews", {}, 160, list("1234"), "Text column: 3 (the file has no header"),
    ("13-semicolon/tweets.csv", {}, 100, ["echt", "falsch"], "semicolon-separated"),
    ("13-semicolon/tweets16.csv", {}, 100, ["echt", "falsch"], "UTF-16"),
    ("13b-semicolon-nocomma/tweets.csv", {}, 100, ["echt", "falsch"], "semicolon-separated"),
    ("16-labels/bool.csv", {}, 120, ["False", "True"], "comma-separated"),
    ("16-labels/float.csv", {}, 120, ["0", "1"], "are whole numbers, and 0.0, 1.0 are written so"),
    ("16-labels/minus1.csv", {}, 120, ["-1", "1"], "comma-separated"),
    ("16-labels/nan.csv", {}, 108, ["fake", "real"], "12 of train (no label)"),
    ("16-labels/nanword.csv", {}, 120, ["True", "nan"], "A class is called 'nan' (62 rows)"),
    ("17-pair/quora.csv", {"text_column": ["question1", "question2"]}, 100, ["0", "1"], "Label column: is_duplicate"),
    (
        "17-pair/nli.jsonl",
        {"text_column": ["premise", "hypothesis"]},
        100,
        ["contradiction", "entailment"],
        "one object a line",
    ),
    ("18-long/long.csv", {}, 60, [], "comma-separated"),
    ("19-json/nested.json", {}, 80, ["0", "1"], "rows under 'data'"),
    ("19-json/pandas.json", {}, 80, ["0", "1"], "pandas by columns"),
    ("19-json/sarcasm.json", {}, 80, ["0", "1"], "Text column: headline"),
    ("19-json/twitter.jsonl", {}, 80, ["0", "1"], "Text column: full_text"),
    ("21-spacetags/tags.csv", {}, 140, [], "are put together of others"),
    ("22-truncutf8/tweets.tsv", {"encoding_errors": "replace"}, 120, ["NOT", "OFF"], "broken characters: replace"),
    ("23-tabcsv/spam.csv", {}, 100, ["ham", "spam"], "tab-separated"),
    (
        "26-splitcol/data.csv",
        {},
        150,
        ["fake", "real"],
        "Splits: by the column 'split' (90 train, 30 validation, 30 test)",
    ),
]
COMMENT_LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
SEVERAL_LABELS: list[tuple[str, dict[str, Any], int, list[str], str]] = [
    ("09-jigsaw/train.csv", {}, 120, ["toxic", "obscene", "insult"], "Label columns: toxic, obscene, insult"),
    ("09-jigsaw/train.csv", {"label_column": COMMENT_LABELS}, 120, COMMENT_LABELS, "any number of 6 a row"),
    ("09-jigsaw/goemotions.tsv", {}, 160, ["0", "1", "2", "3", "4", "27"], "separated by ',' (found"),
    ("09-jigsaw/lists.csv", {}, 120, ["0", "1", "2"], "from lists in brackets of 0 and 1, one place for each label"),
    ("09-jigsaw/lists.csv", {"label_names": ["a", "b", "c"]}, 120, ["a", "b", "c"], "any number of 3 a row"),
    ("09-jigsaw/pipes.csv", {}, 120, ["fake", "health", "none", "politics"], "A label is called 'none' (25 rows)"),
    (
        "21-spacetags/tags.csv",
        {"label_separator": " "},
        140,
        ["agriculture", "clear", "haze", "primary"],
        "any number a row, separated by ' '",
    ),
]
REFUSED = [
    (
        "17-pair/quora.csv",
        "only: id, qid1, qid2, question1, question2, is_duplicate; write --text_column NAME. The longest texts are in "
        "'question1'. If each row is a pair of texts, write --text_column question1 question2.",
    ),
    ("42-pixelscsv", "holds 64 pixels a row (pixel0, pixel1, ...): images are read from files"),
    ("16-labels/case.csv", "'real' (48 rows) and 'Real' (10 rows)"),
    ("16-labels/regress.csv", "regression is not supported"),
    ("22-truncutf8/tweets.tsv", "in line 62, character 78"),
]


def load(name: str, **options: Any) -> LabelledData:
    return load_text_data(TextDataArguments(dataset=str(CASES / name), **options))


@pytest.mark.parametrize(("name", "options", "rows", "labels", "note"), READ, ids=[case[0] for case in READ])
def test_it_is_read(name: str, options: dict[str, Any], rows: int, labels: list[str], note: str) -> None:
    data = load(name, **options)
    assert sum(map(len, data.splits.values())) == rows
    assert labels in ([], data.label_names)
    assert not data.is_multi_label
    assert any(note in said.text for said in data.notes)


@pytest.mark.parametrize(
    ("name", "options", "rows", "labels", "note"), SEVERAL_LABELS, ids=[case[0] for case in SEVERAL_LABELS]
)
def test_several_labels_a_row_are_read(
    name: str, options: dict[str, Any], rows: int, labels: list[str], note: str
) -> None:
    data = load(name, **options)
    assert data.is_multi_label
    assert sum(map(len, data.splits.values())) == rows
    assert data.label_names == labels
    assert any(note in said.text for said in data.notes)


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_it_is_refused(name: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        load(name)
    assert words in str(error.value)
    assert len(str(error.value)) < 900
    assert "\n" not in str(error.value)


def test_files_of_classes_alone(tmp_path: Path) -> None:
    for name in ("True.csv", "Fake.csv"):
        shutil.copy(CASES / "04-isot" / name, tmp_path)
    data = load_text_data(TextDataArguments(dataset=str(tmp_path)))
    assert data.label_names == ["Fake", "True"]
    assert sum(map(len, data.splits.values())) == 140
