"""What the closed forms and shared work save: each line a ratio to a plain reference timed in turns in the same run.

One thread, medians over the rounds; the classifier has random weights, which changes no cost. Prints two tables and
writes nothing. Run it on a machine that does nothing else:

    make bench
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import bench_references as plain
import numpy as np
import torch
from bench_timing import Comparison, compare, growth
from rich.console import Console
from rich.table import Table

from attn_interp.attribution.integrated import STEPS, integrated_gradients
from attn_interp.attribution.leave_one_out import leave_one_out
from attn_interp.data.batch import Batch
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.load import load
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.experiments.jain_wallace.permutation import permutation, sampled_changes
from attn_interp.experiments.reading import Reading, read
from attn_interp.experiments.tangent import checked_votes
from attn_interp.measures.kendall import kendall_tau
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.encoders import build_encoder
from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings
from attn_interp.models.training.fitting import fit_classifier
from attn_interp.models.wrap import wrap
from attn_interp.readout.adversary.two_classes import exact_adversary
from attn_interp.recording import intervene, record
from attn_interp.recording.one_word import on_each_word

TREEBANK = Path(__file__).resolve().parents[3] / "shared" / "data" / "sst_ptb"
ALTERNATIVES = 100


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `draws`, `steps` and the classifier are those of Jain & Wallace 2019."""

    documents: int = 256
    rounds: int = 5
    training_documents: int = 2000
    draws: int = 100
    steps: int = 500
    settings: ClassifierSettings = field(default_factory=ClassifierSettings)
    lengths: tuple[int, ...] = (10, 20, 40, 80, 160)
    counts: tuple[int, ...] = (64, 128, 256, 512)


TINY = Sizes(
    documents=8,
    rounds=1,
    training_documents=40,
    draws=3,
    steps=2,
    settings=ClassifierSettings(embedding_width=6, hidden=4),
    lengths=(3, 6),
    counts=(4, 8),
)


def corpus_of(sizes: Sizes) -> Corpus:
    """The treebank where it lies beside the repository, else made-up documents of its lengths (19 words on average)."""
    if TREEBANK.is_dir() and sizes is not TINY:
        return load("sst", path=TREEBANK)
    count = 2 * (sizes.documents + sizes.training_documents)
    return load("planted", documents=count, least_length=3, most_length=35)


def model_of(documents: Sequence[Document], settings: ClassifierSettings) -> tuple[AttentionModel, Vocabulary]:
    torch.manual_seed(0)
    vocabulary = Vocabulary.build(documents)
    return wrap(Classifier(settings, len(vocabulary), 2), classes=("a", "b"), vocabulary=vocabulary), vocabulary


def every_word(model: AttentionModel, documents: Sequence[Document]) -> Callable[[], object]:
    batches = [batch for _, batch in model.batches(documents, plain.BATCH)]
    return lambda: [leave_one_out(model, batch, torch.zeros(len(batch), dtype=torch.long)) for batch in batches]


def exact_adversaries(reading: Reading) -> Callable[[], object]:
    return lambda: [exact_adversary(part.weights, part.votes, part.is_word, 0.01) for part in reading.batches]


def comparisons(corpus: Corpus, sizes: Sizes) -> Iterator[Comparison]:
    documents = corpus.test[: sizes.documents]
    model, vocabulary = model_of([*corpus.train, *documents], sizes.settings)
    module, rounds = model.module, sizes.rounds
    assert isinstance(module, Classifier)
    reading, encoded = read(model, documents), plain.encode(model, documents)
    batches, twin = [part.batch for part in reading.batches], plain.packed(module)

    yield compare(
        "leave-one-out",
        "a packed nn.LSTM on every shortened document, batches of 32",
        every_word(model, documents),
        lambda: plain.deletion(twin, vocabulary, documents),
        rounds,
    )
    yield compare(
        "votes",
        "a run of what follows the attention for each word",
        lambda: [checked_votes(part.under, part.weights, part.is_word) for part in reading.batches],
        lambda: [on_each_word(part.under, part.is_word) for part in reading.batches],
        rounds,
    )
    pairs = [(part.weights, part.weights.roll(1, 0), part.is_word) for part in reading.batches]
    yield compare(
        "Kendall's tau with p-value",
        "scipy.stats.kendalltau, one document at a time",
        lambda: [kendall_tau(*pair) for pair in pairs],
        lambda: [plain.kendall(*pair) for pair in pairs],
        rounds,
    )
    yield compare(
        f"medians over {sizes.draws} permutations",
        "the head run again for each draw, states given, batches of 32",
        lambda: [sampled_changes(reading, part, sizes.draws) for part in reading.batches],
        lambda: plain.permutations(module, encoded, sizes.draws),
        rounds,
    )
    yield compare(
        "exact adversary",
        f"the paper's search: 5 starts, {sizes.steps} steps of Adam, states given, batches of 32",
        exact_adversaries(reading),
        lambda: plain.adversary(module, encoded, sizes.steps),
        min(rounds, 3),
    )
    with torch.no_grad():
        yield compare(
            "forward pass that is recorded",
            "the same pass alone",
            lambda: [recorded(model, batch) for batch in batches],
            lambda: [model.batch_logits(batch) for batch in batches],
            4 * rounds,
        )
        alternatives = [part.weights.float()[:, None].expand(-1, ALTERNATIVES, -1) for part in reading.batches]
        yield compare(
            f"{ALTERNATIVES} attentions by replay",
            f"{ALTERNATIVES} runs with the attention replaced",
            lambda: [model.logits_under(*both) for both in zip(batches, alternatives)],
            lambda: [repeated(model, batch) for batch in batches],
            rounds,
        )
    splits = {"train": corpus.train[: sizes.training_documents], "dev": corpus.dev[: plain.BATCH], "test": documents}
    small = replace(corpus, splits=splits)
    once = TrainingSettings(epochs=1, least_count=1)
    yield compare(
        "training epoch",
        "nn.LSTM on packed sequences, Adam over every word vector",
        lambda: fit_classifier(small, sizes.settings, once, progress=False),
        lambda: plain.epoch(small, sizes.settings.embedding_width, sizes.settings.hidden),
        min(rounds, 3),
    )
    embedded = torch.randn(plain.BATCH, 20, sizes.settings.embedding_width)
    is_token = torch.ones(embedded.shape[:2], dtype=torch.bool)
    lstm, lstmn = (
        build_encoder(replace(sizes.settings, encoder=name, bidirectional=False)) for name in ("lstm", "lstmn")
    )
    yield compare(
        "LSTM, 20 words, forward and backward",
        "the LSTMN, which attends over its own past",
        lambda: lstm(embedded, is_token).sum().backward(),
        lambda: lstmn(embedded, is_token).sum().backward(),
        rounds,
    )
    yield compare(
        "integrated gradients",
        f"captum, one document at a time, {STEPS[0]} steps",
        lambda: [integrated_gradients(model, batch, torch.zeros(len(batch), dtype=torch.long)) for batch in batches],
        lambda: plain.integrated(model, documents, STEPS[0]),
        min(rounds, 3),
    )


def recorded(model: AttentionModel, batch: Batch) -> None:
    with record(model.module, model.sites):
        model.batch_logits(batch)


def repeated(model: AttentionModel, batch: Batch) -> None:
    for _ in range(ALTERNATIVES):
        with intervene(model.module, {model.site: torch.clone}):
            model.batch_logits(batch)


def growths(sizes: Sizes) -> Iterator[tuple[str, str, float]]:
    """(what, over what, exponent): seconds against words per document, and against documents."""
    by_length = {
        length: load("planted", documents=4 * plain.BATCH, least_length=length, most_length=length).test[: plain.BATCH]
        for length in sizes.lengths
    }
    most = load("planted", documents=4 * max(sizes.counts), least_length=3, most_length=35)
    by_count = {count: [*most.train, *most.test][:count] for count in sizes.counts}
    for axis, groups in (("words", by_length), ("documents", by_count)):
        model, _ = model_of([document for group in groups.values() for document in group], sizes.settings)
        readings = [read(model, group) for group in groups.values()]
        works: dict[str, list[Callable[[], object]]] = {
            "leave-one-out": [every_word(model, group) for group in groups.values()],
            "reading weights and votes": [partial(read_votes, model, group) for group in groups.values()],
            "Kendall's tau with p-value": [partial(taus, r) for r in readings],
            f"{sizes.draws} permutations": [partial(permutation, r, draws=sizes.draws) for r in readings],
            "exact adversary": [exact_adversaries(r) for r in readings],
        }
        for name, work in works.items():
            yield name, axis, growth(work, list(groups), sizes.rounds)


def read_votes(model: AttentionModel, documents: Sequence[Document]) -> None:
    for part in read(model, documents).batches:
        assert part.weights.shape == part.votes.shape[:2]


def taus(reading: Reading) -> None:
    for part in reading.batches:
        kendall_tau(part.weights, part.weights.roll(1, 0), part.is_word)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=Sizes.documents, help="test documents (%(default)s)")
    parser.add_argument("--rounds", type=int, default=Sizes.rounds, help="rounds of each comparison (%(default)s)")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that everything runs")
    options = parser.parse_args(arguments)
    sizes = TINY if options.tiny else Sizes(documents=options.documents, rounds=options.rounds)
    torch.set_num_threads(1)
    corpus = corpus_of(sizes)
    console = Console(width=140)
    lengths = [len(document) for document in corpus.test[: sizes.documents]]
    about = f"{len(lengths)} documents of {corpus.name}, {np.mean(lengths):.0f} words on average, one thread"
    table = Table("what", "seconds", "reference", "its seconds", "times as fast", "least", "most", title=about)
    for row in comparisons(corpus, sizes):
        ratios = row.ratios
        middle = f"{np.median(ratios):.2f}", f"{ratios.min():.2f}", f"{ratios.max():.2f}"
        table.add_row(row.name, f"{np.median(row.ours):.4f}", row.reference, f"{np.median(row.theirs):.4f}", *middle)
    console.print(table)
    table = Table(
        "what", "seconds grow with", "to the power of", title=f"words {sizes.lengths}, documents {sizes.counts}"
    )
    for name, axis, exponent in growths(sizes):
        table.add_row(name, axis, f"{exponent:.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
