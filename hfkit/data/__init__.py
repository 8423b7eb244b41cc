"""Datasets: from the embedded sample, a file, a folder or the Hub to splits with checked labels, and on to batches for a model.

Not here: models, metrics, and what is stored of frozen layers (features/).
Start reading in text.py and images.py; both go through sources, labels and splits.
tables.py reads one file, table_format.py finds how it is written, text_folders.py reads folders of texts.
"""

__all__ = [
    "augmented",
    "bars",
    "batching",
    "chance",
    "class_folders",
    "columns",
    "data_hashes",
    "delimited_tables",
    "encodings",
    "guessed_columns",
    "halves",
    "image_files",
    "image_labels",
    "image_sources",
    "images",
    "in_memory",
    "in_memory_images",
    "json_tables",
    "json_values",
    "kept_columns",
    "labelled",
    "modality",
    "near_duplicates",
    "ngrams",
    "repeated",
    "resized",
    "sources",
    "split_columns",
    "split_names",
    "splits",
    "stored_rows",
    "table_files",
    "table_format",
    "tables",
    "text",
    "tokens",
    "transforms",
]
