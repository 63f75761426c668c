"""The spool file of a process: rows wait in it, whatever happens to it."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from canvas_sync_core.store.queries import run_by_task
from canvas_sync_core.store.spool import lines, own_file
from canvas_sync_core.store.spool.delivery import Drained, drain_orphans, waiting_bytes
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from support.open_files import descriptor_of, open_files
from support.runs import running, snapshot


def test_rows_wait_until_they_are_discarded(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    rows = [running("a"), snapshot("b")]
    for row in rows:
        spool.append(encode(row))
    assert spool.read().snapshots == spool.read().snapshots == rows
    spool.discard(spool.read())
    assert spool.is_empty
    assert waiting_bytes(tmp_path) == 0
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_rows_added_while_a_batch_is_written_come_with_the_next(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(encode(snapshot("a")))
    batch = spool.read()
    spool.append(encode(snapshot("b")))
    spool.discard(batch)
    assert [row.task_id for row in spool.read().snapshots] == ["b"]
    spool.close()
    assert waiting_bytes(tmp_path) > 0, "a row that waits must outlive its process"


def test_many_rows_are_read_in_batches_of_whole_lines(tmp_path: Path) -> None:
    """Lines cross the borders of the blocks, and one line is longer than a block."""
    spool = Spool(tmp_path)
    texts = {f"t{number}": "x" * 700_000 for number in range(4)} | {"long": "y" * 3_000_000}
    for task_id, text in texts.items():
        spool.append(encode(snapshot(task_id, step=text)))
    read: dict[str, str | None] = {}
    batches = 0
    while not spool.is_empty:
        batch = spool.read()
        assert batch.damaged == []
        read |= {row.task_id: row.step for row in batch.snapshots}
        spool.discard(batch)
        batches += 1
    assert read == texts
    assert batches > 1
    spool.close()


def test_a_record_that_did_not_fit_leaves_no_torn_line(tmp_path: Path) -> None:
    """A file size limit makes the kernel write a part of a record, as a full disk does."""
    spool = Spool(tmp_path)
    record = encode(snapshot("a"))
    spool.append(record)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(record) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="No space left"):
            spool.append(encode(snapshot("b")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    spool.append(encode(snapshot("c")))
    batch = spool.read()
    assert ([row.task_id for row in batch.snapshots], batch.damaged) == (["a", "c"], [])
    spool.close()


def test_a_file_is_locked_before_a_drainer_can_find_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a drainer that is stopped with its lock in hand would stop the sync."""
    locked: list[bool] = []
    rename = Path.rename

    def watch(self: Path, target: Path) -> Path:
        assert not list(tmp_path.glob("*.jsonl"))
        with self.open() as other:
            try:
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                locked.append(True)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watch)
    Spool(tmp_path).close()
    assert locked == [True]


@pytest.mark.parametrize("moved", [False, True])
def test_a_file_that_was_removed_is_recreated_with_all_that_waits(
    tmp_path: Path, engine: Engine, moved: bool
) -> None:
    spool = Spool(tmp_path / "spool")
    for name in ("a", "b"):
        spool.append(encode(snapshot(name)))
    batch = spool.read()
    if moved:
        (tmp_path / "spool").rename(tmp_path / "old")
    else:
        shutil.rmtree(tmp_path / "spool")
    before = spool.is_in_place
    spool.recreate()
    assert (before, spool.is_in_place) == (False, True)
    spool.append(encode(snapshot("c")))
    assert [len(each.snapshots) for each in spool.read_all()] == [3]
    spool.discard(batch)
    assert [row.task_id for row in spool.read().snapshots] == ["c"]
    assert drain_orphans(tmp_path / "spool", engine).files == 0, "it is locked"
    spool.close()
    assert drain_orphans(tmp_path / "spool", engine).files == 1
    assert run_by_task(engine, "c") is not None


def test_the_folder_and_the_file_are_private(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    (file,) = (tmp_path / "spool").iterdir()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    spool.close()


def test_a_forked_child_leaves_the_lock_to_its_parent(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool.append(encode(snapshot("a")))
    child = os.fork()
    if child == 0:
        spool.abandon()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert drain_orphans(folder, engine) == Drained()
    spool.close()
    assert drain_orphans(folder, engine).rows == 1
    assert run_by_task(engine, "a") is not None


@pytest.mark.parametrize("left", [0, 1, 2])
def test_lines_that_somebody_took_out_of_the_file_are_reported_and_forgotten(
    tmp_path: Path, left: int
) -> None:
    spool = Spool(tmp_path)
    lines = [encode(snapshot(f"run-{number}")) for number in range(3)]
    for line in lines:
        spool.append(line)
    (file,) = tmp_path.glob("*.jsonl")
    os.truncate(file, sum(map(len, lines[:left])) + 10)  # with a piece of the next one
    assert spool.forget_removed() == 3 - left
    assert spool.forget_removed() == 0
    spool.append(lines[2])
    batch = spool.read()
    expected = [*(f"run-{number}" for number in range(left)), "run-2"]
    assert [run.task_id for run in batch.snapshots] == expected
    spool.discard(batch)
    assert spool.is_empty


def test_a_record_fits_up_to_a_share_of_the_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=100)
    spool.append(b"x" * 59 + b"\n")
    assert [spool.has_room(b"x" * size) for size in (40, 41)] == [True, False]
    assert [spool.has_room(b"x" * size, 0.75) for size in (15, 16)] == [True, False]
    spool.discard(spool.read())
    assert spool.has_room(b"x" * 100)
    spool.close()


def test_a_file_whose_descriptor_the_app_closed_is_locked_and_used_again(
    tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool.append(encode(snapshot("a")))
    (file,) = folder.iterdir()
    os.close(descriptor_of(file))
    spool.append(encode(snapshot("b")))
    assert list(folder.iterdir()) == [file]
    assert drain_orphans(folder, engine) == Drained(), "it is locked again"
    assert [row.task_id for row in spool.read().snapshots] == ["a", "b"]
    spool.discard(spool.read())
    spool.close()


def test_a_file_that_was_delivered_while_its_descriptor_was_closed_is_started_again(
    tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder)
    spool.append(encode(snapshot("a")))
    (file,) = folder.iterdir()
    os.close(descriptor_of(file))
    assert drain_orphans(folder, engine).rows == 1
    spool.reopen_if_closed()
    assert (spool.is_empty, spool.is_in_place) == (True, True)
    spool.append(encode(snapshot("b")))
    (recreated,) = folder.iterdir()
    recreated.write_bytes(b"")
    assert spool.forget_removed() == 1, "of the new file's lines alone"
    spool.close()


def test_lines_taken_out_behind_those_that_were_delivered_are_forgotten(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    lines = [encode(snapshot(name)) for name in "abc"]
    spool.append(lines[0])
    delivered = spool.read()
    for line in lines[1:]:
        spool.append(line)
    spool.discard(delivered)
    (file,) = tmp_path.iterdir()
    os.truncate(file, len(lines[0]) + len(lines[1]))
    assert spool.forget_removed() == 1
    assert [row.task_id for row in spool.read().snapshots] == ["b"]
    os.truncate(file, 10)
    assert spool.forget_removed() == 1
    assert spool.is_empty
    assert file.stat().st_size == 10
    spool.append(lines[2])
    assert [row.task_id for row in spool.read().snapshots] == ["c"]
    spool.discard(spool.read())
    spool.close()


def test_damaged_lines_that_were_delivered_do_not_count_as_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"garbage\n")
    spool.append(encode(snapshot("a")))
    delivered = spool.read()
    spool.append(encode(snapshot("b")))
    spool.discard(delivered)
    (file,) = tmp_path.iterdir()
    os.truncate(file, 0)
    assert spool.forget_removed() == 1
    spool.close()


@pytest.mark.parametrize("block", [10, 1024 * 1024])
def test_what_another_program_appends_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(lines, "READ_BYTES", block)
    spool = Spool(tmp_path)
    spool.append(encode(snapshot("a")))
    delivered = spool.read()
    spool.append(encode(snapshot("b")))
    spool.discard(delivered)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as appended:
        appended.write(b"half a line")
    batch = spool.read()
    assert ([row.task_id for row in batch.snapshots], batch.damaged) == (["b"], [])
    spool.discard(batch)
    spool.close()


@pytest.mark.parametrize("left", [0, 100])
def test_reading_everything_ends_where_another_program_cut_the_file(
    tmp_path: Path, left: int
) -> None:
    spool = Spool(tmp_path)
    for name in "ab":
        spool.append(encode(snapshot(name)))
    (file,) = tmp_path.iterdir()
    os.truncate(file, left)
    assert [row for batch in spool.read_all() for row in batch.snapshots] == []
    assert spool.forget_removed() == 2
    spool.close()


def test_a_file_in_its_place_is_not_recreated(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    before = list(tmp_path.iterdir())
    spool.recreate()
    assert list(tmp_path.iterdir()) == before
    spool.close()


def test_a_file_that_cannot_be_recreated_leaves_nothing_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append(encode(snapshot("a")))
    (file,) = tmp_path.iterdir()
    file.unlink()
    before = len(open_files(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda _descriptor, block: len(block) - 1)
        with pytest.raises(OSError, match="No space left"):
            spool.recreate()
    assert (list(tmp_path.iterdir()), len(open_files(tmp_path))) == ([], before)
    assert [row.task_id for row in spool.read().snapshots] == ["a"]
    spool.recreate()
    assert len(open_files(tmp_path)) == before
    spool.discard(spool.read())
    spool.close()
    assert (list(tmp_path.iterdir()), open_files(tmp_path)) == ([], [])


def test_long_contents_are_recreated_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_file, "READ_BYTES", 100)
    spool = Spool(tmp_path)
    for name in "ab":
        spool.append(encode(snapshot(name)))
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    file.unlink()
    spool.recreate()
    (recreated,) = tmp_path.iterdir()
    assert recreated.read_bytes() == content
    spool.abandon()


def test_a_file_that_cannot_get_its_name_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> Path:
        raise PermissionError("refused")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(PermissionError):
            Spool(tmp_path)
    assert (list(tmp_path.iterdir()), open_files(tmp_path)) == ([], [])
