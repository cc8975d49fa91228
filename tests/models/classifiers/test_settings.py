"""Settings refuse what cannot be built, and say what can."""

import re
from typing import Any

import numpy as np
import pytest

from attn_interp.models.classifiers.settings import ClassifierSettings, TrainingSettings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"encoder": "rnn"},
            "encoder: got 'rnn', expected one of 'average', 'cnn', 'gru', 'hierarchical', 'lstm', 'lstmn', "
            "'orthogonal_lstm', 'transformer'",
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


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        *(({name: 100_001}, f"{name}: got 100001, expected at most 100,000") for name in ("embedding_width", "hidden")),
        *(
            ({name: 1_001}, f"{name}: got 1001, expected at most 1,000")
            for name in ("heads", "layers", "encoder_heads")
        ),
        (
            {"encoder": "cnn", "hidden": 3, "kernels": (1, 3, 10**9 + 1)},
            "kernels: got 1000000001, expected at most 100,0",
        ),
        *(({"hidden": value}, f"hidden: got {value!r}, expected a whole number") for value in (2.0, True, "6", None)),
        ({"kernels": 3}, "kernels: got 3, expected a list of whole numbers"),
        ({"kernels": (1, 3.0)}, "kernels: got 3.0, expected a whole number"),
        ({"dropout": True}, "dropout: got True, expected a number"),
        ({"bidirectional": "no"}, "bidirectional: got 'no', expected True or False"),
        ({"bidirectional": 1}, "bidirectional: got 1, expected True or False"),
        ({"encoder": ["lstm"]}, "encoder: got ['lstm'], expected a text"),
        ({"epochs": 2.0}, "epochs: got 2.0, expected a whole number"),
        ({"learning_rate": "low"}, "learning_rate: got 'low', expected a number"),
    ],
)
def test_kinds_and_bounds_hold_in_the_constructors(wrong: dict[str, Any], message: str) -> None:
    kind = TrainingSettings if set(wrong) <= {"epochs", "learning_rate"} else ClassifierSettings
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        kind(**wrong)


def test_numbers_of_numpy_become_plain_and_others_stay() -> None:
    made = ClassifierSettings(
        hidden=np.int64(6), dropout=np.float32(0.5), bidirectional=np.bool_(False), kernels=[1, 3]
    )
    assert made == ClassifierSettings(hidden=6, dropout=0.5, bidirectional=False, kernels=(1, 3))
    assert {type(value) for value in vars(made).values()} == {str, int, float, bool, tuple}
    assert type(TrainingSettings(weight_decay=0).weight_decay) is int


def test_state_width_counts_the_directions_of_an_lstm_alone() -> None:
    assert ClassifierSettings(hidden=12).state_width == 24
    assert ClassifierSettings(hidden=12, bidirectional=False).state_width == 12
    assert ClassifierSettings(encoder="cnn", hidden=12).state_width == 12
