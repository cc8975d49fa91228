"""The public door: which names the package offers, where each is at home, and what a first wrong call is told.

The experiments come from their own list; `__init__.pyi`, which type checkers and editors read, is made by `stub`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from attn_interp.experiments import EXPERIMENTS, module_of, names

HOMES = {
    "Answers": "studies.ask",
    "Asked": "models.language.contexts.asked_document",
    "Corpus": "data.corpus",
    "Document": "data.document",
    "Reading": "experiments.reading",
    "Result": "experiments.result",
    "answering": "models.language.contexts.answering_door",
    "ask": "studies.ask",
    "compare": "studies.ask",
    "cut_to_fit": "models.transformers.adapter",
    "exchanged": "data.edit",
    "generated": "recording",
    "intervene": "recording",
    "list_corpora": "data.describe",
    "list_experiments": "studies.questions",
    "list_methods": "attribution.methods",
    "load": "data.load",
    "load_model": "models.saving",
    "mark": "recording",
    "read": "experiments.reading",
    "record": "recording",
    "sample": "data.draws",
    "show": "figures.words.show",
    "show_matrix": "figures.words.matrix",
    "sites": "recording",
    "train": "models.training_door",
    "wrap": "models.wrap",
}
"""Name -> its module; the experiments are beside these."""

ROOMS = ("attribution", "data", "experiments", "figures", "measures", "models", "readout", "recording", "statistics")
ASKED = {home.rpartition(".")[2]: f"experiments.{home}" for home in EXPERIMENTS}
NAMES = tuple(sorted([*HOMES, *ASKED]))


def offered(name: str) -> Any:
    """What the package offers under this name, imported now.

    Raises:
        AttributeError: nothing; the message lists what there is.
    """
    if name in names():
        return asked(getattr(module_of("experiments", name), name))
    if name in HOMES:
        return getattr(import_module(f"attn_interp.{HOMES[name]}"), name)
    if name in ROOMS:
        return import_module(f"attn_interp.{name}")
    raise AttributeError(f"module 'attn_interp' has no attribute {name!r}; it offers {', '.join(NAMES)}")


def asked(function: Callable[..., Any]) -> Callable[..., Any]:
    """An experiment that says what to type where its first argument is not what it is asked of."""
    from attn_interp.data.formats.schema import of_kind
    from attn_interp.experiments import experiment_of
    from attn_interp.experiments.reading import Reading
    from attn_interp.experiments.record.experiment import SUBJECTS

    name = function.__name__
    first, *rest = inspect.signature(function).parameters.values()
    positional = 1 + sum(each.kind is not inspect.Parameter.KEYWORD_ONLY for each in rest)

    @wraps(function)
    def taught(*arguments: Any, **options: Any) -> Any:
        given = arguments[0] if arguments else options.get(first.name)
        if first.name == "reading" and not isinstance(given, Reading):
            raise TypeError(
                f"{name} takes a reading, got {_kind(given)}: type ai.{name}(ai.read(model, documents)), with "
                "a model of ai.train or ai.wrap"
            )
        if first.name == "documents" and isinstance(given, Reading):
            raise TypeError(f"{name} takes documents, got a Reading: type ai.{name}(reading.documents)")
        if len(arguments) > positional:
            listed = ", ".join(each.name for each in rest)
            raise TypeError(
                f"{name} takes {positional} argument(s) by place, got {len(arguments)}; name the options: {listed}"
            )
        if unknown := sorted(set(options) - {first.name, *(each.name for each in rest)}):
            listed = ", ".join(each.name for each in rest) or "none"
            subject = SUBJECTS[experiment_of(name).subject]
            raise TypeError(f"{name} has no option {unknown[0]!r}; options are {listed}. It is called as {subject}")
        lacking = [each.name for each in rest[len(arguments) - 1 :] if each.default is each.empty]
        if missing := [each for each in lacking if each not in options]:
            example = experiment_of(name).example
            raise TypeError(f"{name} needs {missing[0]}" + (f": {example}" if example else ""))
        for each, value in zip(rest, arguments[1:]):
            options[each.name] = value
        for each in rest:
            if each.name in options:
                of_kind(f"{name}: {each.name}", options[each.name], str(each.annotation))
        return function(*arguments[:1], **options)

    return taught


def _kind(given: Any) -> str:
    if given is None:
        return "nothing"
    return f"a {type(given).__name__}"


def stub() -> str:
    """The text of `__init__.pyi`."""
    lines = [
        '"""Made by attn_interp.door.stub, and held equal to it by a test."""',
        "",
        *(f"from attn_interp import {room} as {room}" for room in ROOMS),
        *sorted(f"from attn_interp.{home} import {name} as {name}" for name, home in {**HOMES, **ASKED}.items()),
        "",
        "__version__: str",
        "__all__: list[str]",
        "",
    ]
    return "\n".join(lines)
