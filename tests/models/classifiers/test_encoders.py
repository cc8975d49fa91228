"""Encoders against torch's own layers run on each document alone."""

import sys
from dataclasses import fields
from types import ModuleType

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attn_interp.data.load import load
from attn_interp.models.classifiers.encoders import Encoder, StateEncoder, build_encoder
from attn_interp.models.classifiers.feed_forward import AverageEncoder, CnnEncoder
from attn_interp.models.classifiers.recurrent import RecurrentEncoder
from attn_interp.models.classifiers.settings import ENCODERS, ClassifierSettings, TrainingSettings, encoder_named
from attn_interp.models.training.fitting import fit_classifier

B, T, E, HIDDEN = 5, 11, 7, 8
LENGTHS = torch.tensor([3, 11, 1, 8, 4])
IS_TOKEN = torch.arange(T) < LENGTHS[:, None]
EMBEDDED = torch.randn(B, T, E, generator=torch.Generator().manual_seed(3))


def encoder(name: str, bidirectional: bool = True) -> StateEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return build_encoder(
            ClassifierSettings(encoder=name, bidirectional=bidirectional, embedding_width=E, hidden=HIDDEN)
        )


@pytest.mark.parametrize(
    ("name", "bidirectional"),
    [
        ("average", True),
        ("cnn", True),
        ("lstm", True),
        ("lstm", False),
        ("gru", True),
        ("gru", False),
        ("transformer", True),
    ],
)
def test_a_document_has_the_same_states_alone_and_padded(name: str, bidirectional: bool) -> None:
    encode = encoder(name, bidirectional)
    with torch.no_grad():
        together = encode(EMBEDDED, IS_TOKEN)
        assert together.shape == (B, T, encode.width)
        for row, length in enumerate(LENGTHS.tolist()):
            alone = encode(EMBEDDED[row : row + 1, :length], IS_TOKEN[row : row + 1, :length])
            assert (alone[0] - together[row, :length]).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["average", "cnn", "lstm", "lstmn", "gru", "transformer"])
def test_what_stands_in_the_padding_does_not_matter(name: str) -> None:
    encode = encoder(name)
    filled = torch.where(IS_TOKEN[..., None], EMBEDDED, EMBEDDED + 50.0)
    with torch.no_grad():
        difference = (encode(filled, IS_TOKEN) - encode(EMBEDDED, IS_TOKEN)).abs().amax(-1)
    assert difference[IS_TOKEN].max() < 1e-6


@pytest.mark.parametrize(("name", "layer"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_recurrent_encoders_equal_torch_on_packed_sequences(name: str, layer: type[nn.LSTM] | type[nn.GRU]) -> None:
    encode = encoder(name)
    assert isinstance(encode, RecurrentEncoder)
    assert encode.back is not None
    plain = layer(E, HIDDEN, batch_first=True, bidirectional=True)
    plain.load_state_dict(
        encode.onward.state_dict() | {f"{name}_reverse": value for name, value in encode.back.state_dict().items()}
    )
    packed = pack_padded_sequence(EMBEDDED, LENGTHS, batch_first=True, enforce_sorted=False)
    with torch.no_grad():
        expected, _ = pad_packed_sequence(plain(packed)[0], batch_first=True)
        torch.testing.assert_close(encode(EMBEDDED, IS_TOKEN), expected, atol=2e-6, rtol=0)


def test_a_gru_follows_its_equations() -> None:
    encode = encoder("gru", bidirectional=False)
    of_input, of_state, input_bias, state_bias = encode.onward.all_weights[0]
    state = torch.zeros(HIDDEN)
    with torch.no_grad():
        states = encode(EMBEDDED, IS_TOKEN)[3]
        for t in range(8):
            reset, update, new = (of_input @ EMBEDDED[3, t] + input_bias).chunk(3)
            reset_back, update_back, new_back = (of_state @ state + state_bias).chunk(3)
            reset, update = torch.sigmoid(reset + reset_back), torch.sigmoid(update + update_back)
            state = update * state + (1 - update) * torch.tanh(new + reset * new_back)
            torch.testing.assert_close(states[t], state, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_forget_bias_moves_the_forget_gates_alone(bidirectional: bool) -> None:
    def built(bias: float) -> dict[str, torch.Tensor]:
        with torch.random.fork_rng():
            torch.manual_seed(4)
            return build_encoder(
                ClassifierSettings(embedding_width=E, hidden=HIDDEN, bidirectional=bidirectional, forget_bias=bias)
            ).state_dict()

    plain, kept = built(0.0), built(1.0)
    assert plain.keys() == kept.keys()
    for name, value in plain.items():
        added = torch.zeros_like(value)
        if "bias_hh" in name:
            added[HIDDEN : 2 * HIDDEN] = 1.0
        torch.testing.assert_close(kept[name], value + added, atol=0, rtol=0)


def test_lstm_of_one_direction_does_not_look_ahead() -> None:
    later = EMBEDDED.clone()
    later[:, 6:] += 1.0
    for bidirectional, equal in ((False, True), (True, False)):
        encode = encoder("lstm", bidirectional)
        with torch.no_grad():
            difference = encode(later, IS_TOKEN)[1, :6] - encode(EMBEDDED, IS_TOKEN)[1, :6]
        assert (difference.abs().max() < 1e-6) == equal


def test_lstm_refuses_padding_before_a_token() -> None:
    is_token = IS_TOKEN.clone()
    is_token[3, 0] = False
    with pytest.raises(ValueError, match="padding stands before a token"):
        encoder("lstm")(EMBEDDED, is_token)


def test_cnn_equals_a_loop_over_windows() -> None:
    encode = encoder("cnn")
    assert isinstance(encode, CnnEncoder)
    document = EMBEDDED[3, :8]
    with torch.no_grad():
        states = encode(EMBEDDED, IS_TOKEN)[3, :8]
        for t in range(8):
            parts = []
            for convolution, kernel in zip(encode.convolutions, (1, 3, 5, 7)):
                value = convolution.bias.clone()
                for offset in range(kernel):
                    place = t + offset - kernel // 2
                    if 0 <= place < 8:
                        value += convolution.weight[:, :, offset] @ document[place]
                parts.append(torch.relu(value))
            torch.testing.assert_close(states[t], torch.cat(parts), atol=1e-6, rtol=1e-5)


def test_average_knows_no_neighbours() -> None:
    encode = encoder("average")
    assert isinstance(encode, AverageEncoder)
    expected = torch.tanh(EMBEDDED[1, 4] @ encode.projection.weight.T + encode.projection.bias)
    torch.testing.assert_close(encode(EMBEDDED, IS_TOKEN)[1, 4], expected)


class Bags(StateEncoder):
    """Every token has the mean of all."""

    def __init__(self, embedding_width: int, hidden: int) -> None:
        super().__init__()
        self.width = hidden
        self.projection = nn.Linear(embedding_width, hidden)

    def forward(self, embedded: torch.Tensor, is_token: torch.Tensor) -> torch.Tensor:
        mean = (embedded * is_token[..., None]).sum(1, keepdim=True) / is_token.sum(1)[:, None, None]
        return self.projection(embedded + mean)


def test_a_new_encoder_is_one_record_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = ModuleType("attn_interp.models.classifiers.toy")
    toy.TOY = Encoder("toy", lambda settings: Bags(settings.embedding_width, settings.hidden))
    monkeypatch.setitem(sys.modules, toy.__name__, toy)
    monkeypatch.setitem(ENCODERS, "toy", "toy.TOY")
    with pytest.raises(ValueError, match=r"'last' is the state after .* but the encoder is 'toy'"):
        ClassifierSettings(encoder="toy", pooling="last")
    settings = ClassifierSettings(encoder="toy", embedding_width=8, hidden=8)
    trained = fit_classifier(
        load("planted", documents=200), settings, TrainingSettings(epochs=8, learning_rate=0.05), progress=False
    )
    assert isinstance(trained.module.encoder, Bags)
    assert trained.history[-1].dev_accuracy > 0.9


@pytest.mark.parametrize("name", ENCODERS)
def test_the_record_of_an_encoder_has_its_name(name: str) -> None:
    assert encoder_named(name).name == name
    assert set(encoder_named(name).fields) <= {field.name for field in fields(ClassifierSettings)}
