"""How much of an explanation is in the attention of all heads together, if one knew how to read it?

A ridge regression learns, on half of the documents, to tell the leave-one-out value of a word from what every head
gives it. How well it ranks the words of the other half is what a reading of attention that is linear in the heads can
learn; beside it stand the readings that learn nothing. `sources` learns the same of random ablations, of several words
at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence

from attn_interp.attribution.flow.layered import layers_of, rolled_out
from attn_interp.attribution.gradient import gradient_x_input_detached
from attn_interp.data.draws import digest, generator
from attn_interp.experiments.deep.heads import deleted, one_head
from attn_interp.experiments.read_batch import OF_ANY_VIEW, about_documents
from attn_interp.experiments.reading import Reading
from attn_interp.experiments.record import Card, Column, Experiment, Summary
from attn_interp.experiments.result import Result
from attn_interp.measures.kendall import kendall_tau
from attn_interp.measures.overlap import top_k_overlap
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.every_head import heads_of, rows_of_heads
from attn_interp.statistics.bootstrap import Floats
from attn_interp.statistics.grouped_ridge import GroupedRidge, grouped_ridge, standardised

ATTENTION, MEAN_OF_HEADS, ROLLOUT, BEST_HEAD = "attention", "mean of all heads", "attention rollout", "best single head"
COMBINED, SHUFFLED, GRADIENT = "all heads, learned", "all heads, shuffled", "gradient x input (detached)"
RANKINGS = (ATTENTION, MEAN_OF_HEADS, ROLLOUT, BEST_HEAD, COMBINED, SHUFFLED, GRADIENT)

DRAWS, TOP_K = 10, 5
FEWEST = 2  # documents that each half needs

COLUMNS = {
    **OF_ANY_VIEW,
    "ranking": Column("what ranks the words, beside |leave-one-out|"),
    "tau": Column("Kendall's tau-b with |leave-one-out|; of the shuffled null the mean over draws", "", -1, 1),
    "top_k_overlap": Column(f"share of the {TOP_K} highest words that both have in common", "", 0, 1),
    "gain": Column("tau minus that of attention in the same document", "", -2, 2),
    "reason": Column("why there is no ranking; empty where there is one"),
}


@dataclass(frozen=True)
class _Words:
    """One document: (T, N) attention of the heads relative to equal shares, (T,) |leave-one-out| and other rankings."""

    about: dict[str, object]
    heads: torch.Tensor
    lost: torch.Tensor
    rankings: dict[str, torch.Tensor]

    @property
    def teaches(self) -> bool:
        """Whether it has a leave-one-out value that is not 0; NaN has a document of one word."""
        return bool(self.lost.sum() > 0)


def head_combination(reading: Reading) -> Result:
    """How much of an explanation is in the attention of all heads together, if one knew how to read it?

    Documents are halved in the order of a hash of (seed, id): a ridge regression learns on one half, and all rankings
    are held against leave-one-out on the other.

    Attention of a head and |leave-one-out| are both taken relative to their mean over the words of the document, so
    that long documents and sure decisions count like others; ranks within a document stay as they are. The strength of
    the ridge is chosen by cross-validation that keeps the words of a document together. A head without any attention
    on words counts as equal shares (`rows_without_attention` in the settings). Shuffled: a ridge of the same strength,
    learned from values that are dealt out anew among the words of each fitting document, ten times.

    Args:
        reading: A model's attention over documents, from `read`.

    Returns:
        A result with one row per held-out document and ranking: tau, top_k_overlap, gain over attention, reason.

    Raises:
        ValueError: a half has fewer than 2 documents with leave-one-out values.
    """
    model, seed = reading.model, reading.seed
    words, without_attention = _read(reading)
    words.sort(key=lambda document: digest(seed, f"half {document.about['document']}"))
    fitted, held_out = words[: len(words) // 2], words[len(words) // 2 :]
    teachers = [document for document in fitted if document.teaches]
    for half, found in (("fitting", teachers), ("held-out", [document for document in held_out if document.teaches])):
        if len(found) < FEWEST:
            raise ValueError(
                f"head_combination: {len(found)} of {len(words)} documents fall in the {half} half and have "
                f"leave-one-out values, expected at least {FEWEST}; give more documents"
            )
    ridge, shuffled = _ridges(teachers, seed)
    best = _best_head(teachers)
    scores: dict[str, list[list[torch.Tensor]]] = {
        MEAN_OF_HEADS: [[document.heads.mean(1) for document in held_out]],
        BEST_HEAD: [[document.heads[:, best] for document in held_out]],
        COMBINED: [[document.heads @ torch.from_numpy(ridge.coefficients) for document in held_out]],
        SHUFFLED: [[document.heads @ each for document in held_out] for each in shuffled],
    }
    for name in (ATTENTION, ROLLOUT, GRADIENT):
        scores[name] = [[document.rankings[name] for document in held_out]]
    reasons = _reasons(model)
    measured = {name: _compared(held_out, scores[name]) for name in RANKINGS}
    frames = []
    for name, (tau, overlap) in measured.items():
        about = pd.DataFrame([document.about for document in held_out])
        values = {"tau": tau, "top_k_overlap": overlap, "gain": tau - measured[ATTENTION][0]}
        frames.append(about.assign(ranking=name, **values, reason=reasons.get(name, "")))
    frame = reading.in_order(frames)[list(COLUMNS)]
    places = heads_of(model)
    settings = {
        "documents": len(reading),
        "classes": list(model.classes),
        "fitted_on": len(teachers),
        "left_out_of_fitting": len(fitted) - len(teachers),
        "held_out": len(held_out),
        "rows_without_attention": without_attention,
        "ridge_strength": ridge.strength,
        "coefficients": ridge.standardised.tolist(),
        "layers": [place.layer for place in places],
        "heads": [place.head for place in places],
        "best_head": f"layer {places[best].layer}, head {places[best].head}",
        "status": f"measured on held-out documents; shuffled: sampled, {DRAWS} draws",
        "seed": seed,
    }
    return Result("head_combination", frame, settings, COLUMNS)


def _read(reading: Reading) -> tuple[list[_Words], int]:
    """What is needed of every document, and how many rows of heads have no attention on words."""
    found: list[_Words] = []
    empty = 0
    model = reading.model
    reasons = _reasons(model)
    for each in reading.each_batch("heads together"):
        batch = each.batch
        rows = rows_of_heads(model, batch)
        own = each.logits.softmax(-1)
        predicted = each.predicted
        lost = (own[:, None] - deleted(model, batch).softmax(-1)).abs()  # (B, W, C)
        rankings = {ATTENTION: each.weights}
        classes = predicted.to(model.device)
        for name, method in ((ROLLOUT, rolled_out), (GRADIENT, gradient_x_input_detached)):
            if name not in reasons:
                rankings[name] = method(model, batch, classes).values.abs()
        weights = rows.weights.double().cpu()
        empty += int(weights.isnan().any(-1).sum())
        described = about_documents(model.classes, batch.documents, predicted).to_dict("records")
        for row, about in enumerate(described):
            length = int(about["words"])
            kept = {name: values[row, :length].double().cpu() for name, values in rankings.items()}
            nothing = torch.full((length,), torch.nan, dtype=torch.float64)
            heads = (weights[row, :, :length] * length).nan_to_num(1.0).T  # (T, N)
            found.append(
                _Words(
                    {str(name): value for name, value in about.items()},
                    heads,
                    lost[row, :length, predicted[row]],
                    {**dict.fromkeys(reasons, nothing), **kept},
                )
            )
    return found, empty


def _reasons(model: AttentionModel) -> dict[str, str]:
    """Ranking -> why this model has none."""
    reasons = {} if model.embedding.why_not is None else {GRADIENT: model.embedding.why_not}
    try:
        layers_of(model)
    except ValueError as error:
        reasons[ROLLOUT] = str(error)
    return reasons


def _ridges(documents: Sequence[_Words], seed: int) -> tuple[GroupedRidge, torch.Tensor]:
    """The regression fitted to the documents, and the coefficients (draws, N) of those fitted to shuffled values."""
    from sklearn.linear_model import Ridge

    words = torch.cat([document.heads for document in documents]).numpy()
    relative = [document.lost / document.lost.mean() for document in documents]
    document_of = np.repeat(np.arange(len(documents)), [len(values) for values in relative])
    fitted = grouped_ridge(words, torch.cat(relative).numpy(), document_of)
    orders = [generator(seed, f"shuffled {document.about['document']}") for document in documents]
    dealt = np.concatenate(
        [
            np.stack([drawn.permutation(values.numpy()) for _ in range(DRAWS)], 1)
            for drawn, values in zip(orders, relative)
        ]
    )  # (words, draws)
    null = Ridge(fitted.strength).fit(standardised(words)[0], dealt)
    return fitted, torch.from_numpy(null.coef_ / fitted.spread)


def _best_head(documents: Sequence[_Words]) -> int:
    """The head whose mean tau over the documents is highest, the first of several."""
    heads = [_compared(documents, [[d.heads[:, n] for d in documents]])[0] for n in range(documents[0].heads.shape[1])]
    taus = np.array(heads)  # (N, D)
    defined = ~np.isnan(taus)
    return int(np.argmax(np.nansum(taus, 1) / np.maximum(defined.sum(1), 1) - 2 * (defined.sum(1) == 0)))


def _compared(documents: Sequence[_Words], draws: Sequence[Sequence[torch.Tensor]]) -> tuple[Floats, Floats]:
    """(D,) tau and overlap of the highest words of scores with |leave-one-out|, means over the draws."""
    lost = pad_sequence([document.lost for document in documents], batch_first=True)
    lengths = torch.tensor([len(document.lost) for document in documents])
    is_word = torch.arange(lost.shape[1]) < lengths[:, None]
    padded = [pad_sequence(list(scores), batch_first=True) for scores in draws]
    taus = [kendall_tau(each, lost, is_word)[0] for each in padded]
    overlaps = [top_k_overlap(each, lost, is_word, TOP_K) for each in padded]
    return torch.stack(taus).mean(0).numpy(), torch.stack(overlaps).mean(0).numpy()


def why_not(reading: Reading) -> str:
    """Several heads are needed, and documents enough for two halves."""
    if reason := one_head(reading):
        return reason
    long = sum(len(document) > 1 for document in reading.documents)
    return "" if long >= 4 * FEWEST else f"{long} documents of two words or more are too few to learn on half of them"


EXPERIMENT = Experiment(
    head_combination,
    "reading",
    Card(
        "How much of an explanation is in all heads together, if one knew how to read them?",
        "A learned reading of all heads ranks words as leave-one-out does, better than any one head.",
        "The reading is linear in the heads, and learned from leave-one-out on other documents.",
        "How well each reading ranks the words of documents that nothing was learned on.",
        "That anybody could read the heads so without leave-one-out to learn from.",
    ),
    Summary(dict.fromkeys(("tau", "top_k_overlap", "gain"), ("mean",)), ("ranking",), groupings=(), in_order=True),
    why_not=why_not,
    of_answers=True,
)
