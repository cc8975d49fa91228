"""What the last state forgets: one panel per measure and number of directions, pooling as colour."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from attn_interp.experiments.recency import recency as measures
from attn_interp.experiments.recency.recency import EARLY, EVERYWHERE, FIRST, LATE, REAL, summarise
from attn_interp.figures.draw import style
from attn_interp.figures.draw.curves import draw_curve
from attn_interp.figures.draw.marks import marks, stack
from attn_interp.figures.draw.types import Axes, Figure, Line2D, Result

LOOKS = {
    "last": (style.VERMILION, "-", "last state (of two directions: both ends)"),
    "mean": (style.GREEN, "--", "mean"),
    "max": (style.PURPLE, ":", "max"),
    "attention": (style.BLUE, "-.", "attention"),
}
DIRECTIONS = {1: "one direction", 2: "two directions"}
LAST = {1: "last state", 2: "last states, both ends"}
MIDDLE, LONG = "middle", "long"
PLACE, BACK, WORDS = "relative position", "words from the end", "words of the document"


@dataclass(frozen=True)
class Panel:
    """One measure in one condition.

    Attributes:
        measure: As in the frame.
        title: What is drawn.
        across: What x is.
        trained_at: Where the keyword was in training.
        length: Words of the test documents: "long", the longest; "middle", the longest for all places; None: any.
        long: Whether it was trained on longer documents.
        log: The axis with a logarithmic scale: "x", "y" or neither.
        first: Whether it is of the earliest keyword, by the length of the document.
    """

    measure: str
    title: str
    across: str
    trained_at: str = EVERYWHERE
    length: str | None = None
    long: bool = False
    log: str = ""
    first: bool = False

    def titled(self) -> str:
        return self.title.format(at=self.trained_at, first=f"{FIRST:g}")


PANELS = (
    Panel(measures.GRADIENT + measures.AT_START, "gradient share\nbefore training", BACK, log="y"),
    Panel(measures.GRADIENT, "gradient share\nafter training", BACK, log="y"),
    Panel(measures.REPLACEMENT, "|dz| of a replacement\n(1: even)", PLACE),
    Panel(measures.LATER, "decided by the later\nof two keywords", PLACE, length=MIDDLE),
    Panel(measures.ACCURACY, "accuracy, keyword\n{at} in training", PLACE, EARLY, MIDDLE),
    Panel(measures.ACCURACY, "accuracy, keyword\n{at} in training", PLACE, LATE, MIDDLE),
    Panel(measures.ACCURACY, "accuracy, keyword\n{at} in training", PLACE, EVERYWHERE, LONG),
    Panel(measures.ACCURACY, "accuracy, trained at\nthat length", PLACE, length=MIDDLE, long=True),
    Panel(measures.ACCURACY, "accuracy, keyword\nat {first} of the words", WORDS, log="x", first=True),
    Panel(measures.MASS, "attention on the\nkeyword", PLACE, length=MIDDLE),
    Panel(measures.MASS, "attention, keyword\nat {first} of the words", WORDS, log="x", first=True),
    Panel(measures.PADDING, "decisions changed\nby padding", "words appended", REAL, log="x"),
)
ROWS, COLUMNS = 6, 4


def plot(
    result: Result, ax: Axes | None = None, panel: int = 5, recurrent: str | None = None, directions: int = 1
) -> Axes:
    """One measure by position, distance or number of words, a line per pooling with its 95 % band over the seeds.

    Args:
        panel: Index into `PANELS`; by default the accuracy of models whose keywords stood late in training.
        recurrent: As in the frame; None: the first there.
        directions: 1 or 2.
    """
    recurrent = recurrent or _networks(result)[0]
    measured = result.frame[result.frame["measure"] == PANELS[panel].measure]
    with style.axes_or_new(ax) as axes:
        rows = stack(_curves(result, summarise(replace(result, frame=measured)), panel, recurrent, directions))
        handles = _draw(axes, rows, panel, recurrent, directions)
        names = [LAST[directions] if name == "last" else LOOKS[name][2] for name in handles]
        title = f"{recurrent}, {DIRECTIONS[directions]}\nmean [95 % interval], {_seeds(rows)}"
        style.legend_above(axes, list(handles.values()), names, title)
    return axes


def figure(result: Result, recurrent: str | None = None) -> Figure:
    """All measures of one recurrent network, each for one direction and for two; None: the first of the result."""
    recurrent = recurrent or _networks(result)[0]
    rows = drawn(result)
    with style.paper():
        page = style.new_figure(style.DOUBLE, 9.3)
        axes = page.subplots(ROWS, COLUMNS)
        handles: dict[str, Line2D] = {}
        for index in range(len(PANELS)):
            for step, directions in enumerate(DIRECTIONS):
                own = axes[index // 2, 2 * (index % 2) + step]
                handles |= _draw(own, rows, index, recurrent, directions)
                own.set_title(DIRECTIONS[directions], fontsize=7, loc="left", pad=3)
                if step:
                    own.set_ylabel("")
        names = [LOOKS[name][2] for name in handles]
        title = f"{recurrent}; pooling: mean [95 % interval] over {_seeds(rows)}"
        legend = page.legend(
            list(handles.values()), names, title=title, loc="outside upper left", ncols=4, alignment="left"
        )
        legend.get_title().set_parse_math(False)
    return page


def drawn(result: Result) -> pd.DataFrame:
    """Marks "curve": the panel is its title and network, the group its directions, the series its pooling."""
    summary = result.summary()
    parts = []
    for recurrent in _networks(result):
        for directions in DIRECTIONS:
            for index in range(len(PANELS)):
                parts += _curves(result, summary, index, recurrent, directions)
    return stack(parts)


def _curves(result: Result, summary: pd.DataFrame, index: int, recurrent: str, directions: int) -> list[pd.DataFrame]:
    """The marks of one panel, a curve per pooling, from a summary that has at least the panel's measure."""
    panel = PANELS[index]
    chosen, across = _chosen(result.frame, summary, panel), "length" if panel.first else "x"
    chosen = chosen[(chosen["recurrent"] == recurrent) & (chosen["directions"] == directions)]
    parts = []
    for pooling in LOOKS:
        own = chosen[chosen["pooling"] == pooling].sort_values(across)
        numbers = {name: own[name] for name in ("low", "high", "n", "undefined")}
        name = _name(index, recurrent)
        parts.append(marks(name, "curve", pooling, str(directions), x=own[across], y=own["estimate"], **numbers))
    return parts


def caption(result: Result) -> str:
    """What the figure shows, for the text under it."""
    lengths = _lengths(result.frame)
    profile, trained = result.settings["profile"], result.settings["lengths"][0]
    return (
        "Recurrent classifiers with four poolings, in one direction and in both. Gradient of the decision at the word "
        f"embeddings by distance from the end, as a share of its sum over documents of {profile} words; change of the "
        "decision when the word at a relative position is replaced by a keyword, over its mean over positions; "
        f"accuracy on planted documents by the position of their keyword, trained on {trained} words and tested on "
        f"{lengths[MIDDLE]:g} ({lengths[LONG]:g} where the keyword stood everywhere in training), or trained at the "
        "length of the test; attention on the keyword; both for the earliest keyword by the length of the document; "
        "decisions for the later of two keywords, at 1 - x and x; and decisions on real documents that change when "
        "neutral words are appended. Lines are means over seeds, each with its own training and documents, and bands "
        "Student's 95 % intervals."
    )


def _draw(axes: Axes, rows: pd.DataFrame, index: int, recurrent: str, directions: int) -> dict[str, Line2D]:
    """The lines by pooling; says so where nothing was measured."""
    panel = PANELS[index]
    own = rows[(rows.panel == _name(index, recurrent)) & (rows.group == str(directions)) & rows.y.notna()]
    handles = {}
    for pooling, (colour, line, _) in LOOKS.items():
        curve = own[own.series == pooling]
        if len(curve):
            marker = "o" if len(curve) < 12 else ""
            handles[pooling] = draw_curve(axes, curve, colour, line, marker=marker, markersize=1.8)
    if own.empty:
        text = "not measured" if panel.measure != measures.MASS else "no attention"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=7, color=style.GREY)
    axes.set_xlabel(panel.across, fontsize=7)
    axes.set_ylabel(panel.titled(), fontsize=7)
    if panel.across == PLACE:
        axes.set_xlim(0.0, 1.0)
        axes.set_xticks([0.0, 0.5, 1.0], ["start", "0.5", "end"])
    if panel.log == "x" and len(own):
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xticks(sorted(own.x.unique())[::2] if own.x.nunique() > 5 else sorted(own.x.unique()))
        axes.xaxis.set_major_formatter("{x:g}")
    if panel.log == "y":
        if (own.y > 0).any():
            axes.set_yscale("log")
            axes.set_ylim(max(float(own.y[own.y > 0].min()) / 2, 1e-9), 1.5)
    elif panel.measure == measures.REPLACEMENT:
        axes.set_ylim(0.0, max(2.0, 1.05 * float(own.high.fillna(own.y).max()) if len(own) else 2.0))
    else:
        axes.set_ylim(-0.02, 1.03)
    axes.grid(axis="y", color=style.GREY, alpha=0.25, linewidth=0.4)
    return handles


def _chosen(frame: pd.DataFrame, summary: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    """The rows of the summary that a panel draws; the frame says which lengths there are."""
    rows = summary[(summary["measure"] == panel.measure) & (summary["trained_at"] == panel.trained_at)]
    shortest = frame["trained_length"].min()
    if panel.trained_at != REAL:
        longer = rows["trained_length"] > shortest
        rows = rows[longer] if panel.long else rows[~longer]
    if panel.first:
        return rows[rows["x"] == FIRST]
    if panel.length is None:
        return rows
    wanted = _lengths(frame)[panel.length] if not panel.long else rows["trained_length"].max()
    return rows[rows["length"] == wanted]


def _lengths(frame: pd.DataFrame) -> dict[str, float]:
    """Words of the test documents: the longest at all, and the longest where the keyword stood late in training."""
    own = frame[frame["measure"] == measures.ACCURACY]
    late = own[own["trained_at"] == LATE]
    return {MIDDLE: (late if len(late) else own)["length"].max(), LONG: own["length"].max()}


def _networks(result: Result) -> list[str]:
    return list(dict.fromkeys(result.frame["recurrent"]))


def _name(index: int, recurrent: str) -> str:
    panel = PANELS[index]
    title = panel.titled().replace("\n", " ")
    return f"{title}; {recurrent}"


def _seeds(rows: pd.DataFrame) -> str:
    least, most = (int(rows["n"].min()), int(rows["n"].max())) if len(rows) else (0, 0)
    count = f"{most}" if least == most else f"{least} to {most}"
    return f"n = {count} seed{'s' * (most != 1)}"
