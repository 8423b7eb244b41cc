"""The flags of model and data of images, with our defaults; nothing here imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from ..errors import UserError
from .arguments import DataArguments, ModelArguments
from .values import check_name_pattern


@dataclass
class ImageModelArguments(ModelArguments):
    """The flags of `ModelArguments` for images."""

    backbone: str | None = field(
        default=None,
        metadata={
            "help": "vgg19, densenet201, fdvit_ti, fdvit_s, fdvit_b, any model of timm "
            "(deit_base_distilled_patch16_224, vit_base_patch16_224, convnext_tiny, ...), a Hub id or folder of an image "
            "model of transformers (google/vit-base-patch16-224, facebook/dinov2-small, google/siglip-base-patch16-224, "
            "...), or efficientnet_lite0 (weights from the package of the demo extra, which is also what runs without this "
            "flag). A finished run of hfkit, a folder or a Hub id, is continued from."
        },
    )
    weights: str = field(
        default="default",
        metadata={
            "help": "default: what the backbone's library or checkpoint publishes; none: random; or a .safetensors or .pth "
            "file with the names of torchvision or timm."
        },
    )
    head: Literal["mlp", "linear", "layers"] = field(
        default="mlp",
        metadata={
            "help": "mlp: hidden layers with dropout; linear: one layer; layers: one layer on what several stages of the "
            "backbone give, see --layers."
        },
    )
    head_hidden_size: int = field(default=256, metadata={"help": "Width of the MLP's hidden layers."})
    head_layers: int = field(default=2, metadata={"help": "Hidden layers of the MLP."})
    head_activation: Literal["relu", "elu"] = field(
        default="relu", metadata={"help": "After each hidden layer of the MLP."}
    )
    head_dropout: float = field(
        default=0.5, metadata={"help": "After each hidden layer of the MLP, or before the linear layer."}
    )
    two_heads: bool = field(
        default=False, metadata={"help": "Distilled DeiT: a head for each of the two tokens, their logits averaged."}
    )
    global_pool: bool = field(
        default=False, metadata={"help": "VGG19: average each channel over the image, in place of flattening."}
    )
    token_learner_tokens: int | None = field(
        default=None,
        metadata={
            "help": "ViT or DeiT: learn so many tokens, such as 8 or 16, and let the later blocks see only them."
        },
    )
    token_learner_at: int | None = field(
        default=None, metadata={"help": "The block in front of which tokens are learned; default: half the blocks."}
    )
    token_learner_version: Literal["1.1", "1.0"] = field(
        default="1.1", metadata={"help": "1.1: an MLP and a softmax over the patches; 1.0: convolutions and sigmoids."}
    )
    token_fuser: bool = field(
        default=False, metadata={"help": "Learn tokens for each later block, and fuse them back into the patches."}
    )
    class_token: bool = field(
        default=True,
        metadata={"help": "false, with learned tokens: no class token, but the mean over the last tokens."},
    )
    fdvit_sampling: Literal["resample_conv", "strided_taps"] = field(
        default="resample_conv",
        metadata={"help": "FDViT downsamples as AMD's code and weights do, or by the paper's equation (strided_taps)."},
    )
    fdvit_decoder: Literal["code", "paper"] = field(
        default="code", metadata={"help": "What restores FDViT's masked tokens: AMD's decoder, or that of the paper."}
    )
    mask_ratio: float = field(default=0.2, metadata={"help": "FDViT: share of the tokens that are masked in training."})
    reconstruction_weight: float | None = field(
        default=None,
        metadata={"help": "FDViT: weight of the loss that restores masked tokens in training; default: 0.03; 0: none."},
    )
    keep_batch_norm: bool | None = field(
        default=None,
        metadata={
            "help": "BatchNorm keeps the mean and variance that came with the weights, also where its scale and shift "
            "train; default: true, and false with --weights none."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.head_layers < 1:
            raise UserError(f"--head_layers is {self.head_layers}: write at least 1, or --head linear.")
        if self.token_learner_tokens is not None and self.token_learner_tokens < 1:
            raise UserError(f"--token_learner_tokens is {self.token_learner_tokens}: write a number such as 8 or 16.")
        if self.reconstruction_weight is not None and self.reconstruction_weight < 0:
            raise UserError(f"--reconstruction_weight is {self.reconstruction_weight}: write 0 or more, such as 0.03.")
        if not 0 <= self.mask_ratio < 1:
            raise UserError(f"--mask_ratio is {self.mask_ratio}: write a share below 1, such as 0.2.")
        if self.keep_batch_norm and self.weights == "none":
            raise UserError(
                "--keep_batch_norm true keeps statistics of pretrained weights: leave it out with --weights none."
            )
        if self.keep_batch_norm is None:
            self.keep_batch_norm = self.weights != "none"


@dataclass
class ImageDataArguments(DataArguments):
    """The flags of `DataArguments` for images."""

    dataset: str | None = field(
        default=None,
        metadata={
            "help": "cifar10 (from the Hub; default when a backbone is named), digits (scikit-learn's, embedded; default "
            "without a backbone), a folder of images (train/CLASS/* or CLASS/*, or with a table such as labels.csv or "
            "metadata.csv), a parquet file, a folder of them, or a Hub id."
        },
    )
    image_column: str | None = field(
        default=None,
        metadata={"help": "Column of the image, or of its file in a table beside images; default: found."},
    )
    label_from_name: str | None = field(
        default=None,
        metadata={
            "help": "How the names of image files have the label: {label}_{number} for cat_1.jpg; {any} stands for anything. "
            "Default: the label is the folder's, or in a table beside the images."
        },
    )
    image_size: int | None = field(
        default=None, metadata={"help": "Height and width in pixels; default: what the weights were trained with."}
    )
    augment: Literal["none", "flip", "report", "randaugment"] = field(
        default="flip",
        metadata={
            "help": "Random changes of training images. flip: left to right; report: flip, and a rotation of up to 15 "
            "degrees; randaugment: flip, and RandAugment."
        },
    )
    mixup: float = field(default=0.0, metadata={"help": "MixUp with this alpha, such as 0.2; 0: off."})
    cutmix: float = field(
        default=0.0, metadata={"help": "CutMix with this alpha, such as 1; 0: off; with --mixup one of both a batch."}
    )
    cache_views: int | None = field(
        default=None,
        metadata={
            "help": "Use the feature cache with --augment report or randaugment, by so many fixed augmented copies of each "
            "image, taken in turn; default: the cache is off with them."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_name_pattern(self.label_from_name)
        if self.image_size is not None and self.image_size < 8:
            raise UserError(f"--image_size is {self.image_size}: write a number of pixels from 8 on, such as 224.")
        if self.mixup < 0 or self.cutmix < 0:
            raise UserError("--mixup and --cutmix are positive numbers, such as 0.2 and 1, or 0 for none.")
        if self.cache_views is not None and self.cache_views < 1:
            raise UserError(f"--cache_views is {self.cache_views}: write a number of augmented copies, such as 8.")
