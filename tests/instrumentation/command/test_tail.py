"""The last lines of a stream, in bounded memory, however it is cut into chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_instrumentation.command.tail import Tail


def tail_of(data: bytes, count: int = 3, chunk: int = 65536) -> list[str]:
    tail = Tail(count)
    for start in range(0, len(data), chunk):
        tail.feed(data[start : start + chunk])
    return tail.redacted()


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\ntwo\nthree\nfour\n", ["two", "three", "four"]),
        (b"one\nno newline", ["one", "no newline"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\n\ntwo\n", ["one", "", "two"]),
        (b"10 %\r50 %\r100 %", ["100 %"]),
        (b"10 %\r50 %\r", ["50 %"]),
        (b"10 %\r100 %\r\ndone\n", ["100 %", "done"]),
        (b"\xff\x00\x07\n", ["\ufffd\\x00\\x07"]),
        (b"\x1b[31mred\x1b[0m\n", ["red"]),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 65536])
def test_the_last_lines_are_kept(data: bytes, lines: list[str], chunk: int) -> None:
    assert tail_of(data, chunk=chunk) == lines


@given(
    data=st.lists(st.sampled_from([b"a", b"bc ", b"\n", b"\r", b"\x00", b"\xc3", b"\xa4"])),
    chunk=st.integers(1, 7),
)
def test_chunks_make_no_difference(data: list[bytes], chunk: int) -> None:
    whole = b"".join(data)
    assert tail_of(whole, chunk=chunk) == tail_of(whole)


def test_a_long_line_is_cut_with_a_mark() -> None:
    (line,) = tail_of(b"word " * 1_000_000)
    assert len(line) == 500
    assert line.endswith("…")


def test_a_line_of_megabytes_takes_little_memory() -> None:
    tail = Tail(200)
    for _ in range(3000):
        tail.feed(b"x" * 65536 + b"\n")
    lines = tail.redacted()
    assert sum(len(line.encode()) for line in lines) <= 32 * 1024
    assert len(tail._line) + sum(map(len, tail._lines)) < 2_000_000


def test_what_is_kept_is_bounded_in_bytes_and_the_newest_stay() -> None:
    lines = tail_of(
        b"".join(b"%03d " % number + b"\xc3\xa4 " * 160 + b"\n" for number in range(200)), 200
    )
    assert sum(len(line.encode()) for line in lines) <= 32 * 1024
    assert lines[-1].startswith("199")
    assert len(lines) > 30


def test_a_secret_is_removed_even_if_it_spans_lines_of_which_only_some_are_kept() -> None:
    key = "".join(f"QmFzZTY0IHRoYXQgaXMgYSBrZXkgb2YgbGluZSA{n:02d}\n" for n in range(40))
    text = f"-----BEGIN RSA PRIVATE KEY-----\n{key}-----END RSA PRIVATE KEY-----\ndone\n"
    assert tail_of(text.encode(), 5)[-2:] == ["[removed]", "done"]
    assert "QmFz" not in "".join(tail_of(text.encode(), 5))


def test_half_a_token_at_the_end_of_a_cut_line_is_not_shown() -> None:
    token = b"7~" + b"a1B2c3D4" * 8
    line = b"token of Canvas " * 255 + token
    assert "a1B2" not in tail_of(line)[0]
