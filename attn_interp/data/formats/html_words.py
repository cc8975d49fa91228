"""Text in HTML: the text that a reader sees, and the characters inside active elements."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from html.parser import HTMLParser

from attn_interp.data.tokenise import Span

ACTIVE = "active"  # the class of elements whose text an annotator marked
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})

TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|small|span|strike|strong|sub|"
    r"sup|table|tbody|td|th|tr|tt|u|ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
ENTITY = re.compile(r"&(?:amp|apos|gt|lt|nbsp|quot|#\d{1,7}|#x[0-9a-f]{1,6});", re.IGNORECASE)


def strip_html(text: str) -> str:
    """The text with a blank for each tag of HTML, and with the characters that its entities stand for.

    >>> strip_html("Dull.<br /><br />Not &quot;good&quot;")
    'Dull.  Not "good"'
    """
    return html.unescape(TAG.sub(" ", text))


def html_in(text: str) -> str | None:
    """The first tag or entity of HTML in a text, or None."""
    found = TAG.search(text) or ENTITY.search(text)
    return None if found is None else found.group()


@dataclass(frozen=True)
class MarkedText:
    """Attributes: text with entities decoded and tags taken out; half-open offsets of the marked stretches in it, which
    may overlap where marks are nested; fault: what is wrong with the tags, or None."""

    text: str
    marked: tuple[Span, ...]
    fault: str | None


def marked_text(source: str) -> MarkedText:
    """The text of a piece of HTML and where it is marked: inside an element, of whatever name, whose class is active.

    Elements of any other kind are transparent: their text counts, their tags do not. Comments are no text. A tag that
    is not closed, or closes nothing, leaves open what was marked: that is a fault, not a guess.
    """
    parser = _Parser()
    parser.feed(source)
    parser.close()
    fault = parser.fault or (f"<{parser.open[-1][0]}> is not closed" if parser.open else None)
    return MarkedText("".join(parser.pieces), tuple(parser.marked), fault)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.length = 0
        self.open: list[tuple[str, bool, int]] = []  # tag, whether active, where it begins
        self.marked: list[Span] = []
        self.fault: str | None = None

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)
        self.length += len(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        classes = [name for key, value in attrs if key == "class" for name in (value or "").split()]
        self.open.append((tag, ACTIVE in classes, self.length))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that holds nothing marks nothing."""

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open[-1][0] != tag:
            self.fault = self.fault or f"</{tag}> closes nothing"
            return
        _, active, start = self.open.pop()
        if active and start < self.length:
            self.marked.append((start, self.length))
