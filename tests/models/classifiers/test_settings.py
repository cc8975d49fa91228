"""Settings refuse what cannot be built, and say what can."""

import re
from typing import Any

import pytest

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"encoder": "rnn"},
            "encoder: got 'rnn', expected one of 'average', 'cnn', 'gru', 'hierarchical', 'lstm', 'lstmn', "
            "'transformer'",
        ),
        ({"pooling": "sum"}, "pooling: got 'sum', expected one of 'attention', 'last', 'max', 'mean'"),
        ({"attention": "tanh"}, "attention: got 'tanh', expected one of 'additive', 'bilinear', 'dot', 'scaled_dot'"),
        ({"hidden": 0}, "hidden: got 0, expected at least 1"),
        ({"dropout": 1.0}, "dropout: got 1.0, expected 0 <= dropout < 1"),
        ({"dropout": float("nan")}, "dropout: got nan"),
        ({"encoder": "cnn", "pooling": "last"}, "'last' is the state after a recurrent network's last token"),
        ({"encoder": "gru", "forget_bias": 1.0}, "forget_bias: got 1.0 for the encoder 'gru'"),
        ({"forget_bias": float("nan")}, "forget_bias: got nan, expected a finite number"),
        ({"encoder": "cnn", "kernels": (1, 2)}, "kernels: got (1, 2), expected odd widths"),
        ({"encoder": "cnn", "kernels": (1, 3, 5)}, "hidden: got 128, expected a multiple of the 3 kernels"),
        (
            {"encoder": "transformer", "hidden": 6},
            "hidden: got 6, expected a multiple of the 4 heads",
        ),
        ({"layers": 0}, "layers: got 0, expected at least 1"),
        ({"heads": 3}, "3 additive heads cannot share states of width 256 evenly"),
        ({"encoder": "average", "hidden": 7}, "expected a state width that is a multiple of 2"),
    ],
)
def test_wrong_classifier_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ClassifierSettings(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs: got 0, expected at least 1"),
        ({"patience": 0}, "patience: got 0"),
        ({"batch_size": -3}, "batch_size: got -3"),
        ({"least_count": 0}, "least_count: got 0"),
        ({"learning_rate": 0.0}, "learning_rate: got 0.0, expected a number above 0"),
        ({"learning_rate": float("inf")}, "learning_rate: got inf"),
        ({"weight_decay": float("nan")}, "weight_decay: got nan, expected at least 0"),
        ({"class_weights": "even"}, "class_weights: got 'even', expected one of 'balanced', 'none'"),
        ({"embedding_updates": "some"}, "embedding_updates: got 'some', expected one of 'all', 'touched'"),
    ],
)
def test_wrong_training_settings_are_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainingSettings(**wrong)


def test_state_width_counts_the_directions_of_an_lstm_alone() -> None:
    assert ClassifierSettings(hidden=12).state_width == 24
    assert ClassifierSettings(hidden=12, bidirectional=False).state_width == 12
    assert ClassifierSettings(encoder="cnn", hidden=12).state_width == 12
