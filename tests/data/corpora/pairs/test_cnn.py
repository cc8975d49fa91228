import pytest

from attn_interp.data.corpora.pairs.cnn import load_cnn

PARTS = (
    "http://news/1",
    "( @entity1 ) @entity12 met @entity3 in @entity1 .",
    "@placeholder met @entity3",
    "@entity12",
    "@entity1:Rome\n@entity3:Bo\n@entity12:Ann Lee",
)


def question(path, split, name, *parts, between="\n\n"):
    (path / split).mkdir(exist_ok=True)
    (path / split / f"{name}.question").write_text(between.join(parts))
    return path


def folder(path):
    for n in range(12):
        answer = ("@entity12", "@entity3")[n % 2]
        question(path, "training", f"a{n:02}", *PARTS[:2], f"@placeholder met {n}", answer, PARTS[4])
    return path


def test_a_file_is_a_question_and_its_classes_are_entities(tmp_path):
    question(folder(tmp_path), "test", "b", *PARTS)
    question(tmp_path, "validation", "b", *PARTS[:4], "@entity12:Ann\n@entity2:Eve")
    corpus = load_cnn(tmp_path)
    assert corpus.classes == ("@entity1", "@entity2", "@entity3", "@entity12")  # by number
    assert [len(part) for part in corpus.splits.values()] == [12, 1, 1] and corpus.dev[0].id == "dev-b"
    document = corpus.test[0]
    assert document.words[:4] == ("(", "@entity1", ")", "@entity12") and corpus.classes[document.label] == "@entity12"
    assert document.second.words == ("@placeholder", "met", "@entity3") and document.second.text == PARTS[2]
    assert [document.text[start:end] for start, end in document.spans] == list(document.words)


def test_missing_folders_are_drawn(tmp_path):
    assert [len(part) for part in load_cnn(folder(tmp_path)).splits.values()] == [8, 2, 2]
    with pytest.raises(FileNotFoundError, match=r"holds no training/\*\.question"):
        load_cnn(tmp_path / "training")


@pytest.mark.parametrize(
    ("place", "part", "message"),
    [
        (1, "one\ntwo", "bad.question: has 5 parts of 1, 2, 1, 1, 3 lines; expected address, text, question"),
        (4, " ", "bad.question: has 4 parts of 1, 1, 1, 1 lines"),
        (2, "who met @entity3", "bad.question: the question has no @placeholder"),
        (3, "@entity4", "bad.question: the answer '@entity4' is none of the entities"),
        (4, "@entity12:Ann\nBo", "bad.question: 'Bo' is no entity; expected lines as @entity7:Name"),
    ],
)
def test_bad_files_are_named(tmp_path, place, part, message):
    parts = [*PARTS[:place], part, *PARTS[place + 1 :]]
    with pytest.raises(ValueError, match=message):
        load_cnn(question(folder(tmp_path), "training", "bad", *parts))
