"""Every label follows from the words by its rule, and so does it from the words that the rationale marks."""

from collections import Counter

import pytest

from attn_interp.data.corpora.planted import FILLERS, KEYWORDS, evidence_words, load_planted
from attn_interp.data.corpora.planted_rules import MOST_WORDS, RULES
from attn_interp.data.load import load

RULED = sorted(MOST_WORDS)
SIZES = {"documents": 120, "least_length": 9, "most_length": 14}
NEGATIVE, POSITIVE = KEYWORDS.values()


def documents(corpus):
    return [document for part in corpus.splits.values() for document in part]


def decided(words, rule):
    """The label by the rule, from the words alone."""
    counts = Counter(word for word in words if word in (NEGATIVE, POSITIVE))
    found = [word for word in words if word in counts]
    if rule == "conjunction":
        return int(len(counts) == 2)
    if rule == "counting":
        return int(counts[POSITIVE] > counts[NEGATIVE])
    if rule == "everywhere":
        (label,) = {FILLERS.index(word) % 2 for word in words}
        return label
    if rule == "negation":
        (label,) = {
            int((word == POSITIVE) != (before == "not")) for before, word in zip(("", *words), words) if word in counts
        }
        return label
    return int(found[-1 if rule == "last" else 0] == POSITIVE)


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("rule", RULED)
def test_the_label_follows_from_the_words_and_from_the_rationale(rule, copies):
    if rule == "everywhere" and copies > 1:
        return
    corpus = load_planted(**SIZES, rule=rule, copies=copies)
    assert Counter(document.label for document in documents(corpus)) == {0: 60, 1: 60}
    for document in documents(corpus):
        assert decided(document.words, rule) == document.label
        marked = [word for word, value in zip(document.words, document.rationales[0]) if value]
        assert decided(marked, rule) == document.label
        planted = [word for word in document.words if word in evidence_words(rule)]
        assert len(planted) <= copies * MOST_WORDS[rule]
        if rule != "everywhere":
            assert set(document.words) - set(planted) <= set(FILLERS)
            assert len(planted) >= len(marked) >= copies


@pytest.mark.parametrize("rule", RULED)
def test_shuffled_labels_keep_the_documents_and_lose_the_rule(rule):
    plain = {document.id: document for document in documents(load_planted(**SIZES, rule=rule))}
    null = documents(load_planted(**SIZES, rule=rule, shuffled_labels=True))
    assert all((d.words, d.rationales) == (plain[d.id].words, plain[d.id].rationales) for d in null)
    agreeing = sum(document.label == plain[document.id].label for document in null)
    assert 38 < agreeing < 82  # four standard errors around half: 4 * sqrt(120) / 2


@pytest.mark.parametrize("rule", sorted(RULES))
def test_evidence_stands_anywhere(rule):
    corpus = load_planted(400, 9, 9, rule=rule)
    places = {i for d in documents(corpus) for i, word in enumerate(d.words) if word in evidence_words(rule)}
    assert places == set(range(9))


def test_no_word_of_a_conjunction_says_anything_alone():
    for word in (NEGATIVE, POSITIVE):
        counts = Counter()
        for document in documents(load_planted(2000, rule="conjunction")):
            counts[document.label] += document.words.count(word)
        assert abs(counts[0] - counts[1]) < 4 * 32  # class 0 has it 2 * Binomial(1000, 1/2) times, class 1 1000 times


def test_not_and_the_keyword_say_nothing_alone():
    corpus = load_planted(1000, rule="negation")
    for word in (POSITIVE, "not"):
        labels = [document.label for document in documents(corpus) if word in document.words]
        assert abs(sum(labels) / len(labels) - 0.5) < 4 * 0.5 / len(labels) ** 0.5


def test_rules_of_several_classes():
    three = {"a": "apple", "b": "plum", "c": "pear"}
    for rule in ("counting", "everywhere", "first", "last"):
        corpus = load_planted(**SIZES, keywords=three, rule=rule)
        assert Counter(document.label for document in documents(corpus)) == {0: 40, 1: 40, 2: 40}
        if rule == "first":
            rivals = Counter(tuple(w for w in d.words if w in three.values()) for d in documents(corpus))
            assert len(rivals) == 6


def test_a_rule_is_an_option_of_the_name():
    corpus = load("planted", **SIZES, rule="counting", copies=2)
    assert corpus.name == "planted, counting"
    assert load("planted", **SIZES, rule="first", shuffled_labels=True).name == "planted, first, labels shuffled"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "count"}, "rule 'count' is unknown; rules are conjunction, counting, everywhere, first, keyword,"),
        ({"rule": "counting", "copies": 2}, "lengths are 5 to 25; expected 6 <= least_length <= most_length"),
        ({"copies": 0}, "copies is 0; expected at least 1"),
        ({"rule": "everywhere", "copies": 2}, "copies is 2"),
        ({"rule": "everywhere", "fillers": ["x"]}, "1 different fillers of 1 are dealt out to 2 classes"),
        ({"rule": "everywhere", "fillers": ["x", "y", "x"]}, "2 different fillers of 3 are dealt out"),
        ({"rule": "negation", "fillers": ["not"]}, "'not' is a keyword and a filler"),
        ({"rule": "conjunction", "keywords": {"a": "x", "b": "y", "c": "z"}}, "'conjunction' is for two classes"),
    ],
)
def test_arguments_that_no_rule_can_follow_are_refused(options, message):
    with pytest.raises(ValueError) as caught:
        load_planted(**options)
    assert message in str(caught.value)
