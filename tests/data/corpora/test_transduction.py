"""The tasks by hand, their links, and the batches that an encoder-decoder reads."""

import pytest

from attn_interp.data.corpora.transduction import MONTHS, SYMBOLS, TASKS, Transduction, transductions, vocabulary_of
from attn_interp.data.vocabulary import END_ID, PADDING_ID, START_ID
from attn_interp.models.sequences.pair_batch import collate_pairs, true_links


@pytest.mark.parametrize("task", sorted(TASKS))
def test_linked_words_say_the_same(task: str) -> None:
    for pair in transductions(task, 200):
        assert sorted(link[0] for link in pair.alignment) == list(range(len(pair.target)))
        for target, source in pair.alignment:
            said, read = pair.target[target], pair.source[source]
            if read in MONTHS:
                said, read = MONTHS[int(said) - 1], read
            elif task == "dates" and len(said) == 2:
                said = str(int(said))
            assert said == read


def test_what_each_task_does() -> None:
    for pair in transductions("reversal", 50, 2, 12):
        assert pair.target == pair.source[::-1]
        assert len(set(pair.source)) == len(pair.source)
    for pair in transductions("fertility", 50):
        copies = [SYMBOLS.index(word) % 3 + 1 for word in pair.source]
        expected = [word for word, count in zip(pair.source, copies) for _ in range(count)]
        assert list(pair.target) == expected
    pair = next(pair for pair in transductions("dates", 50) if pair.source[2] == ",")
    month, day, _, year = pair.source
    assert pair.target == (year, f"{MONTHS.index(month) + 1:02d}", f"{int(day):02d}")
    assert pair.alignment == ((0, 3), (1, 0), (2, 1))


def test_a_pair_depends_on_the_seed_and_its_id_alone() -> None:
    assert transductions("reversal", 5) == transductions("reversal", 9)[:5]
    assert transductions("reversal", 5, seed=1) != transductions("reversal", 5)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_batch_reads_the_target_one_word_late(task: str) -> None:
    pairs = transductions(task, 7)
    vocabulary = vocabulary_of(task)
    batch = collate_pairs(pairs, vocabulary)
    links = true_links(batch)
    for row, pair in enumerate(pairs):
        read, said = len(pair.source), len(pair.target)
        assert [vocabulary.words[i] for i in batch.source[row, :read]] == list(pair.source)
        assert batch.is_source[row].tolist() == [True] * read + [False] * (batch.source.shape[1] - read)
        assert batch.given[row, 0] == START_ID
        assert batch.given[row, 1 : said + 1].tolist() == batch.target[row, :said].tolist()
        assert [vocabulary.words[i] for i in batch.target[row, :said]] == list(pair.target)
        assert batch.target[row, said] == END_ID
        assert not (batch.target[row, said + 1 :] != PADDING_ID).any()
        assert batch.target_word[row, : said + 1].tolist() == [*range(said), -1]
        assert sorted(map(tuple, links[row].nonzero().tolist())) == sorted(pair.alignment)


def test_wrong_use_is_named() -> None:
    with pytest.raises(ValueError, match="task: got 'copy', expected one of 'dates', 'fertility', 'reversal'"):
        transductions("copy", 3)
    with pytest.raises(ValueError, match="lengths are 3 to 13; expected"):
        transductions("reversal", 3, most_length=13)
    with pytest.raises(ValueError, match="pairs: got 0"):
        transductions("reversal", 0)
    with pytest.raises(ValueError, match="task: got 'copy'"):
        vocabulary_of("copy")
    with pytest.raises(ValueError, match=r"pair 'p': link \(1, 0\) is outside 1 target and 2 source words"):
        Transduction("p", ("a", "b"), ("b",), ((1, 0),))
    with pytest.raises(ValueError, match="pair 'p': a link is there twice"):
        Transduction("p", ("a", "b"), ("b",), ((0, 0), (0, 0)))
    with pytest.raises(ValueError, match="pair 'p': its target has no words"):
        Transduction("p", ("a",), (), ())
    with pytest.raises(ValueError, match="pair 'p': the word 'z' is not in the vocabulary"):
        collate_pairs([Transduction("p", ("a",), ("z",), ())], vocabulary_of("reversal"))
    with pytest.raises(ValueError, match="at least one pair"):
        collate_pairs([], vocabulary_of("reversal"))
