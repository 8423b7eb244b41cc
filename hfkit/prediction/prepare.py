"""From a request to a prediction that is ready to run: rows, model, and what of a row the model reads."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..data.columns import have_no_names
from ..flags.prediction_input import InputKind
from ..flags.tables import FIND, TableFlags
from ..notes import Note
from .contents import check_pairs, choose_text_columns, longest_texts, read_text
from .opening import open_predictor
from .predictor import Predictor
from .rows import RowSource
from .sources import open_source
from .stream import Prediction, ReadContent, check_kind_fits

_ROWS_LOOKED_AT = 1000


@dataclass(frozen=True)
class Request:
    """What is predicted by what, and what becomes of it.

    Attributes:
        model: Folder of a run, of a saved or of an exported model, or a Hub id.
        given: A path, `-` for lines on stdin, or a text.
        kind: Which of them.
        output: The CSV file that is written; None: the results are printed.
        text_column: One or two columns of the text; None: they are found.
        as_json: Whether JSON is printed.
        resume: Whether an output is gone on with.
        batch_size: Rows of a batch; None: by the device.
        revision: Branch, tag or commit of a Hub id.
        table_flags: What flags say of the format of a table.
        overwrite: Whether an output that is there may be replaced.

    """

    model: str
    given: str
    kind: InputKind
    output: Path | None = None
    text_column: list[str] | None = None
    as_json: bool = False
    resume: bool = False
    batch_size: int | None = None
    revision: str | None = None
    table_flags: TableFlags = FIND
    overwrite: bool = False

    @property
    def is_one_row(self) -> bool:
        """Whether it is one text or one photo."""
        return self.kind in (InputKind.TEXT, InputKind.PHOTO)


def prepare(request: Request) -> tuple[Prediction, Predictor, list[Note]]:
    """Open rows and model, and return the prediction, what predicts, and notes on what was found.

    Raises:
        UserError: The model or the input is not as it must be.

    """
    source, notes = open_source(request.given, request.kind, request.table_flags, request.text_column or ())
    predictor = open_predictor(request.model, request.revision, request.batch_size)
    prediction, more = _join(request, source, predictor)
    return prediction, predictor, [*notes, *more]


def prepare_with(predictor: Predictor, request: Request) -> tuple[Prediction, list[Note]]:
    """Open the rows of a request for a model that is open already, and return the prediction and notes on what was found.

    Raises:
        UserError: The input is not as it must be.

    """
    source, notes = open_source(request.given, request.kind, request.table_flags, request.text_column or ())
    prediction, more = _join(request, source, predictor)
    return prediction, [*notes, *more]


def _join(request: Request, source: RowSource, predictor: Predictor) -> tuple[Prediction, list[Note]]:
    """Return the prediction of rows by a model, and notes on what of a row the model reads."""
    check_kind_fits(predictor.reads_texts, source.has_photos, source.name)
    predictor.results.check_free(source.name, source.columns)
    read, notes = _make_reader(request, source, predictor)
    return Prediction(source, predictor.scorer, read, predictor.results), notes


def _make_reader(request: Request, source: RowSource, predictor: Predictor) -> tuple[ReadContent, list[Note]]:
    """Return what takes the content out of a row, and notes on where it is."""
    if source.has_photos:
        return lambda row: (row.photo, ""), []
    as_pairs = predictor.reads_pairs
    if request.kind in (InputKind.LINES, InputKind.TEXT):
        check_pairs("One text a row", [0], as_pairs)
        return lambda row: read_text(row, [0]), []
    of_run = [] if request.text_column else predictor.text_columns()
    is_named = request.text_column or (of_run and set(of_run) <= set(source.columns))
    if have_no_names(source.columns) and not is_named:
        check_pairs(source.name, [0], as_pairs)
        place = longest_texts([row.cells for row in islice(source.rows(), _ROWS_LOOKED_AT)])
        text = f"Text column: {place + 1} (the file has no header; it has the longest texts)."
        return lambda row: read_text(row, [place]), [Note("text_column", text)]
    positions, notes = choose_text_columns(source.name, source.columns, request.text_column, of_run)
    check_pairs(source.name, positions, as_pairs)
    return lambda row: read_text(row, positions, as_pairs), notes
