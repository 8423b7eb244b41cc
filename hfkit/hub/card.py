"""The model card: what a stranger must know of a model, from what its run has written down."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from ..models import FAMILIES
from ..report.abstention import read_abstention
from ..report.baselines import compared_baselines, read_baselines, shown_baselines
from ..report.class_report import read_report
from ..report.summary import METRICS, SUMMARY_FILE
from ..report.tables import escape_markdown, markdown_table
from .examples import find_examples, write_example
from .figures import class_table, list_labels, list_results, result_table, row_table, shorten_line
from .limitations import describe_limitations
from .packages import list_packages

TEMPLATE = """---
{{ card_data }}
---

# {{ title }}

{{ summary }}

## Results

{{ results }}
95 % intervals are for rows like those that were held out: of the accuracy Wilson's, of macro F1 by the bootstrap.

{{ baselines }}{% for picture in pictures %}![{{ picture[0] }}]({{ picture[1] }})
{% endfor %}
{{ classes }}{{ abstention }}
## How to use it

```bash
pip install {{ packages }}
```

```python
from transformers import pipeline

classify = pipeline("{{ task }}", model="{{ repo_id }}", revision="{{ tag }}", trust_remote_code=True)
classify({{ example }})
```

`trust_remote_code=True` runs the Python files of this repository: read them first. The tag `{{ tag }}` was set after the
files had been loaded back from the Hub by a process without hfkit and had given the run's own scores. With hfkit none of this
repository's code runs:

```python
from hfkit import load_pipeline

load_pipeline("{{ repo_id }}", revision="{{ tag }}")({{ example }})
```

## How it was trained

- Backbone: {{ backbone }}.
{% for line in lines %}- {{ line }}
{% endfor %}
`hfkit.yaml` has the flags; `hfkit reproduce {{ repo_id }}` runs them again and compares the results.

## Data

{{ rows }}
{% for line in data_lines %}- {{ line }}
{% endfor %}
## Limitations

{% for line in limitations %}- {{ line }}
{% endfor %}
## Versions

{{ versions }}
"""


def build_card(run: Path, folder: Path, repo_id: str, tag: str, license_name: str, language: str | None) -> ModelCard:
    """Write the card of a run.

    Args:
        run: The run's folder.
        folder: What is pushed of it, whose summary names nothing private.
        repo_id: Where it is pushed.
        tag: The tag that will name the proven commit.
        license_name: The model's license, by the Hub's name for it.
        language: Language of the texts, if known.

    """
    summary = _read(folder / SUMMARY_FILE)
    results = _read(run / "all_results.json")
    shown = read_report(run)
    family = FAMILIES[_read(run / "config.json")["model_type"]]
    is_text = family.task == "text-classification"
    widget = find_examples(run) if is_text else []
    data = ModelCardData(
        library_name="transformers",
        pipeline_tag=family.task,
        license=license_name,
        language=language,
        base_model=summary["base_model"],
        base_model_relation="finetune" if summary["base_model"] else None,
        datasets=[summary["dataset_id"]] if summary["dataset_id"] else None,
        metrics=sorted(METRICS.values()),
        tags=["hfkit", summary["head"], *(["custom_code"])],
        model_name=repo_id.rpartition("/")[2],
        eval_results=list_results(results, summary, family.task),
        widget=[{"text": text} for text in widget] or None,
    )
    pictures = [("Confusion matrix", "report/confusion_matrix.png"), ("F1 by label", "report/f1_by_label.png")]
    pictures += [("Losses and accuracies", "report/curves.png")]
    return ModelCard.from_template(
        data,
        template_str=TEMPLATE,
        title=repo_id.rpartition("/")[2],
        summary=escape_markdown(f"{summary['kind']} Labels: {list_labels([*summary['classes']])}."),
        results=markdown_table(result_table(results, summary, shown)),
        baselines=_describe_baselines(run),
        pictures=[picture for picture in pictures if (run / picture[1]).exists()],
        classes=class_table(shown) if shown else "",
        abstention=_describe_answers(run),
        packages=" ".join(list_packages(run)),
        task=family.task,
        repo_id=repo_id,
        tag=tag,
        example=write_example(run, widget) if is_text else '"photo.jpg"',
        backbone=escape_markdown(summary["base_model"] or summary["backbone"]),
        lines=[escape_markdown(shorten_line(line)) for line in summary["lines"]],
        data_lines=[escape_markdown(shorten_line(line)) for line in summary["data_lines"]],
        rows=row_table(summary),
        limitations=[escape_markdown(line) for line in describe_limitations(shown, summary)],
        versions=", ".join(f"{name} {version}" for name, version in _read(run / "env.json")["packages"].items()) + ".",
    )


def plain_card(model: Any) -> ModelCard:
    """Return a short card for a model that is pushed without a run: what it is and how to load it, and no results."""
    task = FAMILIES[model.config.model_type].task
    names = escape_markdown(list_labels([*model.config.id2label.values()]))
    data = ModelCardData(library_name="transformers", pipeline_tag=task, tags=["hfkit", "custom_code"])
    content = f'A classifier of hfkit. Labels: {names}. It loads by `pipeline("{task}", ..., trust_remote_code=True)`.'
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{content}\n")


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def _describe_baselines(run: Path) -> str:
    """Return the table of the run's baselines, and what comparing the model with them gave; nothing where it has none."""
    table = read_baselines(run)
    if table is None:
        return ""
    lines = " ".join(escape_markdown(baseline.sentence()) for baseline in compared_baselines(table))
    split = escape_markdown(str(table["split"][0]))
    title = f"Beside what costs next to nothing, on {split} (differences of accuracy are paired, tested by McNemar's exact test):"
    return f"{title}\n\n{markdown_table(shown_baselines(table))}\n{lines}\n\n"


def _describe_answers(run: Path) -> str:
    """Return the section on the answers that the model gives; nothing where it gives all."""
    text = read_abstention(run)
    if not text:
        return ""
    marked = ""
    if _read(run / "config.json").get("answer_threshold") is not None:
        marked = "\n\nIn `pipeline()` each answer has `answered`, which is false where the model is not sure enough."
    return f"\n## When it answers\n\n{escape_markdown(text)}{marked}\n"
