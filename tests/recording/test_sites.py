"""The dry run: what it finds on awkward inputs, and what it refuses, with the reason."""

import math
import subprocess
import sys

import pytest
import torch
from torch import nn

from attn_interp.recording import Site, intervene, mark, record, sites


def uniform(weights):
    return (weights > 0) / (weights > 0).sum(-1, keepdim=True)


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("name", ["additive", "folded", "folded heads first", "dot", "fused"])
def test_any_number_of_documents(styled, name, rows):
    style = styled(name)
    (site,) = sites(style.module, *(x[:rows] for x in style.inputs))
    assert site.layout == style.layout


def test_a_second_example_in_place_of_cutting(styled):
    class Opaque(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = styled("folded").module

        def forward(self, batch):
            return self.inner(batch.ids)

    class Batch:
        def __init__(self, ids):
            self.ids = ids

    module, ids = Opaque().eval(), styled("folded").inputs[0]
    with pytest.raises(ValueError, match=r"no input is a tensor .* other=\(args, kwargs\)"):
        sites(module, Batch(ids))
    (site,) = sites(module, Batch(ids), other=((Batch(ids[:3, :7]),), {}))
    assert (site.name, site.layout, site.heads) == ("inner", "B*H T T", 4)
    with pytest.raises(TypeError, match="pair"):
        sites(module, Batch(ids), other=Batch(ids))


def test_inputs_that_cannot_be_cut():
    class Fixed(nn.Module):
        def forward(self, ids):
            return ids.reshape(5, 11).float()

    with pytest.raises(ValueError, match=r"Fixed fails on its inputs with one document more.*other=\(args, kwargs\)"):
        sites(Fixed(), torch.ones(5, 11, dtype=torch.long))


class Stack(nn.Module):
    """Layers of dot attention with a skip; `detached` ones let no gradient through their weights."""

    def __init__(self, layers: int, detached: bool = False) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(3)
            self.embed, self.runs = nn.Embedding(17, 6), 0
            self.queries = nn.ModuleList(nn.Linear(6, 6) for _ in range(layers))
        self.detached = detached

    def forward(self, ids):
        self.runs += 1
        states = self.embed(ids)
        for query in self.queries:
            weights = torch.softmax(query(states) @ states.transpose(1, 2), -1)
            states = states + (weights.detach() if self.detached else weights) @ states
        return states.mean(1)


IDS = torch.randint(17, (5, 11), generator=torch.Generator().manual_seed(1))


def test_runs_do_not_grow_with_the_layers():
    """One gradient tells of all sites whether the output depends on their weights."""
    runs = []
    for layers in (1, 7):
        module = Stack(layers).eval()
        assert len(sites(module, IDS)) == layers
        runs.append(module.runs)
    assert runs[0] == runs[1]


def test_where_no_gradient_passes_other_weights_are_tried_site_by_site():
    module = Stack(3, detached=True).eval()
    assert len(sites(module, IDS)) == 3


def test_one_position_is_too_few(styled):
    style = styled("dot")
    with pytest.raises(ValueError, match="two words or more"):
        sites(style.module, style.inputs[0][:, :1])


def test_no_attention_is_an_error_that_names_what_was_seen_and_the_mark(styled):
    style = styled("averaging")
    with pytest.raises(ValueError, match=r"no attention found; seen: softmax of shape \(5, 12\).*mark\(weights, dim\)"):
        sites(style.module, *style.inputs)
    with pytest.raises(ValueError, match="no attention found"), record(style.module):
        style.module(*style.inputs)


@pytest.mark.parametrize(("name", "reason"), [("sparse", "no attention found"), ("renormalised", "changed between")])
def test_attention_that_is_no_softmax_needs_a_mark(styled, name, reason):
    style = styled(name)
    assert sites(style.module, *style.inputs)[0].kind == "mark"
    style.module.marked = False
    with pytest.raises(ValueError, match=rf"{reason}.*mark\(weights, dim\)"):
        sites(style.module, *style.inputs)


def test_a_mark_is_the_identity():
    weights = torch.rand(3, 5)
    assert mark(weights) is weights


def test_documents_one_by_one_are_refused(styled):
    style = styled("per document")
    with pytest.raises(ValueError, match="attends document by document"):
        sites(style.module, *style.inputs)


class Scripted(nn.Module):
    """softmax(scores) @ states, with the scores given by a function of ids."""

    def __init__(self, attend):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.randn(47, 12, generator=torch.Generator().manual_seed(0)))
        self.attend = attend

    def forward(self, ids):
        return self.attend(self.embedding(ids), ids != 0)


def test_two_axes_that_could_be_heads_are_refused_with_the_candidates(styled):
    def latents(states, is_token):
        keys = states.unflatten(-1, (2, 6))  # (B, T, 2, 6)
        weights = torch.softmax(torch.einsum("bthd,hqd->bhqt", keys, torch.linspace(-1, 1, 36).reshape(2, 3, 6)), -1)
        return torch.einsum("bhqt,bthd->bhqd", weights, keys).flatten(1)

    module = Scripted(latents)
    ids = styled("dot").inputs[0]
    with pytest.raises(ValueError, match=r"candidates: B H Q T; B Q H T; write the Site by hand"):
        sites(module, ids)
    site = Site("latents", "", 0, "B H Q T", -1, 2)
    with record(module, [site]) as recording, intervene(module, {site: uniform}):
        module(ids)
    assert recording["latents"].shape == (5, 2, 3, 11)


def test_a_random_module_is_refused(styled):
    def noisy(states, is_token):
        weights = torch.softmax(states.sum(-1), -1)
        return torch.bmm(weights.unsqueeze(1), states).squeeze(1) + torch.rand(len(states), 1)

    with pytest.raises(ValueError, match="two runs in eval mode differ"):
        sites(Scripted(noisy), styled("dot").inputs[0])


def test_weights_that_do_not_matter_are_no_site(styled):
    def idle(states, is_token):
        weights = torch.softmax(states.sum(-1), -1)
        return torch.bmm(weights.unsqueeze(1), torch.ones_like(states[..., :1])).squeeze(1) * 0 + states.mean(1)

    with pytest.raises(ValueError, match=r"\(root\): other weights do not move the output"):
        sites(Scripted(idle), styled("dot").inputs[0])


def test_a_softmax_over_positions_that_is_the_output_is_no_attention(styled):
    def pointer(states, is_token):
        return torch.softmax(states.sum(-1).masked_fill(~is_token, -math.inf), -1)

    with pytest.raises(ValueError, match="is not multiplied with values"):
        sites(Scripted(pointer), styled("dot").inputs[0])


def test_a_model_that_drops_its_padding(styled):
    """States end at the longest document, not at the width of the batch: the lengths are clipped when it is cut."""
    style = styled("additive")
    ids, lengths = style.inputs

    class Trimmed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = style.module

        def forward(self, ids, lengths):
            return self.inner(ids[:, : lengths.max()], lengths)

    wide = torch.nn.functional.pad(ids, (0, 2))
    assert sites(Trimmed().eval(), wide, lengths)[0].layout == "B T"


def test_a_narrow_convolution_leaves_fewer_positions(styled):
    class Convolved(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = styled("dot").module
            self.convolve = nn.Conv1d(12, 12, 3)

        def forward(self, ids):
            states = self.convolve(self.inner.encoder(self.inner.embedding(ids)).transpose(1, 2)).transpose(1, 2)
            return self.inner.decide(self.inner.attend(states, ids[:, 1:-1] >= 0))

    module = Convolved().eval()
    with record(module) as recording:
        module(styled("dot").inputs[0])
    assert recording["(root)"].shape == (5, 1, 1, 9)


def test_inside_a_context_the_dry_run_sees_the_module_as_it_is(styled):
    style = styled("two calls")
    with intervene(style.module, {"attention": uniform}), record(style.module) as recording:
        style.module(*style.inputs)
        found = sites(style.module, *style.inputs)
        style.module(*style.inputs)
    assert [site.name for site in found] == ["attention", "attention#1"]
    assert len(recording.passes) == 2


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_scripted_module_cannot_be_seen_into():
    scripted = torch.jit.script(nn.Sequential(nn.Embedding(9, 4), nn.Softmax(1)).eval())
    ids = torch.arange(6).reshape(2, 3)
    with pytest.raises(TypeError, match="TorchScript module"):
        sites(scripted, ids)
    with pytest.raises(ValueError, match="no softmax and no scaled_dot_product_attention"):
        sites(nn.Sequential(scripted), ids)


COMPILED = """
import torch
from torch import nn
from attn_interp.recording import intervene, record, sites

class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.score = nn.Embedding(9, 4), nn.Linear(4, 1)
    def forward(self, ids):
        states = self.embedding(ids)
        return (torch.softmax(self.score(states), 1) * states).sum(1)

module = Pooled().eval()
ids = torch.randint(0, 9, (3, 5))
compiled = torch.compile(module, backend="eager")
plain = compiled(ids)
(site,) = sites(compiled, ids)
with record(compiled) as recording, intervene(compiled, {site: lambda w: torch.full_like(w, 0.2)}):
    changed = compiled(ids)
assert recording[site].shape == (3, 1, 1, 5), recording[site].shape
assert torch.allclose(changed, module.embedding(ids).mean(1), atol=1e-6)
assert torch.allclose(compiled(ids), plain)
"""


def test_compiled_modules_run_uncompiled_inside():
    """In a process of its own: torch.compile changes what is loaded for all tests that follow."""
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_sink_is_found_from_two_examples_too() -> None:
    """A learned score beside the keys, cut off after the softmax: T + 1 columns."""

    class WithSink(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(11, 6)
            self.sink = torch.nn.Parameter(torch.tensor(0.5))
            self.out = torch.nn.Linear(6, 2)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            states = self.embedding(ids)
            scores = states @ states.transpose(1, 2)
            scores = torch.cat([scores, self.sink.expand(*scores.shape[:2], 1)], -1)
            return self.out((torch.softmax(scores, -1)[..., :-1] @ states).mean(1))

    ids = torch.arange(21).reshape(3, 7) % 11
    (site,) = sites(WithSink(), ids, other=((ids[:2, :5],), {}))
    assert site.sink
    assert site == sites(WithSink(), ids)[0]
