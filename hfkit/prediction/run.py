"""One prediction from its request to its end: what comes of it is printed or written."""

import json
import time
from dataclasses import asdict

from rich.console import Console

from ..console import make_console
from ..errors import UserError, is_memory_full
from ..flags.prediction import check_is_new, is_finished
from ..flags.tables import FIND
from . import console as shown
from .output import Output, check_finished, lock_output, read_finished_digest
from .predictor import Predictor
from .prepare import Request, prepare
from .stream import Prediction


def run_prediction(request: Request) -> int:
    """Predict what was asked for, and return how many rows could not be read.

    Raises:
        UserError: The model, the input or the output is not as it must be, or the memory is full.

    """
    errors, output = make_console(is_error=True), request.output
    if output is not None and request.resume and is_finished(output) and read_finished_digest(output) is None:
        return shown.print_finished(make_console(), output, False, request.as_json)
    try:
        prediction, predictor, notes = prepare(request)
        for note in notes:
            errors.print(note.text, markup=False, highlight=False, soft_wrap=True)
        if output is not None:
            with lock_output(output):
                check_is_new(output, request.overwrite, request.resume)  # another process may have written it meanwhile
                return _write(request, predictor, prediction)
        return _show(request, prediction, errors)
    except RuntimeError as error:
        if not is_memory_full(error):
            raise
        raise UserError("The memory is full: lower --batch_size; --resume goes on with an --output.") from error


def _write(request: Request, predictor: Predictor, prediction: Prediction) -> int:
    """Write all rows, and say so, or that they are written; return how many could not be read."""
    assert request.output is not None
    if request.resume and is_finished(request.output):
        check_finished(request.output, _make_digest(request, predictor, prediction))
        return shown.print_finished(make_console(), request.output, True, request.as_json)
    output = open_output(request, predictor, prediction)
    before, start = output.progress.rows, time.perf_counter()
    prediction.write(output)
    seconds = time.perf_counter() - start
    shown.print_end(make_console(), output, seconds, output.progress.rows - before, request.as_json)
    return output.progress.unreadable


def open_output(request: Request, predictor: Predictor, prediction: Prediction) -> Output:
    """Begin the output of a request, or go on with it.

    Raises:
        UserError: It is gone on with, and is of another model, input or command line.

    """
    assert request.output is not None
    digest = _make_digest(request, predictor, prediction)
    return (Output.resume if request.resume else Output.begin)(request.output, digest)


def _make_digest(request: Request, predictor: Predictor, prediction: Prediction) -> str:
    """Return a checksum of the model, the input and the flags: an output is gone on with by the same alone."""
    source = prediction.source
    sizes = [prediction.scorer.batch_size, prediction.block]
    given = [] if request.table_flags == FIND else [asdict(request.table_flags)]
    settings = json.dumps([source.identity, source.columns, request.text_column, sizes, *given])
    return predictor.checksum(settings)


def _show(request: Request, prediction: Prediction, errors: Console) -> int:
    """Print all rows as JSON, the answer for one text or photo, or a table of the first rows; return as `_write`."""
    if request.as_json and not request.is_one_row:
        return shown.print_json(prediction, prediction.blocks())
    blocks = list(prediction.blocks(most=shown.SHOWN_ROWS))
    for block in blocks:
        shown.name_unreadable(errors, block, prediction)
    unreadable = sum(len(block.unreadable) for block in blocks)
    if not request.is_one_row:
        shown.show_first_rows(make_console(), prediction, blocks)
    elif not unreadable and request.as_json:
        shown.print_answer_as_json(prediction, blocks[0])
    elif not unreadable:
        shown.show_answer(make_console(), prediction, blocks[0])
    return unreadable
