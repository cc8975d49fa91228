import torch

from attn_interp.readout.affine import advantages, decisions, head_votes, logits_of


def test_logits_of_two_words_by_hand() -> None:
    weights = torch.tensor([[0.25, 0.75]])
    votes = torch.tensor([[[4.0, 0.0, 1.0], [0.0, 8.0, 1.0]]])
    torch.testing.assert_close(logits_of(weights, votes), torch.tensor([[1.0, 6.0, 1.0]]))
    assert decisions(weights, votes).tolist() == [1]
    torch.testing.assert_close(
        advantages(votes, torch.tensor([1])), torch.tensor([[[-4.0, 0.0, -1.0], [8.0, 0.0, 7.0]]])
    )


def test_votes_of_heads_give_the_logits_of_any_attention() -> None:
    # a model with three heads whose readout is affine, known inside and out
    generator = torch.Generator().manual_seed(0)
    batch, heads, positions, width, classes = 2, 3, 5, 7, 4
    states = torch.randn(batch, heads, positions, width, generator=generator, dtype=torch.float64)
    readout = torch.randn(heads, width, classes, generator=generator, dtype=torch.float64)
    bias = torch.randn(classes, generator=generator, dtype=torch.float64)

    def model(weights: torch.Tensor) -> torch.Tensor:
        return torch.einsum("bht,bhtd,hdc->bc", weights, states, readout) + bias

    first = torch.zeros(batch, heads, positions, dtype=torch.float64)
    first[..., 0] = 1
    reads = torch.zeros(batch, heads, positions, classes, dtype=torch.float64)
    for head in range(heads):
        for word in range(positions):
            moved = first.clone()
            moved[:, head] = torch.nn.functional.one_hot(torch.tensor(word), positions)
            reads[:, head, word] = model(moved)
    votes = head_votes(model(first), reads)
    weights = torch.rand(batch, heads, positions, generator=generator, dtype=torch.float64).softmax(-1)
    torch.testing.assert_close(logits_of(weights, votes), model(weights))
