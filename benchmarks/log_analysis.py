"""Time and memory of the log analysis, against DuckDB, jq and plain Python, in one run.

Run it with ``python benchmarks/log_analysis.py --megabytes 1000``; it needs ``pip install duckdb``,
and leaves out what is not installed. All read the same generated ``api_calls.log`` of JSON lines
and report calls by method, status and route (count, failures, average, p50, p95, p99, largest), by
day, by route and month, and what throttling cost. jq and plain Python do less: jq has no
percentiles, plain Python only the table by route. The same lines are also analyzed in an archive as
the cleanup writes it, and in one that is a single gzip member, as older versions did; there igzip
and tar unpack it for DuckDB. A figure is that of the whole command, its start included: the
shortest of three rounds, and the most memory that its processes had together (PSS). Goals: as fast
as DuckDB or faster, under 150 MB; an archive in at most 0.53 of the time of igzip and DuckDB.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

from child_processes import kept_bytecode

from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive

ROOT = Path(__file__).parent.parent
ROUNDS = 3
PACKED, PACKED_PEER = "analyze, archive", "igzip, tar and DuckDB"
ROUTES = (
    "/api/v1/courses",
    "/api/v1/courses/:course_id/assignments",
    "/api/v1/courses/:course_id/enrollments",
    "/api/v1/courses/:course_id/students/submissions",
    "/api/v1/users/:id",
)
LINE = (
    '{{"timestamp":"{time}","level":"INFO","log":"api_calls","event":"api_call",'
    '"message":"[{clock}] GET {path} - Status: {status} - {ms:.1f}ms","task_id":"nightly-{run}",'
    '"user_id":{user},"course_id":123,"sync_type":"full",'
    '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7",'
    '"host":"worker-1","pid":12345,"method":"GET","route":"{route}","path":"{path}",'
    '"canvas_host":"canvas.example.edu","duration_seconds":{seconds!r},"status_code":{status},'
    '{throttled}"cost":0.12,"rate_limit_remaining":598.3,'
    '"request_context_id":"8f0e2b1c-1111-2222-3333-444455556666"}}\n'
)

DUCKDB = """
import duckdb, sys
calls = duckdb.connect()
calls.execute('''create table calls as select * from read_json(?, format = 'newline_delimited',
    ignore_errors = true, columns = {timestamp: 'TIMESTAMP', event: 'VARCHAR', method: 'VARCHAR',
    route: 'VARCHAR', status_code: 'INTEGER', error_class: 'VARCHAR', throttled: 'BOOLEAN',
    retries: 'INTEGER', backoff_seconds: 'DOUBLE', duration_seconds: 'DOUBLE'})''', [sys.argv[1]])
figures = '''count(*), count(*) filter (status_code is null or status_code >= 400),
    avg(duration_seconds), quantile_disc(duration_seconds, [0.5, 0.95, 0.99]),
    max(duration_seconds)'''
print(calls.execute(f'select {figures}, min(timestamp), max(timestamp) from calls').fetchall())
for name in ('method', 'route', "coalesce(status_code::varchar, error_class)"):
    query = f'select {name}, {figures} from calls group by 1 order by 2 desc limit 10'
    print(calls.execute(query).fetchall())
for query in (
    '''select timestamp::date, count(*), count(*) filter (status_code >= 400),
        count(*) filter (throttled), sum(duration_seconds) from calls group by 1 order by 1''',
    '''select route, strftime(timestamp, '%Y-%m'), count(*), quantile_disc(duration_seconds, 0.95)
        from calls group by 1, 2''',
    '''select route, count(*) filter (throttled), sum(retries), sum(backoff_seconds) from calls
        where throttled or retries > 0 group by 1''',
):
    print(calls.execute(query).fetchall())
"""

PLAIN = """
import json, sys
routes = {}
with open(sys.argv[1], 'rb') as log:
    for line in log:
        call = json.loads(line)
        routes.setdefault(call['route'], []).append((call['duration_seconds'], call['status_code']))
for route, calls in routes.items():
    calls.sort()
    failed = sum(status >= 400 for _, status in calls)
    average = sum(seconds for seconds, _ in calls) / len(calls)
    print(route, len(calls), failed, average, calls[len(calls) // 2][0], calls[-1][0])
"""

JQ = """reduce inputs as $call ({}; .[$call.route] |= {
    count: (.count + 1), seconds: (.seconds + $call.duration_seconds),
    failed: (.failed + if $call.status_code >= 400 then 1 else 0 end),
    max: ([.max, $call.duration_seconds] | max)})"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a command took: time, time of processors, memory."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def generate(path: Path, size: int, *, calls_a_second: float = 0.1) -> None:
    chance = random.Random(1)
    clock = datetime(2025, 6, 1, tzinfo=UTC)
    written = number = 0
    with path.open("w") as log:
        while written < size:
            clock += timedelta(seconds=chance.expovariate(calls_a_second))
            written += log.write(line(number, clock, chance))
            number += 1


def line(number: int, clock: datetime, chance: random.Random) -> str:
    route = chance.choice(ROUTES)
    seconds = chance.lognormvariate(-2, 0.7)
    status = chance.choices((200, 404, 429, 500), (95, 2, 2, 1))[0]
    return LINE.format(
        time=f"{clock:%Y-%m-%dT%H:%M:%S.%f}Z",
        clock=f"{clock:%Y-%m-%d %H:%M:%S}",
        path=route.replace(":course_id", str(chance.randrange(5000))).replace(":id", "77"),
        route=route,
        seconds=seconds,
        ms=seconds * 1000,
        status=status,
        run=number // 1000,
        user=number % 97,
        throttled='"throttled":true,' if status == 429 else "",
    )


def timed(command: list[str]) -> tuple[float, float]:
    start, used = time.perf_counter(), children_cpu_seconds()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start, children_cpu_seconds() - used


def peak_megabytes(command: list[str]) -> float:
    most = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, sum(map(pss, family(process.pid))))
            time.sleep(0.01)
    return most / 1e6


def children_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in family(int(child)))]


def pss(pid: int) -> int:
    """Memory of a process, what it shares divided among those who share it."""
    try:
        found = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return 1024 * int(found.partition("\nPss:")[2].split()[0])


def best(
    command: list[str], cache: Path | None = None, known: bytes = b"", *, rounds: int = ROUNDS
) -> Figure:
    """Measure a command.

    Args:
        command: The program and its arguments.
        cache: A file to put back before each round.
        known: What is in it then; empty to remove it.
        rounds: How often it is timed. Its memory is looked at in one more, for looking takes time.
    """

    def prepare() -> list[str]:
        if cache is not None:
            cache.write_bytes(known) if known else cache.unlink(missing_ok=True)
        return command

    times = [timed(prepare()) for _ in range(rounds)]
    memory = peak_megabytes(prepare())
    return Figure(min(seconds for seconds, _ in times), min(cpu for _, cpu in times), memory)


def archive_figures(log: Path, folder: Path) -> dict[str, Figure]:
    """Measure the analysis of the same lines in an archive."""
    folder.mkdir()
    member = Member(log, "api_calls.log.1", log.stat().st_size)
    archive = write_archive(folder / "archive", "api_calls-20251222T020000Z", [member])
    cache = folder / "state" / "analysis.cache"
    analyze = [sys.executable, str(ROOT / "analyze_canvas_logs.py"), "--json", "--log-dir"]
    figures = {PACKED: best([*analyze, str(folder)], cache)}
    if find_spec("duckdb") and shutil.which("igzip"):
        script = 'igzip -d -c "$1" | tar -xO > "$2" && "$3" -c "$4" "$2"'
        arguments = [str(archive), str(folder / "unpacked"), sys.executable, DUCKDB]
        figures[PACKED_PEER] = best(["sh", "-c", script, "sh", *arguments])
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(log, member.name)
    figures["analyze, older archive"] = best([*analyze, str(folder)], cache)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    with kept_bytecode(), tempfile.TemporaryDirectory() as name:
        log = Path(name) / "api_calls.log"
        generate(log, megabytes * 1_000_000)
        log.read_bytes()  # all find it in the page cache
        cache = Path(name) / "state" / "analysis.cache"
        analyze = [
            sys.executable,
            str(ROOT / "analyze_canvas_logs.py"),
            "--json",
            "--log-dir",
            name,
        ]
        figures = {"analyze, first time": best(analyze, cache), "analyze, again": best(analyze)}
        if find_spec("duckdb"):
            figures["DuckDB read_json"] = best([sys.executable, "-c", DUCKDB, str(log)])
        if jq := shutil.which("jq"):
            figures["jq, no percentiles"] = best([jq, "-n", "-c", JQ, str(log)], rounds=1)
        figures["plain Python, one table"] = best([sys.executable, "-c", PLAIN, str(log)], rounds=1)
        figures["Python that does nothing"] = best([sys.executable, "-c", "pass"])
        figures |= archive_figures(log, Path(name) / "archived")
        size = log.stat().st_size / 1e6
    first = figures["analyze, first time"]
    print(f"api_calls.log of {size:.0f} MB          time              of processors    memory")
    for way, figure in figures.items():
        print(
            f"{way:26}{figure.seconds:8.2f} s {figure.seconds / first.seconds:6.2f} x"
            f"{figure.cpu_seconds:8.2f} s {figure.cpu_seconds / first.cpu_seconds:6.2f} x"
            f"{figure.megabytes:8.0f} MB"
        )
    print("goals: DuckDB at least 1 x, analyze under 150 MB")
    if peer := figures.get(PACKED_PEER):
        ours = figures[PACKED]
        print(
            f"an archive, beside {PACKED_PEER}: {ours.seconds / peer.seconds:.2f} x its time, "
            f"{ours.cpu_seconds / peer.cpu_seconds:.2f} x its processor time; goal 0.53 x its time"
        )


if __name__ == "__main__":
    main()
