"""Which softmaxes are attention over positions, and how their axes are laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attn_interp.recording.discovery.dry_run_inputs import Example
from attn_interp.recording.discovery.flow import CHANGED, MARKED, UNUSED
from attn_interp.recording.site import ROOT, Site

REMEDY = "write the Site by hand: Site(name, path, call, layout=..., key_axis=..., heads=...)"


@dataclass(frozen=True)
class Seen:
    """One softmax, attention function or mark of a dry run."""

    path: str
    ordinal: int
    line: str
    kind: str
    key_axis: int
    shape: tuple[int, ...]
    fate: str
    normalised: bool


def described(seen: Seen) -> str:
    return f"{seen.kind} of shape {seen.shape} over axis {seen.key_axis} in {seen.path or ROOT} ({seen.line})"


def _role(sizes: Sequence[int], examples: Sequence[Example]) -> str:
    """'fixed', 'B', the letter of the length that the axis follows, or '?' if it follows documents and length."""
    first = examples[0]
    moved = [x.varied for x, size in zip(examples[1:], sizes[1:]) if size != sizes[0]]
    if not moved:
        return "fixed"
    if moved == ["other"]:
        batches = [example.batch for example in examples]
        proportional = None not in batches and sizes[0] * (batches[1] or 0) == sizes[1] * (batches[0] or 0)
        return "B" if proportional else "T"
    if "B" in moved:
        second = next(i for i, example in enumerate(examples) if example.varied == "B")
        proportional = sizes[0] * (examples[second].batch or 0) == sizes[second] * (first.batch or 0)
        return "B" if moved == ["B"] and proportional else "?"
    return moved[0]


def _layout(seen: Seen, sizes: list[list[int]], examples: Sequence[Example], name: str) -> tuple[str, int]:
    """The layout as text, and the number of heads."""
    roles = [_role(axis, examples) for axis in sizes]
    key = seen.key_axis + len(roles)
    where = f"site {name!r} ({described(seen)})"
    if roles.count("B") != 1 or "?" in roles:
        raise ValueError(
            f"{where}: no single axis follows the number of documents (the axes are {' '.join(roles)}); attention that "
            f"runs document by document, or over documents and positions at once, cannot be laid out"
        )
    batch = roles.index("B")
    folded = seen.shape[batch] // (examples[0].batch or 1)
    words = list(roles)
    fixed = [i for i, role in enumerate(roles) if role == "fixed" and i != key]
    queries = [i for i, role in enumerate(roles) if role not in ("fixed", "B") and i != key]
    if seen.kind == "sdpa":
        queries = [len(roles) - 2]
        fixed = [i for i in fixed if i != len(roles) - 2]
        words[-2] = "1" if roles[-2] == "fixed" and seen.shape[-2] == 1 else words[-2].replace("fixed", "Q")
    for i in fixed:
        words[i] = "1" if seen.shape[i] == 1 else "H"
    many = [i for i in fixed if words[i] == "H"]
    one_query = not queries
    if len(queries) > 1 or (many and folded > 1) or len(many) > 2 or (len(many) == 2 and one_query):
        candidates = [" ".join(words)]
        if len(many) == 2:
            candidates = [" ".join("Q" if i == q else w for i, w in enumerate(words)) for q in many[::-1]]
        raise ValueError(
            f"{where}: several axes could be heads or queries; candidates: {'; '.join(candidates)}; {REMEDY}"
        )
    if len(many) == 2:
        words[many[1]] = "G"
    words[batch] = "B*H" if folded > 1 else "B"
    heads = folded
    for i in many:
        heads *= seen.shape[i]
    return " ".join(words), heads


def _loops(runs: Sequence[Sequence[Seen]], examples: Sequence[Example]) -> set[tuple[str, str]]:
    """(path, line) of the calls whose number follows a length: one softmax a step."""
    keys = {(seen.path, seen.line) for run in runs for seen in run}
    loops = set()
    for path, line in keys:
        counts = [sum((seen.path, seen.line) == (path, line) for seen in run) for run in runs]
        moved = [example.varied for example, count in zip(examples, counts) if count != counts[0]]
        if moved == ["B"]:
            raise ValueError(
                f"the module {path or ROOT!r} ({line}) attends document by document ({counts[0]} calls for "
                f"{examples[0].batch} documents); attention can be recorded where documents are an axis"
            )
        if moved:
            loops.add((path, line))
    return loops


def classify(runs: Sequence[Sequence[Seen]], examples: Sequence[Example]) -> tuple[list[Site], list[str], list[str]]:
    """Sites as the shapes show them, before they are verified; why other softmaxes are none; those to be marked.

    Attention is what is softmaxed over an axis that follows the number of positions. Of a loop, the last step counts.
    """
    loops = _loops(runs, examples)
    unstable = {path for path, _ in loops}
    sites: list[Site] = []
    none: list[str] = []
    unmarked: list[str] = []
    named: dict[str, int] = {}
    done: set[tuple[str, str]] = set()
    for seen in runs[0]:
        place = (seen.path, seen.line)
        if place in done:
            continue
        by_line = seen.path in unstable
        if by_line:
            done.add(place)
            matched = [[x for x in run if (x.path, x.line) == place] for run in runs]
            if place not in loops and len(matched[0]) > 1:
                raise ValueError(f"{described(seen)}: {len(matched[0])} calls of one line beside a loop; {REMEDY}")
            alike = [calls[-1] for calls in matched if calls]
        else:
            alike = [x for run in runs for x in run if (x.path, x.ordinal) == (seen.path, seen.ordinal)]
        if len(alike) != len(runs) or len({(len(x.shape), x.kind, x.key_axis) for x in alike}) > 1:
            none.append(f"{described(seen)}: is not run in the same way on other inputs")
            continue
        last = alike[0]
        sizes = [[x.shape[axis] for x in alike] for axis in range(len(last.shape))]
        role = _role(sizes[last.key_axis], examples)
        if role in ("fixed", "B"):
            none.append(f"{described(last)}: does not run over positions")
        elif last.fate == MARKED:
            continue  # its mark is the site
        elif last.fate == CHANGED:
            unmarked.append(described(last))
        elif last.fate == UNUSED:
            none.append(f"{described(last)}: is not multiplied with values")
        else:
            ordinal = named.get(seen.path, 0)
            name = (seen.path or ROOT) + (f"#{ordinal}" if ordinal else "")
            layout, heads = _layout(last, sizes, examples, name)
            named[seen.path] = ordinal + 1
            sites.append(
                Site(
                    name,
                    seen.path,
                    0 if by_line else seen.ordinal,
                    layout,
                    last.key_axis,
                    heads,
                    last.kind,
                    normalised=all(x.normalised for x in alike),
                    line=seen.line if by_line else None,
                )
            )
    return sites, none, unmarked
