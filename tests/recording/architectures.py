"""Architectures of the transformers library, tiny and random: as classifiers, and as language models with a prompt."""

from __future__ import annotations

from typing import Any

import transformers

from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.wrap import wrap

WORDS = ("film", "awful", "wonderful", "the", "a", "plot", "good", "##ish", "##ly", "scene", "slow", "red", "tree")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
BERT |= {"max_position_embeddings": 30, "initializer_range": 0.15, "pad_token_id": 0}
ENDS = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
GROUPED = {**BERT, **ENDS, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
DISTIL = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 20, "max_position_embeddings": 30}
XLNET = {**ENDS, "d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 20, "initializer_range": 0.15}
GPT2 = {**ENDS, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 30, "initializer_range": 0.15}
OPT = {**BERT, **ENDS, "ffn_dim": 20, "init_std": 0.15, "word_embed_proj_dim": 16}
OSS = {**GROUPED, "hidden_size": 32, "intermediate_size": 32, "head_dim": 8, "num_local_experts": 4}
OSS |= {"num_experts_per_tok": 2, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
T5 = {**ENDS, "d_model": 16, "d_kv": 8, "d_ff": 20, "num_layers": 2, "num_heads": 2}
T5 |= {"initializer_factor": 0.8}  # of larger weights the relu bends within a step of the differences
BART = {**ENDS, "d_model": 16, "init_std": 0.15, "max_position_embeddings": 30, "decoder_start_token_id": 3}
BART |= {f"{part}_layers": 2 for part in ("encoder", "decoder")}
BART |= {f"{part}_attention_heads": 2 for part in ("encoder", "decoder")}
BART |= {f"{part}_ffn_dim": 20 for part in ("encoder", "decoder")}

PRETRAINED: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT": ("bert", BERT),
    "RoBERTa": ("roberta", BERT),
    "DistilBERT": ("distilbert", {**DISTIL, "initializer_range": 0.15, "pad_token_id": 0}),
    "ELECTRA": ("electra", {**BERT, "embedding_size": 16}),
    "ALBERT (one module, called in every layer)": ("albert", {**BERT, "embedding_size": 11}),
    "DeBERTa-v2": ("deberta-v2", BERT),
    "MPNet": ("mpnet", BERT),
    "ModernBERT": ("modernbert", {**BERT, **ENDS, "cls_token_id": 2, "sep_token_id": 3}),
    "XLNet": ("xlnet", XLNET),
    "GPT-2": ("gpt2", GPT2),
    "OPT": ("opt", OPT),
    "Llama (grouped queries)": ("llama", GROUPED),
    "Qwen3": ("qwen3", GROUPED),
    "Gemma-2 (capped scores)": ("gemma2", {**GROUPED, "query_pre_attn_scalar": 4}),
    "GPT-OSS (sinks)": ("gpt_oss", OSS),
    "T5 (encoder, decoder, cross)": ("t5", {**T5, "decoder_start_token_id": 0}),
    "BART (encoder, decoder, cross)": ("bart", BART),
    "Longformer": ("longformer", {**BERT, "attention_window": [4, 4]}),
    "FNet": ("fnet", {key: value for key, value in BERT.items() if key != "num_attention_heads"}),
}

PROMPT = "the plot : {text} a"
ANSWERS = {"no": " awful", "yes": " wonderful film"}
ANSWERING: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        name: PRETRAINED[name]
        for name in ("GPT-2", "OPT", "Llama (grouped queries)", "Qwen3", "Gemma-2 (capped scores)")
    },
    "Mistral": ("mistral", GROUPED),
    "GPT-NeoX": ("gpt_neox", {**BERT, **ENDS}),
    "Phi": ("phi", {**BERT, **ENDS}),
    **{name: PRETRAINED[name] for name in ("T5 (encoder, decoder, cross)", "BART (encoder, decoder, cross)")},
}


def tokenizer(padding_side: str) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {piece: index for index, piece in enumerate((*SPECIAL, *WORDS))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, padding_side=padding_side, **names)


def pretrained(name: str) -> AttentionModel:
    kind, settings = PRETRAINED[name]
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(SPECIAL) + len(WORDS), **settings)
    config._experts_implementation = "eager"  # the other has no double precision
    module = transformers.AutoModelForSequenceClassification.from_config(config).double()
    return wrap(module, tokenizer("left" if kind == "xlnet" else "right"))


def answering(name: str) -> AttentionModel:
    kind, settings = ANSWERING[name]
    config = transformers.AutoConfig.for_model(kind, vocab_size=len(SPECIAL) + len(WORDS), **settings)
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    module = auto.from_config(config)
    if kind != "gemma2":  # which takes its softmax in single precision, where the mask of double is minus infinity
        module = module.double()
    return wrap(module, tokenizer("right"), prompt=PROMPT, answers=ANSWERS)
