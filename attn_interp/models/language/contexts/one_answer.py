"""A language model as the probability of one answer, which differs by document."""

from __future__ import annotations

import math
from typing import Any

import torch

from attn_interp.models.language.answering import PromptedModel
from attn_interp.recording import Site

ANOTHER, THIS = "another answer", "this answer"


class OneAnswer(PromptedModel):
    """Prompts and answers (B, T) -> (B, 2) float64: log(1 - p) and log p of each document's own answer, in natural
    logarithms; log p is the sum over its tokens.

    The prompt is run up to its last token, and then that token and the answer on its cache. So the rows of attention
    of the answer are A + 1 queries, of which the k-th is where the model says the k-th token of the answer (the last
    says what would follow), as in a generation token by token, and nothing holds T x T numbers for them.

    Args:
        model: A causal language model of the transformers library.
    """

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        is_answer: torch.Tensor,
        cache: Any = None,
        by_token: bool = False,
    ) -> torch.Tensor:
        """All (B, T), prompts padded on the left and answers on the right.

        Args:
            is_answer: 1 on the tokens of answers.
            cache: Filled with the keys and values of all positions, where somebody wants them.
            by_token: Give (B, A), the log-probability of each token of the answer, 0 behind the end of a shorter one.
        """
        from transformers import DynamicCache

        cache = DynamicCache() if cache is None else cache
        start = int(is_answer.any(0).int().argmax()) - 1  # of the last token of the prompts
        length = input_ids.shape[1] - start - 1  # A; in a part of a batch the longest answer may be another's
        embeddings = self.model.get_input_embeddings()(input_ids)  # type: ignore[operator]
        place = (attention_mask.cumsum(-1) - 1).clamp(min=0)
        if start:
            self._next(
                inputs_embeds=embeddings[:, :start],
                attention_mask=attention_mask[:, :start],
                position_ids=place[:, :start],
                past_key_values=cache,
            )
        said = self._next(
            inputs_embeds=embeddings[:, start:],
            attention_mask=attention_mask,
            position_ids=place[:, start:],
            past_key_values=cache,
            keep=length + 1,
        )[:, :-1]  # (B, A, V)
        own = said.gather(-1, input_ids[:, start + 1 :, None])[..., 0].double() * is_answer[:, start + 1 :]
        logs = own.sum(-1)
        return own if by_token else torch.stack([log_of_rest(logs), logs], -1)

    def usual_query(self, site: Site) -> int | None:
        """The last token of the prompt, which says the first of the answer; None: the site is that of the prompt."""
        return 0 if site.call == 1 else None


def log_of_rest(logs: torch.Tensor) -> torch.Tensor:
    """log(1 - p) from log p, float64, without loss where p is near 0 or near 1; where rounding has made p 1, that of
    the nearest number below.

    >>> log_of_rest(torch.tensor([-1e-9, -60.0], dtype=torch.float64)).tolist()
    [-20.72326583719429, -8.756510762696521e-27]
    """
    logs = logs.clamp(max=-torch.finfo(logs.dtype).eps)
    # Each branch is given only what it can bear, so that the gradient of the other is no NaN.
    near_one = logs > -math.log(2)
    small, large = logs.where(near_one, -1.0), logs.where(~near_one, -1.0)
    return torch.where(near_one, (-torch.expm1(small)).log(), torch.log1p(-large.exp()))
