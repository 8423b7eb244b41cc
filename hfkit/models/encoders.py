"""The encoder under a text classifier: what may be one, loading it, a probe batch, and a batch in parts."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    PreTrainedConfig,
    PreTrainedModel,
)

from .checked_loading import check_files, checked_loading
from .config_checks import check_config, make_config, pin_revision
from .padding import move_to_the_left
from .refusing import refusing

PROBE_TOKENS = 13
"""Length of a probe text: a number that is the width of nothing."""


def encoder_config(options: dict[str, Any]) -> PreTrainedConfig:
    """Make the configuration of an encoder from a dict with its `model_type` (default: bert).

    Raises:
        ValueError: The type is unknown, or none of a text encoder.

    """
    check_config(options)
    options = {"model_type": "bert", **{name: options[name] for name in options if not _is_dropped(name)}}
    model_type = options.pop("model_type")
    if not isinstance(model_type, str) or model_type not in CONFIG_MAPPING:
        raise ValueError(
            f"The backbone's model_type {model_type!r} is none that transformers knows: write one such as bert."
        )
    check_reads_texts(CONFIG_MAPPING[model_type])
    return make_config(CONFIG_MAPPING[model_type], options)


def _is_dropped(name: str) -> bool:
    """Tell whether a field says nothing of the net, but how its author ran it."""
    return name in ("auto_map", "_name_or_path") or name.endswith(("attn_implementation", "experts_implementation"))


def check_reads_texts(config_class: type[PreTrainedConfig]) -> None:
    """Refuse the configuration of what transformers does not list as an encoder or a classifier of texts.

    It can come from a stranger, and others, such as the wrappers of timm's nets, can read files that their configuration
    names, which may run code.

    Raises:
        ValueError: It is not listed, takes other inputs than token ids, or wraps other models.

    """
    is_listed = (
        config_class in MODEL_FOR_TEXT_ENCODING_MAPPING or config_class in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    )
    if not is_listed or _wraps_another(config_class) or not _takes_token_ids(config_class):
        name = config_class.model_type
        raise ValueError(f"The backbone is a {name} model, which reads no texts: write a text encoder such as bert.")


def _wraps_another(config_class: type[PreTrainedConfig]) -> bool:
    """Tell whether a configuration has one of a whole model in it, such as that of an encoder and that of a decoder."""
    inner: Any = config_class.sub_configs.values()
    return any(each is AutoConfig or each in MODEL_MAPPING for each in inner)


def _takes_token_ids(config_class: type[PreTrainedConfig]) -> bool:
    """Tell whether the model of a configuration takes token ids, and neither images nor sounds beside them."""
    if config_class not in MODEL_MAPPING:
        return False
    entry = MODEL_MAPPING[config_class]
    model = entry[0] if isinstance(entry, tuple) else entry
    modalities = model.input_modalities
    only_text = {modalities} if isinstance(modalities, str) else set(modalities)
    return model.main_input_name == "input_ids" and only_text == {"text"}


def is_causal(config: PreTrainedConfig) -> bool:
    """Tell whether each token of a model sees only those before it, as in Qwen3, Llama, Gemma or GPT-2."""
    if getattr(config, "use_bidirectional_attention", None) is True:  # Gemma 3, trained on as an encoder
        return False
    if config.model_type in _BOTH_WAYS:
        return False
    return type(config) in MODEL_FOR_CAUSAL_LM_MAPPING and type(config) not in MODEL_FOR_MASKED_LM_MAPPING


_BOTH_WAYS = ("xlnet",)
"""Types that transformers lists among causal models alone, and whose tokens see all others."""


def is_t5_like(config: PreTrainedConfig) -> bool:
    """Tell whether transformers has the encoder of an encoder-decoder alone, as of T5, mT5 and UMT5."""
    return type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING and type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING


def auto_class(config: PreTrainedConfig) -> type[AutoModel] | type[AutoModelForTextEncoding]:
    """Return the class that builds the encoder of a configuration, and no decoder behind it."""
    return AutoModelForTextEncoding if is_t5_like(config) else AutoModel


def read_encoder_config(source: str, revision: str | None = None) -> PreTrainedConfig:
    """Read the configuration of a text encoder.

    Raises:
        ValueError: `source` is none: it takes other inputs, or has a decoder that cannot be left away.

    """
    # Without trust_remote_code=False transformers would ask a person at a terminal whether to run a stranger's code.
    place: dict[str, Any] = {"revision": pin_revision(source, revision), "trust_remote_code": False}
    model_type = str(check_files(source, revision=place["revision"]).get("model_type"))
    if model_type in CONFIG_MAPPING:
        check_reads_texts(CONFIG_MAPPING[model_type])  # before such a configuration is made
    config: Any = None
    with refusing("its config.json cannot be read"):
        config = AutoConfig.from_pretrained(source, **place)
    config._attn_implementation = None  # transformers chooses one of its own
    check_reads_texts(type(config))
    # T5Gemma's encoder has a configuration inside its own.
    if config.is_encoder_decoder and (config.sub_configs or not is_t5_like(config)):
        raise ValueError(f"{source} is a {config.model_type} model and no encoder such as bert-base-uncased.")
    return config


def load_encoder(source: str, revision: str | None = None) -> tuple[PreTrainedModel, bool]:
    """Load the bare encoder of `source` in float32; also tell whether its checkpoint fills the pooler.

    Raises:
        ValueError: `source` is no text encoder, or its checkpoint lacks weights other than the pooler's.

    """
    revision = pin_revision(source, revision)
    config = read_encoder_config(source, revision)
    with checked_loading(source, revision=revision):
        encoder, loading = auto_class(config).from_pretrained(
            source,
            config=config,
            dtype=torch.float32,  # else a half-precision checkpoint would be trained in half precision
            output_loading_info=True,
            revision=revision,
            trust_remote_code=False,
        )
    missing = sorted(key for key in loading["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise ValueError(f"The checkpoint {source} lacks weights of its encoder: {', '.join(missing[:5])}.")
    return encoder, not loading["missing_keys"]


def encoder_inputs(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
    segment_separator: int | None,
    pad_token_id: int,
    most: int | None,
) -> dict[str, torch.Tensor]:
    """Let each row begin with a real token, and cut it to what the model reads.

    Args:
        input_ids: (batch, tokens), padded on either side; an empty text, of a tokenizer that adds no special tokens, has none.
        attention_mask: (batch, tokens), 1 on real tokens; None: all are real.
        token_type_ids: (batch, tokens); None: there are none, or the encoder knows none.
        segment_separator: Token behind which the second segment begins, where segment ids are made of the token ids.
        pad_token_id: Stands for a row without a token.
        most: How many tokens are read; None: all.

    """
    if input_ids.shape[1] == 0:
        input_ids = input_ids.new_full((len(input_ids), 1), pad_token_id, dtype=torch.long)
        attention_mask = token_type_ids = None
    if segment_separator is not None:
        token_type_ids = segment_ids(input_ids, segment_separator)
    inputs = {"input_ids": input_ids} | ({} if token_type_ids is None else {"token_type_ids": token_type_ids})
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    else:
        inputs, attention_mask = move_to_the_left(inputs, attention_mask)
    return {name: tensor[:, :most] for name, tensor in {**inputs, "attention_mask": attention_mask}.items()}


def segment_ids(input_ids: torch.Tensor, separator: int) -> torch.Tensor:
    """Return 0 up to the first separator of each row and 1 behind it, (batch, tokens), as BERT's tokenizer does for pairs."""
    is_separator = (input_ids == separator).long()
    return (is_separator.cumsum(dim=1) - is_separator > 0).long()


def random_texts(config: PreTrainedConfig, max_length: int) -> dict[str, torch.Tensor]:
    """Return ids and mask of two texts of random tokens, always the same for a config: 13 tokens and 9, or fewer.

    The shorter one is padded on the right with the encoder's padding token.
    """
    tokens = min(PROBE_TOKENS, max_length)
    pad = config.pad_token_id or 0
    generator = torch.Generator().manual_seed(0)
    vocabulary = getattr(config, "vocab_size", 256)  # CANINE reads characters
    ids = torch.randint(0, vocabulary, (2, tokens), generator=generator)
    ids[ids == pad] = (pad + 1) % vocabulary
    mask = torch.ones_like(ids)
    mask[1, max(tokens - 4, 1) :] = 0
    return {"input_ids": torch.where(mask.bool(), ids, pad), "attention_mask": mask}


def encode_in_parts(
    encode: Callable[..., torch.Tensor], inputs: dict[str, torch.Tensor], mask: torch.Tensor
) -> torch.Tensor:
    """Return what `encode` makes of a batch, computed in parts of similar length, each without the others' padding.

    Gradients and order are those of the whole batch, so that its rows can be random ones. One that is no larger than a part
    is computed as it is.

    Args:
        encode: Maps a part of the inputs, by name, to (rows, width) or (rows, tokens, width).
        inputs: Tensors of (batch, tokens, ...).
        mask: (batch, tokens), 1 on real tokens.

    """
    rows = part_size(mask.device)
    if len(mask) <= rows:
        return encode(**inputs)
    positions = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    lengths = ((mask != 0) * positions).amax(dim=1).clamp(min=1)  # where the last real token ends
    order = lengths.argsort(descending=True, stable=True)
    parts = torch.split(order, rows)
    longest = lengths[torch.stack([part[0] for part in parts])].tolist()
    encoded = [
        encode(**{name: tensor[part, :length] for name, tensor in inputs.items()})
        for part, length in zip(parts, longest, strict=True)
    ]
    if encoded[0].ndim == 3:
        encoded = [functional.pad(states, (0, 0, 0, longest[0] - states.shape[1])) for states in encoded]
    return torch.cat(encoded)[order.argsort()]


def part_size(device: torch.device) -> int:
    """Return how many rows `encode_in_parts` computes at once: 8 on a CPU, where that is the fastest; 16 on a GPU."""
    return 8 if device.type == "cpu" else 16
