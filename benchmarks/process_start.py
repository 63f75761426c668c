"""Processor time of short processes: a cron job's wrapper, a first run, many processes at once.

Each is compared with bare Python in the same run. The table and the bytecode of all modules exist.

- ``canvas-sync-monitor run -- true``, with the process of ``true``, beside ``python -c pass``.
- One run in a process that has imported the tracker, over a process that only imports it.
- Many processes at once, forked by one that has imported the tracker, each with a run of 50 API
  calls; the bare ones write 50 lines of JSON.

    python benchmarks/process_start.py
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from child_processes import kept_bytecode
from spread import p99

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, shutdown

IMPORT = "import os\nfrom canvas_sync_instrumentation import CanvasSyncMetricsTracker\n"
RUN = """with CanvasSyncMetricsTracker(f"start-{os.getpid()}", 42) as run:
    run.record_api_call("GET", "https://canvas.test/api/v1/courses", 200, 0.1452)
"""
IMPORTS = "importing the tracker"
FIRST = "importing the tracker, and a first run"
URL = "https://canvas.test/api/v1/courses/{}/assignments"
HEADERS = {"x-rate-limit-remaining": "687.3", "x-request-cost": "0.0432"}


def processor_time(pids: Iterable[int]) -> float:
    """Wait for processes; return the sum of their processor time in seconds, in user and kernel."""
    total = 0.0
    for pid in pids:
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit(f"a process failed: {status}")
        total += usage.ru_utime + usage.ru_stime
    return total


def started(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Run a command; return its processor time."""
    process = subprocess.Popen(command, env=environ)
    seconds = processor_time([process.pid])
    process.returncode = 0
    return seconds


def forked(work: Callable[[], object], count: int) -> float:
    """Fork processes that work at the same time; return the processor time of each."""
    sys.stdout.flush()
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            work()
            shutdown()
            os._exit(0)
        pids.append(pid)
    return processor_time(pids) / count


def bare_calls() -> None:
    """Write 50 lines, as a process without telemetry might."""
    with Path(os.devnull).open("a", buffering=1) as log:
        for number in range(50):
            line = {"time": time.time(), "url": URL.format(number), "status": 200}
            log.write(f"{json.dumps(line)}\n")


def calls_of_a_run() -> None:
    """Record a run of 50 calls."""
    with CanvasSyncMetricsTracker(f"start-{os.getpid()}", 42) as run:
        for number in range(50):
            run.record_api_call("GET", URL.format(number), 200, 0.1452, headers=HEADERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--at-once", type=int, default=200)
    options = parser.parse_args()
    python = [sys.executable, "-c"]
    wrapper = [str(Path(sys.executable).with_name("canvas-sync-monitor")), "run", "--", "true"]
    commands = {
        "bare Python": [*python, "pass"],
        "canvas-sync-monitor run -- true": wrapper,
        IMPORTS: [*python, IMPORT],
        FIRST: [*python, IMPORT + RUN],
    }
    with kept_bytecode(), tempfile.TemporaryDirectory() as folder:
        os.environ["CANVAS_SYNC_LOG_DIR"] = f"{folder}/logs"
        for command in commands.values():  # which writes the bytecode and makes the table
            started(command, os.environ)
        rounds = [
            {name: started(command, os.environ) for name, command in commands.items()}
            for _ in range(options.rounds)
        ]
        seconds = {name: [each[name] for each in rounds] for name in commands}
        seconds["a first run, over the imports"] = [each[FIRST] - each[IMPORTS] for each in rounds]
        crowds = [forked(work, options.at_once) for work in (bare_calls, calls_of_a_run)]
    bare = statistics.median(seconds["bare Python"])
    for name, taken in seconds.items():
        usual = statistics.median(taken)
        print(f"{name:40}{usual * 1e3:8.1f} ms {usual / bare:6.1f} x bare Python", end="")
        print(f", p99{p99(taken) * 1e3:8.1f} ms")
    print(f"{options.at_once} processes at once, each:")
    print(f"{'  50 bare lines':40}{crowds[0] * 1e3:8.1f} ms")
    print(f"{'  a run of 50 calls':40}{crowds[1] * 1e3:8.1f} ms")


if __name__ == "__main__":
    main()
