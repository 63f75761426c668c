"""Each report on the runs of a table, with 0.1 and 1 million runs, or more, in it.

Every report is made as often as fits into ``--seconds``, at least five times, on SQLite and on a
PostgreSQL server that is started for it. The first one, which also loads the modules and warms the
caches of the database, is listed apart. The time includes all queries and the content, but not
sending it. The table has a month of incidents, and its rollups are up to date, as on a server that
has been up for a while. CPU is that of this process, which is SQLite's too but not PostgreSQL's.

Goal: each report takes less than a second with ten million runs, also the first one.

Run: ``PYTHONPATH=tests python benchmarks/reports.py [--sizes 100000 1000000 10000000]
[--databases sqlite postgresql]``. Ten million runs take 7 GB a database.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta

from runs_table import prepare
from spread import p99
from sqlalchemy import Engine
from temporary_databases import add_databases, temporary_database, temporary_server

from canvas_sync_core.names import REPORT_KINDS, MessageKind
from canvas_sync_core.store.database import open_engine
from canvas_sync_core.store.incidents.writing import write_incidents
from canvas_sync_exporter.messages.reports.periods import newest_report
from canvas_sync_exporter.messages.reports.report import make_report
from canvas_sync_exporter.settings import Configuration, configuration
from support.incidents import incident

GOAL_SECONDS = 1.0
FEWEST = 5
INCIDENTS = 300


def main() -> None:
    arguments = _arguments()
    with (
        temporary_server(arguments.databases) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        environ = {"CANVAS_SYNC_TIMEZONE": "Europe/Berlin", "CANVAS_SYNC_LOG_DIR": folder}
        config = configuration(environ)
        for rows in sorted(arguments.sizes):
            for kind in arguments.databases:
                with temporary_database(kind, server) as (_, database):
                    engine = open_engine(database.patient)
                    prepare(engine, rows, arguments.seed)
                    _write_incidents(engine)
                    engine.dispose()
                    engine = open_engine(database.url)
                    _measure(engine, config, arguments.seconds)
                    engine.dispose()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add_databases(parser)
    parser.add_argument("--seconds", type=float, default=5, help="how long each report is made")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _write_incidents(engine: Engine) -> None:
    now = datetime.now(UTC)
    starts = (now - timedelta(days=30) * number / INCIDENTS for number in range(INCIDENTS))
    write_incidents(
        engine,
        [
            incident(
                subject=f"sync-{number}",
                since=start,
                opened_at=start,
                updated_at=start,
                resolved_at=start + timedelta(hours=3) if number else None,
            )
            for number, start in enumerate(starts)
        ],
    )


def _measure(engine: Engine, config: Configuration, seconds: float) -> None:
    print(
        f"{'':14}{'made':>6}{'first':>10}{'p50':>10}{'p99':>10}{'slowest':>10}{'CPU p50':>10}  goal"
    )
    for kind in REPORT_KINDS:
        (first, _), *rest = _times(engine, config, kind, seconds)
        taken, of_cpu = zip(*rest, strict=True)
        slowest = max(taken)
        verdict = "met" if max(first, slowest) < GOAL_SECONDS else "missed"
        columns = (first, statistics.median(taken), p99(taken), slowest, statistics.median(of_cpu))
        times = "".join(f"{each * 1e3:>7.0f} ms" for each in columns)
        print(f"{kind:14}{len(taken) + 1:>6}{times}  {verdict}", flush=True)


def _times(
    engine: Engine, config: Configuration, kind: MessageKind, seconds: float
) -> list[tuple[float, float]]:
    """Return the seconds of each time, and those of CPU in this process."""
    now = datetime.now(UTC)
    request = newest_report(kind, config.reports, now)
    until = time.monotonic() + seconds
    taken: list[tuple[float, float]] = []
    while len(taken) < FEWEST or time.monotonic() < until:
        began, cpu_began = time.perf_counter(), time.process_time()
        content = make_report(request, engine, config, now)
        taken.append((time.perf_counter() - began, time.process_time() - cpu_began))
        if not content.sections:
            raise RuntimeError(f"the {kind} report has nothing to report")
    return taken


if __name__ == "__main__":
    main()
