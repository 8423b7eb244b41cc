"""The text-classification pipeline of our models: it cleans and truncates as in training."""

from typing import Any

import torch
from transformers import TextClassificationPipeline as BaseTextClassificationPipeline

from .answering import mark_answers
from .cleaning import read_row, tokenizer_inputs
from .label_sets import is_multi_label, keep_answers
from .long_texts import CUT, choose_tokens
from .pipeline_inputs import check_container, check_text


class TextClassificationPipeline(BaseTextClassificationPipeline):
    """`pipeline("text-classification")` with the cleaning and the `max_length` of the model's config.

    A text of any length gives a label, and so does an empty one. A row of two columns is given as
    `{"text": ..., "text_pair": ...}` and read as in training: as a pair, or joined (`config.pair`). Where the config has an
    `answer_threshold`, each answer says by `answered` whether the model is sure enough.

    A model that gives each text any number of labels answers by one schema: a list of `{"label": ..., "score": ...}`, the highest
    score first, of the labels whose score reaches their threshold (an empty list where none does); with `top_k=None` of all
    labels, and with `top_k=3` of three. For a list of texts it is a list of such lists.
    """

    def check_model_type(self, supported_models: Any) -> None:
        """Accept the model: the built-in list of names knows no custom class and would log an error for each."""

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Classify a text or a list of texts.

        Raises:
            TypeError: It is a table or nothing, or a row is no text.
            ValueError: A text is the path of a table.

        """
        check_container(inputs, "text")
        answers = super().__call__(inputs, **options)
        # transformers puts the answer for one text into a list of its own, unless `top_k` is given.
        wrapped = isinstance(inputs, str) and "top_k" not in options
        return answers[0] if wrapped and is_multi_label(self.model.config) else answers

    def preprocess(self, inputs: str | dict[str, str], **tokenizer_kwargs: Any) -> Any:
        """Clean one text, or two of a row, and tokenise them to at most `config.max_length` tokens.

        Raises:
            TypeError: What is given is no text, or the model reads two texts a row and is given one.
            ValueError: A text is the path of a table.

        """
        config = self.model.config
        parts = list(inputs.values()) if isinstance(inputs, dict) else [inputs]
        for part in parts:
            check_text(part)
        read = tokenizer_inputs([read_row(inputs, config.pair)], config.cleaning, config.pair)
        row = dict(zip(("text", "text_pair"), (texts[0] for texts in read), strict=False))
        encoded = self._encode(row if len(row) > 1 else row["text"], tokenizer_kwargs)
        if encoded["input_ids"].shape[-1] == 0:  # an empty text, of a tokenizer that adds no special tokens
            ids = torch.full((1, 1), config.pad_token_id)
            encoded = type(encoded)({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
        return encoded

    def _encode(self, row: str | dict[str, str], tokenizer_kwargs: dict[str, Any]) -> Any:
        """Tokenise a row that was cleaned."""
        config = self.model.config
        options = {"truncation": True, "max_length": config.max_length, **tokenizer_kwargs}
        if isinstance(row, dict):  # as a batch: by itself, an empty second text would count as none
            return self.tokenizer([row["text"]], [row["text_pair"]], return_tensors="pt", **options)
        if config.long_texts == CUT:
            return super().preprocess(row, **options)
        own = {name: value for name, value in tokenizer_kwargs.items() if name not in ("truncation", "max_length")}
        encoded = super().preprocess(row, return_special_tokens_mask=True, verbose=False, **own)
        chosen = choose_tokens(encoded.pop("special_tokens_mask")[0].tolist(), config.max_length, config.long_texts)
        return type(encoded)({name: tensor[:, chosen] for name, tensor in encoded.items()})

    def postprocess(self, model_outputs: Any, **options: Any) -> Any:
        """Return label and score, or several of them, and where the model may keep silent whether it answers."""
        config = self.model.config
        if is_multi_label(config):
            whole = {**options, "top_k": config.num_labels, "_legacy": False}
            answers = super().postprocess(model_outputs, **whole)
            return keep_answers(answers, model_outputs["logits"][0], config, **options)
        answers = super().postprocess(model_outputs, **options)
        return mark_answers(answers, model_outputs["logits"], config.answer_threshold)
