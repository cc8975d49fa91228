"""The rules of AttnLRP one by one: on small graphs, against gradients that are written out."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from attn_interp.attribution.lrp.activations import identity_rule
from attn_interp.attribution.lrp.rules import apply_rules


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def handed_back(run, *leaves: torch.Tensor, module: nn.Module | None = None) -> tuple[torch.Tensor, ...]:
    """The gradients of the rules at the leaves, of the sum of what is run times fixed numbers."""
    held = [each.clone().requires_grad_() for each in leaves]
    with identity_rule(module or nn.Module()):
        output = run(*held)
    apply_rules(output, held, "model")
    return torch.autograd.grad((output * drawn(*output.shape, seed=9)).sum(), held, materialize_grads=True)


def plain(run, *leaves: torch.Tensor) -> tuple[torch.Tensor, ...]:
    held = [each.clone().requires_grad_() for each in leaves]
    output = run(*held)
    return torch.autograd.grad((output * drawn(*output.shape, seed=9)).sum(), held, materialize_grads=True)


def same(first, second) -> bool:
    return all(torch.allclose(a, b, rtol=0, atol=1e-12) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    "product",
    [
        lambda a, b: a * b,
        lambda a, b: a @ b,
        lambda a, b: (a[None] @ b[None])[0],
        lambda a, b: torch.addmm(torch.ones(5, dtype=a.dtype), a, b),
        lambda a, b: torch.einsum("ij,jk->ik", a, b),
        lambda a, b: torch.baddbmm(a[None], a[None], b[None])[0] - a,
    ],
)
def test_each_factor_has_half(product) -> None:
    a, b = drawn(5, 5), drawn(5, 5, seed=1)
    found, whole = handed_back(product, a, b), plain(product, a, b)
    assert same(found, [gradient / 2 for gradient in whole])


def test_a_square_keeps_its_relevance() -> None:
    x = drawn(7)
    assert same(handed_back(lambda x: x * x, x), [x * drawn(7, seed=9)])


def test_a_factor_of_parameters_takes_nothing() -> None:
    """Also where they are trained, or something is made of them first."""
    x, weight = drawn(3, 4), nn.Parameter(drawn(4, seed=1))
    assert same(handed_back(lambda x: x * (1 + weight.exp()), x), [drawn(3, 4, seed=9) * (1 + weight.exp()).detach()])


@pytest.mark.parametrize(
    "function",
    [
        functional.gelu,
        functional.silu,
        torch.tanh,
        lambda x: x.tanh(),
        functional.relu,
        nn.GELU("tanh"),
        nn.LeakyReLU(0.3),
    ],
)
def test_an_activation_hands_back_its_ratio(function) -> None:
    x = drawn(11)
    assert same(handed_back(function, x), [function(x) / x * drawn(11, seed=9)])


def test_at_zero_the_ratio_is_its_limit() -> None:
    x = torch.tensor([0.0, 1e-9], dtype=torch.float64)
    weights = drawn(2, seed=9)
    for function, limit in ((functional.gelu, 0.5), (functional.silu, 0.5), (torch.tanh, 1.0)):
        (found,) = handed_back(function, x)
        assert torch.allclose(found, limit * weights, atol=1e-8)
        assert torch.equal(function(x), _kept(function, x))


def _kept(function, x: torch.Tensor) -> torch.Tensor:
    with identity_rule(nn.Module()):
        return function(x.clone().requires_grad_()).detach()


def test_activations_of_transformers_are_one_step() -> None:
    """Some are written out as a product with a tanh, which the rule of products would split."""
    activations = pytest.importorskip("transformers").activations
    x = torch.cat([drawn(11), torch.zeros(1, dtype=torch.float64)])
    weights = drawn(12, seed=9)
    for name in ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "silu", "relu2", "mish"):
        module = activations.get_activation(name)
        (found,) = handed_back(module, x, module=module)
        assert torch.allclose(found[:-1], (module(x) / x * weights)[:-1], atol=1e-12), name
        assert not module._forward_hooks
    with pytest.raises(ValueError, match="no rule for Sigmoid in model"):
        handed_back(activations.get_activation("sigmoid"), x)
    laplace = activations.get_activation("laplace")  # not zero at zero
    with pytest.raises(ValueError, match="no rule for Erf in model"):
        handed_back(laplace, x, module=laplace)


@pytest.mark.parametrize("affine", [True, False])
def test_a_normalisation_holds_its_deviation(affine) -> None:
    x = drawn(3, 6)
    norm = nn.LayerNorm(6, elementwise_affine=affine, dtype=torch.float64)
    if affine:
        nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)

    def written_out(x: torch.Tensor) -> torch.Tensor:
        deviation = (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
        normal = (x - x.mean(-1, keepdim=True)) / deviation.detach()
        return normal * norm.weight + norm.bias if affine else normal

    def by_division(x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        normal = centred / ((centred * centred).mean(-1, keepdim=True) + norm.eps).sqrt()
        return normal * norm.weight + norm.bias if affine else normal

    expected = plain(written_out, x)
    assert same(handed_back(norm, x), expected)
    assert same(handed_back(by_division, x), expected)
    assert not same(plain(norm, x), expected)
    root = nn.RMSNorm(6, eps=1e-5, elementwise_affine=affine, dtype=torch.float64)
    size = (x.pow(2).mean(-1, keepdim=True) + 1e-5).rsqrt()
    assert same(handed_back(root, x), [drawn(3, 6, seed=9) * size])


@pytest.mark.parametrize("softmax", [torch.softmax, torch.log_softmax, torch.logsumexp])
def test_a_softmax_is_linearised(softmax) -> None:
    x = drawn(3, 6)
    assert same(handed_back(lambda x: softmax(x, -1), x), plain(lambda x: softmax(x, -1), x))


ACTIVE = [each for each in itertools.product((True, False), repeat=3) if any(each)]


@pytest.mark.parametrize("active", ACTIVE)
@pytest.mark.parametrize("masked", [True, False])
def test_attention_in_one_kernel_is_attention_written_out(active, masked) -> None:
    """Whichever of query, key and value are activations."""
    parts = drawn(2, 3, 5, 4), drawn(2, 3, 7, 4, seed=1), drawn(2, 3, 7, 4, seed=2)
    mask = torch.arange(7) < torch.tensor([4, 7])[:, None, None, None] if masked else None

    def given(leaves: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        own = iter(leaves)
        return [next(own) if does else part for part, does in zip(parts, active, strict=True)]

    def fused(*leaves: torch.Tensor) -> torch.Tensor:
        return functional.scaled_dot_product_attention(*given(leaves), attn_mask=mask)

    def written_out(*leaves: torch.Tensor) -> torch.Tensor:
        query, key, value = given(leaves)
        scores = query @ key.transpose(-2, -1) / 2
        return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1) @ value

    leaves = [part for part, does in zip(parts, active, strict=True) if does]
    found = handed_back(fused, *leaves)
    assert same(found, handed_back(written_out, *leaves))
    if all(active):
        whole = plain(written_out, *leaves)
        expected = [share * gradient for share, gradient in zip((0.25, 0.25, 0.5), whole, strict=True)]
        assert same(found, expected)


@pytest.mark.parametrize("shown", [True, False])
def test_attention_of_torch_is_attention_written_out(shown) -> None:
    """Whether it runs in one kernel or shows its weights."""
    x, attention = drawn(2, 5, 6), nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64).eval()
    nn.init.normal_(attention.in_proj_bias)
    padding = torch.arange(5) >= torch.tensor([[3], [5]])

    def written_out(x: torch.Tensor) -> torch.Tensor:
        parts = functional.linear(x, attention.in_proj_weight, attention.in_proj_bias)
        query, key, value = parts.unflatten(-1, (3, 2, 3)).permute(2, 0, 3, 1, 4)
        scores = (query @ key.transpose(-2, -1) / 3**0.5).masked_fill(padding[:, None, None], -torch.inf)
        return attention.out_proj((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))

    def whole(x: torch.Tensor) -> torch.Tensor:
        return attention(x, x, x, key_padding_mask=padding, need_weights=shown)[0]

    assert torch.allclose(whole(x), written_out(x), atol=1e-12)
    assert same(handed_back(whole, x), handed_back(written_out, x))


@pytest.mark.parametrize(
    "step, what",
    [
        (lambda x: x.sigmoid(), "Sigmoid"),
        (lambda x: x.exp().sin(), "Exp, Sin"),
        (lambda x: 1 / x, "Reciprocal"),
        (lambda x: x / x.sum(), "division by an activation"),
        (lambda x: 1 + x.square().sqrt(), "Sqrt"),
        (lambda x: x.square().sqrt(), "Sqrt"),
        (lambda x: x * x.abs().sqrt(), "Sqrt"),
        (lambda x: x / x.abs().rsqrt(), "Rsqrt"),
        (lambda x: x.abs().sqrt() / x.abs().sqrt(), "Sqrt"),
        (lambda x: x + torch.ones_like(x) / x.abs().sqrt(), "Sqrt"),
        (lambda x: x / (size := (x * x).mean(-1, keepdim=True).sqrt()) + size, "Sqrt"),
        (lambda x: torch.tanh_(x * 1), "Tanh"),
        (lambda x: torch.tanh(input=x), "Tanh"),
        (lambda x: functional.silu(x * 1, True), "Silu"),
        (lambda x: functional.layer_norm(x, (4,), weight=x[0]), "NativeLayerNorm"),
    ],
)
def test_a_step_without_a_rule_is_named(step, what) -> None:
    with pytest.raises(ValueError, match=rf"^AttnLRP has no rule for {what} in model: .*use integrated gradients"):
        handed_back(step, drawn(3, 4))
    weight = nn.Parameter(drawn(3, 4))
    handed_back(lambda x: x * step(weight * 1), drawn(3, 4, seed=1))  # of constants any step may be taken
