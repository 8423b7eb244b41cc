"""Tables written in the ways that people have them."""

import json
from pathlib import Path

import pandas as pd


def write_table(path: Path, table: pd.DataFrame) -> Path:
    """Write a table in the format of its suffix, packed where it says so; JSON with the rows under a key."""
    suffix = next(part for part in path.suffixes if part not in (".gz", ".xz", ".zip", ".bz2"))
    if suffix in (".csv", ".tsv", ".tab"):
        table.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    elif suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    elif suffix == ".json":
        path.write_text(json.dumps({"data": table.to_dict("records")}))
    elif suffix == ".xlsx":
        table.to_excel(path, index=False)
    elif suffix in (".arrow", ".feather"):
        table.to_feather(path)
    else:
        table.to_parquet(path)
    return path
