"""A snapshot becomes one line, and whole lines are read back, whatever is between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from support.runs import snapshot


@given(
    st.text(st.characters(codec=None)),
    st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.booleans())),
)
def test_what_is_written_is_read_back_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, message: str, metadata: dict[str, object]
) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"))
    written = snapshot("a", error=ErrorInfo("E", message), metadata=metadata)
    record = encode(written)
    assert record.count(b"\n") == 1
    spool.append(record)
    (read,) = spool.read().snapshots
    assert read.metadata == metadata
    assert read.error is not None
    assert read.error.message == message.encode("utf-8", "replace").decode()
    spool.close()


def test_undecodable_names_anywhere_in_a_row_become_question_marks(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(encode(snapshot("a", metadata={"\ud800": ["\udcff", {"b": "\udcff"}, 1]})))
    (read,) = spool.read().snapshots
    assert read.metadata == {"?": ["?", {"b": "?"}, 1]}
    spool.discard(spool.read())
    spool.close()


@given(st.integers(0, 3000), st.binary(max_size=40))
def test_no_damage_hides_the_next_record(
    tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bytes
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    spool.append(encode(snapshot("a"))[:cut].rstrip(b"\n") + garbage + b"\n")
    spool.append(encode(snapshot("b")))
    assert spool.read().snapshots[-1].task_id == "b"
    spool.close()
