"""The image-classification pipeline of our models."""

from typing import Any

from transformers import ImageClassificationPipeline as BaseImageClassificationPipeline

from .answering import mark_answers
from .label_sets import is_multi_label, keep_answers
from .pipeline_inputs import check_container, check_photo


class ImageClassificationPipeline(BaseImageClassificationPipeline):
    """`pipeline("image-classification")` for our classes; an image is opened, turned and resized as in training.

    Where the config has an `answer_threshold`, each answer says by `answered` whether the model is sure enough. A model that
    gives each image any number of labels answers as the pipeline of texts does: those that reach their threshold, or
    `top_k` of them.
    """

    def check_model_type(self, supported_models: Any) -> None:
        """Accept the model: the built-in list of names knows no custom class and would log an error for each."""

    def _sanitize_parameters(self, **options: Any) -> Any:
        """Sort arguments; `top_k=None` asks for all labels, as of texts, where transformers takes it for its default of 5."""
        parameters = super()._sanitize_parameters(**options)
        if "top_k" in options:
            is_all = options["top_k"] is None and not is_multi_label(self.model.config)
            parameters[2]["top_k"] = self.model.config.num_labels if is_all else options["top_k"]
        return parameters

    def __call__(self, inputs: Any = None, **options: Any) -> Any:
        """Classify a photo or a list of photos: paths, addresses or Pillow's images.

        Raises:
            TypeError: It is a table or nothing, or a row is no photo.
            ValueError: A path leads to nothing, to a folder or to a table.

        """
        inputs = options.pop("images", inputs)  # its old name
        check_container(inputs, "photo")
        return super().__call__(inputs, **options)

    def preprocess(self, image: Any, timeout: float | None = None) -> Any:
        """Open one photo, turn and resize it."""
        check_photo(image)
        return super().preprocess(image, timeout)

    def postprocess(self, model_outputs: Any, **options: Any) -> Any:
        """Return labels and scores, and where the model may keep silent whether it answers."""
        config = self.model.config
        if is_multi_label(config):
            answers = super().postprocess(model_outputs, **{**options, "top_k": config.num_labels})
            return keep_answers(answers, model_outputs["logits"][0], config, **options)
        answers = super().postprocess(model_outputs, **options)
        return mark_answers(answers, model_outputs["logits"], config.answer_threshold)
