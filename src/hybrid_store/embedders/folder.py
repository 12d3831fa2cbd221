"""The folder of a sentence-transformers model: what it says of the model, without loading it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hybrid_store.embedders.bert import ARCHITECTURES, POOLINGS, BertConfig
from hybrid_store.exceptions import InvalidEmbedderError

__all__ = ["ModelFolder"]

MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])

POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""How older versions of sentence-transformers wrote `pooling_mode`."""


@dataclass(frozen=True)
class ModelFolder:
    """A local folder in the format of sentence-transformers.

    Its JSON files are read when they are needed. `InvalidEmbedderError` is raised for a file that
    is missing and for whatever cannot be computed here: to leave a part of a model out silently
    would give vectors that are not the model's.
    """

    path: Path

    def verify(self) -> None:
        """Raise for anything that will be missing or unsupported when the model is loaded."""
        for file in (self.tokenizer, self.weights):
            if not file.is_file():
                raise self._fault(f"there is no {file.name}")
        _ = self.bert, self.pooling, self.max_length

    @property
    def weights(self) -> Path:
        return self.transformer / "model.safetensors"

    @property
    def tokenizer(self) -> Path:
        return self.transformer / "tokenizer.json"

    @property
    def transformer(self) -> Path:
        return self.modules["Transformer"]

    @property
    def normalizes(self) -> bool:
        return "Normalize" in self.modules

    @cached_property
    def modules(self) -> dict[str, Path]:
        """The folder of each step of the model, by the name of its class."""
        steps = self._read(self.path / "modules.json")
        modules = {step["type"].rpartition(".")[2]: self.path / step["path"] for step in steps}
        if list(modules) not in MODULES:
            raise self._unsupported(f"the steps {' -> '.join(modules)} in modules.json")
        return modules

    @cached_property
    def bert(self) -> BertConfig:
        config = self._read(self.transformer / "config.json")
        for name, supported in (
            ("model_type", list(ARCHITECTURES)),
            ("hidden_act", ["gelu"]),
            ("position_embedding_type", ["absolute", None]),
        ):
            if config.get(name) not in supported:
                raise self._unsupported(f"{name} = {config.get(name)!r} in config.json")
        try:
            return BertConfig(
                architecture=config["model_type"],
                hidden=config["hidden_size"],
                layers=config["num_hidden_layers"],
                heads=config["num_attention_heads"],
                positions=config["max_position_embeddings"],
                padding=config["pad_token_id"],
                epsilon=config["layer_norm_eps"],
            )
        except KeyError as error:
            raise self._fault(f"config.json has no {error}") from error

    @cached_property
    def pooling(self) -> str:
        """How the vectors of the tokens become one: a key of `POOLINGS`."""
        config = self._read(self.modules["Pooling"] / "config.json")
        flags = [mode for flag, mode in POOLING_FLAGS.items() if config.get(flag)]
        mode = config.get("pooling_mode", "+".join(flags) or "mean")
        if mode not in list(POOLINGS):
            raise self._unsupported(f"the pooling {mode!r}")
        if config.get("include_prompt") is False:
            raise self._unsupported("pooling that leaves prompts out")
        return str(mode)

    @cached_property
    def max_length(self) -> int:
        """Tokens after which a text is cut off, special tokens included."""
        named = self._sentence_config.get("max_seq_length")
        if named is None and (self.transformer / "tokenizer_config.json").exists():
            config = self._read(self.transformer / "tokenizer_config.json")
            named = config.get("model_max_length")
        return min(int(named or self.bert.room), self.bert.room)

    @property
    def lowercases(self) -> bool:
        """Is text brought to lower case before the tokenizer sees it?"""
        return bool(self._sentence_config.get("do_lower_case"))

    @cached_property
    def _sentence_config(self) -> dict[str, Any]:
        # The architecture is part of the name: sentence_bert_config.json and so on.
        files = sorted(self.transformer.glob("sentence_*_config.json"))
        return dict(self._read(files[0])) if files else {}

    def _read(self, file: Path) -> Any:
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._fault(f"{file.name} cannot be read: {error}") from error

    def _unsupported(self, what: str) -> InvalidEmbedderError:
        return self._fault(
            f"MiniLMEmbedder does not support {what}; use SentenceTransformerEmbedder"
        )

    def _fault(self, fault: str) -> InvalidEmbedderError:
        return InvalidEmbedderError(f"The model in {self.path} cannot be used: {fault}.")
