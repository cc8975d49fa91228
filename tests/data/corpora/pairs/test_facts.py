"""The truth of the made-up stories, held against a replay of the text by other rules: trails of rooms of each thing."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from attn_interp.data.corpora.pairs.facts import load_facts
from attn_interp.data.corpora.pairs.facts_world import PERSONS, ROOMS, THINGS
from attn_interp.data.load import load

TASKS = (1, 2, 3)


@pytest.fixture(scope="module", params=TASKS)
def stories(request):
    corpus = load_facts(300, request.param, most_sentences=20, seed=4)
    return request.param, corpus, [document for part in corpus.splits.values() for document in part]


def replayed(sentences: list[str], question: str) -> str | None:
    """The answer, from the sentences in their order; None: it does not follow."""
    where: dict[str, str] = {}
    holder: dict[str, str] = {}
    trail: dict[str, list[str]] = {thing: [] for thing in THINGS}

    def seen(thing: str, room: str | None) -> None:
        if room is not None and trail[thing][-1:] != [room]:
            trail[thing].append(room)

    for sentence in sentences:
        person, last = sentence.split()[0], sentence.split()[-1]
        if last in ROOMS:
            where[person] = last
            for thing, who in holder.items():
                if who == person:
                    seen(thing, last)
        else:
            seen(last, where.get(person))
            holder[last] = "" if re.search("dropped|put down", sentence) else person
    asked = [word for word in re.findall(r"\w+", question) if word in (*PERSONS, *THINGS, *ROOMS)]
    if asked[0] in PERSONS:
        return where.get(asked[0])
    rooms = trail[asked[0]]
    if len(asked) == 1:
        return rooms[-1] if rooms else None
    places = [place for place, room in enumerate(rooms) if room == asked[1]]
    return rooms[places[-1] - 1] if places and places[-1] else None


def facts_of(document) -> list[str]:
    """The sentences that are marked, each of them whole."""
    (marks,) = document.rationales
    found, place = [], 0
    for sentence in document.text.split(" . "):
        own = marks[place : place + len(sentence.split())]
        assert set(own) in ({0.0}, {1.0})
        found += [sentence] if own[0] else []
        place += len(own)
        assert marks[place : place + 1] in ((0.0,), ())  # the full stop, or the end
        place += 1
    return found


def test_the_answer_is_that_of_a_replay(stories) -> None:
    _, _, documents = stories
    for document in documents:
        assert replayed(document.text.split(" . "), document.second.text) == ROOMS[document.label]


def test_the_facts_alone_give_the_answer_and_none_can_be_spared(stories) -> None:
    task, _, documents = stories
    for document in documents:
        facts = facts_of(document)
        assert len(facts) == task and replayed(facts, document.second.text) == ROOMS[document.label]
        for place in range(task):
            assert replayed(facts[:place] + facts[place + 1 :], document.second.text) != ROOMS[document.label]


def test_what_a_world_tells_can_be(stories) -> None:
    """Nobody moves to where they are, takes what another has, or puts down what they have not."""
    _, _, documents = stories
    for document in documents:
        where: dict[str, str] = {}
        lies: dict[str, str | None] = dict.fromkeys(THINGS, "")  # "": not seen yet; None: somebody has it
        holder: dict[str, str] = {}
        for sentence in document.text.split(" . "):
            person, last = sentence.split()[0], sentence.split()[-1]
            if last in ROOMS:
                assert where.get(person) != last
                where[person] = last
            elif "took" in sentence or "picked" in sentence:
                assert lies[last] in ("", where[person])
                lies[last], holder[last] = None, person
            else:
                assert holder.pop(last) == person
                lies[last] = where[person]


def test_every_room_answers_and_every_length_occurs(stories) -> None:
    task, corpus, documents = stories
    assert corpus.classes == ROOMS and corpus.name == f"facts-{task}" and len(documents) == 300
    assert min(Counter(document.label for document in documents).values()) > 25  # of 50
    assert {len(document.text.split(" . ")) for document in documents} == set(range(3, 21))
    kinds = {re.sub(r"\d+|Ada|Ben|Cleo|Dov|" + "|".join((*THINGS, *ROOMS)), "_", d.second.text) for d in documents}
    assert kinds == {("Where is _?", "Where is the _?", "Where was the _ before the _?")[task - 1]}


def test_both_ways_to_know_where_a_thing_is_occur() -> None:
    ways = Counter(
        "put down" in str(facts) or "dropped" in str(facts) for facts in map(facts_of, load_facts(task=2).train)
    )
    assert min(ways.values()) > 100


def test_a_document_is_drawn_from_the_seed_and_its_id_alone() -> None:
    few, more = load("facts", documents=40, task=2), load("facts", documents=60, task=2)
    by_id = {document.id: document for part in more.splits.values() for document in part}
    assert all(by_id[document.id] == document for part in few.splits.values() for document in part)
    assert load("facts", documents=40, seed=1) != load("facts", documents=40) == load("facts", documents=40)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": 4}, "task is 4; expected 1, 2 or 3"),
        ({"task": 3, "least_sentences": 2}, "lengths are 2 to 12 sentences; expected 3 <= least_sentences"),
        ({"most_sentences": 2}, "lengths are 3 to 2 sentences"),
        ({"most_sentences": 201}, "most_sentences <= 200"),
        ({"documents": 0}, "split 'train' is empty"),
    ],
)
def test_what_cannot_be_is_refused(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        load("facts", **options)
