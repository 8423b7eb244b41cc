"""The image-classification pipeline of our models."""

from typing import Any

from transformers import ImageClassificationPipeline as BaseImageClassificationPipeline


class ImageClassificationPipeline(BaseImageClassificationPipeline):
    """`pipeline("image-classification")` for our classes; an image is opened, turned and resized as in training."""

    def check_model_type(self, supported_models: Any) -> None:
        """Accept the model: the built-in list of names knows no custom class and would log an error for each."""
