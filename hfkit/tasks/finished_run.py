"""A finished run as a value in Python: what came of it, and its model at work."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from transformers import Pipeline

from ..console import make_console
from ..errors import UserError
from ..evaluate import EvaluationRequest, evaluate_model
from ..flags import prediction, tables
from ..hub.push import push_run
from ..prediction.loading import open_pipeline
from ..report.html import PAGE_FILE, describe_accuracy, render_run
from ..run_folders.state import check_own_file, read_json
from ..training.process_state import own_process_state
from .values import read_value

_RESULTS_FILE = "all_results.json"
_SUMMARY_FILE = "summary.json"
_REPORT_FILE = "report/classification_report.md"


class Run:
    """A finished run, whose last expression in a notebook shows its result, its baselines and its pictures.

    Args:
        folder: Of the run, such as `runs/reviews-20261125-120000`.

    Raises:
        UserError: It holds no finished run.

    Examples:
        >>> from hfkit import Run
        >>> run = Run("runs/NAME")
        >>> [name for name in run.results if name.startswith("test_accuracy")]
        ['test_accuracy', 'test_accuracy_high', 'test_accuracy_low']
        >>> run.predict(["one text", "another one"]).columns.tolist()
        ['text', 'prediction', 'confidence', 'score_fake', 'score_real']

    """

    def __init__(self, folder: str | Path) -> None:
        prediction.check_model_path(str(folder))
        self.folder = Path(folder).expanduser()
        for name in ("config.json", _RESULTS_FILE):
            if not (self.folder / name).is_file():
                raise UserError(f"{folder} is no finished run of hfkit: {name} is missing (from {Path.cwd()}).")

    @cached_property
    def results(self) -> dict[str, Any]:
        """All results by name, as in `all_results.json`, such as `test_accuracy` with `test_accuracy_low` and `_high`.

        Raises:
            UserError: The file is not what the run wrote.

        """
        check_own_file(self.folder, _RESULTS_FILE)
        return read_json(self.folder / _RESULTS_FILE)

    @property
    def report(self) -> str:
        """The metrics by class of the split that is shown, as Markdown; nothing where it has no labels.

        Raises:
            UserError: The file is not what the run wrote.

        """
        check_own_file(self.folder, _REPORT_FILE)
        file = self.folder / _REPORT_FILE
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @property
    def report_page(self) -> Path | None:
        """The page with all that the run found and did, to open in a browser; None where the run has none."""
        file = self.folder / PAGE_FILE
        return file if file.is_file() else None

    @cached_property
    def pipeline(self) -> Pipeline:
        """The model's pipeline in float32, as of `hfkit.load_pipeline`."""
        with own_process_state():
            return open_pipeline(str(self.folder))

    @property
    def model(self) -> Any:
        """The model, in evaluation mode."""
        return self.pipeline.model

    def predict(self, rows: Any, batch_size: int | None = None, **columns: Any) -> pd.DataFrame:
        """Predict rows without labels, as `load_pipeline(...).predict` does.

        Args:
            rows: A list of texts or photos, or a table (a DataFrame, a Dataset, a list of dictionaries), whose columns are kept.
            batch_size: Rows of a batch; default: 32 on a CPU, else 128.
            columns: `text` or `image`, the column; default: as in the run, or found by its name.

        Returns:
            The rows with `prediction`, `confidence`, `score_LABEL` for each label, and perhaps `answered`.

        Raises:
            TypeError: The rows are neither a list nor a table, or a row is of a kind that is not understood.
            ValueError: A row cannot be read, or is the name of a file, or a column is not there.

        """
        pipeline: Any = self.pipeline
        return pipeline.predict(rows, batch_size=batch_size, **columns)

    def evaluate(
        self,
        data: Any,
        *,
        labels: Any = None,
        text: str | Sequence[str] | None = None,
        image: str | None = None,
        label: str | Sequence[str] | None = None,
        label_from_name: str | None = None,
        split: str | None = None,
        batch_size: int | None = None,
        output_dir: str | Path | None = None,
        keep_columns: Sequence[str] | None = None,
        label_separator: str | None = None,
        **table_flags: Any,
    ) -> dict[str, Any]:
        """Evaluate the model on labelled data, as `hfkit evaluate` does, and write the report into a new folder.

        Args:
            data: As training takes them: a DataFrame, a list, a Dataset, a dictionary of splits, or a name.
            labels: Labels of a list of texts or images.
            text: The text column, or two; default: as in the run, or found by its name.
            image: The image column; default: found.
            label: The label column, or several; default: as in the run, or found by its name.
            label_from_name: How the names of image files have the label, as `--label_from_name`; default: not.
            split: Which of several splits; default: test, else validation.
            batch_size: Rows of a batch; default: 32 on a CPU, else 128.
            output_dir: New folder of the report; default: `runs/evaluate-NAME-TIME`.
            keep_columns: Columns of texts that stand beside the predictions; default: one that is called an id.
            label_separator: What stands between the labels of a row, or `none`; default: as in the run, or found.
            table_flags: How a file is written: `separator`, `header`, `quoting`, `encoding`, `encoding_errors`; default: found.

        Returns:
            The results by name, such as `test_accuracy`, each with its interval.

        Raises:
            TypeError: The data is of a kind that is not understood.
            ValueError: It is of such a kind, and not as it must be.
            UserError: A column or a label is not as it must be.

        """
        texts = [text] if isinstance(text, str) else None if text is None else list(text)
        folder = None if output_dir is None else Path(output_dir).expanduser()
        is_text = self.pipeline.tokenizer is not None
        source, dataset = read_value(
            "text" if is_text else "image", data, labels, texts if is_text else image, label, needs_train=False
        )
        named = dataset if source is None else None
        prediction.check_evaluation_early(str(self.folder), named, folder, split, batch_size, label_from_name)
        request = EvaluationRequest(
            *(str(self.folder), dataset, folder, split, texts, label, image, label_from_name, batch_size),
            table_flags=tables.TableFlags(**table_flags),
            label_separator=label_separator,
            keep_columns=None if keep_columns is None else list(keep_columns),
            source=source,
        )
        with own_process_state():
            return evaluate_model(request, make_console())[1]

    def push(
        self,
        repo_id: str,
        license: str,
        language: str | None = None,
        private: bool = False,
        predictions: bool = False,
        name_private: bool = False,
    ) -> dict[str, Any]:
        """Prove that the model works for others, upload it, and prove it again from the Hub, as `hfkit push` does.

        Args:
            repo_id: `USER/NAME` on the Hub; it is made if it is not there.
            license: The model's license, by the Hub's name for it, such as `mit`.
            language: Language of the texts, such as `en`.
            private: Whether the repository is private.
            predictions: Upload held-out rows with their predictions, too.
            name_private: Name data and a backbone that are private on the Hub, too.

        Returns:
            `repo_id`, `commit`, `tag`, `proven`, and the line of Python that loads exactly this model.

        Raises:
            UserError: The proof fails (nothing is uploaded then), or the Hub refuses.

        """
        return push_run(self.folder, repo_id, license, language, private, predictions, name_private)

    def _summary(self) -> dict[str, Any]:
        file = self.folder / _SUMMARY_FILE
        return read_json(file) if file.is_file() else {}

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}): {describe_accuracy(self.results)}"

    def _repr_html_(self) -> str:
        return render_run(self.folder, self.results, self._summary())
