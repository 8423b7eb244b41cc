"""Text classifier: any Transformers encoder, or the layers of a causal model, with a linear or a BiGRU head."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

from .base import BackboneClassifier
from .encoders import encode_in_parts, encoder_inputs, is_causal, load_encoder, random_texts
from .layer_groups import FeatureGroup, LayerReport, lay_out
from .losses import classifier_loss
from .padding import in_windows, move_to_the_left
from .pooling import default_pooling, pool
from .splitting import entering
from .text_config import TextClassifierConfig
from .text_heads import build_head, build_ngrams, describe_head, head_width
from .text_layers import build_encoder, complete_layers, count_layers, drop_layers, pool_layers


class TextClassifier(BackboneClassifier):
    """A Transformers encoder (BERT, CT-BERT, RoBERTa, DistilBERT, DeBERTa, ELECTRA, ModernBERT, ...) with a head.

    Parameter counts with BERT-base: linear head on the pooler 109,483,778 (one logit: 109,483,009); BiGRU head, for
    which no pooler is built, 109,581,826 (one logit: 109,581,569).

    Examples:
        >>> import torch
        >>> from hfkit import TextClassifier
        >>> model = TextClassifier.from_backbone("bert-base-uncased", head="bigru", num_labels=3).eval()
        >>> model(input_ids=torch.tensor([[2, 30, 31, 3]])).logits.shape
        torch.Size([1, 3])

    """

    config_class = TextClassifierConfig

    def __init__(self, config: TextClassifierConfig) -> None:
        super().__init__(config)
        assert isinstance(config.backbone_config, PreTrainedConfig)
        if is_causal(config.backbone_config):
            config.backbone_config.use_cache = False  # of keys and values, for generating texts
        self.backbone: Any = self._build_encoder()
        if config.pooling == "pooler" and not self._has_pooler():
            raise ValueError(
                f"pooling is pooler, but the encoder, a {config.backbone_config.model_type} model, has none."
            )
        parameters = inspect.signature(self.backbone.forward).parameters
        segments = getattr(config.backbone_config, "type_vocab_size", 2)  # one segment alone tells nothing
        self._takes_token_types = "token_type_ids" in parameters and segments > 1
        self.classifier: Any = self._new_head()
        self.ngrams = build_ngrams(self.config)
        self.post_init()

    def _build_encoder(self) -> Any:
        """Build the empty encoder that the config describes."""
        config = self.config
        wants_pooler = config.use_pooler if config.pooling is None else config.pooling == "pooler"
        return build_encoder(config.backbone_config, config.head == "linear" and wants_pooler, config.final_norm)

    def _new_head(self) -> nn.Module:
        """Build the head that the config describes."""
        self.feature_size = head_width(self.config)
        return build_head(self.config)

    @classmethod
    def from_backbone(cls, source: str, revision: str | None = None, **config_options: Any) -> "TextClassifier":
        """Build a classifier with the pretrained encoder of `source` and a new head.

        Args:
            source: A folder or a Hub id of any checkpoint of the encoder (with or without a pretraining head).
            revision: Branch, tag or commit of a Hub id.
            config_options: Fields of `TextClassifierConfig`, `id2label` and `label2id`.

        Raises:
            OSError: `source` does not exist or cannot be reached.
            ValueError: `source` is not an encoder, or its weights do not fill it.

        """
        encoder, has_pooler = load_encoder(source, revision)
        encoder.config.name_or_path = ""  # a local path must not travel with the model
        if config_options.get("head", "linear") == "linear":
            usable = has_pooler and getattr(encoder, "pooler", None) is not None
            config_options["pooling"] = config_options.get("pooling") or default_pooling(encoder.config, usable)[0]
            if config_options["pooling"] == "pooler" and not usable:
                raise ValueError(f"{source} has no pretrained pooler: write mean, first or last")
        config = cls.config_class(backbone_config=encoder.config, use_pooler=has_pooler, **config_options)
        model = cls(config)
        model.load_pretrained_backbone(encoder)
        return model

    def load_pretrained_backbone(self, source: str | PreTrainedModel) -> None:
        """Copy the weights of the encoder `source` (a module, a folder or a Hub id) into the backbone, strictly.

        A pooler that this model does not have is left out.

        Raises:
            ValueError: A tensor is missing, unknown or of another shape.

        """
        encoder, has_pooler = load_encoder(source) if isinstance(source, str) else (source, True)
        state = encoder.state_dict()
        if not has_pooler or getattr(self.backbone, "pooler", None) is None:
            state = {key: tensor for key, tensor in state.items() if not key.startswith("pooler.")}
        self._load_backbone_state(state, source if isinstance(source, str) else type(source).__name__)

    def copy_backbone(self, other: BackboneClassifier) -> None:
        """Copy the weights of another model's encoder, strictly, but a pooler that this model does not have."""
        self.load_pretrained_backbone(other.backbone)

    def describe_head(self) -> str:
        """Say in one sentence what the head is and what it stands on."""
        return describe_head(self.config, self.pooling(), self.ngrams)

    def set_ngrams(self, vocabulary_keys: Any, idf: Any, weight: Any, special_ids: Any, longest: int) -> None:
        """Let n-grams add a score to the logits, in the place of those that are there; no keys: none (see `NgramScorer`).

        Args:
            vocabulary_keys: (count,), ascending; see `pack_ngrams`.
            idf: (count,).
            weight: (count, logits of the head).
            special_ids: Token ids that are in no n-gram.
            longest: Tokens of the longest n-grams.

        """
        self.config.ngram_count, self.config.ngram_max = len(vocabulary_keys), longest
        self.config.ngram_special_count = len(special_ids)
        self.ngrams = build_ngrams(self.config)
        if self.ngrams is not None:
            self.ngrams.to(self.device).fill(keys=vocabulary_keys, idf=idf, weight=weight, special_ids=special_ids)

    def feature_groups(self) -> list[FeatureGroup]:
        """Say which columns of `features()` come from which hidden state; empty but for a head `layers`."""
        config = self.config
        layers = config.layers or []
        return lay_out(layers, [config.backbone_config.hidden_size] * len(layers), [config.poolings] * len(layers))

    def keep_layers(self, layers: Sequence[int], poolings: Sequence[str]) -> None:
        """Let a head `layers` read these alone, and build a new one of the right size, initialised.

        Args:
            layers: Numbers of hidden states, 0 for the output of the embeddings.
            poolings: Of each of them: `mean`, `first`, `last`.

        Raises:
            ValueError: There is no such layer or pooling, or the head is another one.

        """
        if self.config.head != "layers":
            raise ValueError(f"a head {self.config.head} reads no chosen layers")
        self.config.layers, self.config.poolings = complete_layers(self.config.backbone_config, layers, poolings)
        self._replace_head()

    def drop_unused_layers(self) -> LayerReport | None:
        """Remove the layers behind the last one that a head `layers` reads, and the norm behind the last of all.

        The configs of model and encoder say so from then on. Where the features of the probe batch would change, all stays.

        Returns:
            What was removed, or why nothing was; None where the head is another one, or reads the last layer.

        """
        return drop_layers(self) if self.config.head == "layers" else None

    def probe_inputs(self) -> dict[str, torch.Tensor]:
        """Return two texts of random tokens, one of them padded, always the same, on the model's device."""
        inputs = random_texts(self.backbone.config, self.config.max_length)
        return {name: tensor.to(self.device) for name, tensor in inputs.items()}

    def features(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Run the encoder on token ids (see `forward`) and return what the head takes.

        It is (batch, tokens, width), but (batch, width) for a head on one vector, of windows their mean.
        """
        inputs = self._encoder_inputs(input_ids, attention_mask, token_type_ids)
        if self.config.reads_windows:
            return in_windows(self._encode, inputs, self.config.max_length)
        return self._encode(inputs)

    def _encode(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return self._select_features(self._run_encoder(**inputs), inputs["attention_mask"])

    def _run_encoder(self, **inputs: Any) -> Any:
        """Run the encoder, which gives all its hidden states where the head reads several."""
        return self.backbone(**inputs, **({"output_hidden_states": True} if self.config.head == "layers" else {}))

    def _select_features(self, outputs: Any, attention_mask: torch.Tensor | None) -> torch.Tensor:
        """Return what the head takes of what the encoder gave."""
        if self.config.head == "bigru":
            return outputs.last_hidden_state
        if self.config.head == "layers":
            total = count_layers(self.config.backbone_config)
            return pool_layers(outputs, attention_mask, self.config.layers, self.config.poolings, total)
        if self._has_pooler():
            return outputs.pooler_output
        return pool(outputs.last_hidden_state, attention_mask, self.pooling())

    def forward_from(
        self, layer: str, states: torch.Tensor, attention_mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Run what is between `layer` and the head on what enters that layer.

        The encoder makes masks, positions and whatever else its layers share from the mask and its weights, as always.
        """
        if layer == "classifier":
            return states
        if layer == "pooler":
            return self.backbone.pooler(states)
        split = self._split(layer)
        placeholders = self._placeholders(states, split)
        width = self.backbone.get_input_embeddings().embedding_dim
        with entering(self.backbone, split, placeholders):
            embeddings = placeholders.of_shape((*states.shape[:2], width))
            outputs = self._run_encoder(inputs_embeds=embeddings, attention_mask=attention_mask)
        return self._select_features(outputs, attention_mask)

    def _has_pooler(self) -> bool:
        return getattr(self.backbone, "pooler", None) is not None

    def why_no_split(self, layer: str) -> str:
        """Say why as others do; the layers of an encoder that reads windows have a row for each of them."""
        if self.config.reads_windows and layer != "classifier":
            return "long texts are read in windows"
        return super().why_no_split(layer)

    def pooling(self) -> str:
        """Return what a linear head stands on, also where the config does not name it."""
        return self.config.pooling or default_pooling(self.config.backbone_config, self._has_pooler())[0]

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        states: torch.Tensor | None = None,
    ) -> SequenceClassifierOutput:
        """Classify a batch of token ids; in training the encoder is called once for each part (see `encoders.encode_in_parts`).

        Args:
            input_ids: (batch, tokens), padded on either side. What is longer than `config.max_length` is cut, but for
                windows, so that who forgets to truncate gets a label and no crash. Beside `states` only n-grams read them.
            attention_mask: (batch, tokens), 1 on real tokens; default: all are real.
            token_type_ids: (batch, tokens), for encoders that know them; with `config.segment_separator` made of the token ids.
            labels: (batch,) label ids, or (batch, num_labels) of 0 and 1 with several labels a text; with them the output has a
                `loss`, the mean (binary) cross-entropy.
            states: In place of token ids, what `forward_to(self.start_layer, ...)` made of them.

        Returns:
            `logits` (batch, num_labels), and `loss` if labels are given.

        """
        tokens = self._encoder_inputs(input_ids, attention_mask, token_type_ids) if input_ids is not None else {}
        if states is None:
            inputs, attention_mask = tokens, tokens["attention_mask"]
            encode: Callable[..., torch.Tensor] = self.features
        else:
            inputs = {"states": states}
            encode = partial(self.forward_from, self.start_layer)
            if attention_mask is not None:
                inputs["attention_mask"] = attention_mask = move_to_the_left({}, attention_mask)[1]
        layers_run = states is None or self.start_layer not in ("pooler", "classifier")
        # Rows in random order would be padded to more than twice their tokens. An evaluation sorts its rows before; a compiled
        # graph would be one for each length.
        if self.training and layers_run and attention_mask is not None and not torch.compiler.is_compiling():
            features = encode_in_parts(encode, inputs, attention_mask)
        else:
            features = encode(**inputs)
        arguments = (features, attention_mask) if self.config.head == "bigru" else (features,)
        logits = self.classifier(*arguments)
        if self.ngrams is not None and tokens:
            logits = logits + self.ngrams(tokens["input_ids"], tokens["attention_mask"]).to(logits.dtype)
        logits = self._all_logits(logits)
        loss = classifier_loss(logits, labels, self.config.problem_type)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def _encoder_inputs(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return what the encoder takes, see `encoders.encoder_inputs`."""
        types = token_type_ids if self._takes_token_types else None
        separator = self.config.segment_separator if self._takes_token_types else None
        most = None if self.config.reads_windows else self.config.max_length
        padding = getattr(self.config, "pad_token_id", None) or 0
        return encoder_inputs(input_ids, attention_mask, types, separator, padding, most)
