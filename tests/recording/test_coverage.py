"""Which architectures are covered: tables made by trying each, tiny and random; the site shows them.

`python -m tests.recording.test_coverage` writes the tables into docs/coverage.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from attn_interp.data.document import Document
from attn_interp.data.vocabulary import Vocabulary
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.classifiers.classifier import Classifier
from attn_interp.models.classifiers.settings import ClassifierSettings
from attn_interp.models.wrap import wrap
from attn_interp.recording import intervene, mark, record

pytest.importorskip("transformers")

from tests.recording.architectures import ANSWERING, ANSWERS, PRETRAINED, PROMPT, answering, pretrained, tokenizer

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
QUERIES = {"first": "first token", "last": "last token", "mean": "mean over words"}
STEP = 5e-4  # of finite differences; several models compute their norms in single precision whatever they are
DOCUMENTS = [
    Document(id="short", words=("the", "film"), label=0),
    Document(id="long", words=("goodish", "scene", "slowly", "red", "awful"), label=1),
    Document(id="middle", words=("wonderful", "plot", "the", "tree"), label=1),
]


VOCABULARY = Vocabulary.build(DOCUMENTS)


def ours(**settings: Any) -> AttentionModel:
    chosen = ClassifierSettings(embedding_width=8, hidden=8, encoder_heads=2, **settings)
    return by_hand(Classifier(chosen, len(VOCABULARY), 2), lambda batch: (batch.ids, batch.is_token, batch.is_word))


def by_hand(module: nn.Module, inputs: Callable[..., Any] = lambda batch: (batch.ids,), **view: Any) -> AttentionModel:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return wrap(module.double(), inputs=inputs, classes=("no", "yes"), vocabulary=VOCABULARY, **view)


class TorchTransformer(nn.Module):
    """torch's own encoder layers over ids, pooled by the mean of the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(VOCABULARY), 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = self.encoder(self.embed(ids), src_key_padding_mask=ids == 0)
        return self.out((states * (ids != 0)[..., None]).sum(1) / (ids != 0).sum(1, keepdim=True))


class Sigmoid(nn.Module):
    """Attention by a sigmoid, divided by its sum: no softmax; shown by a mark or not."""

    def __init__(self, marked: bool) -> None:
        super().__init__()
        self.show = mark if marked else lambda weights: weights
        self.embed = nn.Embedding(len(VOCABULARY), 8)
        self.score = nn.Linear(8, 1)
        self.out = nn.Linear(8, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states = torch.tanh(self.embed(ids))
        weights = self.score(states).squeeze(-1).sigmoid() * (ids != 0)
        weights = self.show(weights / weights.sum(-1, keepdim=True))
        return self.out((weights[:, None] @ states).squeeze(1))


OTHERS: dict[str, Callable[[], AttentionModel]] = {
    "torch.nn.TransformerEncoder": lambda: by_hand(
        TorchTransformer(), head="mean", query="mean", site="encoder.layers.1.self_attn"
    ),
    "LSTM or GRU with attention, from here or by hand": lambda: ours(),
    "transformer with attention, from here": lambda: ours(encoder="transformer"),
    "sigmoid, sparsemax, entmax with `mark(weights)`": lambda: by_hand(Sigmoid(True)),
    "sigmoid, sparsemax, entmax without": lambda: by_hand(Sigmoid(False)),
}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    architecture: str
    sites: str = "0"
    logits_unchanged: str = "–"
    rows_sum_to_1: str = "–"
    other_weights_act: str = "–"
    gradients_through_weights: str = "–"
    query_tested_by_default: str = "–"
    not_supported: str = ""


def tried(name: str) -> Row:
    """What holds of one architecture, in double precision; a failing one says why."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        try:
            model = pretrained(name) if name in PRETRAINED else OTHERS[name]()
            batch = model.batch(DOCUMENTS)
            model.run(batch)
        except ValueError as error:
            return Row(name, not_supported=re.sub(r" \(.*|; .*|^wrap: ", "", str(error)))
        sums = rows_sum_to_one(model, batch)
        return Row(
            name,
            str(len(model.sites)),
            yes(logits_unchanged(model, batch)),
            "with the sink" if sums and any(site.sink for site in model.sites) else yes(sums),
            yes(all(moved(model, batch, site) > 1e-4 for site in model.sites)),
            yes(gradient_is_exact(model, batch)),
            QUERIES.get(model.view.query, "that of the pooling"),
            "" if model.embedding.why_not is None else "gradients at words: they are embedded twice",
        )


@dataclass(frozen=True)
class Answers:
    """One line of the table of language models."""

    language_model: str
    sites: str
    log_probabilities_of_a_loop: str
    rows_sum_to_1: str
    other_weights_act: str
    gradients_through_weights: str
    position_tested: str


def answers_of(name: str) -> Answers:
    """What holds of one language model, in double precision."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = answering(name)
        batch = model.batch(DOCUMENTS)
        return Answers(
            name,
            str(len(model.sites)),
            yes(torch.allclose(model.logits(DOCUMENTS), by_loop(model), atol=1e-6, rtol=1e-6)),
            yes(rows_sum_to_one(model, batch)),
            yes(all(moved(model, batch, site) > 1e-4 for site in model.sites)),
            yes(gradient_is_exact(model, batch)),
            "last of the prompt" if model.view.query == "last" else "of the decoder, before the answer",
        )


def by_loop(model: AttentionModel) -> torch.Tensor:
    """(documents, answers) the sum of the log-probabilities of the words of an answer, one pass for each."""
    module, spelled = model.module.model, tokenizer("right")
    found = []
    for document in DOCUMENTS:
        text = PROMPT.replace("{text}", " ".join(document.words))
        for answer in ANSWERS.values():
            written = spelled(text + answer)["input_ids"][:-1]
            given = {"input_ids": torch.tensor([written])}
            if module.config.is_encoder_decoder:
                written = [module.config.decoder_start_token_id, *spelled(answer)["input_ids"][:-1]]
                given = {"input_ids": torch.tensor([spelled(text)["input_ids"]])}
                given["decoder_input_ids"] = torch.tensor([written])
            with torch.no_grad():
                logs = module(**given).logits[0].log_softmax(-1)
            found.append(sum(logs[place - 1, written[place]] for place in range(-len(answer.split()), 0)))
    return torch.stack(found).view(len(DOCUMENTS), len(ANSWERS))


def yes(holds: bool) -> str:
    return "yes" if holds else "no"


def logits_unchanged(model: AttentionModel, batch: Any) -> bool:
    with torch.no_grad():
        plain = model.batch_logits(batch)
        with record(model.module, model.sites):
            recorded = model.batch_logits(batch)
    return bool((plain - recorded).abs().max() <= 1e-6 * (1 + plain.abs().max()))


def rows_sum_to_one(model: AttentionModel, batch: Any) -> bool:
    with torch.no_grad(), record(model.module, model.sites) as recording:
        model.batch_logits(batch)
    totals = [recording[site].sum(-1) + recording.sink(site) for site in model.sites]
    return all(bool(((total - 1).abs() < 1e-5).logical_or(total == 0).all()) for total in totals)


def moved(model: AttentionModel, batch: Any, site: Any) -> float:
    def uniform(weights: torch.Tensor) -> torch.Tensor:
        seen = weights > 0
        return seen * weights.sum(-1, keepdim=True) / seen.sum(-1, keepdim=True).clamp(min=1)

    with torch.no_grad():
        own = model.batch_logits(batch)
        with intervene(model.module, {site: uniform}):
            return float((model.batch_logits(batch) - own).abs().max())


def gradient_is_exact(model: AttentionModel, batch: Any) -> bool:
    """At each site along a random direction: the slope by autograd is the slope by differences."""
    with record(model.module, model.sites, gradients=True) as recording:
        output = model.batch_logits(batch).diff(dim=-1).sum()
    own = [recording[site] for site in model.sites]
    for site, weights, gradient in zip(model.sites, own, torch.autograd.grad(output, own)):
        along = torch.randn_like(weights) * (weights > 0)
        ends = []
        for step in (STEP, -STEP):
            change = {site: (weights + step * along).detach()}
            with torch.no_grad(), intervene(model.module, change, unnormalised=True):
                ends.append(model.batch_logits(batch).diff(dim=-1).sum())
        slope = (gradient * along).sum()
        if not abs(slope - (ends[0] - ends[1]) / (2 * STEP)) <= 2e-3 * (1 + abs(slope)):
            return False
    return True


def table(rows: Sequence[Row | Answers]) -> str:
    names = [field.name for field in fields(rows[0])]
    lines = [[name.replace("_", " ") for name in names], ["---"] * len(names)]
    lines += [[getattr(row, name) for name in names] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


TABLES: dict[str, tuple[Callable[[str], Row | Answers], tuple[str, ...]]] = {
    "coverage": (tried, (*PRETRAINED, *OTHERS)),
    "answers": (answers_of, tuple(ANSWERING)),
}


def parts(kind: str) -> tuple[str, str, str]:
    """The page before a table, the table and the page after it."""
    begin, end = f"<!-- {kind}: made by tests/recording/test_coverage.py -->\n\n", f"\n<!-- end of {kind} -->\n"
    before, rest = PAGE.read_text("utf-8").split(begin)
    inside, after = rest.split(end)
    return before + begin, inside, end + after


@pytest.mark.filterwarnings("ignore:.*fast path.*:UserWarning")
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, names) in TABLES.items() for name in names])
def test_the_page_says_what_holds(kind: str, name: str) -> None:
    (stated,) = re.findall(rf"^\| {re.escape(name)} \|.*\n", parts(kind)[1], flags=re.MULTILINE)
    assert stated == table([TABLES[kind][0](name)]).splitlines(keepends=True)[2]


@pytest.mark.parametrize("kind", TABLES)
def test_the_page_lists_these_alone(kind: str) -> None:
    lines = parts(kind)[1].strip().splitlines()[2:]
    assert tuple(line.split(" | ")[0][2:] for line in lines) == TABLES[kind][1]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for kind, (row, names) in TABLES.items():
        before, _, after = parts(kind)
        made = table([row(name) for name in names])
        PAGE.write_text(before + made + after, encoding="utf-8")
        print(made)
