import pickle
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attn_interp.data.tokenise import Spans, tokenise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        (" \t\r\n ", ()),
        ("A fine film.", ("A", "fine", "film", ".")),
        ("don't rock'n'roll don’t", ("don't", "rock'n'roll", "don’t")),
        ("the dogs' 'bark'", ("the", "dogs", "'", "'", "bark", "'")),
        ("''Conan'' -- \"new\"", ("'", "'", "Conan", "'", "'", "-", "-", '"', "new", '"')),
        ("a well-made, 21st-century co-", ("a", "well-made", ",", "21st-century", "co", "-")),
        ("3.5 of 1,000, 2. .5", ("3.5", "of", "1,000", ",", "2", ".", ".", "5")),
        ("J.R.R. a.b", ("J", ".", "R", ".", "R", ".", "a", ".", "b")),
        ("wow!!! :) $5", ("wow", "!", "!", "!", ":", ")", "$", "5")),
        ("$x_1$ \\input <b>", ("$", "x_1", "$", "\\", "input", "<", "b", ">")),
        ("cafe\u0301 e\u0301te\u0301s", ("cafe\u0301", "e\u0301te\u0301s")),  # combining acute accents
        ("हिन्दी में", ("हिन्दी", "में")),  # vowel signs are marks
        ("fun👍🏽👍!", ("fun", "👍🏽", "👍", "!")),  # a skin tone belongs to its hand
        ("👩‍⚕️👨‍👩‍👧", ("👩‍⚕️", "👨‍👩‍👧")),  # joined with zero-width joiners
        ("🇩🇪🇫🇷", ("🇩🇪", "🇫🇷")),
        ("❤️❤", ("❤️", "❤")),  # with and without its variation selector
        ("#️⃣🏴󠁧󠁢󠁥󠁮󠁧󠁿", ("#️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿")),
        ("co\u00adoperate", ("co\u00adoperate",)),  # soft hyphen
        ("这部电影很好，我非常喜欢。", ("这", "部", "电影", "很好", "，", "我", "非常", "喜欢", "。")),
        ("这 部 电影", ("这", "部", "电影")),
        ("用iPhone15手机，𠀀𠀁👍", ("用", "iPhone15", "手机", "，", "𠀀", "𠀁", "👍")),
        ("映画はコーヒーです", ("映画", "は", "コーヒー", "です")),
        ("ฉันรักภาพยนตร์", ("ฉัน", "รัก", "ภาพยนตร์")),
        ("ខ្ញុំស្រលាញ់ភាពយន្ត", ("ខ្ញុំ", "ស្រលាញ់", "ភាពយន្ត")),
        ("한국어 영화", ("한국어", "영화")),  # Korean has spaces
        ("\ufeffone\u200btwo\x00three", ("one", "two", "three")),
        ("one\u2028two\u00a0three\x85four", ("one", "two", "three", "four")),
    ],
)
def test_words_of_known_texts(text, words):
    assert tokenise(text)[0] == words


texts = st.text(
    st.one_of(st.characters(), st.sampled_from("ab電影よรีក'’-.,3 \n\u0301\u200d👍🏽🇩🇪❤\ufe0f")), max_size=40
)


@settings(deadline=None, max_examples=200)
@given(texts)
@example("\u0301a \u0301")
@example("👍\u200d")
def test_laws_of_the_offsets(text):
    words, spans = tokenise(text)
    assert tuple(text[start:end] for start, end in spans) == words and all(words)
    flat = [offset for span in spans for offset in span]
    assert flat == sorted(flat) and all(start < end for start, end in spans)
    inside = {offset for start, end in spans for offset in range(start, end)}
    outside = [character for offset, character in enumerate(text) if offset not in inside]
    assert all(c.isspace() or unicodedata.category(c) in ("Cc", "Cf") for c in outside)  # nothing visible is lost
    assert not any(character.isspace() for word in words for character in word)


@settings(deadline=None, max_examples=60)
@given(texts, texts)
def test_texts_are_cut_at_white_space(first, second):
    assert tokenise(f"{first} {second}")[0] == tokenise(first)[0] + tokenise(second)[0]


@settings(deadline=None, max_examples=60)
@given(st.text("ab1🇩👍", max_size=12), st.sampled_from(["\u0301", "\ufe0f"]))
def test_a_mark_never_begins_a_word_after_a_visible_character(text, mark):
    words, _ = tokenise("".join(character + mark for character in text))
    assert all(not word.startswith(mark) for word in words)


@given(st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1)), max_size=6), st.integers(-7, 7))
def test_spans_are_the_tuple_of_their_pairs(pairs, cut) -> None:
    spans = Spans(pairs)
    assert spans == tuple(pairs)
    assert tuple(pairs) == spans
    assert spans == pickle.loads(pickle.dumps(spans))
    assert hash(spans) == hash(tuple(pairs))
    assert repr(spans) == repr(tuple(pairs))
    assert len(spans) == len(pairs)
    assert spans[cut:] == tuple(pairs)[cut:]
    assert spans[::-1] == tuple(pairs)[::-1]
    assert [spans[place] for place in range(-len(pairs), len(pairs))] == pairs + pairs
    with pytest.raises(IndexError):
        spans[len(pairs)]
    assert spans != (*pairs, (0, 1))
