"""Words as they can be drawn: every character of the text itself, or its code point where no font has it."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attn_interp.data.document import shortened
from attn_interp.data.tokenise import JOINERS as JOINING
from attn_interp.data.tokenise import TAGS
from attn_interp.figures.draw.style import SETTINGS
from attn_interp.figures.draw.types import Axes, Result

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

OWN_FAMILY: str = SETTINGS["font.family"][0]
LONGEST_LINE, LEFT_OF_IT = 150, 30  # characters
WIDEST_NAME = 84.0  # points of the name of a class in a legend; the full name stands in the CSV beside a figure
ON_ANY_LETTER = ("COMBINING", "IDEOGRAPHIC", "HANGUL")  # names of marks that no script of its own has
CONTROLS = ("Cc", "Cs", "Zl", "Zp")
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # characters that turn others around
JOINERS = {*map(chr, JOINING), *map(chr, TAGS), *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0))}
"""Characters that show nothing of their own: joiners, the letters of flags, and variation selectors."""


def visible(word: str) -> str:
    """The word itself; a character that no installed outline font has, or that shows nothing, as "<U+1F355>".

    A newline or other control character would break the line and is written so too, and so is a vowel or tone sign that
    no font has: words that differ look different. Joiners and variation selectors without a glyph are left out.
    """
    if word.isascii() and word.isprintable():  # nearly every word
        return word
    return "".join(_visible_character(character) for character in word)


def printable(text: str) -> str:
    """The text with control characters, which no page can show, as their code points: "<U+0000>". For HTML, whose
    reader has fonts of its own."""
    if text.isprintable():
        return text
    return "".join(f"<U+{ord(each):04X}>" if _controls(each) else each for each in text)


def write(ax: Axes, x: float, y: float, word: str, size: float, **style: Any) -> Text:
    """Write the word literally (no mathtext, no LaTeX) in data coordinates, in fonts that have its characters."""
    text = visible(word)
    return ax.text(x, y, text, fontproperties=_properties(text, size), parse_math=False, usetex=False, **style)


def width(word: str, size: float) -> float:
    """Width in points of the word as `write` draws it."""
    from matplotlib.textpath import text_to_path

    text = visible(word)
    return float(text_to_path.get_text_width_height_descent(text, _properties(text, size), ismath=False)[0])


def fitted(word: str, room: float, size: float) -> str:
    """What `write` can draw of the word in so many points, its end replaced by an ellipsis where it is wider."""
    text = visible(word)
    if width(text, size) <= room:
        return text
    lengths = range(1, len(text))
    kept = bisect_right(lengths, room, key=lambda length: width(text[:length] + "…", size))
    return text[: max(kept, 1)] + "…"


def with_short_names(result: Result) -> Result:
    """The result as it is drawn: names of classes wider than `WIDEST_NAME` without their end, numbered where several
    begin alike. The result itself where none is wide, or columns are named after classes, which no figure shows."""
    columns = [name for name in ("label", "predicted") if name in result.frame.columns]
    given = sorted({str(name) for column in columns for name in result.frame[column].unique()})
    size = SETTINGS["legend.fontsize"]
    wide = [name for name in given if width(name, size) > WIDEST_NAME and f"probability {name}" not in result.frame]
    if not wide:
        return result
    short: dict[str, str] = {}
    for name in wide:
        text = fitted(name, WIDEST_NAME, size)
        alike = sum(other.startswith(text) for other in short.values())
        short[name] = f"{text} {alike + 1}" if alike else text
    drawn = {column: result.frame[column].map(lambda name: short.get(str(name), name)) for column in columns}
    return replace(result, frame=result.frame.assign(**drawn))


def label_ticks(axis: Axis, places: Sequence[int], words: Sequence[str], size: float, **style: Any) -> None:
    """Write the words literally at the ticks of an axis."""
    texts = [visible(word) for word in words]
    axis.set_ticks(list(places), texts)
    for text, label in zip(texts, axis.get_ticklabels(), strict=True):
        label.set(fontproperties=_properties(text, size), parse_math=False, usetex=False, **style)


def make_legible(figure: Figure) -> None:
    """Every text of a figure as `write` writes it, whatever names of classes it holds; the end of a line of more than
    `LONGEST_LINE` characters is left out."""
    from matplotlib.mathtext import MathTextParser
    from matplotlib.text import Text

    for ax in figure.get_axes():
        for axis in (ax.xaxis, ax.yaxis):
            labels = [label.get_text() for label in axis.get_majorticklabels()]
            if labels != [_legible(label) for label in labels]:
                axis.set_ticks(axis.get_majorticklocs(), [_legible(label) for label in labels])
    for text in figure.findobj(Text):
        given = text.get_text()
        try:
            for line in filter(lambda line: "$" in line, given.split("\n")):
                MathTextParser("path").parse(line)
        except ValueError:  # a name with dollars in it, and no formula
            text.set_parse_math(False)
        if given != _legible(given):
            text.set_text(_legible(given))
        if len(_families(text.get_text())) > 1:
            text.set_fontfamily(_families(text.get_text()))


def _legible(text: str) -> str:
    lines = [visible(line) for line in text.split("\n")]
    return "\n".join(line if len(line) <= LONGEST_LINE else shortened(line, LEFT_OF_IT) for line in lines)


def _properties(text: str, size: float) -> FontProperties:
    from matplotlib.font_manager import FontProperties

    return FontProperties(family=_families(text), size=size)


def _families(text: str) -> list[str]:
    others = {family for family in map(_family, set(text)) if family not in (None, OWN_FAMILY)}
    return [OWN_FAMILY, *sorted(map(str, others))]


def _visible_character(character: str) -> str:
    if character in JOINERS:
        return character if _family(character) is not None else ""
    unseen = (
        unicodedata.category(character) == "Cf" and unicodedata.bidirectional(character) == "BN"
    )  # U+FEFF ends a PDF
    if unseen or _controls(character) or _family(character) is None:
        return f"<U+{ord(character):04X}>"
    return character


def _controls(character: str) -> bool:
    """Whether the character breaks a line, turns the direction of others, or cannot be shown at all."""
    return unicodedata.category(character) in CONTROLS or unicodedata.bidirectional(character) in TURNS


@lru_cache(maxsize=4096)
def _family(character: str) -> str | None:
    """Name of a font family with the character: the figures' own where it has it, otherwise the first by name. A mark
    that may stand on any letter is drawn by the font of its letter, so a font for it has Latin letters too."""
    from matplotlib.font_manager import findfont, fontManager, get_font

    if get_font(findfont(OWN_FAMILY)).get_char_index(ord(character)):
        return OWN_FAMILY
    mark = unicodedata.category(character).startswith("M")
    on_any_letter = mark and unicodedata.name(character, "").startswith(ON_ANY_LETTER)
    for entry in sorted(fontManager.ttflist, key=lambda entry: (entry.name, entry.fname)):
        if entry.style != "normal" or "Last Resort" in entry.name:
            continue
        font = get_font(entry.fname)
        needed = "a" + character if on_any_letter else character
        if font.scalable and all(font.get_char_index(ord(each)) for each in needed):
            return entry.name
    return None
