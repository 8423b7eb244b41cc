"""The flags of model and data of all recipes, with our defaults, for texts and for images; nothing here imports torch."""

from dataclasses import dataclass, field
from typing import Literal

from ..errors import UserError
from .values import check_layers

_NGRAMS = (["auto"], ["none"], ["1"], ["1", "2"], ["1", "2", "3"])


@dataclass
class ModelArguments:
    """What is trained: the backbone, its head, and what of it is free."""

    backbone: str | None = field(default=None, metadata={"help": "Pretrained model under the head."})
    backbone_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub backbone."})
    head: str = field(default="linear", metadata={"help": "Kind of the head."})
    layers: list[str] | None = field(
        default=None,
        metadata={
            "help": "What --head layers reads: numbers of an encoder's layers, such as 1 2 3 4 (0: its embeddings), or names of "
            "an image backbone's modules, and features for what other heads stand on; or auto for all, which is the default."
        },
    )
    head_hidden_size: int = field(default=128, metadata={"help": "Width of the head's hidden layers."})
    head_dropout: float = field(
        default=0.1, metadata={"help": "Share of the head's units that are dropped in training."}
    )
    unfreeze_from: str = field(
        default="all",
        metadata={
            "help": "What trains: all (fine-tuning), none (feature-based: the head alone), or the name of a layer, such "
            "as encoder.layer.11, blocks.11 or block5_conv1, from which on everything trains."
        },
    )
    summary: bool = field(
        default=False,
        metadata={"help": "Print the model as a table of layers; frozen parameters stand in parentheses."},
    )

    def __post_init__(self) -> None:
        if not 0 <= self.head_dropout < 1:
            raise UserError(f"--head_dropout is {self.head_dropout}: write a number from 0 to below 1.")
        if self.head_hidden_size < 1:
            raise UserError(f"--head_hidden_size is {self.head_hidden_size}: write a number above 0.")
        if self.layers is not None:
            check_layers(self.head, self.layers, are_numbers=isinstance(self, TextModelArguments))

    def longest_ngram(self) -> int:
        """Return how many word pieces the longest n-grams beside the head have; 0: there are none, as for images."""
        return 0


@dataclass
class TextModelArguments(ModelArguments):
    """The flags of `ModelArguments` for texts."""

    backbone: str | None = field(
        default=None,
        metadata={
            "help": "Pretrained encoder, causal model (Qwen3, Llama, Gemma, GPT-2, ...) or T5: a Hub id, a folder, or minilm "
            "(MiniLM-L6 from the package of the demo extra, which is also what runs without this flag). A finished run of "
            "hfkit, a folder or a Hub id, is continued from."
        },
    )
    head: Literal["linear", "bigru", "layers"] = field(
        default="linear",
        metadata={
            "help": "linear: one layer on one vector, see --pooling; bigru: a BiGRU over all tokens; layers: one layer on "
            "several layers of the backbone, see --layers."
        },
    )
    pooling: Literal["mean", "first", "last", "pooler"] | None = field(
        default=None,
        metadata={
            "help": "What a linear head stands on: the mean over the tokens, the first or the last token, or the encoder's "
            "own pooler; default: what a sentence encoder records; last for causal models; mean on a frozen encoder; else "
            "the pooler, and without a pretrained one the first token. With --head layers: what it takes of each layer, by "
            "default mean and first, of causal models mean and last."
        },
    )
    head_hidden_size: int = field(default=128, metadata={"help": "Units of each direction of the BiGRU."})
    head_logits: int | None = field(
        default=None, metadata={"help": "1: two labels by one sigmoid logit; default: one logit a label, by softmax."}
    )

    ngrams: list[str] | None = field(
        default=None,
        metadata={
            "help": "Add the score of a linear classifier on n-grams of word pieces to the net's: auto (1- and 2-grams), 1, 1 2, "
            "1 2 3, or none. It is fitted on train after the net, and its weight is chosen on validation; default: none."
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ngrams is not None and self.ngrams not in _NGRAMS:
            raise UserError(f"--ngrams {' '.join(self.ngrams)}: write auto, none, 1, 1 2, or 1 2 3.")
        if self.pooling is not None and self.head == "bigru":
            raise UserError(
                f"--pooling {self.pooling} is for --head linear: a BiGRU reads all tokens, so leave --pooling out."
            )
        if self.pooling == "pooler" and self.head == "layers":
            raise UserError(
                "--pooling pooler is for the last layer alone: write mean, first or last with --head layers."
            )

    def longest_ngram(self) -> int:
        """Return how many word pieces the longest n-grams beside the head have; 0: none are asked for."""
        if self.ngrams in (None, ["none"]):
            return 0
        return 2 if self.ngrams == ["auto"] else len(self.ngrams or ())


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
class DataArguments:
    """What it is trained on: where the rows are, their labels, how many."""

    dataset: str | None = field(default=None, metadata={"help": "A file, a folder, or a Hub id."})
    dataset_config: str | None = field(default=None, metadata={"help": "Configuration of a Hub dataset."})
    dataset_revision: str | None = field(default=None, metadata={"help": "Branch, tag or commit of a Hub dataset."})
    label_column: str | None = field(
        default=None, metadata={"help": "Column of the label; default: found by its name."}
    )
    label_names: list[str] | None = field(
        default=None, metadata={"help": "Names for integer labels, in their order (0 gets the first)."}
    )
    max_train_samples: int | None = field(
        default=None, metadata={"help": "Train on so many rows, drawn with stratification."}
    )
    validation_fraction: float = field(
        default=0.1, metadata={"help": "Share of train that becomes the validation split where there is none."}
    )
    test_fraction: float = field(
        default=0.1,
        metadata={"help": "Share of train that becomes the test split where there is none; 0: no test split."},
    )

    def __post_init__(self) -> None:
        if self.max_train_samples is not None and self.max_train_samples < 2:
            raise UserError(f"--max_train_samples is {self.max_train_samples}: write at least 2.")
        if not 0 < self.validation_fraction < 1 or not 0 <= self.test_fraction < 1:
            raise UserError("--validation_fraction and --test_fraction are shares of train, such as 0.1.")


@dataclass
class TextDataArguments(DataArguments):
    """The flags of `DataArguments` for texts."""

    dataset: str | None = field(
        default=None,
        metadata={
            "help": "constraint (the COVID-19 fake-news tweets; default when a backbone is named), sample (the small "
            "embedded one; default without a backbone), a CSV, TSV, JSON, JSONL or parquet file, a folder with "
            "train, validation and test files, or a Hub id."
        },
    )
    text_column: list[str] | None = field(
        default=None, metadata={"help": "Column of the text, or two to be joined; default: found by its name."}
    )
    cleaning: list[str] = field(
        default_factory=lambda: ["report"],
        metadata={
            "help": "Preset (report, ctbert, g2tmn, none) or steps: html url username hashtag rep punctuation demojize."
        },
    )
    max_length: int = field(default=128, metadata={"help": "Tokens after which a text is cut."})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_length < 3:
            raise UserError(f"--max_length is {self.max_length}: write at least 3 (two special tokens and one word).")


@dataclass
class ImageDataArguments(DataArguments):
    """The flags of `DataArguments` for images."""

    dataset: str | None = field(
        default=None,
        metadata={
            "help": "cifar10 (from the Hub; default when a backbone is named), digits (scikit-learn's, embedded; default "
            "without a backbone), a folder of images (train/CLASS/* or CLASS/*), a parquet file, a folder of them, or a "
            "Hub id."
        },
    )
    image_column: str | None = field(
        default=None, metadata={"help": "Column of the image; default: found by its name."}
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
        if self.image_size is not None and self.image_size < 8:
            raise UserError(f"--image_size is {self.image_size}: write a number of pixels from 8 on, such as 224.")
        if self.mixup < 0 or self.cutmix < 0:
            raise UserError("--mixup and --cutmix are positive numbers, such as 0.2 and 1, or 0 for none.")
        if self.cache_views is not None and self.cache_views < 1:
            raise UserError(f"--cache_views is {self.cache_views}: write a number of augmented copies, such as 8.")
