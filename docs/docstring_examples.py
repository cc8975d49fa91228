"""The examples of docstrings as blocks of code: in Markdown, >>> at the beginning of a line would be a quotation."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", flags=re.MULTILINE)


class DocstringExamples(Extension):
    """Puts each paragraph that begins with >>> into a fence, before it is read."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
