import json
from pathlib import Path

import pytest

from attn_interp.data.corpora.pairs.snli import CLASSES, load_snli

SHARED = Path(__file__).parents[5] / "shared" / "data" / "snli"


def pairs(split, count, **changes):
    return [
        {
            "pairID": f"{split}{n}",
            "gold_label": CLASSES[n % 3],
            "sentence1": f"Ann sat {n // 3}.",
            "sentence2": f"She is {n}.",
            "annotator_labels": ["neutral"],
        }
        | changes
        for n in range(count)
    ]


def published(path, **parts):
    for split, lines in parts.items():
        (path / f"snli_1.0_{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def plain(path, split, count):
    names = {"s1": "sentence1", "s2": "sentence2", "labels": "gold_label"}
    for name, key in names.items():
        (path / f"{name}.{split}").write_text("".join(f"{line[key]}\n" for line in pairs(split, count)))
    return path


def test_published_lines_are_pairs_and_those_without_gold_are_counted(tmp_path):
    train = [*pairs("train", 6), *pairs("x", 2, gold_label="-")]
    corpus = load_snli(published(tmp_path, train=train, dev=pairs("dev", 3), test=pairs("test", 3)))
    assert [len(part) for part in corpus.splits.values()] == [6, 3, 3] and corpus.classes == CLASSES
    document = corpus.train[4]
    assert document.id == "train4" and document.words == ("Ann", "sat", "1", ".") and document.label == 1
    assert document.second.text == "She is 4." and document.second.label is None
    assert corpus.source.endswith("; 2 pairs without a gold label left out")


def test_without_a_training_part_dev_is_cut_by_premises(tmp_path):
    corpus = load_snli(plain(plain(tmp_path, "dev", 90), "test", 6), seed=3)
    assert [len(part) for part in corpus.splits.values()] == [81, 9, 6]
    premises = [{document.text for document in part} for part in corpus.splits.values()]
    assert not premises[0] & premises[1] and len(premises[1]) == 3
    assert corpus.test[4].id == "test-5" and corpus.test[4].second.text == "She is 4."
    assert "no training part: of the published dev part a tenth of the premises is dev" in corpus.source
    with_train = load_snli(plain(tmp_path, "train", 6))
    assert [len(part) for part in with_train.splits.values()] == [6, 90, 6] and "no training" not in with_train.source


def test_bad_folders_and_lines_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"parts none; expected dev and test, and train where there is one"):
        load_snli(tmp_path)
    published(tmp_path, train=pairs("train", 6), dev=pairs("dev", 3))
    with pytest.raises(FileNotFoundError, match=r"parts train, dev; expected dev and test"):
        load_snli(tmp_path)
    published(tmp_path, test=[{"pairID": "x"}])
    with pytest.raises(ValueError, match=r"snli_1\.0_test\.jsonl, row 1: 'gold_label' is missing"):
        load_snli(tmp_path)
    published(tmp_path, test=pairs("test", 3, gold_label="perhaps"))
    with pytest.raises(ValueError, match=r"test\.jsonl, row 1: label 'perhaps' is not in the list of classes"):
        load_snli(tmp_path)
    published(tmp_path, test=pairs("test", 3, sentence2=""))
    with pytest.raises(ValueError, match=r"test\.jsonl, row 1: its second text is empty"):
        load_snli(tmp_path)


def test_plain_files_have_as_many_lines(tmp_path):
    plain(plain(tmp_path, "dev", 9), "test", 6)
    (tmp_path / "s2.test").write_text("one\n")
    with pytest.raises(ValueError, match=r"files of test have not as many lines \(s1\.test 6, s2\.test 1, labels"):
        load_snli(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="SNLI is not at hand")
def test_the_plain_lines_at_hand():
    corpus = load_snli(SHARED)
    assert len(corpus.train) + len(corpus.dev) == 9842 and len(corpus.test) == 9824
    assert not {document.text for document in corpus.train} & {document.text for document in corpus.dev}
