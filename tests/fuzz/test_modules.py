"""Modules of a person's own, and what is asked of a model: the module's own numbers, or a sentence."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import attn_interp as ai
from attn_interp.data.document import Document
from attn_interp.experiments.reading import Reading
from attn_interp.models.wrap import wrap
from tests.fuzz.hostile import ODD
from tests.fuzz.judge import Trial
from tests.odd_outputs import Named, Net

TEXTS = ["a good film", "an awful film of two people", "so bad"]


def broken(z: torch.Tensor) -> Any:
    raise KeyError("in a module of my own")


RIGHT: dict[str, Callable[[torch.Tensor], Any]] = {
    "logits": lambda z: z,
    "named": Named,
    "dict": lambda z: {"logits": z, "loss": None},
    "log softmax": lambda z: z.log_softmax(-1),
    "double": lambda z: z.double(),
    "scaled": lambda z: 1e3 * z,
    "shifted": lambda z: z - 5,
}
PROBABLE: dict[str, Callable[[torch.Tensor], Any]] = {
    "softmax": lambda z: z.softmax(-1),
    "softmax named": lambda z: Named(z.softmax(-1)),
}
WRONG: dict[str, Callable[[torch.Tensor], Any]] = {
    "none": lambda z: None,
    "tuple": lambda z: (z, z),
    "scores": lambda z: {"scores": z},
    "list": lambda z: z.tolist(),
    "text": lambda z: "positive",
    "classes": lambda z: z.argmax(-1),
    "truths": lambda z: z > 0,
    "complex": lambda z: z.to(torch.complex64),
    "nan": lambda z: z * torch.nan,
    "nan for one": lambda z: torch.cat([z[:-1], z[-1:] * torch.nan]),
    "a scalar": lambda z: z.mean(),
    "turned": lambda z: z.T.contiguous(),
    "each word": lambda z: z[:, None].expand(-1, 5, -1),
    "one too few": lambda z: z[:-1],
    "one too many": lambda z: torch.cat([z, z[:1]]),
    "a class more": lambda z: torch.cat([z, z[:, :1]], 1),
    "no columns": lambda z: z[:, :0],
    "sparse": lambda z: z.to_sparse(),
    "over documents": lambda z: z - z.mean(0),
    "array": lambda z: z.detach().numpy(),
    "scores of classes": lambda z: dict(enumerate(z.T)),
}


def raising() -> Any:
    return wrap(Net(broken), encode=given_ids, classes=["no", "yes"])


def given_ids(words: Any) -> list[int]:
    return [len(word) for word in words]


def of_outputs(reading: Reading, number: int) -> Iterator[Trial]:
    """What comes out, of which type, with how many classes, with padding masked or not."""
    ends = {**RIGHT, **PROBABLE, **WRONG, "raises": broken}
    for seed in range(number):
        rng = random.Random(seed)
        name = rng.choice(list(ends)) if rng.random() < 0.6 else rng.choice(list(RIGHT))
        kind, columns = rng.choice([torch.float32, torch.float32, torch.float64, torch.bfloat16]), rng.choice([1, 2, 3])
        masks, said = rng.random() < 0.8, rng.choice([None, None, "logits", "probabilities"])
        classes = [f"class {index}" for index in range(max(columns, 2) + rng.choice([0, 0, 0, 1]))]
        if columns == 1 and name in ("log softmax", *PROBABLE):
            columns = 2
        net = Net(ends[name], columns, masks).to(kind)
        wrong: bool | None = name in WRONG or not masks or len(classes) != max(columns, 2)
        wrong = wrong or (
            (name in PROBABLE) != (said == "probabilities") and not (name in PROBABLE and said == "logits")
        )
        if (kind == torch.bfloat16 and not masks) or name == "raises" or (columns == 1 and name in WRONG):
            wrong = None

        def call(net: Net = net, said: str | None = said, classes: list[str] = classes) -> Any:
            return wrap(net, encode=given_ids, classes=classes, outputs=said)

        def says(taken: Any, net: Net = net, said: str | None = said, columns: int = columns) -> bool:
            """The logits of each text are those that the module gives it alone."""
            with torch.no_grad():
                alone = [net(torch.tensor([given_ids(text.split())])) for text in TEXTS]
                alone = [each["logits"] if isinstance(each, dict) else each for each in alone]
            raw = torch.cat(
                [x.logits if isinstance(x, Named) else x["logits"] if isinstance(x, dict) else x for x in alone]
            )
            raw = raw.double().log() if said == "probabilities" else raw.double()
            raw = torch.cat([torch.zeros_like(raw), raw], 1) if columns == 1 else raw
            return torch.allclose(taken.logits(TEXTS).double(), raw, rtol=2e-2, atol=2e-2)

        about = f"module {seed} {name} {kind} columns={columns} classes={len(classes)} masks={masks} outputs={said}"
        yield Trial(call, about, wrong, ("wrap:", "document 'example"), says)


def of_arguments(reading: Reading, number: int) -> Iterator[Trial]:
    """What is said of a module: each argument of `wrap` as something else. Those behind `fine` are right."""
    fine: dict[str, tuple[Any, ...]] = {
        "classes": (["a", "b"], ("a", "b"), "ab"),
        "encode": (given_ids, lambda words: [True] * len(words), lambda words: torch.tensor(given_ids(words))),
        "outputs": (None, "logits"),
        "padding_id": (0,),
        "head": (0, "mean", None),
        "query": (0, -1, "first", "last", None),
        "embedding": (None, "embedding"),
        "example": (["a b", "c d e"], [Document("one word"), Document("a b c")], None),
    }
    odd: dict[str, tuple[Any, ...]] = {
        "classes": (None, [], ["a"], ["a", "a"], 2, ["a", 1], ["a", "b", "c"], {"a", "b"}, ["a", None]),
        "encode": (
            *(3, "encode", lambda words: None, lambda words: [], lambda words: [1], lambda words: ["x"] * len(words)),
            *(lambda words: [99] * len(words), lambda words: [-1] * len(words), lambda words: [0.5] * len(words)),
        ),
        "outputs": ("probability", 3, "", True, "probabilities"),
        "padding_id": (-1, 30, 5, "x", None, 1.5, 10**30),
        "site": ("absent", 3, ""),
        "head": (1, -1, "x", 0.5),
        "query": ("x", 0.5),
        "device": ("gpu0", "cuda:99", "meta", "", 3.5, "x" * 300),
        "embedding": ("absent", 3),
        "example": ("a text", [Document("one word")], [Document("a b"), Document("c d")], 3, ["a b", 3]),
        "logits": (None, 3, lambda output: None, lambda output: output[0], lambda output: output["logits"]),
        "inputs": (None, 3, lambda batch: None, lambda batch: "ids"),
        "vocabulary": (3, ["a"], "x"),
        "tokenizer": (3, "bert", object()),
    }
    for seed in range(number):
        rng = random.Random(seed)
        right = rng.random() < 0.25
        name = rng.choice(list(fine if right else odd))
        value = rng.choice((fine if right else odd)[name])

        def call(name: str = name, value: Any = value) -> Any:
            net = Net(lambda z: z)
            return wrap(net, **{"encode": given_ids, "classes": ["no", "yes"], name: value})

        names = ("wrap", "document", "row", name)
        about = f"wrap {name}={value!r}"
        yield Trial(call, about, not right, names, lambda model: model.predict(TEXTS).shape == (3, 4))


def is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def are_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def is_nothing(value: Any) -> bool:
    return value is None or (hasattr(value, "__iter__") and not isinstance(value, str | np.ndarray) and not list(value))


def of_questions(reading: Reading, number: int) -> Iterator[Trial]:
    """Options of experiments, of reading and of asking, as something else; and when that is right."""
    model, documents = reading.model, reading.documents[:4]
    few = ai.read(model, documents)
    asked: dict[str, tuple[Callable[[Any], Any], Callable[[Any], bool]]] = {
        "agreement methods": (lambda x: ai.agreement(few, methods=x), is_nothing),
        "agreement method": (lambda x: ai.agreement(few, methods=[x]), lambda x: False),
        "adversary eps": (lambda x: ai.adversary(few, eps=x), lambda x: isinstance(x, float) and 0 < x < 1),
        "adversary method": (lambda x: ai.adversary(few, method=x), lambda x: False),
        "permutation draws": (
            lambda x: ai.permutation(few, draws=x),
            lambda x: isinstance(x, int | np.integer) and x > 0,
        ),
        "erasure methods": (lambda x: ai.erasure(few, methods=x), is_nothing),
        "ask questions": (lambda x: ai.ask(few, () if is_nothing(x) else x), is_nothing),
        "ask question": (lambda x: ai.ask(few, [x]), lambda x: False),
        "read documents": (lambda x: ai.read(model, x), are_texts),
        "read row": (lambda x: ai.read(model, [documents[0], x]), lambda x: isinstance(x, str)),
        "read model": (lambda x: ai.read(x, documents), lambda x: False),
        "read seed": (lambda x: ai.read(model, documents, seed=x), is_whole),
        "read training": (lambda x: ai.read(model, documents, training=x), is_nothing),
        "predict documents": (model.predict, are_texts),
        "show": (model.show, are_texts),
        "show method": (lambda x: model.show("a film", methods=x), is_nothing),
        "at head": (lambda x: model.at(head=x), lambda x: x is None or isinstance(x, int)),
        "at site": (lambda x: model.at(site=x), lambda x: x is None),
        "train": (lambda x: ai.train(x, "average"), lambda x: False),
        "train encoder": (lambda x: ai.train(few_corpus, x), lambda x: False),
        "load": (ai.load, lambda x: False),
        "load documents": (lambda x: ai.load("planted", documents=x), lambda x: False),
        "load seed": (lambda x: ai.load(TEXTS * 9, labels=["a", "b", "c"] * 9, seed=x), is_whole),
        "load model": (ai.load_model, lambda x: False),
        "Result": (ai.Result.load, lambda x: False),
    }
    for call in (model.predict, model.show, lambda x: ai.read(model, x)):
        for value in ("a film", documents[0], Document("so good")):
            yield Trial(lambda f=call, x=value: f(x), f"right {value!r}", False)
    few_corpus = ai.load("planted", documents=60)
    for seed in range(number - 9):
        rng = random.Random(seed)
        name, value = rng.choice(list(asked)), rng.choice(ODD)
        call, right = asked[name]
        names = (*name.split(), "method", "row", "document", "corpus", "planted", str(value)[:20])
        about = f"{name} {value!r}"
        yield Trial(lambda f=call, x=value: f(x), about, None if right(value) else True, names)


KINDS = {"outputs": (of_outputs, 150), "arguments": (of_arguments, 100), "questions": (of_questions, 160)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrapped_and_asked(kind: str, throw, reading: Reading) -> None:
    trials, number = KINDS[kind]
    throw(trials(reading, number), number)
