import json

import pytest

from attn_interp.data.corpora.hatexplain import load_hatexplain, read_hatexplain


def post(tokens, labels, rationales):
    annotators = [{"label": label, "annotator_id": n, "target": ["None"]} for n, label in enumerate(labels)]
    return {"post_id": "p", "annotators": annotators, "rationales": rationales, "post_tokens": tokens}


HATE = post(["<user>", "is", "😡"], ["hatespeech", "offensive", "hatespeech"], [[1, 0, 1], [0, 0, 1]])
NORMAL = post(["so", "be", "it"], ["normal"] * 3, [])
UNDECIDED = post(["so", "so"], ["normal", "hatespeech", "offensive"], [[0, 1]])


def folder(path, posts, divisions=None):
    (path / "dataset.json").write_text("\ufeff" + json.dumps(posts, indent=1).replace("\n", "\r\n"), "utf-8")
    if divisions is not None:
        (path / "post_id_divisions.json").write_text(json.dumps(divisions))
    return path


def test_the_published_format(tmp_path):
    posts = {"a": HATE, "b": NORMAL, "c": UNDECIDED, "d": HATE, "e": NORMAL, "f": HATE}
    corpus = load_hatexplain(folder(tmp_path, posts, {"train": ["a", "b"], "val": ["d"], "test": ["e"]}))
    assert corpus.classes == ("normal", "offensive", "hatespeech")
    assert [[document.id for document in part] for part in corpus.splits.values()] == [["a", "b"], ["d"], ["e"]]
    first, second = corpus.train
    assert first.words == ("<user>", "is", "😡") and first.label == 2 and second.label == 0
    assert first.rationales == ((1, 0, 1), (0, 0, 1)) and second.rationales == ()
    assert corpus.source.endswith(
        "; left out: 1 documents (annotators have no majority); left out: 1 documents (not in post_id_divisions.json)"
    )
    assert {row.split for row in read_hatexplain(tmp_path / "dataset.json").rows} == {None}


def test_annotators_of_another_length_are_counted(tmp_path):
    posts = {"a": HATE | {"rationales": [[1, 0], [0, 0, 1], [0, 0, 0, 0], [0, 0, True]]}}
    read = read_hatexplain(folder(tmp_path, posts))
    assert read.rows[0].rationales == [[0, 0, 1]]
    assert [item.detail for item in read.left_out] == [
        "2 values for 3 words",
        "4 values for 3 words",
        "[0, 0, True] is not a list of 0 and 1",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"post_tokens": "so be it"}, "post 'a': has no list 'post_tokens'"),
        ({"post_tokens": ["so", 3, "it"]}, "post 'a': token 1 is 3, expected a text"),
        ({"post_tokens": ["so", " ", "it"]}, "post 'a': document 'a': word 1 is empty"),
        ({"post_tokens": []}, "document 'a' is empty"),
        ({"annotators": []}, "post 'a': labels are [], expected one or more of hatespeech, normal, offensive"),
        ({"annotators": [{"label": "rude"}]}, "post 'a': labels are ['rude']"),
        ({"rationales": None}, "post 'a': has no list 'rationales'"),
    ],
)
def test_bad_posts_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError) as caught:
        load_hatexplain(folder(tmp_path, {"a": NORMAL | changes, "b": HATE}))
    assert message in str(caught.value)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_hatexplain(tmp_path)
    for text, message in (
        ("", "is not JSON .* row 1,"),
        ("[]", "is list, expected an object"),
        ("{\n{", "JSON .* row 2,"),
    ):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            load_hatexplain(tmp_path)
    with pytest.raises(ValueError, match=r"splits are \['test', 'train'\], expected \['test', 'train', 'val'\]"):
        load_hatexplain(folder(tmp_path, {"a": HATE}, {"train": ["a"], "test": []}))
    with pytest.raises(ValueError, match="post 'a' stands in train and dev"):
        load_hatexplain(folder(tmp_path, {"a": HATE}, {"train": ["a"], "val": ["a"], "test": []}))
