"""What may come out of a module: taken for what it is, or refused in a sentence that says what to type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.attribution.methods import named
from attn_interp.data.document import Document
from attn_interp.models.checks.outputs import log_probabilities, tensor_in
from attn_interp.models.wrap import wrap
from tests.odd_outputs import Named, Net

TEXTS = ["a good film", "an awful film of two people", "bad"]


def wrapped(end: Callable[[torch.Tensor], Any], columns: int = 2, mask: bool = True, **options: Any) -> Any:
    classes = [f"class {index}" for index in range(max(columns, 2))]
    return wrap(
        Net(end, columns, mask), encode=lambda words: [len(x) for x in words], **{"classes": classes, **options}
    )


def as_is(z: torch.Tensor) -> torch.Tensor:
    return z


PROBABLE = {
    "softmax": (lambda z: z.softmax(-1), 3),
    "a sigmoid": (lambda z: z.sigmoid(), 1),
    "a sigmoid (B,)": (lambda z: z.sigmoid().squeeze(-1), 1),
    "tanh moved": (lambda z: (z.tanh() + 1) / 2, 1),
    "a clamp": (lambda z: (z / 20 + 0.5).clamp(0, 1)[:, 0], 1),
    "softmax in a dict": (lambda z: {"logits": z.softmax(-1)}, 2),
}


@pytest.mark.parametrize("name", PROBABLE)
def test_probabilities_are_recognised_and_taken_as_such_when_that_is_said(name) -> None:
    end, columns = PROBABLE[name]
    with pytest.raises(ValueError, match="as a sigmoid or a softmax gives; say outputs='probabilities', or"):
        wrapped(end, columns)
    p = wrapped(end, columns, outputs="probabilities").logits(TEXTS).softmax(-1)
    out = Net(end, columns)
    with torch.no_grad():
        given = [out(torch.tensor([[len(word) for word in text.split()]])) for text in TEXTS]
    own = torch.cat([tensor_in(each) for each in given])
    own = own if columns > 1 else torch.stack([1 - own.reshape(-1), own.reshape(-1)], 1)
    torch.testing.assert_close(p, own, atol=1e-6, rtol=1e-5)
    assert wrapped(end, columns, outputs="logits").logits(TEXTS).shape == (3, max(columns, 2))


@pytest.mark.parametrize("end", [lambda z: z, lambda z: z[:, 0], lambda z: z.squeeze(-1).unsqueeze(-1).view(-1)])
def test_one_logit_that_lies_in_0_1_by_chance_stays_a_logit(end) -> None:
    module = Net(end, 1)
    nn.init.constant_(module.out.bias, 0.15)
    module.out.weight.data.mul_(0.01)
    model = wrap(module, encode=lambda words: [len(word) for word in words], classes=["no", "yes"])
    logits = model.logits(TEXTS)
    assert ((logits[:, 1] > 0) & (logits[:, 1] < 1)).all() and (logits[:, 0] == 0).all()


def test_the_logits_of_probabilities_are_their_logarithms_also_at_the_ends() -> None:
    p = torch.tensor([0.25, 1e-30, 1.0, 0.0, 1 - 1e-7])
    logits = log_probabilities(p)
    assert logits.isfinite().all()
    expected = [math.log(0.25) - math.log(0.75), math.log(1e-30)]
    assert (logits[:2, 1] - logits[:2, 0]).tolist() == pytest.approx(expected, rel=1e-6)
    assert logits[2].diff() > logits[4].diff() > 15 and logits[3].diff() < -80
    many = torch.tensor([[0.5, 0.5, 0.0], [1e-30, 1.0, 0.0]])
    torch.testing.assert_close(log_probabilities(many).softmax(-1), many)


@pytest.mark.parametrize(
    "end",
    [lambda z: {"logits": z, "loss": None}, lambda z: Named(z), lambda z: z.double(), lambda z: z.log_softmax(-1)],
)
def test_logits_are_found_by_their_name(end) -> None:
    assert wrapped(end).predict(TEXTS).iloc[:, 2:].to_numpy().sum(1).tolist() == pytest.approx([1, 1, 1])


REFUSED = {
    "tuple": (lambda z: (z, z), TypeError, r"returns a tuple of 0: \(4, 2\), 1: .*logits=lambda output: output\[0\]"),
    "dict": (lambda z: {"scores": z}, TypeError, r"returns a dict of scores: \(4, 2\), expected a tensor"),
    "None": (lambda z: None, TypeError, "returns a NoneType, expected a tensor of logits"),
    "classes": (lambda z: z.argmax(-1), TypeError, "the outputs are a tensor of torch.int64, expected logits"),
    "NaN": (lambda z: z * torch.nan, ValueError, "document 'example 7': its logits are NaN"),
    "each word": (lambda z: z[:, None].expand(-1, 5, -1), ValueError, r"shape \(4, 5, 2\) for 4 doc.*ed \(4, 2\)"),
    "one for all": (lambda z: z.mean(), ValueError, r"shape \(\) for 4 document"),
    "turned": (lambda z: z.T, ValueError, r"shape \(2, 4\) for 4 document"),
    "squeezed": (lambda z: z.squeeze(0), ValueError, r"shape \(2,\) for 1 document"),
    "over documents": (lambda z: z - z.mean(0), ValueError, "when other documents are in the batch; let the module"),
    "normalised": (lambda z: z.softmax(0).log(), ValueError, "when other documents are in the batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_are_no_logits_of_these_classes_is_refused(name) -> None:
    end, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        wrapped(end)
    if name == "tuple":
        assert wrapped(end, logits=lambda output: output[0]).logits(TEXTS).shape == (3, 2)


@pytest.mark.parametrize(("columns", "names"), [(2, "abc"), (3, "ab"), (1, "abc")])
def test_another_number_of_classes_is_refused(columns, names) -> None:
    with pytest.raises(ValueError, match=rf"expected \(4, {len(names)}\): a row for each .* which are a, b"):
        wrapped(as_is, columns, classes=names)


def test_attention_on_padding_is_refused() -> None:
    with pytest.raises(ValueError, match="when it is padded; mask padding in the module"):
        wrapped(as_is, mask=False)


def test_outputs_that_are_no_probabilities_or_no_kind() -> None:
    with pytest.raises(ValueError, match=r"what the module returns does not lie in \[0, 1\]"):
        wrapped(as_is, outputs="probabilities")
    with pytest.raises(ValueError, match="got outputs='scores', expected 'logits' or 'probabilities'"):
        wrapped(as_is, outputs="scores")


def test_a_later_document_without_logits_is_named() -> None:
    model = wrapped(as_is)
    model.module.embedding.weight.data[17] = torch.nan
    model.logits(TEXTS)
    with pytest.raises(ValueError, match="document 'long': its logits are NaN"):
        model.logits([*TEXTS, Document("x" * 17, id="long")])


KINDS = {
    "compiled": lambda net: torch.compile(net, backend="eager"),
    "parallel": nn.DataParallel,
    "both": lambda net: nn.DataParallel(torch.compile(net, backend="eager")),
    "compiled in place": lambda net: net.compile(backend="eager") or net,
}


@pytest.mark.filterwarnings("ignore:Guards may run slower")  # so says torch.compile under Python 3.13.0
@pytest.mark.parametrize("kind", KINDS)
def test_compiled_and_parallel_modules_are_looked_through(kind) -> None:
    options = {"encode": lambda words: [len(word) for word in words], "classes": ["no", "yes"]}
    plain, model = wrap(Net(as_is), **options), wrap(KINDS[kind](Net(as_is)), **options)
    batch, classes = plain.batch([Document(text) for text in TEXTS]), torch.tensor([0, 1, 1])
    for asked in (
        lambda each: each.logits(TEXTS),
        lambda each: each.run(batch).weights,
        lambda each: each.gradient_at_embeddings(batch, classes, False)[1],
        lambda each: each.logits_with_embedding(batch, batch.is_word, each.embedding.mean()),
    ):
        torch.testing.assert_close(asked(model), asked(plain))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize", "ignore:.*TypedStorage")
def test_modules_that_are_no_longer_pythons_name_the_reason() -> None:
    options = {"encode": lambda words: [len(word) for word in words], "classes": ["no", "yes"]}
    quantised = torch.ao.quantization.quantize_dynamic(Net(as_is), {nn.Linear})
    with pytest.raises(ValueError, match=r"its quantised layers \(Linear\) round by the whole batch; give the mod"):
        wrap(quantised, **options)
    traced = torch.jit.trace(Net(as_is).eval(), torch.ones(2, 5, dtype=torch.long))
    with pytest.raises(TypeError, match=r"is a TorchScript module, .* give the nn.Module that it was made from"):
        wrap(traced, **options)
    exported = torch.export.export(Net(as_is), (torch.ones(3, 5, dtype=torch.long),)).module()
    with pytest.raises(TypeError, match=r"has no eval mode .*; give the nn.Module that it was made from"):
        wrap(exported, **options)


@pytest.mark.parametrize("how", ["detach", "no_grad", "inference mode"])
def test_where_no_gradient_passes_that_is_said(how) -> None:
    model = wrapped(lambda z: z.detach() if how == "detach" else z)
    if how == "no_grad":
        model.module.forward = torch.no_grad()(model.module.forward)
    batch, classes = model.batch([Document(text) for text in TEXTS]), torch.tensor([0, 1, 1])
    with torch.inference_mode(how == "inference mode"):
        for method in named("gradient x input", "integrated gradients").values():
            with pytest.raises(ValueError, match=r"no gradient reaches back from the logits: .* use leave-one-out or"):
                method(model, batch, classes)
        assert named("leave-one-out")["leave-one-out"](model, batch, classes).values.shape == (3, 6)
