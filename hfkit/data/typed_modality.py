"""What typed columns hold, texts or images: those of a parquet file or of a Hub dataset."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Literal

from ..errors import UserError
from .columns import TEXT_COLUMNS
from .table_files import check_is_no_pointer

Modality = Literal["text", "image"]
_ROWS_AT_ONCE = 20
_BEGINS_OF_IMAGES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF", b"II*", b"MM")


def modality_of_parquet(source: str, path: Path) -> Modality:
    """Tell it of a parquet file by the types of its columns, and of bytes by the first of them.

    Args:
        source: What messages call the data.
        path: The file.

    Raises:
        UserError: It cannot be read, or has neither images nor texts.

    """
    import pyarrow.parquet
    from datasets import Features

    try:
        check_is_no_pointer(path)
        schema = pyarrow.parquet.read_schema(path)
        texts = [name for name in schema.names if _is_binary(schema.field(name).type) and _holds_text(path, name)]
        return modality_of_columns(source, Features.from_arrow_schema(schema), texts)
    except (OSError, ValueError, TypeError, LookupError, NotImplementedError) as error:
        raise UserError(f"{path} cannot be read as parquet: {' '.join(str(error).split()).rstrip('.')}.") from error


def _is_binary(kind: Any) -> bool:
    import pyarrow.types

    return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))


def _holds_text(path: Path, column: str) -> bool:
    """Tell whether the first cell of a binary column of a parquet file that is not empty is the bytes of a text."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[column]):
            cell = next((cell for cell in batch.column(0).to_pylist() if cell), None)
            if cell is not None:
                return b"\0" not in cell and not cell.startswith(_BEGINS_OF_IMAGES)
    return False


def modality_of_columns(source: str, features: Any, binary_texts: Collection[str] = ()) -> Modality:
    """Tell it of typed columns: one of images, or with a usual name for images that holds no text; else one with text.

    Args:
        source: What messages call the data.
        features: The types of the columns by name.
        binary_texts: Columns of bytes that are texts.

    Raises:
        UserError: They are neither.

    """
    from datasets import Image

    from .image_features import IMAGE_COLUMNS, holds_bytes

    kinds = {str(name): str(getattr(feature, "dtype", "")) for name, feature in features.items()}
    texts = [name for name, kind in kinds.items() if kind in ("string", "large_string") or name in binary_texts]
    named = [name for name in kinds if name.lower() in IMAGE_COLUMNS and name not in texts]
    if named or any(
        isinstance(feature, Image) or (holds_bytes(feature) and name not in texts) for name, feature in features.items()
    ):
        return "image"
    if texts:
        return "text"
    raise UserError(
        f"{source} has neither a column of images nor one of texts ({_list(IMAGE_COLUMNS)}; {_list(TEXT_COLUMNS)}), only "
        f"{', '.join(kinds)}: say by --task text or --task image what it holds, and name the columns."
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:3])
