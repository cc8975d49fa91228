"""What the site makes while it is built: cards and figures of the gallery, lists of the reference, low indices.

A page of the gallery has a heading for each experiment and a block of Python below it. The block is run, in the order
of the page; the card of the experiment's own record goes above it, and below it what its last line gives.
"""

from __future__ import annotations

import ast
import inspect
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attn_interp import door, experiments, readout
from attn_interp.experiments.record.experiment import Experiment

PAGES = Path(__file__).parent
BLOCK = re.compile(r"```python\n(.*?)```\n", flags=re.DOTALL)
HEADING = re.compile(r"^## (\w+)\n(?=\n(?:.(?!^## ))*?^```python$)", flags=re.DOTALL | re.MULTILINE)
SUBSCRIPT = re.compile(r"(`[^`]*`)|(?<=[^\W\d_]|[Σ∂'])_(?:\{([^}]+)\}|(π\(\w\)|[^\W_]+))")
KINDS = {
    "measured": "measured on each document",
    "sampled": "sampled",
    "exact": "exact",
    "certified": "certified",
    "search": "a search, which is a lower bound",
}


def gallery() -> tuple[str, ...]:
    """The pages of the gallery."""
    return ("gallery.md", *sorted(path.relative_to(PAGES).as_posix() for path in (PAGES / "gallery").glob("*.md")))


def homes() -> dict[str, str]:
    """Experiment -> the page that shows it.

    Raises:
        ValueError: the pages do not show every experiment once.
    """
    found = [(name, page) for page in gallery() for name in HEADING.findall((PAGES / page).read_text("utf-8"))]
    if sorted(name for name, _ in found) != sorted(experiments.names()):
        raise ValueError(f"gallery: shows {sorted(name for name, _ in found)}, expected each of {experiments.names()}")
    return dict(found)


def table() -> str:
    """Every experiment with its question, in the order in which they are asked."""
    pages = homes()
    rows = [f"| [{name}]({pages[name]}#{name}) | {_card(name).question} |" for name in experiments.names()]
    return "\n".join(["| experiment | question |", "| --- | --- |", *rows]) + "\n"


def card(experiment: Experiment) -> str:
    """The words of an experiment, what kind of numbers it gives, and how its verdict falls."""
    words = experiment.card
    lines = [
        f"**{words.question}**",
        "",
        f"- *Claim*: {words.claim}",
        f"- *Assumption*: {words.assumption}",
        f"- *It measures*: {words.means}",
        f"- *It does not show*: {words.means_not}",
        *_verdicts(experiment),
    ]
    return "\n".join(lines) + "\n"


def _card(name: str) -> Any:
    return experiments.experiment_of(name).card


def _verdicts(experiment: Experiment) -> Iterator[str]:
    kinds = dict.fromkeys(KINDS[each.kind] for each in experiment.statements if each.kind)
    if kinds:
        yield f"- *Kind of number*: {'; '.join(kinds)}"
    if experiment.rules:
        yield "- *Verdict*, by the whole 95 % interval:"
    for rule in experiment.rules:
        name = re.sub(r", eps {eps}", "", rule.statement.statistic)
        sides = [f"above, “{rule.above}”" if rule.above else "", f"below, “{rule.below}”" if rule.below else ""]
        yield f"    - {name} ({rule.statement.kind}), against {rule.threshold:g}: {'; '.join(filter(None, sides))}"


def run_block(code: str, known: dict[str, Any]) -> Any:
    """The value of the last line of a block, an expression, after the lines before it."""
    *before, last = ast.parse(code).body
    exec(compile(ast.Module([*before], []), "block", "exec"), known)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "block", "eval"), known)
    exec(compile(ast.Module([last], []), "block", "exec"), known)
    return None


def undocumented() -> list[str]:
    """Public names, and public parts of public classes, that have no docstring of their own."""
    found = []
    for prefix, names, room in (("attn_interp", door.NAMES, None), ("attn_interp.readout", readout.__all__, readout)):
        for name in names:
            value = getattr(room, name) if room else door.offered(name)
            parts = vars(value) if inspect.isclass(value) else {}
            public = {part: each for part, each in parts.items() if part[0] != "_" and _is_documented_kind(each)}
            for path, each in {name: value, **{f"{name}.{part}": each for part, each in public.items()}}.items():
                if not (getattr(each, "__doc__", None) or "").strip():
                    found.append(f"{prefix}.{path}")
    return found


def _is_documented_kind(value: object) -> bool:
    return inspect.isfunction(value) or isinstance(value, property | classmethod | staticmethod)


def reference(prefix: str, names: dict[str, str]) -> str:
    """A section for each name, made of its docstring."""
    return "\n".join(
        f"::: attn_interp.{home}\n    options:\n      heading: {prefix}{name}\n      toc_label: {name}\n"
        for name, home in names.items()
    )


def door_names() -> dict[str, str]:
    """Name of the door -> where it stands, experiments last."""
    return {name: f"{home}.{name}" for name, home in {**door.HOMES, **door.ASKED}.items()}


def readout_names() -> dict[str, str]:
    """Name of the library of readouts -> where it stands."""
    places = {name: getattr(readout, name).__module__.removeprefix("attn_interp.") for name in readout.__all__}
    return {name: f"{home}.{name}" for name, home in places.items()}


def subscripts(text: str) -> str:
    """Σ_t α_t with its indices set low, outside code."""
    return SUBSCRIPT.sub(lambda found: found[1] or f"<sub>{found[2] or found[3]}</sub>", text)


MADE = {
    "gallery.md": ("<!-- every experiment -->", table),
    "reference.md": ("<!-- every name -->", lambda: reference("ai.", door_names())),
    "reference-readout.md": ("<!-- every name -->", lambda: reference("readout.", readout_names())),
}


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """The page with what is made for it."""
    name = page.file.src_uri
    if name in MADE:
        place, make = MADE[name]
        if place not in markdown:
            raise ValueError(f"{name}: there is no {place}")
        markdown = markdown.replace(place, make())
    if name == "mathematics.md":
        return subscripts(markdown)
    return _shown(markdown, name, config, files) if name in gallery() else markdown


def on_config(config: Any) -> Any:
    """A public name without a docstring ends the build."""
    from mkdocs.exceptions import PluginError

    if missing := undocumented():
        raise PluginError(f"no docstring: {', '.join(missing)}")
    return config


def _shown(markdown: str, name: str, config: Any, files: Any) -> str:
    import matplotlib
    from matplotlib.figure import Figure
    from mkdocs.structure.files import File

    matplotlib.use("Agg")
    known: dict[str, Any] = {}
    parts = []
    for part in re.split(r"^(?=## )", markdown, flags=re.MULTILINE):
        asked = HEADING.match(part)
        for block in BLOCK.finditer(part):
            value = run_block(block[1], known)
            if asked and not isinstance(value, Figure):
                raise ValueError(f"{name}: the block of {asked[1]} gives no figure")
        if asked:
            picture = io.BytesIO()
            value.savefig(picture, format="png", dpi=160, bbox_inches="tight")
            at = f"{name.removesuffix('.md')}-{asked[1]}.png"
            files.append(File.generated(config, at, content=picture.getvalue()))
            part = part.replace(asked[0], f"{asked[0]}\n{card(experiments.experiment_of(asked[1]))}", 1)
            part += _below(known["result"], asked[1], at.rpartition("/")[2])
        parts.append(part)
    return "".join(parts)


def _below(result: Any, name: str, picture: str) -> str:
    decided = "; ".join(result.verdict())
    caption = re.sub(r"([*_<\[\\])", r"\\\1", " ".join(result.caption().split()))
    said = f"On this small model the verdict is: {decided}.\n\n" if decided else ""
    return f"\n![Figure of {name}]({picture}){{ loading=lazy }}\n\n*{caption}*\n\n{said}"
