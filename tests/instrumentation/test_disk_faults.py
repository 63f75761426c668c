"""Folders that are removed and disks that are full: telemetry goes on, each loss is counted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_core.store.database import open_engine, upgrade
from canvas_sync_core.store.queries import recent_runs, run_by_task
from canvas_sync_core.store.runs import RunRow
from canvas_sync_core.store.spool.delivery import drain_orphans
from canvas_sync_exporter.collectors.sync_processes import SyncProcessCollector
from canvas_sync_instrumentation.monitor import configure, get_monitor, shutdown
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker
from support.forked_programs import run_forked
from support.metric_processes import samples
from support.small_disk import SmallDisk
from support.waiting import wait_until

_RUNS = 130
_SYNC = """
import logging, sys
from pathlib import Path
from canvas_sync_instrumentation import CanvasSyncMetricsTracker
from support.small_disk import SmallDisk

logging.basicConfig()
folder, successful_before = Path(sys.argv[1]), int(sys.argv[2])
for number in range(130):
    if number == successful_before:
        SmallDisk(folder).fill()
    with CanvasSyncMetricsTracker(f"run-{number}", 42):
        pass
"""


def _sum_of(pattern: str, text: str) -> int:
    return sum(int(number.replace(",", "")) for number in re.findall(pattern, text))


@pytest.mark.parametrize("successful_before", [0, 3, 61, 129])
def test_each_row_and_line_that_a_full_disk_cost_is_counted(
    small_disk: SmallDisk, tmp_path: Path, successful_before: int
) -> None:
    """What is delivered and what is counted as lost add up to what was done."""
    logs = small_disk.path / "logs"
    done = subprocess.run(
        [sys.executable, "-c", _SYNC, str(small_disk.path), str(successful_before)],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "CANVAS_SYNC_LOG_DIR": str(logs),
            "CANVAS_SYNC_STRICT": "false",
            "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS": "2",  # it will not get better
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )
    small_disk.make_room()
    url = f"sqlite:///{tmp_path / 'runs.sqlite3'}"
    engine = open_engine(url)
    upgrade(engine)
    drain_orphans(logs / "state" / "spool", engine)
    found = {run.sync_task_id: run.sync_status for run in recent_runs(engine, 500).items}
    engine.dispose()
    tables = (found, rows(logs))  # where a run's start was written, its end may wait in the spool
    ended = len({run for table in tables for run in table if table[run] == "success"})
    lost_rows = _sum_of(r"Lost ([\d,]+) rows? of sync runs", done.stderr)
    assert ended + lost_rows == _RUNS
    written = sum(log.read_bytes().count(b"\n") for log in logs.glob("*.log"))
    lost_lines = _sum_of(r"Lost ([\d,]+) lines? of", done.stderr)
    assert written + lost_lines == pytest.approx(4 * _RUNS, abs=4)  # a torn line is ended
    if successful_before:
        assert dropped(logs, "store") == lost_rows
        assert dropped(logs, "log") == lost_lines
    else:
        assert "metric series or files: they could not be written" in done.stderr


def test_a_folder_that_cannot_be_made_for_a_while_loses_nothing(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    configure(log_dir=blocker / "logs", strict=False)
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    blocker.unlink()
    with CanvasSyncMetricsTracker("t2", 42):
        pass
    shutdown(timeout=60)
    assert rows(blocker / "logs") == {"t1": "success", "t2": "success"}
    assert counted_runs(blocker / "logs") == 2
    assert (blocker / "logs" / "operations.log").read_bytes().count(b"\n") == 4


def test_a_row_says_which_telemetry_cannot_be_written_until_it_can(
    tmp_path: Path, empty_database_url: str, engine: Engine
) -> None:
    """As in a folder that the sync may not write, while its database is reachable."""
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    monitor = configure(log_dir=blocker / "logs", database_url=empty_database_url, strict=False)
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    assert fault_in_row(engine, "t1") == (
        f"log: {blocker}/logs/operations.log: Not a directory; "
        f"metrics: {blocker}/logs/state/metrics: Not a directory; "
        f"store: {blocker}/logs/state/spool: Not a directory"
    )
    blocker.unlink()
    assert monitor.flush(60)
    with CanvasSyncMetricsTracker("t2", 42):
        pass
    assert fault_in_row(engine, "t2") is None
    shutdown(timeout=60)


def fault_in_row(engine: Engine, task_id: str) -> str | None:
    get_monitor().flush(1)  # logs cannot be flushed
    wait_until(lambda: is_ended(run_by_task(engine, task_id)), "the end of the run")
    run = run_by_task(engine, task_id)
    assert run is not None
    assert run.sync_status == "success"
    return run.telemetry_fault


def is_ended(run: RunRow | None) -> bool:
    return run is not None and run.sync_end_time is not None


@pytest.mark.parametrize(
    "removed", ["logs", "logs/state", "logs/state/metrics", "logs/state/spool"]
)
@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_worker_counts_on_when_its_folder_is_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, removed: str, how: str
) -> None:
    logs = tmp_path / "logs"
    configure(log_dir=logs, strict=False)
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    assert get_monitor().flush(600)
    if how == "removed":
        shutil.rmtree(tmp_path / removed)
    else:
        (tmp_path / removed).rename(tmp_path / "old")
    with CanvasSyncMetricsTracker("t2", 42):
        pass
    with CanvasSyncMetricsTracker("t3", 42):
        pass
    assert get_monitor().flush(600)
    shutdown(timeout=60)
    assert counted_runs(logs) == 3
    assert {"t2", "t3"} <= rows(logs).keys()
    assert caplog.text.count("metric files in") == (not removed.endswith(("spool", "control")))


_EMPTIED = """
import os, sys
from pathlib import Path
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure

logs, emptied, forks = Path(sys.argv[1]), sys.argv[2], len(sys.argv) > 3
monitor = configure(log_dir=logs)
for number in range(3):
    with CanvasSyncMetricsTracker(f"run-{number}", 42) as run:
        run.record_course(created=True)
    assert monitor.flush(600)
    if number == 0:
        for path in filter(Path.is_file, logs.glob(emptied)):
            os.truncate(path, 0)
        if forks and (child := os.fork()):
            assert os.waitpid(child, 0)[1] == 0
        elif forks:
            os._exit(0)
"""


@pytest.mark.parametrize("forks", [[], ["fork"]], ids=["one process", "fork"])
@pytest.mark.parametrize(
    "emptied", ["state/metrics/*", "state/control/*", "state/spool/*", "*.log"]
)
def test_a_worker_goes_on_when_its_files_are_emptied(
    tmp_path: Path, emptied: str, forks: list[str]
) -> None:
    """What is mapped must not be used then: the system would end the process by SIGBUS."""
    logs = tmp_path / "logs"
    assert run_forked(_EMPTIED, logs, emptied, *forks) == 0
    assert counted_runs(logs) == 3
    assert rows(logs) == dict.fromkeys(("run-0", "run-1", "run-2"), "success")
    lines = (logs / "operations.log").read_bytes().splitlines()
    assert len(lines) == 3 * (2 if emptied == "*.log" else 3)


_CLOSE_ALL = """
import os, sys, threading, time

def close_all():
    # What a thread has just opened would be closed twice, in any program: wait until none works.
    own = threading.get_ident()
    while any(
        frame.f_code.co_name != "_acquire"
        for thread, frame in sys._current_frames().items()
        if thread != own
    ):
        time.sleep(0.01)
    os.closerange(3, 4096)
"""

_CLOSING = f"""{_CLOSE_ALL}
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, shutdown

data = []
for number in range(3):
    with CanvasSyncMetricsTracker(f"run-{{number}}", 42) as run:
        run.record_api_call("GET", "/api/v1/courses", 200, 0.1)
        if number < 2:
            close_all()
            names = [f"{{sys.argv[1]}}/{{number}}-{{n}}" for n in range(40)]
            data = [os.open(name, os.O_WRONLY | os.O_CREAT) for name in names]
            for file in data:
                os.write(file, b"a row")
        run.record_api_call("GET", "/api/v1/courses", 200, 0.1)
shutdown()
for file in data:
    os.write(file, b"s")
"""


def test_a_program_that_closes_all_descriptors_loses_nothing_and_its_files_are_left_alone(
    tmp_path: Path,
) -> None:
    """As daemons do; the files that it opens then get the numbers of the telemetry's."""
    logs, data = tmp_path / "logs", tmp_path / "data"
    data.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _CLOSING, str(data)],
        env={
            **os.environ,
            "CANVAS_SYNC_LOG_DIR": str(logs),
            # It would be in the middle of a write. All rows are in the spool instead.
            "CANVAS_SYNC_DATABASE_URL": "postgresql://sync@127.0.0.1:1/none",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert {file.read_bytes() for file in data.glob("0-*")} == {b"a row"}
    assert {file.read_bytes() for file in data.glob("1-*")} == {b"a rows"}
    assert (logs / "api_calls.log").read_bytes().count(b"\n") == 6
    assert (logs / "operations.log").read_bytes().count(b"\n") == 6
    assert counted_runs(logs) == 3
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    upgrade(engine)
    drain_orphans(logs / "state" / "spool", engine)
    engine.dispose()
    assert rows(logs) == dict.fromkeys(("run-0", "run-1", "run-2"), "success")


_CLOSING_SQLITE = f"""{_CLOSE_ALL}
from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown

monitor = configure()
with CanvasSyncMetricsTracker("run-0", 42):
    pass
assert monitor.flush(60)
close_all()
names = [f"{{sys.argv[1]}}/{{n}}" for n in range(40 if sys.argv[2] == "reused" else 0)]
data = [os.open(name, os.O_RDWR | os.O_CREAT) for name in names]
for file in data:
    os.write(file, b"a row")
with CanvasSyncMetricsTracker("run-1", 42):
    pass
start = time.monotonic()
shutdown(60)
print(time.monotonic() - start < 8)
for file in data:
    os.write(file, b"s")
"""


@pytest.mark.parametrize("numbers", ["reused", "free"])
def test_sqlite_is_left_as_it_is_when_all_descriptors_were_closed(
    numbers: str, tmp_path: Path
) -> None:
    """It would wait for ten seconds, then close files of the app and lose the rows before."""
    logs, data = tmp_path / "logs", tmp_path / "data"
    data.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", _CLOSING_SQLITE, str(data), numbers],
        env={**os.environ, "CANVAS_SYNC_LOG_DIR": str(logs)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert {file.read_bytes() for file in data.iterdir()} <= {b"a rows"}
    statuses = dict.fromkeys(("run-0", "run-1"), "success")
    if numbers == "reused":
        assert rows(logs) == {"run-0": "success"}
    else:
        assert rows(logs) == statuses
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    drain_orphans(logs / "state" / "spool", engine)
    engine.dispose()
    assert rows(logs) == statuses


def test_metrics_of_a_worker_without_work_come_back_too(tmp_path: Path) -> None:
    """Its heartbeat looks after them."""
    logs = tmp_path / "logs"
    configure(log_dir=logs, heartbeat_seconds=0.1)
    with CanvasSyncMetricsTracker("t1", 42):
        pass
    assert get_monitor().flush(600)
    shutil.rmtree(logs)
    wait_until(lambda: (logs / "state" / "metrics").exists() and counted_runs(logs), "the metrics")
    assert counted_runs(logs) == 1


def rows(logs: Path) -> dict[str, str]:
    if not (logs / "state" / "canvas_sync.sqlite3").exists():
        return {}
    engine = open_engine(f"sqlite:///{logs / 'state' / 'canvas_sync.sqlite3'}")
    try:
        return {run.sync_task_id: run.sync_status for run in recent_runs(engine, 500).items}
    except OperationalError:  # a full disk had no room for the table
        return {}
    finally:
        engine.dispose()


def counted_runs(logs: Path) -> float:
    values = samples(SyncProcessCollector(logs / "state" / "metrics"))
    return sum(value for name, value in values.items() if name.startswith(MetricName.RUNS + "{"))


def dropped(logs: Path, sink: str) -> float:
    values = samples(SyncProcessCollector(logs / "state" / "metrics"))
    name = MetricName.TELEMETRY_DROPPED
    return sum(
        value
        for key, value in values.items()
        if key.startswith(name + "{") and f'sink="{sink}"' in key
    )
