"""What a language model is asked, as plain values that go into the settings of every result."""

from __future__ import annotations

from typing import Any

from attn_interp.models.attention_model import AttentionModel
from attn_interp.models.language.answering import Answering
from attn_interp.models.language.prompts import TEXT, CollatePrompts


def asked_of(model: AttentionModel) -> dict[str, Any]:
    """prompt, answers (class -> the text of each wording) and calibration (class -> what is taken off its logit, nats;
    None: nothing); nothing of a model that is no language model."""
    collate, module = model.collate, model.module
    if not isinstance(collate, CollatePrompts) or not isinstance(module, Answering):
        return {}

    def written(wording: tuple[int, ...]) -> str:
        return str(collate.tokenizer.decode([*collate.joined, *wording]))

    answers = {name: [written(each) for each in ids] for name, ids in zip(model.classes, module.answers)}
    offset = None if module.offset is None else dict(zip(model.classes, module.offset.double().tolist()))
    prompt = f"{collate.prompt.before}{TEXT}{collate.prompt.after}"
    return {"prompt": prompt, "answers": answers, "calibration": offset}
