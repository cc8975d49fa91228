import json
from pathlib import Path

import pytest

from attn_interp.data.corpora.eraser import load_eraser, read_eraser

SHARED = Path(__file__).parents[4] / "shared" / "data" / "movies_eraser"
DOCS = {"n1": "a dull film .\nreally dull", "p1": "what  fun \n\n it is 👍", "n2": "so\xa0s so", "p2": "good fun"}


def evidence(name, start, end, text):
    return {
        "docid": name,
        "start_token": start,
        "end_token": end,
        "text": text,
        "start_sentence": -1,
        "end_sentence": -1,
    }


def note(name, label, *groups, **changes):
    content = {"annotation_id": name, "classification": label, "evidences": list(groups), "query": "?", "docids": None}
    return content | {"query_type": None} | changes


TRAIN = [
    note(
        "n1", "NEG", [evidence("n1", 1, 3, "dull film")], [evidence("n1", 2, 4, "film ."), evidence("n1", 5, 6, "dull")]
    ),
    note("p1", "POS"),
]


def lines(file, contents):
    file.write_text("".join(json.dumps(content) + "\r\n" for content in contents), "utf-8-sig")


def folder(path, train=TRAIN, docs=True):
    lines(path / "train.jsonl", train)
    lines(path / "val.jsonl", [note("n2", "NEG", [evidence("n2", 0, 2, "so\xa0s so")])])
    lines(path / "test.jsonl", [note("p2", "POS", [evidence("p2", 1, 2, "fun")])])
    if docs:
        (path / "docs").mkdir(exist_ok=True)
        for name, text in DOCS.items():
            (path / "docs" / name).write_text(text, "utf-8")
    return path


def test_the_published_folder(tmp_path):
    corpus = load_eraser(folder(tmp_path))
    assert corpus.classes == ("NEG", "POS") and corpus.source.endswith("ACL")
    first, second = corpus.train
    assert first.words == ("a", "dull", "film", ".", "really", "dull") and first.label == 0
    assert first.rationales == ((0, 1, 1, 1, 0, 1),)  # evidence overlaps
    assert second.words == ("what", "fun", "it", "is", "👍") and second.rationales == ((0,) * 5,)
    assert corpus.dev[0].rationales == ((1, 1),) and corpus.test[0].rationales == ((0, 1),)
    (tmp_path / "one").mkdir()
    folder(tmp_path / "one", docs=False)
    lines(tmp_path / "one" / "docs.jsonl", [{"docid": name, "document": text} for name, text in DOCS.items()])
    assert load_eraser(tmp_path / "one").splits == corpus.splits


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [(2, 9, "film ."), (0, 2, "dull film"), (3, 2, ""), (-2, 1, "a"), ("1", "2", "dull"), (1.0, 2, "dull")],
)
def test_evidence_that_is_elsewhere_is_counted_and_never_shifted(tmp_path, start, end, text):
    bad, good = evidence("n1", start, end, text), evidence("n1", 5, 6, "dull")
    read = read_eraser(folder(tmp_path, [note("n1", "NEG", [bad], [good]), TRAIN[1]]))
    assert read.rows[0].rationales == [[0, 0, 0, 0, 0, 1]]
    assert [(item.document, item.part) for item in read.left_out] == [("n1", "span")]
    read = read_eraser(folder(tmp_path, [note("n1", "NEG", [bad]), TRAIN[1]]))
    assert read.rows[0].rationales == []  # not an empty rationale: nothing is known


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (note("x", "NEG"), FileNotFoundError, "row 2: document 'x' is not in"),
        (note("../train.jsonl", "NEG"), FileNotFoundError, "row 2: document '../train.jsonl' is not in"),
        (
            note("out", "NEG"),
            FileNotFoundError,
            "row 2: document 'out' is not in",
        ),  # a link that leads out of the folder
        (note("x" * 300, "NEG"), FileNotFoundError, "row 2: document 'xxx"),
        (note("x\0y", "NEG"), FileNotFoundError, "row 2: document 'x\\x00y' is not in"),
        (note("x", "NEG", docids=3), FileNotFoundError, "row 2: document 'x' is not in"),
        (note("p1", 1), ValueError, "row 2: classification is 1, expected str"),
        (note("p1", "POS", ["fun"]), ValueError, "row 2: evidence is 'fun', expected an object"),
        (note("p1", "POS", query="who?"), ValueError, "row 2: query 'who?' is another than at"),
        (note("p1", "POS", [evidence("n1", 0, 1, "a"), evidence("n2", 0, 1, "so")]), ValueError, "evidence in n1, n2"),
        (note("n1", "NEG"), ValueError, "row 2: id 'n1' stands already at"),
        ({"annotation_id": "p1", "query": "?"}, ValueError, "row 2: evidences is None, expected list"),
    ],
)
def test_bad_annotations_are_named(tmp_path, content, error, message):
    folder(tmp_path, [TRAIN[0], content])
    (tmp_path / "docs" / "out").symlink_to(tmp_path / "train.jsonl")
    with pytest.raises(error) as caught:
        load_eraser(tmp_path)
    assert message in str(caught.value)


def aligned(name, label, tokens, rationale, stated=1, found=1):
    content = {"id": name, "label": label, "tokens": tokens, "rationale": rationale}
    return content | {"evidence_spans": stated, "spans_matched": found}


def test_aligned_lines(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds neither train\.jsonl with the documents in docs/"):
        load_eraser(folder(tmp_path, docs=False))  # annotations without their documents
    train = [
        aligned("a", 0, ["so", "dull"], [0, 1], 3, 1),
        aligned("b", 1, ["so", "fun"], [0, 0], 0, 0),
        aligned("c", 1, ["so", "so"], [0, 0], 1, 0),
        aligned("d", 1, ["fun", "!"], [1, 1]),
    ]
    lines(tmp_path / "movies_train_aligned.jsonl", train)
    lines(tmp_path / "movies_val_aligned.jsonl", train[3:])
    lines(tmp_path / "movies_test_aligned.jsonl", [aligned("e", 0, ["dull", "!"], [1, 0])])
    corpus = load_eraser(tmp_path)
    assert [[document.id for document in part] for part in corpus.splits.values()] == [["a", "b", "c"], ["d"], ["e"]]
    assert [document.rationales for document in corpus.train] == [((0, 1),), ((0, 0),), ()]
    copies, lost = "documents (in train and in a held-out split)", "spans (evidence was not found in the text)"
    assert corpus.source.endswith(f"; left out: 1 {copies}; left out: 3 {lost}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rationale": [0]}, "row 2: document 'b': its rationale has 1 values for 2 words"),
        ({"rationale": [0, 2]}, "row 2: document 'b': its rationale has [0, 2] is not a list of 0 and 1"),
        ({"tokens": ["so", 1]}, "row 2: tokens of document 'b' are not all texts"),
        ({"label": 2}, "row 2: document 'b' has label 2, expected 0 or 1"),
        ({"label": "POS"}, "row 2: label is 'POS', expected int"),
        ({"spans_matched": None}, "row 2: spans_matched is None, expected int"),
    ],
)
def test_bad_aligned_lines_are_named(tmp_path, changes, message):
    good = [aligned("a", 0, ["so", "dull"], [0, 1]), aligned("b", 1, ["so", "fun"], [0, 1]) | changes]
    lines(tmp_path / "movies_train_aligned.jsonl", good)
    with pytest.raises(ValueError) as caught:
        load_eraser(tmp_path)
    assert message in str(caught.value)


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_the_real_reviews_keep_validation_out_of_training():
    # The files hold 1,800, 200 and 199 reviews, and all 200 of validation stand in the training file too.
    read = read_eraser(SHARED)
    assert [sum(row.split == split for row in read.rows) for split in ("train", "dev", "test")] == [1600, 200, 199]
    assert sum(item.part == "document" for item in read.left_out) == 200
    assert sum(item.part == "span" for item in read.left_out) == 18_959 - 18_942
    assert all(len(rationale) == len(row.words or ()) for row in read.rows for rationale in row.rationales)
