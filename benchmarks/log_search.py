"""Time of searches in a large plain log, against ripgrep and grep, in one run.

Run it with ``python benchmarks/log_search.py --megabytes 200``; peers that are not installed are
left out. All search the same generated ``api_calls.log`` of JSON lines. The lines of a minute in
its middle are found by time; ripgrep and grep find them by the text that their times begin with.
What the other searches look for is in no line. A figure is the processor time of the whole
command, the shortest of five rounds; that of our command is also given without its start, which is
measured by a search in an empty folder.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from log_analysis import generate

ROUNDS = 5
COMMAND = "from canvas_sync_exporter.cli import script; script()"
SEARCH = [sys.executable, "-c", COMMAND, "search", "--limit", "100000"]


def cpu_seconds(command: Sequence[str]) -> float:
    """Return the processor time of a command, the shortest of several rounds."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # 1: nothing found
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def middle_minute(log: Path) -> datetime:
    """Return the minute in which the line in the middle of a log was written."""
    with log.open("rb") as file:
        file.seek(log.stat().st_size // 2)
        file.readline()
        stamp = file.readline()[14:41].decode()
    return datetime.fromisoformat(stamp).astimezone(UTC).replace(second=0, microsecond=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as empty:
        log = Path(name) / "api_calls.log"
        generate(log, megabytes * 1_000_000)
        minute = middle_minute(log)
        span = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (minute, minute + timedelta(minutes=1))]
        searches = {
            "one minute": (
                ["--since", span[0], "--until", span[1]],
                ["-F", f'{{"timestamp":"{minute:%Y-%m-%dT%H:%M}'],
            ),
            "a pattern that is absent": (
                ["--regex", r"Status: 41[89] - \d+"],
                [r"Status: 41[89] - [0-9]+"],
            ),
            "a status that is absent": (["--status", "418"], ["-F", '"status_code":418']),
            "a level that is absent": (["--level", "ERROR"], ["-F", '"level":"ERROR"']),
            "a user that is absent": (["--user", "98765"], ["-F", '"user_id":98765']),
            "a run that is absent": (["--task", "weekly"], ["-F", '"task_id":"weekly"']),
        }
        start = cpu_seconds([*SEARCH, "--log-dir", empty])
        print(f"api_calls.log of {megabytes} MB; our start: {start:.2f} s")
        for title, (ours, theirs) in searches.items():
            own = cpu_seconds([*SEARCH, "--log-dir", name, *ours])
            print(f"{title:28}search {own:6.2f} s, without its start {own - start:6.2f} s")
            for peer in filter(shutil.which, ("rg", "grep")):
                seconds = cpu_seconds([peer, *theirs, str(log)])
                print(
                    f"{'':28}{peer:6} {seconds:6.2f} s; search takes {own / seconds:6.2f} x,"
                    f" without its start {(own - start) / seconds:6.2f} x"
                )


if __name__ == "__main__":
    main()
