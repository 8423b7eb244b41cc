"""From a name to the pipeline of a saved model in float32, and the checksum that tells models apart."""

from dataclasses import dataclass

import torch
import xxhash
from transformers import Pipeline
from transformers.utils import logging

from ..errors import UserError, first_sentence
from ..machine import code_checksum, package_versions
from .contents import read_run_columns
from .model_name import check_model_name
from .pipelines import load_pipeline
from .predictor import Scorer as Scorer  # for those who predict with one
from .results import ResultColumns
from .scorer import make_scorer


def open_pipeline(name: str, revision: str | None = None) -> Pipeline:
    """Load a run, a saved model or a Hub id in float32.

    Raises:
        UserError: There is no such model, it is not one of hfkit's, or it cannot be loaded.

    """
    source = check_model_name(name)
    logging.disable_progress_bar()
    options = {} if revision is None else {"revision": revision}
    try:
        return load_pipeline(source, dtype=torch.float32, **options)
    except (torch.OutOfMemoryError, KeyboardInterrupt, SystemExit, UserError):
        raise
    except BaseException as error:  # whatever a stranger's files may cause; a panic of tokenizers is no Exception
        raise UserError(
            f"The model {name} cannot be loaded ({first_sentence(error)}): name the folder of a finished run or of a saved "
            "model of hfkit, or a Hub id."
        ) from error


def prediction_digest(pipeline: Pipeline, *settings: str) -> str:
    """Return a checksum of all that predictions depend on: weights, preprocessing, code, and further settings."""
    digest = xxhash.xxh3_128()
    for name, tensor in pipeline.model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    digest.update(pipeline.model.config.to_json_string().encode())
    if pipeline.tokenizer is not None:
        backend = getattr(pipeline.tokenizer, "backend_tokenizer", None)
        digest.update((backend.to_str() if backend is not None else str(pipeline.tokenizer)).encode())
    else:
        digest.update(pipeline.image_processor.to_json_string().encode())
    for text in (code_checksum(), str(package_versions()), *settings):
        digest.update(f"\0{text}".encode())
    return digest.hexdigest()


@dataclass
class PipelinePredictor:
    """A run, a saved model or a Hub id in `hfkit predict`, by the pipeline of its task."""

    name: str
    revision: str | None
    pipeline: Pipeline
    scorer: Scorer
    results: ResultColumns

    @classmethod
    def open(cls, name: str, revision: str | None = None, batch_size: int | None = None) -> "PipelinePredictor":
        """Load a model, see `open_pipeline`.

        Raises:
            UserError: As there.

        """
        pipeline = open_pipeline(name, revision)
        results = ResultColumns.of_model(pipeline.model)
        return cls(name, revision, pipeline, make_scorer(pipeline, batch_size), results)

    @property
    def reads_texts(self) -> bool:
        """Whether it classifies texts, and not photos."""
        return self.pipeline.tokenizer is not None

    @property
    def reads_pairs(self) -> bool:
        """Whether a row is a pair of texts."""
        return getattr(self.pipeline.model.config, "pair", "join") != "join"

    def text_columns(self) -> list[str]:
        """Return those of the run, where its folder or Hub repository says them."""
        return read_run_columns(self.name, self.revision)

    def checksum(self, *settings: str) -> str:
        """Return a checksum of weights, preprocessing, code, and further settings."""
        return prediction_digest(self.pipeline, *settings)
