"""Runs every script that ``docs/explanation/costs.md`` names, one after the other.

Prints what each prints, below a line with the time, the processor, its cores, the load, the version
of Python and the commit, and writes the same to a file. The figures of that page are taken from
there. It ends with the total time, and with an error if a script failed; the others still run.

Each script has its default size: on two idle cores, that takes half an hour. The figures for ten
million runs, or for logs of 10 GB, need the options that their rows name, and hours.

Run: ``make figures``, or ``python benchmarks/figures.py --only log_append``
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from child_processes import child_process

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "costs.md"
SCRIPT = re.compile(r"\| `(\w+)\.py`")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", help="one of the scripts, without .py")
    parser.add_argument("--output", type=Path, default=Path("figures.txt"))
    arguments = parser.parse_args()
    failed: list[str] = []
    with arguments.output.open("w") as output:
        for line in _figures(arguments.only or scripts(), failed):
            print(line, end="", flush=True)
            output.write(line)
            output.flush()
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def scripts() -> list[str]:
    """Return the scripts that the page names, in order."""
    return list(dict.fromkeys(SCRIPT.findall(PAGE.read_text())))


def _figures(names: list[str], failed: list[str]) -> Iterator[str]:
    """Run scripts and yield what they print; add the names of those that fail to the list."""
    yield f"{_where()}\n"
    began = time.monotonic()
    for name in names:
        now, load = dt.datetime.now(dt.UTC), os.getloadavg()[0]
        yield f"\n{now:%Y-%m-%d %H:%M} UTC  {name}, load {load:.1f}\n"
        own = time.monotonic()
        yield from _output(name, failed)
        yield f"{name} took {time.monotonic() - own:.0f} s\n"
    yield f"\n{len(names)} scripts took {(time.monotonic() - began) / 60:.1f} minutes"
    yield f"; failed: {', '.join(failed)}\n" if failed else "; none failed\n"


def _output(name: str, failed: list[str]) -> Iterator[str]:
    command = [sys.executable, f"benchmarks/{name}.py"]
    with child_process(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests", "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.STDOUT,  # which says why a script failed
    ) as process:
        assert process.stdout is not None
        yield from process.stdout
        process.wait()
    if process.returncode:
        failed.append(name)
        yield f"{name} FAILED with {process.returncode}\n"


def _where() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True).stdout
    return (
        f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"commit {commit.strip() or 'unknown'}"
    )


if __name__ == "__main__":
    main()
