"""What a language model is asked, as plain values that go into the settings of every result, and how much of its answer
the tested attention reaches."""

from __future__ import annotations

from typing import Any

import torch

from attn_interp.data.batch import Batch
from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.language.answering import Answering
from attn_interp.models.language.prompts import TEXT, CollatePrompts


def asked_of(model: AttentionModel) -> dict[str, Any]:
    """prompt, answers (class -> the text of each wording) and calibration (class -> what is taken off its logit, nats;
    None: nothing); nothing of a model that is no language model."""
    collate, module = model.collate, model.module
    if not isinstance(collate, CollatePrompts):
        return {}
    prompt = {"prompt": f"{collate.prompt.before}{TEXT}{collate.prompt.after}"}
    if not isinstance(module, Answering):
        return prompt  # the answers are the documents' own

    def written(wording: tuple[int, ...]) -> str:
        return str(collate.tokenizer.decode([*collate.joined, *wording]))

    answers = {name: [written(each) for each in ids] for name, ids in zip(model.classes, module.answers)}
    offset = None if module.offset is None else dict(zip(model.classes, module.offset.double().tolist()))
    return {**prompt, "answers": answers, "calibration": offset}


def log_odds_reached(model: AttentionModel, batch: Batch, logits: torch.Tensor) -> torch.Tensor:
    """(B,) the share of the log-odds of the decision against its strongest rival that the view reaches.

    The last layer reaches the first token of an answer alone, and so what that token adds before calibration; NaN where
    decision and rival are alike. 1 for answers of one token, in lower layers and for a model that is no language model.

    Args:
        logits: (B, C) of the batch, as the model gives them.
    """
    module, last = model.module, model.sites[-1].name
    if not isinstance(module, Answering) or not module.several_tokens or model.view.site != last:
        return torch.ones(len(batch), dtype=torch.float64)
    with torch.no_grad():
        first = module.of_first_token(*model.inputs(batch)).double().cpu()
    whole = logits if module.offset is None else logits + module.offset.double().cpu()
    pair = logits.topk(2).indices  # the decision and its strongest rival
    part, total = (each.gather(1, pair).diff(dim=-1)[:, 0] for each in (first, whole))
    return torch.where(total != 0, part / total, torch.nan)
