"""Attention through the layers as attributions: against the layers of one document, and laws of every attribution."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from attn_interp.attribution.flow.layered import flowed, relevance, rolled_out, value_zeroed
from attn_interp.attribution.flow.zeroing import shares, value_zeroing
from attn_interp.attribution.methods import named
from attn_interp.data.document import Document
from attn_interp.data.vocabulary import SPECIALS, Vocabulary
from attn_interp.experiments.jain_wallace.agreement import agreement
from attn_interp.experiments.reading import read
from attn_interp.models.wrap import wrap
from attn_interp.recording import record

WORDS = ("a", "fine", "film", "that", "nobody", "saw", "but", "me")
DOCUMENTS = [
    Document(id="long", words=WORDS, label=0),
    Document(id="short", words=WORDS[2:5], label=1),
    Document(id="one", words=WORDS[:1], label=1),
    Document(id="repeated", words=("film",) * 5, label=0),
]
CLASSES = torch.tensor([0, 1, 0, 1])
SITE = "layers.1.self_attn"
FLOW = named("attention rollout", "attention flow", "gradient-weighted relevance", "value zeroing")


class Small(nn.Module):
    """Two layers of self-attention, read at the first position."""

    def __init__(self, logits: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(SPECIALS) + len(WORDS), 12)
        self.layers = nn.ModuleList([nn.TransformerEncoderLayer(12, 4, 17, batch_first=True) for _ in range(2)])
        self.decide = nn.Linear(12, logits)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.5)

    def forward(self, ids: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        states = self.embedding(ids)
        for layer in self.layers:
            states = layer(states, src_key_padding_mask=~is_token)
        return self.decide(states[:, 0])


def wrapped(logits: int = 2, **how):
    with torch.random.fork_rng():
        torch.manual_seed(7)
        module = Small(logits)
    return wrap(
        module,
        inputs=lambda batch: (batch.ids, batch.is_token),
        classes=("bad", "good"),
        vocabulary=Vocabulary((*SPECIALS, *WORDS)),
        **{"site": SITE, **how},
    )


@pytest.fixture(scope="module")
def layered():
    return wrapped()


def weights_of(model, document, gradients_of=None) -> list[torch.Tensor]:
    """(T, T) by head of both layers, of a document alone; or the gradients there of one logit."""
    batch = model.batch([document])
    with record(model.module, model.sites, gradients=True) as recording:
        logits = model.batch_logits(batch)
    layers = [recording[site] for site in model.sites]
    if gradients_of is not None:
        layers = list(torch.autograd.grad(gradients_of(logits[0]), layers))
    return [layer[0].detach().double() for layer in layers]


@pytest.mark.parametrize("name", FLOW)
def test_neither_batch_nor_order_nor_padding_matter(layered, name):
    together = FLOW[name](layered, layered.batch(DOCUMENTS), CLASSES).values
    assert together.shape == (4, 8) and together.dtype == torch.float32
    assert together.min() >= 0 and together[0].max() > 0.01
    for row, document in enumerate(DOCUMENTS):
        alone = FLOW[name](layered, layered.batch([document]), CLASSES[row : row + 1]).values[0]
        assert torch.allclose(alone, together[row, : len(document)], atol=1e-6)
        assert together[row, len(document) :].eq(0).all()


def test_rollout_of_one_document(layered):
    values = rolled_out(layered, layered.batch(DOCUMENTS), CLASSES).values
    for row, document in enumerate(DOCUMENTS):
        below, above = (
            0.5 * layer.mean(0) + 0.5 * torch.eye(layer.shape[-1]) for layer in weights_of(layered, document)
        )
        expected = (above @ below)[0, 1:-1]  # from the first position to the words between start and end
        assert torch.allclose(values[row, : len(document)].double(), expected, atol=1e-6)


def test_a_view_starts_where_it_stands():
    lower = wrapped(site="layers.0.self_attn", query=1)
    (below, _), batch = weights_of(lower, DOCUMENTS[0]), lower.batch(DOCUMENTS)
    expected = 0.5 * below.mean(0)[1, 1:-1]
    expected[0] += 0.5
    for method in (rolled_out, flowed):
        assert torch.allclose(method(lower, batch, CLASSES).values[0].double(), expected, atol=1e-6)
    mean = wrapped(query="mean")
    below, above = (0.5 * layer.mean(0) + 0.5 * torch.eye(10) for layer in weights_of(mean, DOCUMENTS[0]))
    expected = (above @ below)[1:-1].mean(0)[1:-1]
    values = rolled_out(mean, batch, CLASSES).values
    assert torch.allclose(values[0].double(), expected, atol=1e-6)
    assert (flowed(mean, batch, CLASSES).values >= values - 1e-6).all()


def test_flow_is_at_least_rollout(layered):
    batch = layered.batch(DOCUMENTS)
    rolled, flow = rolled_out(layered, batch, CLASSES).values, flowed(layered, batch, CLASSES).values
    assert (flow >= rolled - 1e-6).all() and flow.max() <= 1 + 1e-6
    assert flow[0].sum() > rolled[0].sum() + 0.01


@pytest.mark.parametrize("logits", [2, 1])
def test_relevance_is_that_of_the_logit_of_the_class(logits):
    model = wrapped(logits)
    values = relevance(model, model.batch(DOCUMENTS), CLASSES).values
    for row, document in enumerate(DOCUMENTS):
        label = int(CLASSES[row])

        def explained(z, label=label):
            return z[label] if logits == 2 else (2 * label - 1) * z[1]

        total = torch.eye(len(document) + 2, dtype=torch.float64)
        for layer, slope in zip(weights_of(model, document), weights_of(model, document, explained), strict=True):
            total = total + (layer * slope).clamp(min=0).mean(0) @ total
        assert torch.allclose(values[row, : len(document)].double(), total[0, 1:-1], atol=1e-5)
    other = relevance(model, model.batch(DOCUMENTS), 1 - CLASSES).values
    assert (values - other).abs().max() > 0.1 * values.max()


def test_value_zeroing_goes_through_both_blocks(layered):
    values = value_zeroed(layered, layered.batch(DOCUMENTS), CLASSES).values
    inputs = layered.inputs(layered.batch(DOCUMENTS[:1]))
    below, above = (shares(value_zeroing(layered.module, site, *inputs))[0] for site in layered.sites)
    assert torch.allclose(values[0].double(), (above @ below)[0, 1:-1], atol=1e-6)


def test_a_single_pooling_is_its_own_rollout_flow_and_value_zeroing(model, mixed, classes):
    run = model.run(mixed)
    for method in (rolled_out, flowed, value_zeroed):
        assert torch.allclose(method(model, mixed, classes).values, run.weights * run.word_mass[:, None], atol=1e-6)


def test_they_stand_beside_other_methods_in_an_experiment(layered):
    methods = {name: FLOW[name] for name in ("attention rollout", "gradient-weighted relevance")}
    frame = agreement(read(layered, DOCUMENTS), methods=methods).frame
    assert set(methods) <= {*frame["first"], *frame["second"]}


@pytest.fixture(scope="module")
def bert():
    transformers = pytest.importorskip("transformers")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film", "##s", "##y", "un", "##fun", "##ny", "the", "was"]
    tokenizer = transformers.BertTokenizer(vocab={piece: index for index, piece in enumerate(pieces)})
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 37}
    config = transformers.BertConfig(vocab_size=len(pieces), max_position_embeddings=19, initializer_range=0.3, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = transformers.BertForSequenceClassification(config)
    return wrap(module, tokenizer)


def test_words_in_pieces(bert):
    documents = [
        Document(id="pieces", words=("the", "films", "was", "unfunny"), label=1),
        Document(id="short", words=("filmy", "the"), label=0),
    ]
    batch, classes = bert.batch(documents), torch.tensor([1, 0])
    for name, method in FLOW.items():
        values = method(bert, batch, classes).values
        assert values.shape == (2, 4) and values[1, 2:].eq(0).all() and values[0].min() > 0, name
        alone = method(bert, bert.batch(documents[1:]), classes[1:]).values
        assert torch.allclose(values[1, :2], alone[0], atol=1e-5), name
    layers = [layer.mean(0) for layer in weights_of(bert, documents[0])]
    product = torch.eye(9, dtype=torch.float64)  # [CLS] the film ##s was un ##fun ##ny [SEP]
    for layer in layers:
        product = (0.5 * layer + 0.5 * torch.eye(9)) @ product
    row = product[0]
    expected = torch.stack([row[1], row[2] + row[3], row[4], row[5:8].sum()])
    assert torch.allclose(rolled_out(bert, batch, classes).values[0].double(), expected, atol=1e-6)


@pytest.mark.parametrize("name", FLOW)
def test_layers_beside_one_another_are_no_stack(name):
    class Beside(nn.Module):
        """Two poolings of the same embeddings by several queries each."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(len(SPECIALS) + len(WORDS), 6)
            self.score = nn.ModuleList([nn.Linear(6, 3), nn.Linear(6, 5)])
            self.decide = nn.Linear(6, 2)

        def forward(self, ids):
            states = self.embedding(ids)
            scores = [score(states).masked_fill(ids[..., None] == 0, -torch.inf) for score in self.score]
            pooled = [each.transpose(1, 2).softmax(-1) @ states for each in scores]
            return self.decide(torch.cat(pooled, 1).mean(1))

    model = wrap(
        Beside(),
        inputs=lambda batch: (batch.ids,),
        classes=("bad", "good"),
        vocabulary=Vocabulary((*SPECIALS, *WORDS)),
        site="(root)#1",
    )
    with pytest.raises(ValueError, match="Beside has no stack of layers that attention can be followed through"):
        FLOW[name](model, model.batch(DOCUMENTS[:1]), CLASSES[:1])


def test_an_encoder_and_a_decoder_are_refused(layered):
    layered.module.config = SimpleNamespace(is_encoder_decoder=True)
    try:
        with pytest.raises(ValueError, match="one stack alone"):
            rolled_out(layered, layered.batch(DOCUMENTS), CLASSES)
    finally:
        del layered.module.config
