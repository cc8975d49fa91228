"""Which architectures are covered: a table made by trying each, tiny and random; the site shows it.

`python tests/recording/test_coverage.py` writes the table into docs/coverage.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, mark, record

transformers = pytest.importorskip("transformers")

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
BEGIN, END = "<!-- coverage: made by tests/recording/test_coverage.py -->\n", "<!-- end of coverage -->\n"
WORDS = ("film", "awful", "wonderful", "the", "a", "plot", "good", "##ish", "##ly", "scene", "slow", "red", "tree")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
QUERIES = {"first": "first token", "last": "last token", "mean": "mean over words"}
STEP = 5e-4  # of finite differences; several models compute their norms in single precision whatever they are
DOCUMENTS = [
    Document(id="short", words=("the", "film"), label=0),
    Document(id="long", words=("goodish", "scene", "slowly", "red", "awful"), label=1),
    Document(id="middle", words=("wonderful", "plot", "the", "tree"), label=1),
]

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
T5 = {**ENDS, "d_model": 16, "d_kv": 8, "d_ff": 20, "num_layers": 2, "num_heads": 2, "initializer_factor": 1.5}
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


VOCABULARY = Vocabulary.build(DOCUMENTS)


def ours(**settings: Any) -> AttentionModel:
    chosen = ClassifierSettings(embedding_width=8, hidden=8, encoder_heads=2, **settings)
    return by_hand(Classifier(chosen, len(VOCABULARY), 2), lambda batch: (batch.ids, batch.is_token, batch.is_word))


def by_hand(module: nn.Module, inputs: Callable[..., Any] = lambda batch: (batch.ids,), **view: Any) -> AttentionModel:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return wrap(module.double(), inputs=inputs, classes=("no", "yes"), vocabulary=VOCABULARY, **view)


class TorchTransformer(nn.Module):
    """torch's own encoder layers over ids, pooled by the mean of the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(VOCABULARY), 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.encoder(self.embed(ids), src_key_padding_mask=ids == 0)
        return self.out((states * (ids != 0)[..., None]).sum(1) / (ids != 0).sum(1, keepdim=True))


class Sigmoid(nn.Module):
    """Attention by a sigmoid, divided by its sum: no softmax; shown by a mark or not."""

    def __init__(self, marked: bool) -> None:
        super().__init__()
        self.show = mark if marked else lambda weights: weights
        self.embed = nn.Embedding(len(VOCABULARY), 8)
        self.score = nn.Linear(8, 1)
        self.out = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = torch.tanh(self.embed(ids))
        weights = self.score(states).squeeze(-1).sigmoid() * (ids != 0)
        weights = self.show(weights / weights.sum(-1, keepdim=True))
        return self.out((weights[:, None] @ states).squeeze(1))


OTHERS: dict[str, Callable[[], AttentionModel]] = {
    "torch.nn.TransformerEncoder": lambda: by_hand(
        TorchTransformer(), head="mean", query="mean", site="encoder.layers.1.self_attn"
    ),
    "LSTM or GRU with attention, from here or by hand": lambda: ours(),
    "transformer with attention, from here": lambda: ours(encoder="transformer"),
    "sigmoid, sparsemax, entmax with `mark(weights)`": lambda: by_hand(Sigmoid(True)),
    "sigmoid, sparsemax, entmax without": lambda: by_hand(Sigmoid(False)),
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    architecture: str
    sites: str = "0"
    logits_unchanged: str = "–"
    rows_sum_to_1: str = "–"
    other_weights_act: str = "–"
    gradients_through_weights: str = "–"
    query_tested_by_default: str = "–"
    not_supported: str = ""


def tried(name: str) -> Row:
    """What holds of one architecture, in double precision; a failing one says why."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        try:
            model = pretrained(name) if name in PRETRAINED else OTHERS[name]()
            batch = model.batch(DOCUMENTS)
            model.run(batch)
        except ValueError as error:
            return Row(name, not_supported=re.sub(r" \(.*|; .*|^wrap: ", "", str(error)))
        sums = rows_sum_to_one(model, batch)
        return Row(
            name,
            str(len(model.sites)),
            yes(logits_unchanged(model, batch)),
            "with the sink" if sums and any(site.sink for site in model.sites) else yes(sums),
            yes(all(moved(model, batch, site) > 1e-4 for site in model.sites)),
            yes(gradient_is_exact(model, batch)),
            QUERIES.get(model.view.query, "that of the pooling"),
            "" if model.embedding.why_not is None else "gradients at words: they are embedded twice",
        )


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def logits_unchanged(model: AttentionModel, batch: Any) -> bool:
    with torch.no_grad():
        plain = model.batch_logits(batch)
        with record(model.module, model.sites):
            recorded = model.batch_logits(batch)
    return bool((plain - recorded).abs().max() <= 1e-6 * (1 + plain.abs().max()))


def rows_sum_to_one(model: AttentionModel, batch: Any) -> bool:
    with torch.no_grad(), record(model.module, model.sites) as recording:
        model.batch_logits(batch)
    totals = [recording[site].sum(-1) + recording.sink(site) for site in model.sites]
    return all(bool(((total - 1).abs() < 1e-5).logical_or(total == 0).all()) for total in totals)


def moved(model: AttentionModel, batch: Any, site: Any) -> float:
    def uniform(weights: torch.Tensor) -> torch.Tensor:
        seen = weights > 0
        return seen * weights.sum(-1, keepdim=True) / seen.sum(-1, keepdim=True).clamp(min=1)

    with torch.no_grad():
        own = model.batch_logits(batch)
        with intervene(model.module, {site: uniform}):
            return float((model.batch_logits(batch) - own).abs().max())


def gradient_is_exact(model: AttentionModel, batch: Any) -> bool:
    """At each site along a random direction: the slope by autograd is the slope by differences."""
    with record(model.module, model.sites, gradients=True) as recording:
        output = model.batch_logits(batch).diff(dim=-1).sum()
    own = [recording[site] for site in model.sites]
    for site, weights, gradient in zip(model.sites, own, torch.autograd.grad(output, own)):
        along = torch.randn_like(weights) * (weights > 0)
        ends = []
        for step in (STEP, -STEP):
            change = {site: (weights + step * along).detach()}
            with torch.no_grad(), intervene(model.module, change, unnormalised=True):
                ends.append(model.batch_logits(batch).diff(dim=-1).sum())
        slope = (gradient * along).sum()
        if not abs(slope - (ends[0] - ends[1]) / (2 * STEP)) <= 2e-3 * (1 + abs(slope)):
            return False
    return True


def table(rows: list[Row]) -> str:
    heads = [field.name.replace("_", " ") for field in fields(Row)]
    lines = [heads, ["---"] * len(heads)] + [[getattr(row, field.name) for field in fields(Row)] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


@pytest.mark.filterwarnings("ignore:.*fast path.*:UserWarning")
@pytest.mark.parametrize("name", [*PRETRAINED, *OTHERS])
def test_the_page_says_what_holds(name: str) -> None:
    (stated,) = re.findall(rf"^\| {re.escape(name)} \|.*\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    assert stated == table([tried(name)]).splitlines(keepends=True)[2]


def test_the_page_lists_these_alone() -> None:
    inside = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    assert [line.split(" | ")[0][2:] for line in inside.strip().splitlines()[2:]] == [*PRETRAINED, *OTHERS]


if __name__ == "__main__":
    torch.set_num_threads(1)
    before, rest = PAGE.read_text("utf-8").split(BEGIN)
    made = table([tried(name) for name in (*PRETRAINED, *OTHERS)])
    PAGE.write_text(before + BEGIN + "\n" + made + "\n" + END + rest.split(END)[1], encoding="utf-8")
    print(made)
