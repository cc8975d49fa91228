"""An encoder-decoder language model as a classifier: the encoder reads the prompt, the decoder begins the answers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from attn_interp.models.language.answering import Answering, Wordings
from attn_interp.models.language.prompts import without_end
from attn_interp.models.view import MEAN
from attn_interp.recording import Site


class Decoding(Answering):
    """Prompts (B, T) -> the log-probability (B, C) of each answer that the decoder may write, as `Answering`.

    The encoder is run once, and so are the tokens with which the decoder begins every answer; further tokens are run on
    their cache. Prompts are padded on the right: an encoder may count its positions from the left.

    Args:
        model: An encoder-decoder language model of the transformers library.
        answers: For each class the ids of its wordings, each of at least one token.
        begin: Ids of the tokens with which the decoder begins: its start token, and what all answers share.
    """

    def __init__(self, model: nn.Module, answers: Sequence[Wordings], begin: Sequence[int]) -> None:
        super().__init__(model, answers)
        self.begin = tuple(begin)

    def usual_query(self, site: Site) -> int | str | None:
        """Of an encoder's attention the mean over the words; of the decoder's to the encoder its only query, the token
        before the first in which answers differ. None: the site is that of another token."""
        if site.layout.split().count("T") > 1:  # between the words that the encoder reads
            return MEAN
        return 0 if site.call == len(self.begin) - 1 else None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """The mask is 1 on tokens."""
        first, cache, read = self._begun(input_ids, attention_mask)

        def further(wording: tuple[int, ...]) -> torch.Tensor:
            own = _copied(cache)
            logs = [self._behind(token, own, read)[:, after] for token, after in pairwise(wording)]
            return torch.stack(logs).sum(0)

        return self.of_answers(first, further)

    def _first(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, past_key_values: Any) -> torch.Tensor:
        return self._begun(input_ids, attention_mask)[0]

    def _begun(self, input_ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, Any, dict[str, Any]]:
        """(B, V) log-probabilities of the first token of an answer, the cache behind which it stands, and what the
        decoder reads."""
        from transformers import DynamicCache, EncoderDecoderCache
        from transformers.modeling_outputs import BaseModelOutput

        model: Any = self.model
        states = model.get_encoder()(input_ids=input_ids, attention_mask=mask, return_dict=False)[0]
        read = {"encoder_outputs": BaseModelOutput(last_hidden_state=states), "attention_mask": mask}
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        for token in self.begin:
            first = self._behind(token, cache, read)
        return first, cache, read

    def _behind(self, token: int, cache: Any, read: dict[str, Any]) -> torch.Tensor:
        """(B, V) log-probabilities of what follows a token behind the cache, which then holds it too. Tokens are run
        one by one, so that the decoder has one query, whatever the answers."""
        model: Any = self.model
        table = model.get_decoder().get_input_embeddings()
        ids = torch.full((len(read["attention_mask"]), 1), token, device=read["attention_mask"].device)
        # Not by a call: an answer's words are no words of the text, whose embeddings are watched and changed.
        embedded = type(table).forward(table, ids)
        logits = model(decoder_inputs_embeds=embedded, past_key_values=cache, use_cache=True, **read).logits[:, -1]
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)


def _copied(cache: Any) -> Any:
    """A cache that further tokens are written to, while the other stays as it is."""
    made = copy.copy(cache)
    made.self_attention_cache = copy.copy(cache.self_attention_cache)
    made.self_attention_cache.layers = [copy.copy(layer) for layer in cache.self_attention_cache.layers]
    return made


def start_of(model: nn.Module) -> int:
    """Id of the token with which the decoder starts.

    Raises:
        ValueError: the model does not name it.
    """
    config: Any = model.config
    for given in (config, getattr(model, "generation_config", None)):
        if (start := getattr(given, "decoder_start_token_id", None)) is not None:
            return int(start)
    raise ValueError(
        f"wrap: the configuration of the {type(model).__name__} names no token with which its decoder starts; set "
        "model.config.decoder_start_token_id"
    )


def ids_decoded(answer: str, name: str, tokenizer: Any) -> tuple[int, ...]:
    """The ids that the decoder writes for an answer of class `name`: special tokens of its beginning are among them,
    and that of its end is not.

    Raises:
        ValueError: it has no token.
    """

    def ids_of(text: str) -> list[int]:
        return without_end(tokenizer(text_target=text, truncation=False, verbose=False)["input_ids"], tokenizer)

    ids = ids_of(answer)
    if ids == ids_of(""):
        raise ValueError(f"wrap: the answer {answer!r} of class {name!r} has no token; give what the model would write")
    return tuple(ids)
