"""The classifier against the architecture of Jain & Wallace 2019 in the plainest PyTorch, with the same weights."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.data.batch import Batch, collate
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings

WORDS = [f"w{number}" for number in range(19)]
DOCUMENTS = [
    Document(id=str(n), words=tuple(WORDS[(3 + n * k) % 19] for k in range(1, 1 + length)), label=0)
    for n, length in enumerate([6, 1, 11, 2, 9], start=1)
]
VOCABULARY = Vocabulary.build(DOCUMENTS)
E, HIDDEN, C = 6, 8, 3
ENCODERS = ("lstm", "cnn", "average")


def classifier(**settings: Any) -> Classifier:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        made = Classifier(ClassifierSettings(embedding_width=E, hidden=HIDDEN, **settings), len(VOCABULARY), C)
        with torch.no_grad():
            made.embedding.weight.mul_(10)  # so that documents differ by more than rounding
    return made.eval()


def run(model: Classifier, batch: Batch) -> torch.Tensor:
    with torch.no_grad():
        return model(batch.ids, batch.is_token, batch.is_word)


def plain(model: Classifier, encoder: str, attention: str, words: Sequence[str]) -> torch.Tensor:
    """The logits (C,) of one document: start token, words, end token; attention over the words."""
    weight = model.state_dict()
    embedded = weight["embedding.weight"][[2, *VOCABULARY.ids(words), 3]][None]  # (1, T, E)
    if encoder == "lstm":
        lstm = nn.LSTM(E, HIDDEN, batch_first=True, bidirectional=True)
        names = list(lstm.state_dict())
        ours = {name: f"encoder.onward.{name}" for name in names if not name.endswith("_reverse")}
        ours |= {f"{name}_reverse": value.replace("onward", "back") for name, value in ours.items()}
        lstm.load_state_dict({name: weight[ours[name]] for name in names})
        states = lstm(embedded)[0][0]
    elif encoder == "cnn":
        channels = []
        for number, kernel in enumerate((1, 3, 5, 7)):
            convolution = nn.Conv1d(E, HIDDEN // 4, kernel, padding=(kernel - 1) // 2)
            convolution.load_state_dict(
                {name: weight[f"encoder.convolutions.{number}.{name}"] for name in ("weight", "bias")}
            )
            channels.append(convolution(embedded.transpose(1, 2)))
        states = torch.relu(torch.cat(channels, 1))[0].T
    else:
        states = torch.tanh(embedded[0] @ weight["encoder.projection.weight"].T + weight["encoder.projection.bias"])
    words_states = states[1:-1]  # (T, D)
    query = weight["pooling.scores.query"][0]
    if attention == "additive":
        keys = torch.tanh(words_states @ weight["pooling.scores.keys.weight"].T + weight["pooling.scores.keys.bias"])
        assert keys.shape[1] == words_states.shape[1] // 2
        scores = keys @ query
    else:
        scores = words_states @ query / math.sqrt(words_states.shape[1])  # their `dot`
    context = torch.softmax(scores, 0) @ words_states
    return weight["head.weight"] @ context + weight["head.bias"]


@pytest.mark.parametrize("attention", ["additive", "scaled_dot"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_equals_the_architecture_of_jain_and_wallace(encoder: str, attention: str) -> None:
    model = classifier(encoder=encoder, attention=attention)
    logits = run(model, collate(DOCUMENTS, VOCABULARY))
    with torch.no_grad():
        expected = torch.stack([plain(model, encoder, attention, document.words) for document in DOCUMENTS])
    assert logits.shape == (len(DOCUMENTS), C)
    torch.testing.assert_close(logits, expected, atol=2e-6, rtol=0)
    assert logits.std(0).min() > 1e-2


@pytest.mark.parametrize(
    ("encoder", "pooling"),
    [
        *((encoder, pooling) for encoder in (*ENCODERS, "transformer") for pooling in ("attention", "max", "mean")),
        ("lstm", "last"),
    ],
)
def test_padding_batch_and_order_change_nothing(encoder: str, pooling: str) -> None:
    model = classifier(encoder=encoder, pooling=pooling, heads=2)
    logits = run(model, collate(DOCUMENTS, VOCABULARY))
    backward = run(model, collate(DOCUMENTS[::-1], VOCABULARY))
    assert (backward.flip(0) - logits).abs().max() < 1e-6
    for row, document in enumerate(DOCUMENTS):
        assert (run(model, collate([document], VOCABULARY))[0] - logits[row]).abs().max() < 1e-6


def test_a_row_without_words_gives_the_bias() -> None:
    model = classifier()
    batch = collate(DOCUMENTS, VOCABULARY)
    batch.is_word[2] = False
    assert torch.equal(run(model, batch)[2], model.head.bias)


def test_dropout_is_for_training_alone() -> None:
    model = classifier()
    batch = collate(DOCUMENTS, VOCABULARY)
    assert torch.equal(run(model, batch), run(model, batch))
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(8)
        assert not torch.equal(run(model, batch), run(model, batch))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pretrained_vectors_are_where_it_starts(dtype: torch.dtype) -> None:
    vectors = torch.randn(len(VOCABULARY), E, dtype=dtype, generator=torch.Generator().manual_seed(9))
    kept = vectors.clone()
    model = Classifier(ClassifierSettings(embedding_width=E), len(VOCABULARY), C, embeddings=vectors)
    assert torch.equal(model.embedding.weight[1:], vectors[1:].float())
    assert torch.equal(model.embedding.weight[0], torch.zeros(E))
    assert torch.equal(vectors, kept)
    assert model.embedding.weight.requires_grad


def test_wrong_arguments_are_named() -> None:
    settings = ClassifierSettings(embedding_width=E)
    with pytest.raises(ValueError, match="class_count: got 1"):
        Classifier(settings, 5, 1)
    with pytest.raises(ValueError, match=r"embeddings: got shape \(5, 4\), expected \(5, 6\)"):
        Classifier(settings, 5, 2, embeddings=torch.zeros(5, 4))
    with pytest.raises(ValueError, match="embeddings: some values are not finite"):
        Classifier(settings, 5, 2, embeddings=torch.full((5, E), math.nan))
