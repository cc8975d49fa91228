"""A small causal language model that learns, in minutes, to answer a question from a story: where the truth is known.

It is a Llama of two layers with a word for a token. It learns from `Asked` documents alone, the short stories first.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document, gold_labels
from attn_interp.data.draws import generator
from attn_interp.models.classifiers.settings import require_at_least
from attn_interp.models.language.contexts.asked_document import Asked
from attn_interp.models.progress import progress_bar
from attn_interp.models.units.coarse import sentences

STORY = "Story: {text} Question: {second} Answer:"
PADDING, UNKNOWN, END = "[PAD]", "[UNK]", "[END]"


@dataclass(frozen=True)
class ReaderSettings:
    """How the model is made and trained.

    Attributes:
        layers, width, heads: Of the model; each layer has a feed-forward network of twice the width.
        steps: Steps of the optimiser, of `batch` stories each. Until 0.3 of them stories are the shortest, and from 0.7
            on they are of every length.
        rate: Highest learning rate, after 100 steps; it falls to a twentieth.
    """

    layers: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 4000
    batch: int = 64
    rate: float = 2e-3

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "steps", "batch"):
            require_at_least(name, getattr(self, name), 1)


def as_asked(corpus: Corpus, documents: Sequence[Document]) -> tuple[Asked, ...]:
    """Documents with a question, whose class is the answer, as contexts with that answer, in words."""
    return tuple(
        Asked(
            each.text,
            answer=corpus.classes[answer],
            id=each.id,
            words=each.words,
            spans=each.spans,
            second=each.second,
            rationales=each.rationales,
        )
        for each, answer in zip(documents, gold_labels(documents))
    )


def small_reader(
    documents: Sequence[Asked], settings: ReaderSettings = ReaderSettings(), seed: int = 0, progress: bool = True
) -> tuple[Any, Any]:
    """A causal language model and its tokenizer, trained to answer the questions of the documents.

    The loss is that of the answer and of the end token behind it. The prompt is `STORY`.

    Args:
        documents: Contexts with questions and answers.
        settings: Of model and training.
        seed: Of the first weights and of which stories are read when.

    Raises:
        ValueError: there are no documents, or one has no answer.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    if not documents:
        raise ValueError("small_reader: got no documents, expected contexts with questions and answers")
    if lacking := [each.id for each in documents if not each.answer]:
        raise ValueError(f"document {lacking[0]!r}: has no answer; give Asked(context, question, answer)")
    tokenizer = word_tokenizer(documents)
    sizes: dict[str, Any] = {"hidden_size": settings.width, "intermediate_size": 2 * settings.width}
    sizes |= {"num_hidden_layers": settings.layers, "num_attention_heads": settings.heads}
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=4096,
        initializer_range=0.1,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},  # stories are short
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        num_key_value_heads=settings.heads,
        **sizes,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        _train(model, _by_length(documents, tokenizer), settings, seed, progress)
    return model.eval(), tokenizer


def kept_reader(folder: Path, make: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """The model and tokenizer that stand in the folder, or that are made and written there, whole."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not folder.exists():
        draft = folder.with_suffix(".part")
        shutil.rmtree(draft, ignore_errors=True)
        for part in make():
            part.save_pretrained(draft)
        draft.replace(folder)
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def word_tokenizer(documents: Sequence[Asked]) -> Any:
    """A tokenizer for which every word, cut at blanks, is one token."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word for each in documents for word in (*each.all_words, *str(each.answer).split())}
    spelled = [PADDING, UNKNOWN, END, *(part for part in STORY.split() if part[0] != "{"), *sorted(words)]
    own = Tokenizer(models.WordLevel({word: place for place, word in enumerate(spelled)}, unk_token=UNKNOWN))
    own.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=own, pad_token=PADDING, unk_token=UNKNOWN, eos_token=END)


def _by_length(documents: Sequence[Asked], tokenizer: Any) -> list[list[tuple[list[int], int]]]:
    """The ids of the stories with their answers, and how many of these are the answer and its end, by the number of
    sentences."""
    groups: dict[int, list[tuple[list[int], int]]] = {}
    for each in documents:
        assert each.second is not None
        prompt = STORY.format(text=" ".join(each.words), second=" ".join(each.second.words))
        own = tokenizer(prompt)["input_ids"]
        answer = [*tokenizer(each.answer)["input_ids"], tokenizer.eos_token_id]
        groups.setdefault(len(sentences(each)), []).append((own + answer, len(answer)))
    return [groups[count] for count in sorted(groups)]


def _train(
    model: Any, groups: Sequence[Sequence[tuple[list[int], int]]], settings: ReaderSettings, seed: int, progress: bool
) -> None:
    draw = generator(seed, "stories of a small reader")
    optimiser = torch.optim.AdamW(model.parameters(), settings.rate, betas=(0.9, 0.98), weight_decay=0.01)
    shares = torch.arange(settings.steps) / settings.steps
    model.train()
    with progress_bar("small reader", settings.steps, progress) as step:
        for number, share in enumerate(shares.tolist()):
            for group in optimiser.param_groups:
                group["lr"] = settings.rate * min(1.0, (number + 1) / 100) * max(0.05, 1 - share)
            longest = 1 + round((len(groups) - 1) * min(1.0, max(0.0, (share - 0.3) / 0.4)))
            stories = groups[int(draw.integers(max(longest, min(2, len(groups)))))]
            chosen = [stories[place] for place in draw.integers(len(stories), size=settings.batch)]
            loss = _loss(model, chosen)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step(f"loss {float(loss.detach()):.3f}")


def _loss(model: Any, stories: Sequence[tuple[list[int], int]]) -> torch.Tensor:
    """Minus the mean log-probability of the answers and of what ends them."""
    width = max(len(ids) for ids, _ in stories)
    ids = torch.zeros(len(stories), width, dtype=torch.long)
    wanted = torch.zeros(len(stories), width, dtype=torch.bool)
    mask = torch.zeros_like(ids)
    for row, (own, answer) in enumerate(stories):
        ids[row, width - len(own) :] = torch.tensor(own)
        mask[row, width - len(own) :] = 1
        wanted[row, width - answer :] = True
    kept = int(wanted.any(0).sum()) + 1
    place = (mask.cumsum(-1) - 1).clamp(min=0)
    logits = model(ids, attention_mask=mask, position_ids=place, logits_to_keep=kept).logits[:, :-1]
    logs = logits.log_softmax(-1).gather(-1, ids[:, -kept + 1 :, None])[..., 0]
    return -(logs * wanted[:, -kept + 1 :]).sum() / len(stories)
