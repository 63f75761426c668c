"""A text is found wherever its rarest byte is."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.search.rare_text import RareText

BYTES = st.text('"aé.\n', max_size=8).map(str.encode) | st.binary(max_size=8)


@given(text=BYTES, blocks=st.lists(st.builds(bytes.join, BYTES, st.lists(BYTES)), min_size=1))
@example(text=b"", blocks=[b"", b"a"])
@example(text=b'"a.b"', blocks=[b'"axb"', b'"a.b"', b'xa.b"'])
@example(text=b"a4a4a", blocks=[b"4a4a4", b"4a4a4a"])
@example(text=b'":98765', blocks=[b"98765" * 100, b"98765" * 100 + b'":98765'])
@example(text=b"\xff\x00\xff\x00\xff", blocks=[b"", b"\xff\x00\xff\x00\xff"])
def test_a_text_is_found_in_any_block_that_contains_it(text: bytes, blocks: list[bytes]) -> None:
    wanted = RareText(text)
    expected = [text in lines for lines in blocks]
    assert [wanted.is_in(lines) for lines in blocks] == expected
    assert [wanted.is_in_line(lines) for lines in blocks] == expected
