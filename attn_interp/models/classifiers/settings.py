"""What a classifier is made of, as plain values that can be saved, compared and put in a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from attn_interp.by_name import named
from attn_interp.data.document import shortened
from attn_interp.data.formats.schema import of_kind

if TYPE_CHECKING:
    from attn_interp.models.classifiers.encoders import Encoder

ENCODERS = {
    "average": "feed_forward.AVERAGE",
    "cnn": "feed_forward.CNN",
    "gru": "recurrent.GRU",
    "hierarchical": "hierarchical.HIERARCHICAL",
    "lstm": "recurrent.LSTM",
    "lstmn": "lstmn.LSTMN",
    "orthogonal_lstm": "remedies.orthogonal.ORTHOGONAL_LSTM",
    "transformer": "transformer.TRANSFORMER",
}
"""Encoder -> where its record stands in this room."""

POOLINGS = ("attention", "last", "max", "mean")
SECOND = ("compared", "query")
NORMALISERS = ("entmax", "softmax", "sparsemax")
REMEDIES = ("deceptive", "diversity", "masked", "none", "supervised", "tied")
COMPATIBILITIES = ("additive", "bilinear", "dot", "scaled_dot", "uniform")
MOST = {"embedding_width": 100_000, "hidden": 100_000, "encoder_heads": 1_000, "heads": 1_000, "layers": 1_000}
"""The largest network that is built."""

STEPS = 1_000
"""Of training in a study that does not say: on the movie snippets twice as many make no better model
(docs/default-run.md)."""


def encoder_named(name: str) -> Encoder:
    """The record of an encoder; its module is imported when it is asked for."""
    return named(f"models.classifiers.{ENCODERS[name]}")


def require_option(name: str, value: object, options: tuple[str, ...]) -> None:
    """Raise ValueError that lists the sorted options unless the value is one of them."""
    if value not in options:
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(map(repr, sorted(options)))}")


def require_at_least(name: str, value: float, least: float) -> None:
    """Raise ValueError unless value >= least (a NaN is refused too)."""
    if not value >= least:
        raise ValueError(f"{name}: got {value!r}, expected at least {least}")


def require_at_most(name: str, value: float, most: float) -> None:
    """Raise ValueError unless value <= most."""
    if not value <= most:
        raise ValueError(f"{name}: got {value!r}, expected at most {most:,}")


def require_kinds(settings: Any) -> None:
    """Raise TypeError unless each field of a frozen dataclass is of its kind; a truth value is no number. Numbers of
    numpy become those of Python, so that settings can be written to a file."""
    for field in fields(settings):
        value = getattr(settings, field.name)
        kind = str(field.type).removeprefix("tuple[").removesuffix(", ...]")
        several = kind != field.type
        if several and (not isinstance(value, Iterable) or isinstance(value, str)):
            what = "texts" if kind == "str" else "whole numbers"
            raise TypeError(f"{field.name}: got {shortened(repr(value), 60)}, expected a list of {what}")
        plain = tuple(of_kind(field.name, each, kind) for each in (value if several else (value,)))
        object.__setattr__(settings, field.name, plain if several else plain[0])


@dataclass(frozen=True)
class ClassifierSettings:
    """Embedding -> encoder -> pooling -> affine head; of two texts as `second` says.

    The defaults are the BiLSTM of Jain & Wallace 2019 with dropout.

    Attributes:
        encoder: "lstm", "gru", "cnn", "average" (a projection and tanh of each word alone), "hierarchical" (an LSTM
            over the words of each sentence, attention over them, and an LSTM over the sentences, which are pooled),
            "lstmn" (an LSTM, left to right, that attends over its own past states), "orthogonal_lstm" (an LSTM whose
            states are orthogonal to the mean of the earlier ones), or "transformer" (layers of self-attention).
        bidirectional: Whether an LSTM or GRU runs in both directions; other encoders have none and ignore it.
        pooling: How the states of the words become one vector: "attention", "mean", "max", or "last" (LSTM, GRU
            and LSTMN only: each direction's state after its last token).
        attention: Compatibility of query v and state h: "additive" v.tanh(W h + b), "bilinear" h.(W v), "dot" v.h, or
            "scaled_dot" v.h / sqrt(d), which is what Jain & Wallace call dot; or "uniform", the same weight for every
            word, with nothing to learn. Other poolings ignore it.
        normaliser: What makes weights of scores: "softmax"; or "sparsemax" (Martins & Astudillo 2016) or "entmax" with
            alpha 1.5 (Peters et al. 2019), by which words can have no weight at all. Of one text alone.
        heads: H attention heads, at most 1,000; each has its own query and pools its own d / H columns of the states.
        embedding_width: E, width of the word vectors, at most 100,000.
        hidden: Width of the states, for an LSTM or GRU of each direction; at most 100,000.
        kernels: Odd widths of the CNN's convolutions, at most 100,000; `hidden` is shared out among them evenly.
        layers: Of a transformer, at most 1,000.
        encoder_heads: Heads of each layer of a transformer, at most 1,000; `hidden` is shared out among them evenly.
        dropout: Share of values dropped in training, at the embeddings and at the pooled vector, 0 <= dropout < 1.
        forget_bias: Added to what the biases of an LSTM's forget gates start from, which is about 0. At 1 the cell
            starts by keeping most of what it has (Gers et al. 2000; Jozefowicz et al. 2015).
        texts: 1, or 2 where documents have a second text; training takes it from the corpus.
        second: What a second text is for: "query", it gives the query of the attention over the first
            (`pairs.pair_classifier`); or "compared", both have attention of their own (`pairs.compared`).

    Raises:
        TypeError: a setting of another kind, such as 2.0 or True for a whole number.
        ValueError: naming the setting, its value and what is allowed.
    """

    encoder: str = "lstm"
    bidirectional: bool = True
    pooling: str = "attention"
    attention: str = "additive"
    normaliser: str = "softmax"
    heads: int = 1
    embedding_width: int = 300
    hidden: int = 128
    kernels: tuple[int, ...] = (1, 3, 5, 7)
    dropout: float = 0.5
    layers: int = 2
    encoder_heads: int = 4
    forget_bias: float = 0.0
    texts: int = 1
    second: str = "query"

    def __post_init__(self) -> None:
        require_kinds(self)
        require_option("encoder", self.encoder, tuple(ENCODERS))
        require_option("pooling", self.pooling, POOLINGS)
        require_option("attention", self.attention, COMPATIBILITIES)
        require_option("normaliser", self.normaliser, NORMALISERS)
        for name, most in MOST.items():
            require_at_least(name, getattr(self, name), 1)
            require_at_most(name, getattr(self, name), most)
        for kernel in self.kernels:
            require_at_most("kernels", kernel, MOST["hidden"])
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout: got {self.dropout!r}, expected 0 <= dropout < 1")
        encoder = encoder_named(self.encoder)
        if self.pooling == "last" and not encoder.sums_up:
            able = [repr(name) for name in ENCODERS if encoder_named(name).sums_up]
            raise ValueError(
                f"pooling: 'last' is the state after a recurrent network's last token, but the encoder is "
                f"{self.encoder!r}; use encoder={', '.join(able[:-1])} or {able[-1]}, or pooling 'attention', 'max' or "
                "'mean'"
            )
        if not abs(self.forget_bias) < float("inf"):
            raise ValueError(f"forget_bias: got {self.forget_bias!r}, expected a finite number")
        if self.forget_bias and "forget_bias" not in encoder.fields:
            raise ValueError(
                f"forget_bias: got {self.forget_bias!r} for the encoder {self.encoder!r}, which has no such setting; "
                "use encoder='lstm', or leave it at 0"
            )
        if encoder.check is not None:
            encoder.check(self)
        if self.pooling == "attention":
            self.check_heads()
        require_option("second", self.second, SECOND)
        if self.texts not in (1, 2):
            raise ValueError(f"texts: got {self.texts}, expected 1 or 2")
        plain = encoder.build_classifier is None and self.pooling == "attention" and self.texts == 1
        if self.normaliser != "softmax" and not plain:
            raise ValueError(
                f"normaliser: {self.normaliser!r} is for attention that pools the words of one text, got "
                f"encoder={self.encoder!r}, pooling={self.pooling!r} and {self.texts} text(s); use 'softmax'"
            )
        if self.texts == 2 and encoder.build_classifier is not None:
            raise ValueError(f"texts: a classifier of two texts reads words, got encoder={self.encoder!r}")
        if self.texts == 2 and self.second == "query" and self.pooling == "attention" and self.heads != 1:
            raise ValueError(f"heads: attention that a second text gives the query of has one head, got {self.heads}")

    def check_heads(self) -> None:
        """Refuse a number of heads that cannot share the states evenly, for whatever attends to them.

        Raises:
            ValueError: naming the multiple that the width of the states must be.
        """
        step = 2 * self.heads if self.attention == "additive" else self.heads
        if self.state_width % step:
            raise ValueError(
                f"heads: {self.heads} {self.attention} heads cannot share states of width {self.state_width} evenly; "
                f"expected a state width that is a multiple of {step}"
            )

    @property
    def both_directions(self) -> bool:
        """Whether a state holds what two directions have read."""
        return self.bidirectional and "bidirectional" in encoder_named(self.encoder).fields

    @property
    def state_width(self) -> int:
        """d, the width of one state: twice `hidden` for an LSTM or GRU in both directions, else `hidden`."""
        return 2 * self.hidden if self.both_directions else self.hidden


@dataclass(frozen=True)
class TrainingSettings:
    """How a classifier is trained: Adam with amsgrad on cross-entropy; the dev split chooses the epoch.

    Attributes:
        epochs: At most this many passes over the training documents.
        patience: Stop after this many epochs in a row without a better one.
        batch_size: Documents per step, of similar length; fewer of long ones, which together have at most 32,768 words.
        learning_rate: Step size of Adam.
        weight_decay: L2 penalty on encoder and head (and on embeddings that are updated densely); 0 on attention.
        class_weights: "none", or "balanced": a document of class c weighs N / (C n_c), so that every class has the same
            say; for two classes that is, up to a factor, the positive weight of a binary cross-entropy.
        embedding_updates: "touched" rows: lazy Adam, without amsgrad and weight decay, on the word vectors of the
            batch only; or "all" rows: the same Adam as the encoder, on the whole matrix at every step.
        least_count: A word is in the vocabulary if the training documents hold it at least this often; the others
            teach the vector of unknown words.
        remedy: What training asks of the attention beside accuracy (`training.remedies`): "none"; "diversity" of the
            states; states "tied" to the vectors of their words; attention "supervised" by rationales; "deceptive", no
            attention on the words that are forbidden; or "masked", words are hidden so that erased texts are not new.
        strength: Of what the remedy adds to the loss, in nats; "masked" has none.
        forbidden: The words of "deceptive", in any case of letters.
        steps: At most this many batches, rounded up to whole epochs; None: as many as the epochs have.

    Raises:
        TypeError, ValueError: as for `ClassifierSettings`.
    """

    epochs: int = 8
    patience: int = 2
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    class_weights: str = "none"
    embedding_updates: str = "touched"
    least_count: int = 2
    remedy: str = "none"
    strength: float = 0.5
    forbidden: tuple[str, ...] = ()
    steps: int | None = None

    def __post_init__(self) -> None:
        require_kinds(self)
        for name in ("epochs", "patience", "steps", "batch_size", "least_count"):
            if getattr(self, name) is not None:
                require_at_least(name, getattr(self, name), 1)
        require_at_least("weight_decay", self.weight_decay, 0)
        if not 0 < self.learning_rate < float("inf"):
            raise ValueError(f"learning_rate: got {self.learning_rate!r}, expected a number above 0")
        require_option("remedy", self.remedy, REMEDIES)
        if not 0 <= self.strength < float("inf"):
            raise ValueError(f"strength: got {self.strength!r}, expected a number of at least 0")
        require_option("class_weights", self.class_weights, ("balanced", "none"))
        require_option("embedding_updates", self.embedding_updates, ("all", "touched"))
