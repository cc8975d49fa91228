"""The encoder-decoder against a loop over one pair, its batches, its decoding and its training."""

import pytest
import torch

from attn_interp.data.corpora.transduction import Transduction, transductions, vocabulary_of
from attn_interp.data.vocabulary import END_ID, START_ID
from attn_interp.models.sequences.encoder_decoder import wrap_encoder_decoder
from attn_interp.models.sequences.pair_batch import collate_pairs
from attn_interp.models.sequences.seq2seq import Seq2SeqSettings, train_seq2seq, untrained_seq2seq
from attn_interp.recording import record

VOCABULARY = vocabulary_of("reversal")
PAIRS = transductions("reversal", 5, 2, 7)
SMALL = {"embedding_width": 7, "hidden": 5}


@pytest.mark.parametrize("values", ["states", "words"])
def test_equals_a_loop_over_one_pair(values: str) -> None:
    module = untrained_seq2seq(VOCABULARY, Seq2SeqSettings(values=values, **SMALL)).module
    model = wrap_encoder_decoder(untrained_seq2seq(VOCABULARY, Seq2SeqSettings(values=values, **SMALL)))
    batch = collate_pairs(PAIRS, VOCABULARY)
    with torch.no_grad(), record(model.module, model.sites) as recording:
        logits = model.module(batch.source, batch.is_source, batch.given)
    weights = recording["attention"]
    assert weights.shape == (5, 1, batch.given.shape[1], batch.source.shape[1])
    part = module.attention
    with torch.no_grad():
        for row, pair in enumerate(PAIRS):
            words = module.source_embedding(torch.tensor(VOCABULARY.ids(pair.source)))
            states = module.encoder(words[None], torch.ones(1, len(words), dtype=torch.bool))[0]
            state = torch.tanh(module.start.weight @ states[0, 5:] + module.start.bias)
            for step, word in enumerate([START_ID, *VOCABULARY.ids(pair.target)]):
                inner = [part.keys.weight @ h + part.query.weight @ state + part.query.bias for h in states]
                alpha = torch.stack([part.score.weight[0] @ torch.tanh(x) for x in inner]).softmax(0)
                torch.testing.assert_close(weights[row, 0, step, : len(words)], alpha, atol=1e-6, rtol=0)
                mixed = sum(a * h for a, h in zip(alpha, states if values == "states" else words))
                given = torch.cat([module.target_embedding.weight[word], mixed])
                state = module.decoder(given[None], state[None])[0]
                read = torch.cat([state, mixed]) if values == "states" else mixed
                expected = module.head.weight @ read + module.head.bias
                torch.testing.assert_close(logits[row, step], expected, atol=1e-6, rtol=0)


def test_padding_and_batch_change_nothing_and_no_word_sees_later_ones() -> None:
    module = untrained_seq2seq(VOCABULARY, Seq2SeqSettings(**SMALL)).module
    batch = collate_pairs(PAIRS, VOCABULARY)
    with torch.no_grad():
        logits = module(batch.source, batch.is_source, batch.given)
        for row, pair in enumerate(PAIRS):
            alone = collate_pairs([pair], VOCABULARY)
            own = module(alone.source, alone.is_source, alone.given)[0]
            assert (logits[row, : len(own)] - own).abs().max() < 1e-6
        later = batch.given.clone()
        later[:, 2:] = 4
        changed = module(batch.source, batch.is_source, later)
    assert torch.equal(changed[:, :2], logits[:, :2])
    assert (changed - logits).abs().max() > 1e-4


def test_decoding_says_the_likeliest_word_and_stops_at_the_end() -> None:
    trained = train_seq2seq(PAIRS, VOCABULARY, Seq2SeqSettings(epochs=50, hidden=24), progress=False)
    batch = collate_pairs(PAIRS, VOCABULARY)  # learned by heart
    said = trained.module.decode(batch.source, batch.is_source, batch.target.shape[1])
    assert torch.equal(said, batch.target.masked_fill(batch.target == END_ID, 0))
    assert trained.losses[-1] < 0.1 < trained.losses[0]


def test_training_depends_on_its_arguments_alone() -> None:
    settings = Seq2SeqSettings(epochs=2, **SMALL)
    state = torch.random.get_rng_state()
    one, two, other = (train_seq2seq(PAIRS, VOCABULARY, settings, seed, progress=False) for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert one.losses == two.losses != other.losses
    for name, value in one.module.state_dict().items():
        assert torch.equal(value, two.module.state_dict()[name])


def test_wrong_use_is_named() -> None:
    with pytest.raises(ValueError, match="values: got 'keys', expected one of 'states', 'words'"):
        Seq2SeqSettings(values="keys")
    with pytest.raises(ValueError, match="hidden: got 0, expected at least 1"):
        Seq2SeqSettings(hidden=0)
    with pytest.raises(ValueError, match=r"learning_rate: got 0.0, expected a number above 0"):
        Seq2SeqSettings(learning_rate=0.0)
    with pytest.raises(ValueError, match="no pairs"):
        train_seq2seq([], VOCABULARY)
    with pytest.raises(ValueError, match="give inputs"):
        wrap_encoder_decoder(torch.nn.Linear(2, 2))
    trained = untrained_seq2seq(VOCABULARY, Seq2SeqSettings(**SMALL))
    square = [Transduction(str(n), ("a",) * n, ("a",) * (n - 1), ()) for n in (3, 5)]
    with pytest.raises(ValueError, match="whose two sides differ in length"):
        wrap_encoder_decoder(trained, example=square)
