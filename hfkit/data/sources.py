"""Where rows come from: the embedded sample, the public tweets, a file, a folder, or the Hub; one table a split."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import UserError
from ..flags.paths import DATA_SUFFIXES, check_dataset_path
from ..notes import Note
from .split_names import SPLIT_NAMES, find_split_column, note_column_ignored, rows_of_splits, split_named

if TYPE_CHECKING:
    from datasets import Dataset, Features

SAMPLE_FOLDER = Path(__file__).parent / "sample"

# The English split of Constraint@AAAI-2021 (Patwa et al., arXiv 2011.03327), pinned by commit and SHA-256.
CONSTRAINT_URL = (
    "https://raw.githubusercontent.com/diptamath/covid_fake_news/030deba36d118c124709fd72d7d5f14c7bc69053/data/"
)
CONSTRAINT_FILES = {
    "train": ("Constraint_Train.csv", "441f3985bb76eb69d1e488cf292f80add96c4dddfa43ba7c060889607837ddce"),
    "validation": ("Constraint_Val.csv", "c610931d0641fe1d9b9495c453f99ae7aa45bf294c7db6333ec84ecebb0b6c3c"),
    "test": ("english_test_with_labels.csv", "7152fc681884a22013218c5dd9a73c6fd99d4b084705723e1e49d18c97ca8281"),
}


@dataclass
class Source:
    """Tables as they were read.

    Attributes:
        name: What messages call them.
        tables: One for each split; their index is the position of the row in its file.
        class_names: Names of the classes, by column, where the file or Hub entry states them.
        notes: What was found by its name.

    """

    name: str
    tables: dict[str, pd.DataFrame]
    class_names: dict[str, list[str]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def read_source(
    dataset: str, config: str | None = None, revision: str | None = None, used: Collection[str | None] = ()
) -> Source:
    """Read all splits of `dataset`: `sample`, `constraint`, a file, a folder, or a Hub id.

    Args:
        dataset: Its name.
        config: Configuration of a Hub dataset.
        revision: Branch, tag or commit of a Hub dataset.
        used: Columns that are named for something else, so that they do not say the split of rows.

    Raises:
        UserError: It is not there, cannot be reached, or cannot be read.

    """
    if dataset == "sample":
        return _read_folder(SAMPLE_FOLDER, "sample")
    if dataset == "constraint":
        return _read_constraint()
    path = Path(dataset).expanduser()
    if path.is_dir():
        source = _read_folder(path, dataset)
    elif path.is_file():
        table, class_names = read_file(path)
        source = Source(dataset, {"train": table}, class_names)
    else:
        check_dataset_path(dataset)
        source = _read_hub(dataset, config, revision)
    source.tables, source.notes = split_by_column(source, used)
    return source


def split_by_column(source: Source, used: Collection[str | None]) -> tuple[dict[str, pd.DataFrame], list[Note]]:
    """Part the rows by their column `split`, where there is one and nothing else says the splits; also say so."""
    tables = source.tables
    if len(tables) > 1:
        return tables, note_column_ignored({split: map(str, table.columns) for split, table in tables.items()}, used)
    table = tables["train"]
    column = find_split_column(map(str, table.columns), used)
    if column is None:
        return tables, []
    rows, note = rows_of_splits(source.name, column, table[column])
    return {split: table.iloc[positions] for split, positions in rows.items()} or tables, [note]


def _read_folder(folder: Path, name: str) -> Source:
    """Read the train, validation and test files of a folder."""
    tables: dict[str, pd.DataFrame] = {}
    class_names: dict[str, list[str]] = {}
    read_from: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        split = _find_split(path)
        if split is None:
            continue
        if split in tables:
            raise UserError(f"{folder} has two files for {split}: {read_from[split].name} and {path.name}; keep one.")
        tables[split], names = read_file(path)
        read_from[split] = path
        class_names |= names
    if "train" not in tables:
        raise UserError(
            f"{folder} has no training file: name it train.csv (or {', '.join(s[1:] for s in DATA_SUFFIXES[1:])}), "
            "and the others validation and test."
        )
    return Source(name, tables, class_names)


def _find_split(path: Path) -> str | None:
    """Return the split that a data file's name tells."""
    return split_named(path.stem) if path.suffix.lower() in DATA_SUFFIXES and path.is_file() else None


def read_file(path: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read one file by its suffix; cells of CSV and TSV stay text, and an empty cell is an empty text."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".csv", ".tsv"):
            return _read_delimited(path, "\t" if suffix == ".tsv" else ","), {}
        if suffix in (".json", ".jsonl"):
            # dtype=object: pandas would turn whole numbers beside an empty cell into decimal ones.
            return pd.DataFrame(_read_json(path), dtype=object), {}
        if suffix == ".parquet":
            return _read_parquet(path)
    except UnicodeDecodeError as error:
        raise encoding_error(path, error) from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # pandas' and pyarrow's parser errors are ValueErrors, too
        raise UserError(f"{path} cannot be read as {suffix[1:]}: {' '.join(str(error).split())}.") from error
    raise UserError(f"{path} has an unknown format: write one of {', '.join(DATA_SUFFIXES)}.")


def encoding_error(path: Path, error: UnicodeDecodeError) -> UserError:
    """Return the error of a file that is not UTF-8, with the command that makes it so."""
    byte = error.object[error.start]
    encoding = "utf-16" if error.start == 0 and byte in (0xFE, 0xFF) else "latin1"
    return UserError(
        f"{path} is not UTF-8 (byte 0x{byte:02x}): save it as UTF-8, for example by "
        f"iconv -f {encoding} -t utf-8 {path.name} > utf8{path.suffix.lower()}."
    )


def _read_delimited(path: Path, separator: str) -> pd.DataFrame:
    """Read CSV or TSV as text; refuse what pandas would read, but not as it was meant.

    Raises:
        UserError: Rows have more fields than the header, or a quote is never closed and swallows rows.

    """
    table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes surplus fields for row names and shifts the columns
        raise UserError(
            f"{path} has rows with more fields than its header names ({', '.join(map(str, table.columns))}): quote texts "
            f"that hold a {'tab' if separator != ',' else 'comma'}, and end no row with one."
        )
    with path.open("rb") as file:
        quotes = sum(chunk.count(b'"') for chunk in iter(lambda: file.read(1 << 20), b""))
    rows = enumerate(table.itertuples(index=False), 1) if quotes % 2 else ()
    several_lines = [number for number, row in rows if "\n" in "".join(row)]
    if several_lines:
        raise UserError(
            f"{path} has a double quote that is never closed: row {several_lines[0]} goes on over several lines. Double the "
            'quotes inside of a text ("") and put the text in quotes.'
        )
    return table


def _read_json(path: Path) -> list[dict[str, object]]:
    """Read a JSON array of objects, or one object a line; whole numbers stay whole."""
    text = path.read_text(encoding="utf-8-sig")
    # Not splitlines(): it also splits at line separators inside of a text.
    is_array = text.lstrip().startswith("[")
    rows = json.loads(text) if is_array else [json.loads(line) for line in text.split("\n") if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("it must hold one object with the columns for each row")
    return rows


def _read_parquet(path: Path) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read a parquet file, with the class names that a Hugging Face export states in its schema."""
    import pyarrow.parquet
    from datasets import Features

    content = pyarrow.parquet.read_table(path)
    return _with_class_names(content.to_pydict(), Features.from_arrow_schema(content.schema))


def _with_class_names(content: dict[str, list[Any]], features: "Features") -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Make a table; the ids of ClassLabel columns become names."""
    from datasets import ClassLabel

    class_names = {name: list(feature.names) for name, feature in features.items() if isinstance(feature, ClassLabel)}
    table = pd.DataFrame(content, dtype=object)
    for column, names in class_names.items():
        table[column] = ids_to_names(content[column], names)
    return table, class_names


def ids_to_names(ids: Iterable[int | None], names: list[str]) -> list[str | None]:
    """Return the class names of the ids of a ClassLabel; -1, the Hub's sign for a hidden label, has none."""
    return [names[index] if index is not None and index >= 0 else None for index in ids]


def _read_constraint() -> Source:
    """Download the three pinned files of the COVID-19 fake-news tweets (cached by `datasets`) and check their sums."""
    from datasets import DownloadManager

    tables: dict[str, pd.DataFrame] = {}
    for split, (file_name, expected) in CONSTRAINT_FILES.items():
        url = CONSTRAINT_URL + file_name
        try:
            path = Path(DownloadManager().download(url))
        except (OSError, ValueError) as error:  # requests' and fsspec's connection errors are OSErrors
            raise UserError(
                f"The tweets cannot be downloaded from {url} ({type(error).__name__}): check the network, or name a "
                "file or folder of your own by --dataset."
            ) from error
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            raise UserError(
                f"{url} is not the file that is expected (its SHA-256 differs): delete {path} and try again."
            )
        tables[split] = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return Source("constraint", tables)


def _read_hub(dataset: str, config: str | None, revision: str | None) -> Source:
    """Load a dataset of the Hub as tables."""
    return Source(dataset, *tables_of_datasets(load_hub(dataset, config, revision)))


def tables_of_datasets(splits: dict[str, "Dataset"]) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return datasets as tables, and the names of the classes by column that they state."""
    tables: dict[str, pd.DataFrame] = {}
    class_names: dict[str, list[str]] = {}
    for split, rows in splits.items():
        tables[split], stated = _with_class_names(rows.to_dict(), rows.features)
        class_names |= stated
    return tables, class_names


def load_hub(dataset: str, config: str | None, revision: str | None) -> dict[str, "Dataset"]:
    """Load a dataset of the Hub and bring its splits under our names.

    Raises:
        UserError: It is not there, cannot be reached, or has no train split.

    """
    from datasets import DatasetDict, load_dataset
    from datasets.exceptions import DatasetsError

    from ..offline import use_cache_without_hub

    use_cache_without_hub()
    try:
        loaded = load_dataset(dataset, config, revision=revision)
    # Not found, not reachable, no such configuration; a script, which datasets runs no more; files that do not fit.
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise UserError(
            f"The dataset {dataset} is neither a file or folder here nor one on the Hub that can be reached: "
            f"{' '.join(str(error).split()).rstrip('.')[:300]}."
        ) from error
    assert isinstance(loaded, DatasetDict)
    splits = {}
    for split, names in SPLIT_NAMES.items():
        source_split = next((name for name in names if name in loaded), None)
        if source_split is not None:
            splits[split] = loaded[source_split]
    if "train" not in splits:
        raise UserError(f"The dataset {dataset} has no train split, only {', '.join(loaded)}.")
    return splits
