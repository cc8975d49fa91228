"""The plain ways: what the papers describe, written as one writes it down, in batches of 32 documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from captum.attr import IntegratedGradients
from scipy import stats
from torch import nn
from torch.nn import functional

from attn_interp.data.batch import Batch, batches_by_length, collate
from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.edit import delete_words
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier

BATCH = 32


def deletion(module: nn.Module, vocabulary: Vocabulary, documents: Sequence[Document]) -> list[torch.Tensor]:
    """For each batch and each position: the module (batch -> logits) on every document without its word there."""
    outputs = []
    with torch.no_grad():
        for rows in batches_by_length([len(document) for document in documents], BATCH):
            for position in range(1, max(len(documents[row]) for row in rows)):
                longer = [documents[row] for row in rows if len(documents[row]) > position]
                batch = collate([delete_words(document, {position}) for document in longer], vocabulary)
                outputs.append(module(batch).softmax(-1))
    return outputs


def kendall(x: torch.Tensor, y: torch.Tensor, is_word: torch.Tensor) -> list[tuple[float, float]]:
    """scipy, one document after the other."""
    return [tuple(stats.kendalltau(a[m], b[m])) for a, b, m in zip(x.numpy(), y.numpy(), is_word.numpy())]


def permutations(module: Classifier, encoded: Sequence[Encoded], draws: int) -> list[np.ndarray]:
    """Draw by draw: attention shuffled document by document, and everything after it run again."""
    medians = []
    random = np.random.default_rng(0)
    for states, weights, probabilities, lengths in encoded:
        changes = []
        for _ in range(draws):
            shuffled = weights.clone()
            for row, length in enumerate(lengths):
                shuffled[row, 1 : length + 1] = weights[row, 1 + torch.from_numpy(random.permutation(length))]
            with torch.no_grad():
                output = module.head((shuffled[:, None] @ states).squeeze(1)).softmax(-1)
            changes.append((output - probabilities).abs().sum(-1) / 2)
        medians.append(torch.stack(changes).median(0).values.numpy())
    return medians


Encoded = tuple[torch.Tensor, torch.Tensor, torch.Tensor, list[int]]
"""States (B, T, D), attention weights (B, T), class probabilities (B, C) and lengths of a batch."""


def encode(model: AttentionModel, documents: Sequence[Document]) -> list[Encoded]:
    module = model.module
    encoded = []
    with torch.no_grad():
        for _, batch in model.batches(documents, BATCH):
            states = module.encoder(module.embedding(batch.ids), batch.is_token)
            scores = module.pooling.scores(states)[:, 0].masked_fill(~batch.is_word, -torch.inf)
            probabilities = model.batch_logits(batch).softmax(-1)
            encoded.append((states, scores.softmax(-1), probabilities, [len(d) for d in batch.documents]))
    return encoded


def adversary(module: Classifier, encoded: Sequence[Encoded], steps: int, starts: int = 5) -> list[torch.Tensor]:
    """Jain & Wallace 2019, section 4.2.2: Adam on the scores of five attentions at once, batch by batch."""
    found = []
    for states, weights, probabilities, lengths in encoded:
        is_word = torch.zeros_like(weights, dtype=torch.bool)
        for row, length in enumerate(lengths):
            is_word[row, 1 : length + 1] = True
        generator = torch.Generator().manual_seed(0)
        scores = torch.rand(starts, *weights.shape, generator=generator).log()
        scores += 3 * torch.randn(scores.shape, generator=generator)
        scores.requires_grad_()
        optimiser = torch.optim.Adam([scores], lr=0.01, amsgrad=True)
        first, second = torch.triu_indices(starts, starts, 1)
        for _ in range(steps):
            attention = scores.masked_fill(~is_word, -torch.inf).softmax(-1)  # (S, B, T)
            output = module.head(torch.einsum("sbt,btd->sbd", attention, states)).softmax(-1)
            change = (output - probabilities).abs().sum(-1) / 2
            apart = divergence(attention[first], attention[second]).mean(0)
            loss = (500 * torch.relu(change - 0.01) - divergence(attention, weights)).mean(0) - apart
            optimiser.zero_grad()
            loss.sum().backward()
            optimiser.step()
        found.append(scores.detach().masked_fill(~is_word, -torch.inf).softmax(-1))
    return found


def divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    middle = ((p + q) / 2).clamp(min=1e-30).log()
    return sum((x * (x.clamp(min=1e-30).log() - middle)).sum(-1) for x in (p, q)) / 2


class PackedClassifier(nn.Module):
    """A BiLSTM with additive attention on packed sequences, as a tutorial has it."""

    def __init__(self, vocabulary_size: int, width: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.lstm = nn.LSTM(width, hidden, bidirectional=True, batch_first=True)
        self.keys = nn.Linear(2 * hidden, hidden)
        self.query = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(2 * hidden, 2)

    def forward(self, batch: Batch) -> torch.Tensor:
        embedded = self.dropout(self.embedding(batch.ids))
        packed = nn.utils.rnn.pack_padded_sequence(
            embedded, batch.is_token.sum(1), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        scores = self.query(torch.tanh(self.keys(states))).squeeze(-1).masked_fill(~batch.is_word, -torch.inf)
        context = (scores.softmax(-1)[:, None] @ states).squeeze(1)
        return self.head(self.dropout(context))


def packed(module: Classifier) -> PackedClassifier:
    """The same network written plainly, with the weights of one of ours."""
    own = module.state_dict()
    twin = PackedClassifier(
        len(own["embedding.weight"]), module.embedding.embedding_dim, own["head.weight"].shape[1] // 2
    )
    names = {"embedding.weight": "embedding.weight", "head.weight": "head.weight", "head.bias": "head.bias"}
    names |= {"keys.weight": "pooling.scores.keys.weight", "keys.bias": "pooling.scores.keys.bias"}
    names |= {"query.weight": "pooling.scores.query"}
    for part in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        names |= {f"lstm.{part}": f"encoder.onward.{part}", f"lstm.{part}_reverse": f"encoder.back.{part}"}
    twin.load_state_dict({theirs: own[ours] for theirs, ours in names.items()})
    return twin.eval()


def epoch(corpus: Corpus, width: int, hidden: int) -> float:
    """One pass over the training documents with Adam over everything, then the accuracy on the dev split."""
    vocabulary = Vocabulary.build(corpus.train)
    module = PackedClassifier(len(vocabulary), width, hidden)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, weight_decay=1e-5, amsgrad=True)
    for rows in batches_by_length([len(document) for document in corpus.train], BATCH):
        batch = collate([corpus.train[row] for row in rows], vocabulary)
        optimiser.zero_grad()
        functional.cross_entropy(module(batch), batch.labels).backward()
        optimiser.step()
    module.eval()
    right = 0
    with torch.no_grad():
        for rows in batches_by_length([len(document) for document in corpus.dev], BATCH):
            batch = collate([corpus.dev[row] for row in rows], vocabulary)
            right += int((module(batch).argmax(-1) == batch.labels).sum())
    return right / len(corpus.dev)


def integrated(model: AttentionModel, documents: Sequence[Document], steps: int) -> list[torch.Tensor]:
    """captum as its tutorials have it: one document after the other, the steps of one in one pass."""
    found = []
    for document in documents:
        batch = model.batch([document])

        def probability(points: torch.Tensor, document: Document = document) -> torch.Tensor:
            with model.embeddings_given(points):
                return model.batch_logits(model.batch([document] * len(points))).softmax(-1)

        embeddings = model.embeddings(batch)
        baseline = embeddings * ~batch.is_word[..., None]
        values = IntegratedGradients(probability).attribute(embeddings, baseline, target=0, n_steps=steps)
        found.append(values.sum(-1)[batch.is_word].detach())
    return found
