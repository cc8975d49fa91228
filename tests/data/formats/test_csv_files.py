import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attn_interp.data.formats.csv_files import load_table

TWEETS = Path(__file__).parents[4] / "shared" / "data" / "tweet_sentiment_extraction" / "train.csv"
HEADER = ["key", "review", "class", "part"]
RECORDS = [[f"k{i}", f'A fine, "new"\n\nfilm {i}', ("no", "yes")[i % 2], "train"] for i in range(8)]
RECORDS += [["k8", "Not good", "no", "dev"], ["k9", "Good  film", "yes", "test"]]
NAMED = {"text": "review", "label": "class", "id": "key", "split": "part"}


def write(path, records):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=",").writerows(records)
    return path


def documents_by_id(corpus):
    return {document.id: document for part in corpus.splits.values() for document in part}


def test_columns_are_found_by_name(tmp_path):
    corpus = load_table(write(tmp_path / "reviews.csv", [HEADER, *RECORDS]), **NAMED)
    assert corpus.name == "reviews" and corpus.classes == ("no", "yes")
    assert [len(part) for part in corpus.splits.values()] == [8, 1, 1]
    found = documents_by_id(corpus)
    assert found["k3"].text == 'A fine, "new"\n\nfilm 3' and found["k3"].label == 1
    assert found["k3"].words == ("A", "fine", ",", '"', "new", '"', "film", "3")


def test_without_id_and_split_rows_name_documents_and_splits_are_cut(tmp_path):
    table = [[record[1], record[2]] for record in RECORDS]
    corpus = load_table(write(tmp_path / "a.csv", [["text", "label"], *table]), seed=2)
    assert sorted(documents_by_id(corpus), key=int)[:3] == ["2", "5", "8"]  # each record takes three rows
    assert all(corpus.splits.values()) and load_table(tmp_path / "a.csv", seed=2) == corpus


def test_words_are_parted_by_white_space_and_taken_as_they_are(tmp_path):
    corpus = load_table(write(tmp_path / "a.csv", [HEADER, *RECORDS]), **(NAMED | {"text": None}), words="review")
    found = documents_by_id(corpus)
    assert found["k3"].words == ("A", "fine,", '"new"', "film", "3") and found["k3"].text is None
    assert found["k9"].words == ("Good", "film")


def test_tabs_part_cells_and_quotes_are_text(tmp_path):
    lines = ["label\ttext", *(f'{i % 2}\t"Fine, film {i}' for i in range(8)), ""]
    (tmp_path / "a.tsv").write_text("\n".join(lines))
    corpus = load_table(tmp_path / "a.tsv")
    assert corpus.classes == ("0", "1")
    assert documents_by_id(corpus)["4"].text == '"Fine, film 2'


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=12), min_size=6, max_size=9))
def test_any_text_comes_through_csv(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    records = [[f"Some words {i}: {text}", str(i % 2), f"k{i}"] for i, text in enumerate(texts)]
    corpus = load_table(write(path, [["text", "label", "id"], *records]), id="id")
    assert {key: document.text for key, document in documents_by_id(corpus).items()} == {k: t for t, _, k in records}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (["k10", "Good film", "yes"], "has 3 cells for 4 columns; quote the cell or fill the row"),
        (["k10", "Good film", "yes", "test", ""], "has 5 cells for 4 columns; quote the cell or fill the row"),
        (["k10", " ", "yes", "test"], "document 'k10' is empty, it has no words; remove the row"),
        (
            ["k10", "Good", "yes", "test"],
            "has 1 word(s), at least 2 are asked for; remove the row, or pass least_words=1",
        ),
        (["k5", "Good film", "yes", "test"], "id 'k5' stands already at"),
        (["", "Good film", "yes", "test"], "document '': its id is empty"),
        (["k10", "Good film", "yes", ""], "split is ''; every row must state one of dev, test, train, or none any"),
        (["k10", "Good film", "maybe", "test"], "label 'maybe' is not in the list of classes: no, yes"),
    ],
)
def test_a_bad_row_is_named(tmp_path, record, message):
    path = write(tmp_path / "a.csv", [HEADER, *RECORDS, record])
    with pytest.raises(ValueError) as caught:
        load_table(path, **NAMED, classes=("no", "yes"))
    # header, eight records of three rows, two of one
    assert str(caught.value).startswith(f"{path}, row 28: ") and message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'k10,"Good film,yes,test\nk11,Bad film,no,test\n', "unexpected end of data; quote the cell as CSV asks"),
        (b'k10,"Good" film,yes,test\n', "',' expected after '\"'; quote the cell as CSV asks"),
        (b"k10,Good f\xeflm,yes,test\n", "byte 10 (b'\\xef') is not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_row_that_is_no_record_is_named(tmp_path, line, message):
    path = write(tmp_path / "a.csv", [HEADER, *RECORDS])
    path.write_bytes(path.read_bytes() + line)
    with pytest.raises(ValueError) as caught:
        load_table(path, **NAMED)
    assert str(caught.value).startswith(f"{path}, row 28: ") and message in str(caught.value)


def test_bad_columns_are_named(tmp_path):
    path = write(tmp_path / "a.csv", [HEADER, *RECORDS])
    with pytest.raises(ValueError, match="there is no column 'text'; columns are class, key, part, review"):
        load_table(path, label="class")
    with pytest.raises(ValueError, match="text='review' and words='key' are both given"):
        load_table(path, text="review", words="key")
    with pytest.raises(ValueError, match="names of columns repeat: a, b, a"):
        load_table(write(path, [["a", "b", "a"]]))
    with pytest.raises(ValueError, match="is empty; expected a first row with the names of the columns"):
        load_table(write(path, []))
    with pytest.raises(ValueError, match="holds no documents"):
        load_table(write(path, [["text", "label"]]))


@pytest.mark.skipif(not TWEETS.exists(), reason="shared data is absent")
def test_real_tweets():
    with pytest.raises(ValueError, match=r"row 316: document 'fdb77c3752' is empty, it has no words; remove the row"):
        load_table(TWEETS, id="textID", label="sentiment", least_words=1)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_column_holds_the_second_text(tmp_path, name):
    rows = ["text,question,label", *(f"Ann sat {n}.,Who sat {n}?,{('no', 'yes')[n % 2]}" for n in range(12))]
    path = tmp_path / name
    path.write_text("\n".join(rows).replace(",", "\t" if name == "a.tsv" else ","), "utf-8")
    found = documents_by_id(load_table(path, second="question"))
    assert found["4"].second.words == ("Who", "sat", "2", "?") and found["4"].second.text == "Who sat 2?"
    assert found["4"] != documents_by_id(load_table(path))["4"]
    assert documents_by_id(load_table(path, words="text", second="question"))["4"].second.words == ("Who", "sat", "2?")
    with pytest.raises(ValueError, match=r"there is no column 'query'; columns are label, question, text"):
        load_table(path, second="query")
    path.write_text(path.read_text("utf-8").replace("Who sat 5?", " "), "utf-8")
    with pytest.raises(ValueError, match=r"row 7: its second text is empty, it has no words; fill it or remove"):
        load_table(path, second="question")


def test_html_is_found_in_second_texts_too(tmp_path):
    rows = [["text", "second", "label"], *([f"a fine film {n}", "is<br />it", ("no", "yes")[n % 2]] for n in range(12))]
    path = write(tmp_path / "a.csv", rows)
    with pytest.warns(UserWarning, match=r"12 of 24 texts hold HTML, such as '<br />'"):
        load_table(path, second="second")
    assert documents_by_id(load_table(path, second="second", strip_html=True))["2"].second.words == ("is", "it")
