"""An encoder-decoder as the alignment experiment talks to it: pairs of texts -> the cross-attention between words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from attn_interp.data.corpora.transduction import Transduction
from attn_interp.data.vocabulary import SPECIALS, START_ID, Vocabulary
from attn_interp.models.rows_of_attention import sum_by_word
from attn_interp.models.sequences.pair_batch import PairBatch, collate_pairs
from attn_interp.models.sequences.seq2seq import TrainedSeq2Seq
from attn_interp.models.transformers.adapter import is_transformers
from attn_interp.recording import Site, record, sites

Inputs = Callable[[PairBatch], dict[str, torch.Tensor]]


@dataclass(frozen=True)
class EncoderDecoder:
    """An encoder-decoder and its cross-attention. Made by `wrap_encoder_decoder`; always in eval mode.

    Attributes:
        module: The wrapped module, unchanged.
        sites: The sites at which the decoder attends to the encoder.
        collate: Pairs -> PairBatch.
        inputs: PairBatch -> the named arguments of the module.
    """

    module: nn.Module
    sites: tuple[Site, ...]
    collate: Callable[[Sequence[Transduction]], PairBatch]
    inputs: Inputs

    def attention(self, batch: PairBatch) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """The weights of each site between words, with the true target words given; and where the model is right.

        Of a word in several positions the keys are summed and the queries averaged. Weight on special tokens is left
        out, so rows may sum to less than 1.

        Returns:
            Name of the site -> (B, heads, target words, source words); and (B, Q) bool, true where the likeliest word
            is the one to be said, false everywhere for a module that gives no logits over words.
        """
        with torch.no_grad(), record(self.module, self.sites) as recording:
            output = self.module(**self.inputs(batch))
        logits = _logits(output)
        right = torch.zeros_like(batch.target, dtype=torch.bool)
        if logits is not None:
            right = logits.argmax(-1) == batch.target
        return {site.name: _between_words(recording[site], batch) for site in self.sites}, right


def wrap_encoder_decoder(
    module: nn.Module | TrainedSeq2Seq,
    vocabulary: Vocabulary | None = None,
    *,
    collate: Callable[[Sequence[Transduction]], PairBatch] | None = None,
    inputs: Inputs | None = None,
    example: Sequence[Transduction] | None = None,
) -> EncoderDecoder:
    """Make an encoder-decoder what the alignment experiment talks to; dry runs find and verify its cross-attention.

    Args:
        module: A trained encoder-decoder of ours, which needs no other argument; an encoder-decoder of the transformers
            library; or any module, with `inputs`.
        vocabulary: Turns words into ids, one word one position, as `collate_pairs` does it; or give
        collate: pairs -> PairBatch, for a module that reads something else, such as pieces.
        inputs: PairBatch -> the named arguments of the module.
        example: Pairs for the dry run, of more than one length on both sides; made up from the vocabulary when None.

    Raises:
        ValueError: an argument is missing, or the module has no attention from target to source.
    """
    if isinstance(module, TrainedSeq2Seq):
        trained, module = module, module.module
        vocabulary = vocabulary or trained.vocabulary
        inputs = inputs or _own_inputs
    if inputs is None:
        if not is_transformers(module):
            raise ValueError("wrap_encoder_decoder: give inputs, from a batch of pairs to the arguments of the module")
        inputs = _transformers_inputs
    if collate is None:
        if vocabulary is None:
            raise ValueError("wrap_encoder_decoder: give vocabulary (or collate), so that pairs can become a batch")
        start = getattr(getattr(module, "config", None), "decoder_start_token_id", None)
        collate = partial(collate_pairs, vocabulary=vocabulary, start=START_ID if start is None else start)
    if example is None:
        if vocabulary is None:
            raise ValueError("wrap_encoder_decoder: give example, a few pairs of different lengths for the dry run")
        example = _made_up(vocabulary.words[len(SPECIALS) :])
    module = module.eval()
    longest = max(example, key=lambda pair: len(pair.source))
    first, second = collate([longest, *example]), collate([pair for pair in example if pair != longest][:2])
    found = sites(module, other=((), inputs(second)), **inputs(first))
    with torch.no_grad(), record(module, found) as recording:
        module(**inputs(first))
    between = (first.given.shape[1], first.source.shape[1])
    cross = tuple(site for site in found if tuple(recording[site].shape[2:]) == between)
    if not cross or between[0] == between[1]:
        raise ValueError(
            f"wrap_encoder_decoder: no attention of {between[0]} target on {between[1]} source positions among the "
            f"sites {', '.join(site.name for site in found)}; give example pairs whose two sides differ in length"
        )
    return EncoderDecoder(module, cross, collate, inputs)


def _own_inputs(batch: PairBatch) -> dict[str, torch.Tensor]:
    return {"source": batch.source, "is_source": batch.is_source, "given": batch.given}


def _transformers_inputs(batch: PairBatch) -> dict[str, torch.Tensor]:
    mask = batch.is_source.long()
    return {"input_ids": batch.source, "attention_mask": mask, "decoder_input_ids": batch.given}


def _made_up(words: Sequence[str]) -> list[Transduction]:
    sizes = ((7, 4), (5, 3), (4, 2))
    sides = [[tuple(words[i % len(words)] for i in range(size)) for size in both] for both in sizes]
    return [Transduction(f"example {len(source)}", source, target, ()) for source, target in sides]


def _logits(output: Any) -> torch.Tensor | None:
    if isinstance(output, torch.Tensor):
        return output
    found = getattr(output, "logits", None)
    return found if isinstance(found, torch.Tensor) else None


def _between_words(weights: torch.Tensor, batch: PairBatch) -> torch.Tensor:
    """Weights (B, H, Q, K) at positions -> (B, H, target words, source words)."""
    by_source = sum_by_word(weights, batch.source_word).transpose(2, 3)  # (B, H, source words, Q)
    summed = sum_by_word(by_source, batch.target_word).transpose(2, 3)
    counts = sum_by_word((batch.target_word >= 0).to(weights)[:, None], batch.target_word)  # (B, 1, target words)
    return summed / counts.clamp(min=1)[..., None]
