import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.corpus import Corpus
from attn_interp.data.document import Document
from attn_interp.data.formats.jsonlines import load_jsonlines, save_jsonlines
from attn_interp.data.tokenise import tokenise

GOOD = [{"text": f"A fine film {i}", "label": ("no", "yes")[i % 2]} for i in range(12)]


def write(path, *objects):
    path.write_text("".join(json.dumps(content) + "\n" for content in objects))
    return path


def documents_by_id(corpus):
    return {document.id: document for part in corpus.splits.values() for document in part}


@st.composite
def documents(draw, name, label):
    rationale = {"min_value": 0, "max_value": 1}
    text, spans = draw(st.none() | st.text(max_size=30)), None
    words = tokenise(text)[0] if text is not None else ()
    if words:
        spans = tokenise(text)[1]
    else:
        text = None
        words = draw(st.lists(st.text(min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=4))
    T = len(words)
    rationales = draw(st.lists(st.lists(st.floats(**rationale), min_size=T, max_size=T), max_size=2))
    values = st.floats(allow_nan=True, allow_infinity=False)
    signals = draw(st.dictionaries(st.text(max_size=3), st.lists(values, min_size=T, max_size=T), max_size=2))
    return Document(id=name, words=words, label=label, rationales=rationales, signals=signals, text=text, spans=spans)


@st.composite
def corpora(draw):
    classes = draw(st.lists(st.text(max_size=4), min_size=2, max_size=3, unique=True))
    labels = {"train": [0, 1], "dev": [len(classes) - 1], "test": [0]}
    splits = {
        split: tuple(draw(documents(f"{split}\n{i}é", label)) for i, label in enumerate(part))
        for split, part in labels.items()
    }
    return Corpus(draw(st.text(max_size=5)), tuple(classes), splits, draw(st.text(max_size=5)), "ü\u2028")


@settings(deadline=None, max_examples=60)
@given(corpora())
def test_a_saved_corpus_is_read_back_exactly(tmp_path_factory, corpus):
    path = tmp_path_factory.mktemp("round") / "corpus.jsonl"
    save_jsonlines(corpus, path)
    loaded = load_jsonlines(path, least_words=1)
    assert repr(loaded) == repr(corpus)  # NaN is not equal to itself, but it is written the same
    assert loaded.fingerprint() == corpus.fingerprint()
    again = path.with_name("again.jsonl")
    save_jsonlines(loaded, again)
    assert again.read_bytes() == path.read_bytes()


def test_the_documented_example_is_read(tmp_path):
    path = write(
        tmp_path / "reviews.jsonl",
        {"classes": ["negative", "positive"], "name": "my reviews", "licence": "MIT", "source": "where it is from"},
        {"id": "r1", "text": "A fine film.", "label": "positive", "split": "train"},
        {
            **{"id": "r2", "words": ["Not", "good"], "label": 0, "split": "train"},
            **{"rationales": [[0, 1]], "signals": {"frequency": [5.1, None]}},
        },
        {"id": 3, "words": ["So", "so"], "label": "negative", "rationale": [1, 0.5], "split": "dev"},
        {"words": ["Very", "good"], "label": 1, "split": "test", "text": "Very good!", "spans": [[0, 4], [5, 9]]},
    )
    corpus = load_jsonlines(path)
    found = documents_by_id(corpus)
    assert (corpus.name, corpus.classes, corpus.licence) == ("my reviews", ("negative", "positive"), "MIT")
    assert sorted(found) == ["3", "5", "r1", "r2"]  # the one without an id is named by its row
    assert found["r1"].words == ("A", "fine", "film", ".") and found["r1"].label == 1
    assert found["r2"].rationales == ((0, 1),) and math.isnan(found["r2"].signals["frequency"][1])
    assert found["3"].rationales == ((1, 0.5),)
    assert found["5"].words == ("Very", "good") and found["5"].spans == ((0, 4), (5, 9))


def test_without_a_header_classes_are_collected_and_splits_are_cut(tmp_path):
    corpus = load_jsonlines(write(tmp_path / "a.jsonl", *GOOD))
    assert corpus.classes == ("no", "yes") and corpus.name == "a"
    assert [len(part) for part in corpus.splits.values()] == [8, 2, 2]
    numbered = write(tmp_path / "b.jsonl", *(content | {"label": i % 2 + 9} for i, content in enumerate(GOOD)))
    assert load_jsonlines(numbered).classes == ("9", "10")


def test_a_folder_of_splits(tmp_path):
    header = {"classes": ["yes", "no"]}
    write(tmp_path / "train.jsonl", header, *GOOD)
    write(tmp_path / "test.jsonl", *GOOD[:3])
    corpus = load_jsonlines(tmp_path)
    assert corpus.classes == ("yes", "no")
    assert [document.id for document in corpus.test] == ["test-1", "test-2", "test-3"]
    assert [len(part) for part in corpus.splits.values()] == [10, 2, 3]
    assert corpus.dev[0].id.startswith("train-")
    write(tmp_path / "dev.jsonl", *GOOD[5:7])
    assert [document.id for document in load_jsonlines(tmp_path).dev] == ["dev-1", "dev-2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"lable": "no"},
            "'lable' is unknown; there are id, label, rationale, rationales, second, signals, spans, split",
        ),
        ({"label": None}, "at label: got None, expected a text or a whole number"),
        ({"label": True}, "at label: got True, expected a text or a whole number"),
        ({"label": 1.0}, "at label: got 1.0, expected a text or a whole number"),
        ({"label": "may\u0301be", "id": 3.5}, "at id: got 3.5, expected a text or a whole number"),
        ({"id": ""}, "document '': its id is empty"),
        ({"text": ""}, "document '13' is empty, it has no words; remove the row"),
        (
            {"text": "Fine"},
            "document '13' has 1 word(s), at least 2 are asked for; remove the row, or pass least_words=1",
        ),
        ({"text": ["a"]}, "at text: got ['a'], expected a text"),
        ({"words": ["a", "b"]}, "has words with only one of text and spans"),
        ({"spans": [[0, 1]]}, "has spans without words"),
        ({"text": "a\ud83d b"}, "holds half a character, which no file can store"),
        ({"split": "validation"}, "split is 'validation'; every row must state one of dev, test, train, or none any"),
        ({"rationale": [0, 1, 0]}, "document '13': rationale 0 has 3 values for 4 words"),
        ({"rationale": [0, 1, "0", 1]}, "at rationale.2: got '0', expected a number"),
        ({"rationale": [0, 1, 0, 2]}, "document '13': rationale 0 has a value outside [0, 1]"),
        ({"rationales": [0, 1, 0, 1]}, "at rationales.0: got 0, expected a list"),
        ({"rationale": [0] * 4, "rationales": []}, "has rationale and rationales; give one of them"),
        ({"signals": [1]}, "at signals: got [1], expected an object"),
        ({"signals": {"s": [1, 2]}}, "document '13': signal 's' has 2 values for 4 words"),
        ({"signals": {"s": [1, 2, 3, False]}}, "at signals.s.3: got False, expected a number"),
    ],
)
def test_a_bad_line_is_named(tmp_path, changes, message):
    path = write(tmp_path / "a.jsonl", *GOOD, {"text": "Not good at all", "label": "no"} | changes)
    with pytest.raises(ValueError) as caught:
        load_jsonlines(path)
    assert str(caught.value).startswith(f"{path}, row 13: ") and message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": "ab"}, "at words: got 'ab', expected a list"),
        ({"words": ["a", 3]}, "at words.1: got 3, expected a text"),
        ({"words": ["a", ""]}, "document '13': word 1 is empty"),
        ({"words": []}, "document '13' is empty"),
        ({"text": "a b", "spans": [[0, 1], [2]]}, "at spans.1: got [2], expected more values"),
        ({"text": "a b", "spans": [[0, 1], [2, 4]]}, "document '13': word 1 has span (2, 4) in a text of 3 characters"),
        ({"text": "a b", "spans": [[0, 1]]}, "document '13': 1 spans for 2 words"),
        ({"text": "a b", "spans": [[0, 1], [2, 10**20]]}, "a number that is no offset"),
    ],
)
def test_bad_words_are_named(tmp_path, changes, message):
    path = write(tmp_path / "a.jsonl", *GOOD, {"words": ["a", "b"], "label": "no"} | changes)
    with pytest.raises(ValueError) as caught:
        load_jsonlines(path)
    assert str(caught.value).startswith(f"{path}, row 13: ") and message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "is not JSON"),
        (b'["a"]', "is list, expected an object in braces"),
        (b'{"text": "a b"}', "'label' is missing"),
        (b'{"label": "no"}', "has neither words nor text; give it one of them"),
        (b'{"classes": ["a", "b"]}', "'classes' is unknown; there are id, label"),
        (b'{"text": "a \xff", "label": "no"}', "byte 12 (b'\\xff') is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_line_that_is_no_document_is_named(tmp_path, line, message):
    path = write(tmp_path / "a.jsonl", *GOOD)
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\n")  # the blank line counts as row 13
    with pytest.raises(ValueError) as caught:
        load_jsonlines(path)
    assert str(caught.value).startswith(f"{path}, row 14: ") and message in str(caught.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"classes": "no"}, "at classes: got 'no', expected a list"),
        ({"classes": ["no", 1]}, "at classes.1: got 1, expected a text"),
        ({"classes": ["no", "yes"], "name": 3}, "at name: got 3, expected a text"),
        (
            {"classes": ["no", "yes"], "license": "MIT"},
            "'license' is unknown; there are classes, licence, name, source",
        ),
        ({"classes": ["no", "maybe"]}, "row 3: label 'yes' is not in the list of classes: no, maybe"),
        ({"classes": ["no", "yes", "no"]}, "class names repeat: no, yes, no"),
    ],
)
def test_a_bad_header_is_named(tmp_path, header, message):
    with pytest.raises(ValueError) as caught:
        load_jsonlines(write(tmp_path / "a.jsonl", header, *GOOD))
    assert message in str(caught.value)


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no train\.jsonl"):
        load_jsonlines(tmp_path)
    write(tmp_path / "train.jsonl", {"classes": ["no", "yes"]}, *GOOD)
    write(tmp_path / "dev.jsonl", {"classes": ["yes", "no"]}, *GOOD)
    with pytest.raises(ValueError, match=r"dev\.jsonl: its header differs from that of train\.jsonl"):
        load_jsonlines(tmp_path)
    write(tmp_path / "dev.jsonl")
    with pytest.raises(ValueError, match=r"dev\.jsonl: split 'dev' is empty; give it documents, or remove the file"):
        load_jsonlines(tmp_path)
    write(tmp_path / "dev.jsonl", GOOD[0] | {"split": "dev"})
    with pytest.raises(ValueError, match=r"dev\.jsonl, row 1: states a split, but its file is that of split 'dev'"):
        load_jsonlines(tmp_path)
    write(tmp_path / "dev.jsonl", GOOD[0] | {"id": "train-3"})
    with pytest.raises(ValueError, match=r"dev\.jsonl, row 1: id 'train-3' stands already at .*train\.jsonl, row 3"):
        load_jsonlines(tmp_path)
    write(tmp_path / "val.jsonl", *GOOD)
    with pytest.raises(
        ValueError, match=r"holds val\.jsonl; a folder may hold train\.jsonl, dev\.jsonl and test\.jsonl"
    ):
        load_jsonlines(tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.jsonl"
    corpus = load_jsonlines(write(tmp_path / "b.jsonl", *GOOD))
    save_jsonlines(corpus, path)
    before = path.read_bytes()
    monkeypatch.setattr("attn_interp.data.formats.jsonlines._object", lambda *_: {"not": math.nan})
    with pytest.raises(ValueError):
        save_jsonlines(corpus, path)
    assert path.read_bytes() == before and sorted(file.name for file in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl"]


def test_a_second_text_is_a_text_or_an_object_under_a_key_of_ones_own(tmp_path):
    told = {"words": ["Who", "sat"], "rationale": [1, 0], "id": 7}
    path = write(tmp_path / "a.jsonl", *({**line, "question": told if n else "Who?"} for n, line in enumerate(GOOD)))
    found = documents_by_id(load_jsonlines(path, second="question"))
    assert found["1"].second == Document("Who?")
    assert found["2"].second == Document(words=("Who", "sat"), rationales=[[1, 0]], id="7")
    kept = tmp_path / "b.jsonl"
    save_jsonlines(load_jsonlines(path, second="question"), kept)
    assert documents_by_id(load_jsonlines(kept)) == found


@pytest.mark.parametrize(
    ("second", "option", "message"),
    [
        ({}, {"second": "question"}, r"row 3: has no 'question', which second= names; keys are label, text"),
        ({"second": ""}, {}, r"row 3: its second text is empty, it has no words"),
        ({"second": 7}, {}, r"row 3: at second: got 7, expected a text or an object"),
        ({"second": None}, {}, r"row 3: at second: got None, expected a text or an object"),
        ({"second": {"words": "Who"}}, {}, r"row 3: at second.words: got 'Who', expected a list"),
        ({"second": {"words": []}}, {}, r"row 3: second: document '\w+': has no words"),
        ({"second": {"words": ["a"], "text": "a"}}, {}, r"row 3: second: has words with only one of text and spans"),
        ({"second": {"words": ["a"], "label": 1}}, {}, r"row 3: at second: 'label' is unknown"),
        ({}, {}, r"row 3: has no second text, and .*row 1 has one; give each row one, or none"),
    ],
)
def test_a_bad_second_text_is_named(tmp_path, second, option, message):
    key = option.get("second", "second")
    lines = [{**line, **(second if number == 2 else {key: "Who sat?"})} for number, line in enumerate(GOOD)]
    with pytest.raises(ValueError, match=message):
        load_jsonlines(write(tmp_path / "a.jsonl", *lines), **option)
