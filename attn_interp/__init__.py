"""attn_interp: do the attention weights of a text classifier explain its decisions?

    import attn_interp as ai

    corpus = ai.load("movies")
    model = ai.train(corpus)
    reading = ai.read(model, corpus.test, training=corpus)
    ai.agreement(reading)
    ai.ask(reading).overview()

Each name is imported when it is first asked for, so that `import attn_interp` and the rooms below cost nothing more
than what is used.
"""

from __future__ import annotations

from typing import Any

from attn_interp.door import NAMES, offered

__all__ = list(NAMES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("attn-interp")
    value = offered(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
