"""The spool files of dead processes: others write their rows, and save damaged lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.queries import recent_runs, run_by_task
from canvas_sync_core.store.spool import delivery
from canvas_sync_core.store.spool.delivery import Drained, dead_letter, drain_orphans, waiting_bytes
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from support.forked_programs import ForkedProgram
from support.open_files import open_files
from support.runs import snapshot

_OWNER = """
import sys
from pathlib import Path
from canvas_sync_core.store.spool.lines import encode
from canvas_sync_core.store.spool.own_file import Spool
from support.forked_programs import ForkedProgram
from support.runs import running, snapshot
spool = Spool(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    spool.append(encode(running(f"{sys.argv[3]}-{number}", start_time=1.7e9 + number)))
    spool.append(encode(snapshot(f"{sys.argv[3]}-{number}", start_time=1.7e9 + number)))
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def _owner(folder: Path, runs: int, name: str = "a") -> Iterator[ForkedProgram]:
    """Run a process that has put rows into its spool and lives on until it is killed."""
    with ForkedProgram(_OWNER, folder, runs, name) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def _write_orphan(folder: Path, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "1-dead.jsonl"
    path.write_bytes(content)
    return path


def test_rows_of_a_killed_process_are_written_by_another(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "spool"
    with _owner(folder, 500) as owner:
        assert drain_orphans(folder, engine) == Drained(), "its owner lives"
        owner.kill()
        owner.wait()
        assert drain_orphans(folder, engine) == Drained(files=1, rows=1000)
    assert list(folder.iterdir()) == []
    runs = recent_runs(engine, 1000).items
    assert [run.sync_task_id for run in runs] == [f"a-{n}" for n in reversed(range(500))]
    assert {run.sync_status for run in runs} == {RunStatus.SUCCESS}


def test_two_drainers_at_once_write_each_row_once(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "spool"
    for name in ("a", "b", "c"):
        with _owner(folder, 100, name):
            pass
    drain = (
        "import sys; from pathlib import Path\n"
        "from canvas_sync_core.store.database import open_engine\n"
        "from canvas_sync_core.store.spool.delivery import drain_orphans\n"
        "drain_orphans(Path(sys.argv[1]), open_engine(sys.argv[2]))\n"
    )
    url = engine.url.render_as_string(hide_password=False)
    drainers = [ForkedProgram(drain, folder, url) for _ in range(3)]
    assert [drainer.wait() for drainer in drainers] == [0, 0, 0]
    assert len(recent_runs(engine, 500).items) == 300
    assert list(folder.iterdir()) == []


def test_damaged_lines_are_counted_and_kept_aside(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "spool"
    good = [encode(snapshot(name)) for name in "ab"]
    lines = [b"garbage\n", good[0], good[1][:50] + b"\n", b"\0\0\0\n", b'{"task_id":"x"}\n', b"\n"]
    _write_orphan(folder, b"".join([*lines, good[1], good[0][:-20]]))
    assert drain_orphans(folder, engine) == Drained(files=1, rows=2, damaged=6)
    damaged = (folder / "damaged.txt").read_bytes()
    assert damaged.splitlines() == [
        *(line[:-1] for line in (lines[0], *lines[2:])),
        good[0][:-20],
    ]
    assert {run.sync_task_id for run in recent_runs(engine, 10).items} == {"a", "b"}
    assert waiting_bytes(folder) == 0


def test_rows_of_a_process_of_an_older_version_are_written(tmp_path: Path, engine: Engine) -> None:
    """An update replaces the exporter first; syncs that began before it still run."""
    folder = tmp_path / "spool"
    line = msgspec.json.decode(encode(snapshot("a", api_items=26)))
    for name in ("api_items", "api_bytes", "telemetry_fault", "clock_skew"):
        del line[name]
    _write_orphan(folder, msgspec.json.encode(line) + b"\n")
    assert drain_orphans(folder, engine) == Drained(files=1, rows=1)
    run = run_by_task(engine, "a")
    assert run is not None
    assert (run.api_calls, run.api_items, run.api_bytes) == (10, None, None)


def test_a_row_that_cannot_be_stored_is_counted_and_kept_aside(
    tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "spool"
    impossible = encode(snapshot("bad", user_id=2**63))
    _write_orphan(folder, encode(snapshot("a")) + impossible + encode(snapshot("b")))
    assert drain_orphans(folder, engine) == Drained(files=1, rows=3, rejected=1)
    assert (folder / "damaged.txt").read_bytes() == impossible
    assert len(recent_runs(engine, 10).items) == 2


def test_a_database_that_is_away_leaves_the_files(tmp_path: Path) -> None:
    record = encode(snapshot("a"))
    path = _write_orphan(tmp_path / "spool", record)
    engine = open_engine("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(SQLAlchemyError):
        drain_orphans(path.parent, engine)
    assert path.read_bytes() == record


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path, engine: Engine) -> None:
    assert drain_orphans(tmp_path / "none", engine) == Drained()
    assert waiting_bytes(tmp_path / "none") == 0


def test_files_of_others_are_closed_again_whether_their_owner_lives_or_not(
    tmp_path: Path, engine: Engine
) -> None:
    folder = tmp_path / "spool"
    living, dead = Spool(folder), Spool(folder)
    dead.append(encode(snapshot("left behind")))
    dead.close()
    drain_orphans(tmp_path / "empty", engine)  # opens the database
    before = open_files(folder)
    assert drain_orphans(folder, engine) == Drained(files=1, rows=1)
    assert len(before) == len(open_files(folder)) == 1
    living.close()


def test_what_the_files_of_several_processes_contain_is_added_up(
    tmp_path: Path, engine: Engine
) -> None:
    impossible = encode(snapshot("bad", user_id=2**63))
    folder = tmp_path / "spool"
    folder.mkdir()
    size = 0
    for number in range(2):
        content = encode(snapshot(f"run-{number}")) + b"garbage\n" + impossible
        size += (folder / f"{number}-dead.jsonl").write_bytes(content)
        (folder / f"{number}-dead.new").write_bytes(b"not yet in use")
    assert waiting_bytes(folder) == size
    assert drain_orphans(folder, engine) == Drained(files=2, rows=4, damaged=2, rejected=2)


def test_unusable_lines_are_saved_for_the_owner_alone_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_DAMAGED_LIMIT", 10)
    dead_letter(tmp_path, [])
    assert list(tmp_path.iterdir()) == []
    for line in (b"12345678", b"a line is never cut\n", b"too many"):
        dead_letter(tmp_path, [line])
    file = tmp_path / "damaged.txt"
    assert file.read_bytes() == b"12345678\na line is never cut\n"
    assert file.stat().st_mode & 0o777 == 0o600
    dead_letter(tmp_path / "none", [b"where the disk is full, nothing happens"])
