"""What recording, other attention, leave-one-out and integrated gradients cost on a BERT, and some of it on a Llama:
each line a ratio to the plain way, timed in turns in the same run.

One thread, medians over the rounds; the model has random weights, which changes no cost. Prints a table and writes
nothing.

    python tests/benchmarks/bench_deep.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import bench_references as plain
import numpy as np
import torch
from bench_timing import Comparison, compare
from rich.console import Console
from rich.table import Table

from attn_interp.attribution.integrated import STEPS, integrated_gradients
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.batch import Batch
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.experiments.jain_wallace.adversary import adversary
from attn_interp.experiments.jain_wallace.agreement import GRADIENT, LEAVE_ONE_OUT, agreement
from attn_interp.experiments.jain_wallace.permutation import permutation
from attn_interp.experiments.reading import read
from attn_interp.experiments.serrano_smith.erasure import erasure
from attn_interp.models.alternatives import Alternatives
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, record
from attn_interp.recording import sites as find_sites


@dataclass(frozen=True)
class Sizes:
    """How much is measured: documents of 10 to 30 words, a BERT of 4 layers. Recording, and leave-one-out of some
    documents (`shortened`), are timed on one of a size in use (`recorded`: layers, heads, width)."""

    documents: int = 64
    shortened: int = 16
    rounds: int = 5
    layers: int = 4
    heads: int = 4
    width: int = 128
    recorded: tuple[int, int, int] = (6, 12, 384)
    draws: int = 100
    searched: int = 6


TINY = Sizes(documents=2, shortened=1, rounds=1, layers=1, heads=2, width=8, recorded=(1, 2, 8), draws=6, searched=1)
ORDERS = 14  # of erasure: attention, its gradient, their product, leave-one-out, ten at random
WORDS = tuple(f"w{index}" for index in range(200))


def model_of(sizes: Sizes, family: str = "Bert", answers: bool = False) -> AttentionModel:
    """A BERT or a Llama whose tokenizer has every word whole, as a classifier or as one that answers a prompt."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate((*special, *WORDS))}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special))
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(WORDS) + len(special),
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
        max_position_embeddings=64,
        pad_token_id=0,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, f"{family}For{'CausalLM' if answers else 'SequenceClassification'}")(config)
    whole = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    asked: Any = {"prompt": "w0 {text} w1", "answers": {"no": " w2", "yes": " w3"}} if answers else {}
    return wrap(model, whole, **asked)


def documents_of(sizes: Sizes) -> list[Document]:
    random = np.random.default_rng(0)
    lengths = random.integers(10, 31, sizes.documents)
    return [
        Document(id=f"d{index}", words=tuple(random.choice(WORDS, length)), label=0)
        for index, length in enumerate(lengths)
    ]


def eager_attentions(model: AttentionModel, batches: Sequence[Batch]) -> list[torch.Tensor]:
    """The weights (B, H, T, T) of every layer, batch after batch, as the library itself returns them."""
    module: Any = model.module
    found: list[torch.Tensor] = []
    module.set_attn_implementation("eager")
    try:
        for batch in batches:
            with torch.no_grad():
                found += module(*model.inputs(batch)[:2], output_attentions=True).attentions
    finally:
        module.set_attn_implementation("sdpa")
    return found


def one_at_a_time(model: AttentionModel, documents: Sequence[Document]) -> list[torch.Tensor]:
    """The logits (W, C) of each document without each word, one shortened document in a pass."""
    with torch.no_grad():
        return [
            torch.cat([model.batch_logits(model.batch([delete_words(d, {w})])) for w in range(len(d))])
            for d in documents
        ]


def recorded(model: AttentionModel, batches: Sequence[Batch]) -> list[torch.Tensor]:
    """The weights (B, H, T, T) of every layer, batch after batch."""
    found: list[torch.Tensor] = []
    for batch in batches:
        with torch.no_grad(), record(model.module, model.sites) as recording:
            model.batch_logits(batch)
        found += recording.values()
    return found


def alternatives(
    model: AttentionModel, batches: Sequence[Batch], draws: int
) -> list[tuple[Alternatives, torch.Tensor]]:
    """Each batch and weightings (B, draws, W) of it."""
    found = []
    for batch in batches:
        is_word = model.run(batch).is_word
        noise = torch.rand(len(batch), draws, is_word.shape[1]) * is_word[:, None]
        found.append((Alternatives(model, batch), noise / noise.sum(-1, keepdim=True)))
    return found


def at_the_query(drawn: Sequence[tuple[Alternatives, torch.Tensor]]) -> list[torch.Tensor]:
    with torch.no_grad():
        return [each.logits(weightings) for each, weightings in drawn]


def at_all_positions(drawn: Sequence[tuple[Alternatives, torch.Tensor]]) -> list[torch.Tensor]:
    """One weighting after the other, through all positions."""
    with torch.no_grad():
        return [
            torch.stack([each.whole(each.kept, each.batch, one) for one in weightings.unbind(1)], 1)
            for each, weightings in drawn
        ]


def comparisons(sizes: Sizes) -> Iterator[Comparison]:
    model, documents = model_of(sizes), documents_of(sizes)
    batches = [batch for _, batch in model.batches(documents)]
    classes = [torch.zeros(len(batch), dtype=torch.long) for batch in batches]
    layers, heads, width = sizes.recorded
    large = model_of(replace(sizes, layers=layers, heads=heads, width=width))
    yield compare(
        "attention of every layer, recorded",
        "the model's own eager pass that returns its attentions",
        lambda: recorded(large, batches),
        lambda: eager_attentions(large, batches),
        4 * sizes.rounds,
    )
    drawn = alternatives(large, batches, sizes.draws)
    yield compare(
        f"{sizes.draws} other attentions of the last layer, read at the first token",
        "all positions of the last layer, one attention after the other",
        lambda: at_the_query(drawn),
        lambda: at_all_positions(drawn),
        sizes.rounds,
    )
    decoder = model_of(replace(sizes, layers=layers, heads=heads, width=width), "Llama")
    behind = alternatives(decoder.at(site=decoder.sites[layers // 2].name), batches[:1], sizes.draws)
    yield compare(
        f"{sizes.draws} other attentions of a middle layer of a decoder",
        "all positions of the layers above, one attention after the other",
        lambda: at_the_query(behind),
        lambda: at_all_positions(behind),
        sizes.rounds,
    )
    shortened = [delete_words(d, {word}) for d in batches[0].documents for word in range(len(d))]
    few = read(large, documents[: sizes.searched], progress=False)
    yield compare(
        "adversary of the last layer, read at the first token, at no document below the search",
        "the paper's search of 500 steps, on the same replay at the query",
        lambda: adversary(few),
        lambda: adversary(few, method="search"),
        min(sizes.rounds, 2),
    )
    ids = batches[0].ids[:2]
    yield compare(
        "sites of every layer, found and verified",
        "two passes of the model for each site",
        lambda: find_sites(large.module, ids),
        lambda: [large.module(ids) for _ in range(2 * layers)],
        sizes.rounds,
    )
    some = documents[: sizes.shortened]
    those = [(batch, torch.zeros(len(batch), dtype=torch.long)) for _, batch in large.batches(some)]
    shorter = [large.batch([delete_words(d, {word})]) for d in some for word in range(len(d))]
    yield compare(
        "leave-one-out",
        "one shortened document at a time",
        lambda: [leave_one_out(large, *both) for both in those],
        lambda: one_at_a_time(large, some),
        min(sizes.rounds, 3),
    )
    rows = torch.randn(sum(batch.ids.numel() for batch in shorter), width)
    into, out = torch.randn(width, 4 * width), torch.randn(4 * width, width)
    yield compare(
        "the products of all its layers alone, on as many positions: what bounds it",
        "one shortened document at a time",
        lambda: [(rows @ into) @ out for _ in range(layers * 3 // 2)],  # 12 width^2 a position and layer
        lambda: one_at_a_time(large, some),
        min(sizes.rounds, 3),
    )
    yield compare(
        "leave-one-out of a decoder, behind its cache",
        "every shortened document whole, in batches",
        lambda: leave_one_out(decoder, batches[0], classes[0]),
        lambda: decoder.logits(shortened, size=256),
        sizes.rounds,
    )
    yield from of_an_answer(sizes)
    yield compare(
        "integrated gradients",
        f"captum, one document at a time, {STEPS[0]} steps",
        lambda: [integrated_gradients(model, *both) for both in zip(batches, classes)],
        lambda: plain.integrated(model, documents, STEPS[0]),
        sizes.rounds,
    )


def of_an_answer(sizes: Sizes) -> Iterator[Comparison]:
    """A Llama that answers a prompt: the papers' questions on one document, beside a pass for each change."""
    layers, heads, width = sizes.recorded
    model = model_of(replace(sizes, layers=layers, heads=heads, width=width), "Llama", answers=True)
    document = documents_of(sizes)[0]
    drawn = alternatives(model, [model.batch([document])], sizes.draws)
    sets = [(each, one[:, :1].expand(-1, ORDERS * (len(document) - 1), -1)) for each, one in drawn]
    yield compare(
        "a language model that answers: agreement with gradients and leave-one-out",
        "a pass for each word that is left out, alone",
        lambda: agreement(read(model, [document], progress=False), methods=[GRADIENT, LEAVE_ONE_OUT]),
        lambda: one_at_a_time(model, [document]),
        sizes.rounds,
    )
    yield compare(
        f"a language model that answers: {sizes.draws} permutations",
        "a pass of the whole model for each",
        lambda: permutation(read(model, [document], progress=False), draws=sizes.draws),
        lambda: by_whole_passes(drawn),
        min(sizes.rounds, 3),
    )
    yield compare(
        "a language model that answers: erasure of sets",
        "a pass of the whole model for every set of every order",
        lambda: erasure(read(model, [document], progress=False)),
        lambda: by_whole_passes(sets),
        min(sizes.rounds, 3),
    )


def by_whole_passes(drawn: Sequence[tuple[Alternatives, torch.Tensor]]) -> list[torch.Tensor]:
    """The logits (B, K, C) under weightings (B, K, W), a pass of the whole model for each."""
    found = []
    for each, weightings in drawn:
        model, batch = each.model, each.batch
        for one in weightings.unbind(1):
            change = partial(model.window(batch).under, weighting=one)
            with torch.no_grad(), intervene(model.module, {model.site: change}):
                found.append(model.batch_logits(batch))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="two documents, to see that it runs")
    sizes = TINY if parser.parse_args(arguments).tiny else Sizes()
    torch.set_num_threads(1)
    table = Table()
    for name in ("what", "beside", "seconds", "times as long there [least, most]"):
        table.add_column(name)
    for found in comparisons(sizes):
        ratios = found.ratios
        span = f"{np.median(ratios):.2f} [{ratios.min():.2f}, {ratios.max():.2f}]"
        table.add_row(found.name, found.reference, f"{np.median(found.ours):.4f}", span)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
