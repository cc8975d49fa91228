import gzip
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from attn_interp.data.document import Document
from attn_interp.data.embeddings import load_embeddings
from attn_interp.data.formats.trees import load_trees
from attn_interp.data.vocabulary import SPECIALS, Vocabulary

SHARED = Path(__file__).parents[3] / "shared" / "data"
TRAIN = [
    Document(id="a", words=("The", "film", "the", "zebra"), label=0),
    Document(id="b", words=("New York", "film", "the"), label=1),
]
VOCABULARY = Vocabulary.build(TRAIN)  # the, film, new york, zebra
ROWS = ["the 1 2 -3", "FILM 7 7 7", "film .5 1e-1 0", "other 9 9 9", "new york 4 5 6", "the 8 8 8"]


def write(path, *rows, end="\n"):
    path.write_text("".join(row + end for row in rows), encoding="utf-8", newline="")
    return path


def row_of(embeddings, word):
    return embeddings.matrix[VOCABULARY.words.index(word)].tolist()


@pytest.mark.parametrize("header", [[], ["6 3"]])
@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])  # GloVe and word2vec; fastText; Windows
def test_every_text_format_gives_the_same_vectors(tmp_path, header, end):
    embeddings = load_embeddings(write(tmp_path / "v.txt", *header, *ROWS, end=end), VOCABULARY, TRAIN)
    assert embeddings.matrix.shape == (8, 3) and embeddings.matrix.dtype == torch.float32
    assert row_of(embeddings, "the") == [1, 2, -3]  # the first of equal rows
    assert row_of(embeddings, "film") == pytest.approx([0.5, 0.1, 0])  # the spelling of the vocabulary
    assert row_of(embeddings, "new york") == [4, 5, 6]  # a word with a space
    assert embeddings.found.tolist() == [word in ("the", "film", "new york") for word in VOCABULARY.words]
    assert embeddings.type_coverage == 3 / 4 and embeddings.token_coverage == pytest.approx(6 / 7)


def test_another_spelling_serves_where_there_is_no_better_one(tmp_path):
    embeddings = load_embeddings(write(tmp_path / "v.txt", "FILM 7 7 7", "Film 8 8 8"), VOCABULARY, TRAIN)
    assert row_of(embeddings, "film") == [7, 7, 7]


def test_packed_files_are_read_alike(tmp_path):
    plain = write(tmp_path / "v.txt", *ROWS)
    packed = tmp_path / "v.txt.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert torch.equal(
        load_embeddings(plain, VOCABULARY, TRAIN).matrix, load_embeddings(packed, VOCABULARY, TRAIN).matrix
    )


def test_words_that_are_not_found_are_drawn_with_the_spread_of_the_found(tmp_path):
    words = tuple(f"w{i}" for i in range(400))
    vocabulary = Vocabulary(SPECIALS + words)
    rows = [f"w{i} " + " ".join(map(str, np.random.default_rng(i).normal(0, 3, 5))) for i in range(100)]
    path = write(tmp_path / "v.txt", *rows)
    embeddings = load_embeddings(path, vocabulary, [])
    drawn, found = embeddings.matrix[1:][~embeddings.found[1:]], embeddings.matrix[embeddings.found]
    assert (embeddings.matrix[0] == 0).all() and found.shape == (100, 5) and drawn.shape == (303, 5)
    assert drawn.std() == pytest.approx(float(found.std()), rel=0.1) and abs(drawn.mean()) < 0.3
    assert math.isnan(embeddings.token_coverage) and embeddings.type_coverage == 0.25
    turned = load_embeddings(
        path, Vocabulary(SPECIALS + words[::-1]), []
    )  # the order of the vocabulary changes nothing
    torch.testing.assert_close(turned.matrix[4:].flip(0), embeddings.matrix[4:])
    assert torch.equal(embeddings.matrix, load_embeddings(path, vocabulary, []).matrix)
    assert not torch.equal(embeddings.matrix, load_embeddings(path, vocabulary, [], seed=1).matrix)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["the 1 2 3", "film 1 2"], "row 2: has 2 numbers, expected 3"),
        (["the 1 2 3", "other 1 2 3 4"], "row 2: has 4 numbers, expected 3"),
        (["1 3", "the 1 2"], "row 2: has 2 numbers, expected 3"),
        (["the 1 2 3", "film 1 x 3"], "row 2: could not convert string to float"),
        (["the 1 2 3", "film 1 1_000 3"], "row 2: could not convert string to float: '1_000'"),
        (["2 " + "9" * 5000], "has none of the vocabulary's"),
        (["the 1 2 3", "film 1 nan 3"], "row 2: has a number that is not finite"),
        (["the 1 2 3", "film 1 1e99 3"], "row 2: has a number that is not finite"),
        (["other 1 2 3"], "has none of the vocabulary's 4 words; is it of another language?"),
        ([], "has none of the vocabulary's 4 words"),
        (["the"], "row 1: vectors have 0 numbers, expected at least 1"),
    ],
)
def test_a_damaged_file_is_named_with_its_row(tmp_path, rows, message):
    path = write(tmp_path / "v.txt", *rows)
    with pytest.raises(ValueError) as caught:
        load_embeddings(path, VOCABULARY, TRAIN)
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)


@pytest.mark.parametrize("rows", [["the 1 2 3"], ["1 3", "the 1 2 3"]])
def test_another_width_is_refused(tmp_path, rows):
    with pytest.raises(ValueError, match=r"row 1: vectors have 3 numbers, expected 300"):
        load_embeddings(write(tmp_path / "v.txt", *rows), VOCABULARY, TRAIN, width=300)


@pytest.mark.skipif(not SHARED.exists(), reason="shared data is absent")
def test_real_vectors_cover_most_of_a_real_corpus():
    corpus = load_trees(SHARED / "sst_ptb")
    vocabulary = Vocabulary.build(corpus.train)
    path = SHARED / "glove_slice" / "glove.6B.50d.top20k.txt"
    embeddings = load_embeddings(path, vocabulary, corpus.train, width=50)
    assert 0.5 < embeddings.type_coverage < 0.9 < embeddings.token_coverage < 1
    good, great, table = (embeddings.matrix[vocabulary.ids([word])[0]] for word in ("good", "great", "table"))
    assert torch.cosine_similarity(good, great, dim=0) > torch.cosine_similarity(good, table, dim=0)
