"""The learning rate of an encoder where none is given."""


def learning_rate_by_width(width: int) -> tuple[float, str]:
    """Return the default learning rate of a Transformers encoder, and the reason.

    2e-5 for a width of 1,024 (what CT-BERT and BERT-large are fine-tuned with), growing with the inverse square of the
    width to at most 1e-4: 3.6e-5 for BERT-base, 1e-4 for MiniLM.
    """
    return float(f"{min(1e-4, 2e-5 * (1024 / width) ** 2):.2g}"), f"default for a width of {width}"
