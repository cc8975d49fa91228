import pickle
import tracemalloc
from dataclasses import replace

import pytest

from attn_interp.data.corpus import Corpus, label_name
from attn_interp.data.document import Document
from attn_interp.data.load import load


def documents(prefix, *labels):
    return tuple(Document(id=f"{prefix}{i}", words=("word", str(i)), label=label) for i, label in enumerate(labels))


SPLITS = {"train": documents("a", 0, 1, 2, 0, 1), "dev": documents("b", 2, 1), "test": documents("c", 0, 2, 1)}
CORPUS = Corpus("trial", ("no", "maybe", "yes"), SPLITS, licence="MIT", source="made up")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("yes",)}, "corpus 'trial': has 1 class(es); a classifier needs two or more"),
        ({"classes": ("no", "yes", "no")}, "corpus 'trial': class names repeat: no, yes, no"),
        ({"classes": ("no", "yes")}, "document 'a2': label 2 is not in the list of classes 0..1 (no, yes)"),
        (
            {"splits": {"train": (), "test": ()}},
            "corpus 'trial': splits are ['test', 'train'], expected ['dev', 'test'",
        ),
        ({"splits": SPLITS | {"dev": ()}}, "corpus 'trial': split 'dev' is empty; give it documents"),
        (
            {"splits": SPLITS | {"test": documents("a", 0)}},
            "document 'a0': the id stands in split 'train' and again in 'test'; ids must be unique",
        ),
        (
            {"splits": SPLITS | {"dev": (Document("a film", id="d"),)}},
            "document 'd': has no label; give each document of a corpus its class",
        ),
        ({"splits": SPLITS | {"train": documents("a", 1, 1)}}, "every training document has the class 'maybe'"),
    ],
)
def test_what_is_wrong_is_refused_by_name(changes, message):
    with pytest.raises(ValueError) as caught:
        replace(CORPUS, **changes)
    assert message in str(caught.value)


def test_splits_are_read_only_and_in_order():
    corpus = replace(CORPUS, splits=dict(reversed(SPLITS.items())))
    assert list(corpus.splits) == ["train", "dev", "test"]
    assert (corpus.train, corpus.dev, corpus.test) == tuple(SPLITS.values())
    with pytest.raises(TypeError):
        corpus.splits["train"] = ()


def test_first_takes_the_first_of_each_split():
    assert {name: len(part) for name, part in CORPUS.first(2).splits.items()} == {"train": 2, "dev": 2, "test": 2}
    assert CORPUS.first(4).train == CORPUS.train[:4] and CORPUS.first(99) == CORPUS
    with pytest.raises(ValueError, match="ask for at least 1"):
        CORPUS.first(0)
    with pytest.raises(ValueError, match="every training document has the class 'no'"):
        CORPUS.first(1)


def test_the_fingerprint_tells_data_apart_and_nothing_else():
    fingerprint = CORPUS.fingerprint()
    assert replace(CORPUS, name="other", licence="none").fingerprint() == fingerprint
    one = CORPUS.dev[0]
    text = {"text": "word 0", "spans": ((0, 4), (5, 6))}
    for changed in (
        replace(one, label=0),
        replace(one, words=("word", "1")),
        replace(one, id="b9"),
        replace(one, rationales=((0, 1),)),
        replace(one, signals={"s": (0, 1)}),
        replace(one, **text),
    ):
        assert replace(CORPUS, splits=SPLITS | {"dev": (changed, CORPUS.dev[1])}).fingerprint() != fingerprint
    assert replace(CORPUS, splits=SPLITS | {"dev": CORPUS.dev[::-1]}).fingerprint() != fingerprint
    assert replace(CORPUS, classes=("no", "perhaps", "yes")).fingerprint() != fingerprint


def test_a_corpus_travels_to_worker_processes():
    assert pickle.loads(pickle.dumps(CORPUS)) == CORPUS


def test_length_and_representation():
    assert len(CORPUS) == 5 + 2 + 3
    assert repr(CORPUS) == "<Corpus 'trial': 3 classes (no, maybe, yes); train 5, dev 2, test 3>"
    many = replace(CORPUS, classes=tuple(f"class {number}" for number in range(1000)), name="n" * 500)
    assert len(repr(many)) <= 600


def test_the_frame_has_a_row_per_document():
    frame = CORPUS.to_frame()
    assert frame.iloc[0].to_dict() == {"id": "a0", "split": "train", "text": "word 0", "label": "no"}
    assert frame["split"].tolist() == ["train"] * 5 + ["dev"] * 2 + ["test"] * 3
    assert frame["label"].tolist()[5:] == ["yes", "maybe", "no", "yes", "maybe"]


def test_the_name_of_a_class_is_that_of_the_label():
    documents = [Document("a film", 1), Document("a film", 0), Document("a film")]
    assert [label_name(each, ("no", "yes")) for each in documents] == ["yes", "no", None]


def test_a_corpus_holds_a_few_bytes_for_each_word(tmp_path) -> None:
    """Pointers to words that are kept once, eight bytes of offsets, and the characters of the text."""
    words = ("plot", "actor", "scene", "music", "camera")
    text = " ".join(words * 200)
    rows = [f"{text} {'good' if row % 2 else 'bad'} {row},{row % 2}" for row in range(40)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows]), "utf-8")
    load("planted", documents=50)  # what is imported and made once
    tracemalloc.start()
    corpus = load(tmp_path / "texts.csv")
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    count = sum(len(document) for documents in corpus.splits.values() for document in documents)
    assert count == 40 * 1002
    assert held / count < 30
    assert most / count < 80
