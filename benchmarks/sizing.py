"""How much a sync run takes on disk: in each log, in the table and in the metric files.

Run it with ``python benchmarks/sizing.py``. The demo's reference sync app copies schools of several
sizes from the simulated Canvas, each sync in a process of its own: one full sync into an empty
database, then incremental ones with a day of changes before each. What is counted are the bytes of
the lines that carry the run's task id; of incremental runs it is the average. It takes minutes.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from canvas_sync_core.names import TABLE, Log
from canvas_sync_demo.canvas_server import CanvasServer, SchoolSize
from canvas_sync_exporter.logs.archive import Member, archive_name
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

USER = 41
INCREMENTAL_RUNS = 3
COPIES = 2000
PAGE = 4096


def school(courses: int, students: int, assignments: int) -> SchoolSize:
    """One teacher with so many courses, each with so many students and assignments."""
    return SchoolSize(1, courses, 2 * students, students, assignments)


SCHOOLS = {
    "small": school(2, 24, 12),
    "medium": school(10, 30, 20),
    "large": school(20, 60, 30),
}


class Line(msgspec.Struct):
    """What is looked at of a log line."""

    task_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes of the runs of one school; ``json`` and ``text`` by sync type and log."""

    json: dict[str, dict[Log, float]]
    text: dict[str, float]
    calls: dict[str, tuple[float, float]]
    row: float
    metric_files: int
    folded: int
    archived: float


def sync(server: CanvasServer, folder: Path, sync_type: str, number: int) -> None:
    """Run one sync in a process of its own."""
    environment = {
        **os.environ,
        "CANVAS_TOKEN": server.tokens[USER],
        "CANVAS_SYNC_LOG_DIR": str(folder / "logs"),
    }
    command = [
        *(sys.executable, "-m", "canvas_sync_demo.sync_app", "--user", str(USER)),
        *("--task-id", f"{sync_type}-{number:032d}", "--sync-type", sync_type),
        *("--canvas-url", server.url, "--database", str(folder / "app.sqlite3")),
    ]
    subprocess.run(command, env=environment, check=True)


def lines(log: Path) -> Iterator[tuple[str, int, int]]:
    """Give sync type, bytes as JSON and bytes as text of each line."""
    decode = msgspec.json.Decoder(Line).decode
    for raw in log.read_bytes().splitlines(keepends=True) if log.exists() else ():
        line = decode(raw)
        yield line.task_id.partition("-")[0], len(raw), len(line.message.encode()) + 1


def row_bytes(database: Path, folder: Path) -> float:
    """Bytes of a row with its part of the indexes: by how much many copies make the file grow."""
    copy = folder / "copies.sqlite3"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        names = [found[1] for found in target.execute(f"PRAGMA table_info({TABLE})")]
        columns = ", ".join(name for name in names if name not in {"id", "sync_task_id"})
        before = pages(target)
        target.execute(
            f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
            f" INSERT INTO {TABLE} (sync_task_id, {columns})"
            f" SELECT printf('%s-%d', sync_task_id, n), {columns} FROM {TABLE}, number",
            (COPIES,),
        )
        added: int = target.execute("SELECT changes()").fetchone()[0]
        target.commit()
        return (pages(target) - before) * PAGE / added


def pages(connection: sqlite3.Connection) -> int:
    """Pages of a database, brought to their least."""
    connection.execute("VACUUM")
    count: int = connection.execute("PRAGMA page_count").fetchone()[0]
    return count


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(file.stat().st_size for file in folder.iterdir())


def measure(size: SchoolSize, folder: Path) -> Measured:
    """Run the syncs of one school and measure what they left."""
    metrics, logs = folder / "logs" / "state" / "metrics", folder / "logs"
    with CanvasServer(size=size) as server:
        sync(server, folder, "full", 0)
        metric_files = size_of(metrics)
        for number in range(INCREMENTAL_RUNS):
            server.evolve()
            sync(server, folder, "incremental", number)
    json: dict[str, dict[Log, float]] = defaultdict(lambda: dict.fromkeys(Log, 0.0))
    text: dict[str, float] = defaultdict(float)
    runs = {"full": 1, "incremental": INCREMENTAL_RUNS}
    for log in Log:
        for sync_type, in_json, in_text in lines(logs / f"{log}.log"):
            json[sync_type][log] += in_json / runs[sync_type]
            text[sync_type] += in_text / runs[sync_type]
    database = logs / "state" / "canvas_sync.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        query = f"SELECT sync_type, avg(api_calls), avg(db_operations) FROM {TABLE} GROUP BY 1"
        calls = {name: (api, db) for name, api, db in connection.execute(query)}
    SharedMetricDirectory(metrics).fold()
    return Measured(
        json, text, calls, row_bytes(database, folder), metric_files, size_of(metrics), packed(logs)
    )


def packed(logs: Path) -> float:
    """Bytes of the api_calls log in an archive for each byte outside of it."""
    log = logs / "api_calls.log"
    size = log.stat().st_size
    name = archive_name(Log.API_CALLS, datetime.now(UTC))
    archive = write_archive(logs / "archive", name, [Member(log, log.name, size)])
    return archive.stat().st_size / size


def show(name: str, size: SchoolSize, measured: Measured) -> None:
    """Print what was measured of one school."""
    print(
        f"{name}: {size.courses_per_teacher} courses, each {size.students_per_course} students, "
        f"{size.assignments_per_course} assignments"
    )
    headings = ("run", "API calls", "DB ops", *Log, "all logs", "as text")
    print("  " + "".join(heading.rjust(12) for heading in headings))
    for sync_type, by_log in measured.json.items():
        api, database = measured.calls[sync_type]
        sizes = (api, database, *by_log.values(), sum(by_log.values()), measured.text[sync_type])
        print("  " + sync_type.rjust(12) + "".join(f"{value:12,.0f}" for value in sizes))
    print(
        f"  row of the table with indexes {measured.row:,.0f};\n"
        f"  metric files of one process {measured.metric_files:,}, "
        f"of all {1 + INCREMENTAL_RUNS} when folded {measured.folded:,}; "
        f"api_calls.log archived {measured.archived:.0%}"
    )


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    print("Bytes of one run, JSON Lines unless said otherwise.")
    for name, size in SCHOOLS.items():
        with tempfile.TemporaryDirectory() as folder:
            show(name, size, measure(size, Path(folder)))


if __name__ == "__main__":
    main()
