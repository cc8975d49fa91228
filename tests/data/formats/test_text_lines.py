import gzip

import pytest

from attn_interp.data.formats.text_lines import read_filled_lines, read_lines


def test_rows_are_numbered_and_end_at_line_feeds_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone\r\n\ntwo\u2028\x85 \x0bthree\r\nlast \r".encode())
    assert list(read_lines(path)) == [(1, "one"), (2, ""), (3, "two\u2028\x85 \x0bthree"), (4, "last ")]
    assert [number for number, _ in read_filled_lines(path)] == [1, 3, 4]


def test_packed_files_are_read_alike(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress("one\nzwölf\n".encode()))
    assert list(read_lines(path)) == [(1, "one"), (2, "zwölf")]


def test_bytes_that_are_not_utf8_are_named_by_row(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntw\xf6lf\n")
    with pytest.raises(ValueError, match=r"a\.txt, row 2: byte 2 \(b'\\xf6'\) is not UTF-8; save the file as UTF-8"):
        list(read_lines(path))


@pytest.mark.parametrize("damage", [lambda packed: packed[:-12], lambda packed: b"one\n" + packed])
def test_a_damaged_archive_is_refused(tmp_path, damage):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(damage(gzip.compress(b"one\ntwo\n" * 500)))
    with pytest.raises(ValueError, match=r"a\.txt\.gz, row \d+: archive is truncated or damaged"):
        list(read_lines(path))


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        list(read_lines(tmp_path / "nowhere.txt"))
