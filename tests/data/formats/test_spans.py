import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.document import Document
from attn_interp.data.formats.html_words import marked_text
from attn_interp.data.formats.spans import carry_spans, cut_text, recut, span_fault, values_of_spans

spans_in_30 = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(lambda ends: tuple(sorted(ends))), max_size=5
)


def test_a_word_marked_in_part_counts_as_marked():
    _, spans = cut_text("very good film", "annotated")
    assert values_of_spans(spans, [(3, 6)]) == (1, 1, 0)
    assert values_of_spans(spans, [(4, 5)]) == (0, 0, 0)  # the space between
    assert values_of_spans(spans, [(5, 9), (6, 8)]) == (0, 1, 0)  # overlapping marks
    assert values_of_spans(spans, []) == (0, 0, 0) and values_of_spans(spans, [(0, 14)]) == (1, 1, 1)


@settings(deadline=None, max_examples=50)
@given(st.text(st.sampled_from("ab .é👍🏽א\n"), max_size=30), spans_in_30)
def test_marks_are_those_of_the_characters(text, marked):
    for cut in ("annotated", "tokenised"):
        words, spans = cut_text(text, cut)
        assert all(text[start:end] == word for word, (start, end) in zip(words, spans))
        naive = tuple(
            float(any(a <= place < b for a, b in marked for place in range(start, end))) for start, end in spans
        )
        assert values_of_spans(spans, marked) == naive


@settings(deadline=None, max_examples=50)
@given(st.text(st.sampled_from("abé 👍\n"), max_size=30), spans_in_30)
def test_spans_are_carried_to_other_white_space(text, spans):
    other = "  ".join(text.split()) + " \n"
    carried = carry_spans(spans, text, other)
    held = ["".join(text[start:end].split()) for start, end in spans]
    assert ["".join(other[start:end].split()) for start, end in carried] == [part for part in held if part]


def test_another_text_is_not_guessed_at():
    assert carry_spans([(0, 1)], "a b", "a c") is None
    assert carry_spans([(0, 1)], "a b", "a b c") is None
    assert carry_spans([(1, 2)], "a b", "ab") == ()


def test_faults_of_offsets_are_named():
    assert span_fault(0, 3, 3) is None
    assert span_fault(1, 4, 3) == "offsets (1, 4) do not lie within 0 to 3"
    assert span_fault(2, 2, 3) and span_fault(-1, 2, 3) and span_fault(True, 2, 3) and span_fault(0, 1.0, 3)


def test_rationales_move_to_other_words_of_the_same_text():
    document = Document(id="d", words=("It", "didn't", '"work".'), label=1, rationales=((0, 1, 0), (1, 0, 0.5)))
    words = ("it", "did", "n't", "``", "work", "''", ".")
    moved = recut(document, words)
    assert moved.words == words and (moved.id, moved.label) == ("d", 1)
    assert moved.rationales == ((0, 1, 1, 0, 0, 0, 0), (1, 0, 0, 0.5, 0.5, 0.5, 0.5))
    back = recut(moved, document.words)
    assert back.rationales == document.rationales and recut(document, document.words) == document
    assert recut(document, ("Itdidn't", '"work".')).rationales == ((1, 0), (1, 0.5))  # the largest of the old words
    with pytest.raises(ValueError, match=r"document 'd': its characters differ .* from character 6 \("):
        recut(document, ("it", "didnot", '"work".'))
    with pytest.raises(ValueError, match="document 'd': given word 1 is empty"):
        recut(document, ("It", " "))


@pytest.mark.parametrize(
    ("html", "text", "marked"),
    [
        ("<span>a</span> <span class='active'>b c</span>", "a b c", ["b c"]),
        ("a <b class='big active'>b<i>c</i></b>", "a bc", ["bc"]),
        ("<span class='active'>a <span class='active'>b</span></span>", "a b", ["b", "a b"]),
        ("<span class='inactive'>a</span><span class>b</span>", "ab", []),
        ("<blink class=active>&amp;&lt;b&gt; 3 &#60; 4</blink>", "&<b> 3 < 4", ["&<b> 3 < 4"]),
        ("a<br>b<img src='x'/><!-- c --><span class='active'></span>", "ab", []),
        ("<span class='active'>👍🏽 e\u0301 שלום</span>", "👍🏽 e\u0301 שלום", ["👍🏽 e\u0301 שלום"]),
        ("", "", []),
    ],
)
def test_html_is_read_as_people_see_it(html, text, marked):
    found = marked_text(html)
    assert (found.text, found.fault) == (text, None)
    assert [text[start:end] for start, end in found.marked] == marked


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<span class='active'>a", "<span> is not closed"),
        ("a</span> b", "</span> closes nothing"),
        ("<b><span class='active'>a</b></span>", "</b> closes nothing"),
    ],
)
def test_tags_that_do_not_match_are_a_fault(html, fault):
    assert marked_text(html).fault == fault
