"""A model that is not shown the text: no word of it is known."""

from __future__ import annotations

import pytest

from attn_interp.data.document import Document
from attn_interp.experiments.reading import read

FOREIGN = [Document("\u0444\u0438\u043b\u044c\u043c \u0438", id="one"), Document("\u0444", id="two")]


@pytest.mark.parametrize("name", ["model", "bert"])
def test_unknown_words_are_counted(name, planted, request) -> None:
    model = request.getfixturevalue(name)
    with pytest.raises(ValueError, match="read: the model knows none of the 3 words of the documents, so every text"):
        _ = read(model, FOREIGN).batches
    with pytest.warns(UserWarning, match=r"read: the model does not know 60% of the 5 words of the documents; look at"):
        _ = read(model, [*FOREIGN, Document("the film", id="known")]).batches
    mixed = read(model, [*planted.test[:5], *FOREIGN])
    words = sum(map(len, planted.test[:5])) + 3
    assert mixed.settings["unknown_words"] == pytest.approx(3 / words)
    assert read(model, planted.test[:5]).settings["unknown_words"] == 0.0
