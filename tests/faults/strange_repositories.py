"""Whole model repositories that are made to lie, to be followed, or to take all memory and time, made by seeds."""

import json
import os
import pickle
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Files = dict[str, bytes]
MARK = "HFKIT_TEST_MARK"
"""The environment variable with the file that code of a repository leaves behind when it runs."""
_CODE = f"import os, pathlib\npathlib.Path(os.environ[{MARK!r}]).touch()\n".encode()
_ESCAPES = "\x1b]0;x\x07\x1b[2J\u202e[red]"
_BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
_DEEP = b"[" * 100_000 + b"]" * 100_000


class Evil:
    """Leaves the mark when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (os.environ[MARK], "w")


@dataclass(frozen=True)
class Part:
    """One thing that is hostile in a repository.

    Attributes:
        kind: Words for the table.
        change: Changes its files.
        found: Whether a check must say that it is not well; else it may do no harm.

    """

    kind: str
    change: Callable[[Files], None]
    found: bool = True


def _fields(name: str, found: bool = True, inside: str = "", **values: Any) -> Part:
    """Return a part that sets fields of a file of JSON, or of an object in it."""

    def change(files: Files) -> None:
        try:
            content = json.loads(files.get(name, b"{}"))
            place = content.setdefault(inside, {}) if inside else content
            place.update(values)
        except (ValueError, AttributeError, RecursionError):  # what another part left
            return
        files[name] = json.dumps(content).encode()

    return Part(f"{name}: {inside or '.'} {', '.join(values)} {str(values)[:50]!r}", change, found)


def _file(name: str, content: bytes, found: bool = True) -> Part:
    """Return a part that writes a file."""
    return Part(f"{name} is {content[:24]!r}", lambda files: files.update({name: content}), found)


def _header(header: Any, body: bytes = b"", size: int | None = None) -> bytes:
    """Return a file of weights with a header that need be none."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + body


def _cut(name: str) -> Part:
    return Part(f"{name} is cut", lambda files: files.update({name: files.get(name, b"")[:-7]}))


def _index(**weight_map: Any) -> Part:
    """Return a part by which the weights are shards that an index names."""

    def change(files: Files) -> None:
        files["model-1.safetensors"] = files.pop("model.safetensors", b"")
        files["model.safetensors.index.json"] = json.dumps({"weight_map": weight_map}).encode()

    return Part(f"an index {str(weight_map)[:50]!r}", change)


def _card(front: str, found: bool = True) -> Part:
    return _file("README.md", f"---\n{front}\n---\n# Mine\n".encode(), found)


def _results(value: str) -> str:
    return (
        "license: mit\npipeline_tag: text-classification\nmodel-index:\n- name: x\n  results:\n"
        "  - task: {type: text-classification}\n    dataset: {name: d, type: d, split: test}\n"
        f"    metrics:\n    - {{type: accuracy, value: {value}}}"
    )


CONFIG = "config.json"
_MODEL: tuple[Part, ...] = (
    _fields(CONFIG, _attn_implementation="evil/kernel"),
    _fields(CONFIG, inside="backbone_config", attn_implementation={"": "evil/kernel@main:x"}),
    _fields(CONFIG, quantization_config={"quant_method": "evil"}),
    _fields(CONFIG, pretrained_cfg={"file": "/etc/passwd", "hf_hub_id": "evil/model"}),
    _fields(CONFIG, anything=[{"deep": [{"cache_dir": "/etc"}]}]),
    _fields(CONFIG, num_hidden_layers=50_000_000),
    _fields(CONFIG, vocab_size=8_000_000_000),
    _fields(CONFIG, id2label={str(number): f"l{number}" for number in range(50_000)}),
    _fields(CONFIG, id2label={"1": "b", "0": "a"}, found=False),
    _fields(CONFIG, id2label={"0": _ESCAPES, "1": "b"}, found=False),
    _fields(CONFIG, found=False, auto_map={"AutoModelForSequenceClassification": "evil.M"}),
    _fields(CONFIG, auto_map={"AutoModel": "evil/other--evil.M", "AutoConfig": "evil.C"}),
    _fields(CONFIG, found=False, custom_pipelines={"text-classification": {"impl": "evil.P", "pt": ["os.system"]}}),
    _fields(CONFIG, found=False, architectures=["os.system", None, 3]),
    _fields(CONFIG, found=False, architectures="AutoModel"),
    _fields(CONFIG, model_type=["hfkit-text"]),
    _fields(CONFIG, found=False, model_type=_ESCAPES),
    _fields(CONFIG, dtype="save"),
    _fields(CONFIG, transformers_weights="../x.safetensors"),
    _fields(CONFIG, tokenizer_class="AutoModel"),
    _fields(CONFIG, **{_ESCAPES: _ESCAPES}),
    _file(CONFIG, b'{"model_type": "hfkit-text", "a": ' + _DEEP + b"}"),
    _file(CONFIG, b"[1, 2]"),
    _file(CONFIG, b'\xff\xfe{"model_type": "bert"}'),
    _file(CONFIG, b'{"model_type": "hfkit-text", "id2label": {"0": NaN, "-1": Infinity}}'),
    _file(CONFIG, b'{"max_length": ' + b"9" * 5_000 + b"}"),
    _file("generation_config.json", b'{"cache_implementation": "evil/x", "trust_remote_code": true}', found=False),
    _file("adapter_config.json", b'{"base_model_name_or_path": "evil/model"}'),
    _file("adapter_config.json", b'{"base_model_name_or_path": {"a": ["' + _ESCAPES.encode() + b'"]}}'),
    _file("evil.py", _CODE, found=False),
)
_WEIGHTS: tuple[Part, ...] = (
    _cut("model.safetensors"),
    _file("model.safetensors", b""),
    _file("model.safetensors", _header(b"", size=2**62)),
    _file("model.safetensors", _header(b"[" * 50_000)),
    _file(
        "model.safetensors", _header({"x": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"1234")
    ),
    _file("model.safetensors", _header({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234")),
    _file("model.safetensors", _header({"x": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"1234")),
    _file("model.safetensors", _header({_ESCAPES: {"dtype": "EVIL", "shape": [1], "data_offsets": [0, 4]}}, b"1234")),
    _file("model.safetensors", _header({"x": {"dtype": "F32", "shape": "1", "data_offsets": None}})),
    _file("model.safetensors", _header({"__metadata__": {"format": "evil"}, "x": 3})),
    Part("a pickle for weights", lambda files: files.update({"model.safetensors": pickle.dumps(Evil())})),
    Part("a pickle beside", lambda files: files.update({"pytorch_model.BIN": pickle.dumps(Evil())})),
    Part("a pickle in numpy", lambda files: files.update({"vectors.npy": pickle.dumps(Evil())})),
    _index(x="../../etc/passwd"),
    _index(x="/etc/passwd"),
    _index(x=["a"], y=3),
    _index(x="nothing.safetensors"),
    _file(f"{_ESCAPES}.safetensors", b"nothing"),
)
_READERS: tuple[Part, ...] = (
    _fields("tokenizer_config.json", tokenizer_class="AutoModel"),
    _fields("tokenizer_config.json", vocab_file="/etc/passwd"),
    _fields("tokenizer_config.json", cache_dir="/etc"),
    _fields("tokenizer_config.json", init_inputs=["/etc/passwd"]),
    _fields("tokenizer_config.json", fast_tokenizer_files=["../../tokenizer.json"]),
    _fields("tokenizer_config.json", found=False, chat_template="{{ ''.__class__.__mro__[1].__subclasses__() }}{% for"),
    _fields("tokenizer_config.json", found=False, auto_map={"AutoTokenizer": ["evil.T", "evil.T"]}),
    _fields("tokenizer_config.json", found=False, added_tokens_decoder={"-1": {"content": 3}, "x": None}),
    _fields("tokenizer_config.json", found=False, extra_special_tokens=[[["x"]]]),
    _file("tokenizer_config.json", b'{"a": ' + _DEEP + b"}"),
    _file("tokenizer.json", b'{"version": "1.0", "model": ' + _DEEP + b"}", found=False),
    _fields("tokenizer.json", found=False, pre_tokenizer={"type": "Split", "pattern": {"Regex": "(?:a+)+$"}}),
    _fields(
        "tokenizer.json",
        found=False,
        pre_tokenizer={
            "type": "Split",
            "pattern": {"Regex": r"^(([\w:/.?=])+.?)+\x00"},
            "behavior": "Isolated",
            "invert": False,
        },
    ),
    _fields("tokenizer.json", found=False, inside="model", vocab={"[UNK]": -1, "a": 2**40}),
    _fields("tokenizer.json", found=False, inside="model", unk_token="nothing", max_input_chars_per_word=-1),
    _fields("tokenizer.json", found=False, truncation={"max_length": 0, "stride": 9, "strategy": "x", "direction": 1}),
    _fields("tokenizer.json", found=False, padding={"strategy": {"Fixed": 2**31}, "pad_id": 0, "pad_token": "x"}),
    _fields(
        "tokenizer.json", found=False, added_tokens=[{"id": n, "content": f"t{n}"} for n in (5, 5, 2**31)], normalizer=3
    ),
    _fields(
        "tokenizer.json",
        found=False,
        normalizer={
            "type": "Sequence",
            "normalizers": [{"type": "Replace", "pattern": {"String": ""}, "content": "aa"}] * 30,
        },
    ),
    _file("vocab.txt", b"a\n" * 500_000, found=False),
    _file("special_tokens_map.json", b'{"unk_token": {"content": 3}, "__class__": "x"}', found=False),
    _file("added_tokens.json", b'{"x": -5}', found=False),
    _fields("preprocessor_config.json", image_processor_type="AutoModel"),
    _fields("preprocessor_config.json", size={"height": 30_000, "width": 30_000}),
    _fields("preprocessor_config.json", found=False, image_mean="x", image_std=[0, 0, 0], rescale_factor=None),
    _fields("preprocessor_config.json", found=False, auto_map={"AutoImageProcessor": "evil.P"}),
    _fields("processor_config.json", image_processor={"image_processor_type": "AutoModel"}),
    _fields("processor_config.json", found=False, processor_class="os.system", auto_map={"AutoProcessor": "evil.P"}),
    _file("processor_config.json", b"null"),
)
_WORDS: tuple[Part, ...] = (
    _card(_BOMB),
    _card("- a\n- b"),
    _card("license: !!python/object/apply:os.system [ls]"),
    _card("license: &a [*a]"),
    _card(_results(".nan"), found=False),
    _card(_results("[[[1]]]"), found=False),
    _card(_results("1e999"), found=False),
    _card(_results("0.5").replace("test}", "[test, {a: b}]}"), found=False),
    _card("model-index: [3, {name: []}]"),
    _card(f'license: "{_ESCAPES.encode("unicode_escape").decode()}"'),
    _card("license: " + "x" * 1_100_000),
    _file("README.md", b"---\n\xff\xfe\n---\n"),
    _file("README.md", b"---\n" + b"[" * 100_000 + b"\n---\n"),
)
_FLAGS: tuple[Part, ...] = (
    _file("hfkit.yaml", _BOMB.encode(), found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: !!python/name:os.system\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: minilm\nhead: [linear, --report_to, wandb]\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: minilm\noutput_dir: /etc\nfeature_cache: /etc\n", found=False),
    _file("hfkit.yaml", b"dataset: /etc/passwd\nbackbone: minilm\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: ../../x\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: minilm\nmax_length: 1e300\nfilled_in: [a]\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: {a: b}\ntext_column: {a: [b]}\n", found=False),
    _file("hfkit.yaml", b"dataset: me/data\nbackbone: minilm\nseed: " + b"9" * 900_000, found=False),
    _file("hfkit.yaml", b"a: " + b"[" * 100_000, found=False),
    _file("hfkit.yaml", b"dataset: " + _ESCAPES.encode() + b"\nbackbone: minilm\n", found=False),
    _file("summary.json", b'{"task": ["text-classification"]}', found=False),
    _file("summary.json", b'{"task": ' + _DEEP + b"}", found=False),
    _file("report/classification_report.json", b'{"split": "test", "confusion": [[1, -1], [1]]}', found=False),
)
PARTS = (_MODEL, _WEIGHTS, _READERS, _WORDS, _FLAGS)
_HONEST: Files = {
    "README.md": f"---\n{_results('0.5')}\n---\n# Mine\n".encode(),
    "hfkit.yaml": b"dataset: me/data\nbackbone: minilm\n",
    "summary.json": b'{"task": "text-classification"}',
}


@dataclass(frozen=True)
class StrangeRepository:
    """A repository of a stranger: a whole model with some hostile parts.

    Attributes:
        files: By their names.
        kind: What is hostile in it.
        found: Whether a check must say that it is not well.

    """

    files: Files
    kind: str
    found: bool


def make_repository(model: Files, seed: int) -> StrangeRepository:
    """Return the repository of a seed, made of the files of a model: each seed has another part alone, or up to four together."""
    chance = random.Random(seed)
    every = [part for group in PARTS for part in group]
    chosen = [every[seed % len(every)]]
    if seed >= len(every):
        chosen += [chance.choice(group) for group in chance.sample(PARTS, chance.randint(1, 3))]
    files = {**model, **_HONEST}
    for part in chosen:
        part.change(files)
    # Of the last one alone it is known that no other part wrote over it.
    return StrangeRepository(files, "; ".join(part.kind for part in chosen), chosen[-1].found)
