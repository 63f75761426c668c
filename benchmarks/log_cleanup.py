"""Time of a cleanup, against tar with igzip or pigz.

Run it with ``python benchmarks/log_cleanup.py --megabytes 200``; peers that are not installed are
left out.

The same generated ``api_calls.log.1`` of JSON lines is archived, read back and compared; a GB has
the calls of a day, because a cleanup is nightly. Our figure is that of the whole cleanup, which
also flushes the archive to disk, once without its sidecar and once with it; its lines are summed up
while the archive is read back. The peers are ``tar | igzip`` or ``tar | pigz`` at level 1, then the
same program with ``tar --diff``; they write no sidecar. Figures are processor time and time, the
shortest of five rounds, which take turns; the median and the longest follow. Ratios are of the
shortest, first of processor time. The peers' two programs run on two cores, we on one, so the ratio
of times depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from unittest.mock import Mock, patch

from log_analysis import generate

from canvas_sync_exporter.logs import cleanup
from canvas_sync_exporter.logs.cleanup import RetentionSettings, cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.read_back import read_to_end

ROUNDS = 5
CALLS_A_SECOND = 18
PEERS = {"igzip": "igzip -1", "pigz": "pigz -1"}


class Times(NamedTuple):
    """What an action took."""

    cpu_seconds: float
    seconds: float


def timed(act: Callable[[], object]) -> Times:
    """Time an action and the programs that it starts."""
    used, began = _used(), time.perf_counter()
    act()
    return Times(_used() - used, time.perf_counter() - began)


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def our_cleanup(log: Path, folder: Path) -> Times:
    """Archive a log in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.link(log, folder / log.name)
    (folder / "api_calls.log").touch()
    settings = RetentionSettings(folder, folder / "archive", folder / "control")
    return timed(lambda: cleanup_canvas_sync_logs(settings))


def cleanup_without_sidecar(log: Path, folder: Path) -> Times:
    """Do the same without the sidecar."""
    nothing = Mock(return_value=Mock(add=read_to_end, is_empty=True))
    with (
        patch.object(cleanup, "ArchiveSummary", nothing),
        patch.object(cleanup, "complete_sidecars", return_value=[]),
    ):
        return our_cleanup(log, folder)


def peer_cleanup(log: Path, packer: str) -> Times:
    """Archive a log with tar and a packer, and compare it."""
    commands = (
        f"tar -cf - {log.name} | {packer} > archive.tar.gz",
        f"{packer.split(maxsplit=1)[0]} -d -c archive.tar.gz | tar -df -",
    )

    def act() -> None:
        for command in commands:
            subprocess.run(command, shell=True, check=True, cwd=log.parent)

    return timed(act)


def format_times(rounds: Sequence[Times]) -> str:
    """Return the shortest of each kind of time, and in brackets the median and the longest."""
    cpu, whole = (
        f"{min(times):5.2f} s ({statistics.median(times):.2f}, {max(times):.2f})"
        for times in zip(*rounds, strict=True)
    )
    return f"{cpu} of processors, {whole}"


def format_ratios(ours: Sequence[Times], theirs: Sequence[Times]) -> str:
    """Return the ratio of the processor times and that of the times."""
    cpu, whole = (
        min(mine) / min(other)
        for mine, other in zip(zip(*ours, strict=True), zip(*theirs, strict=True), strict=True)
    )
    return f"{cpu:.2f} x and {whole:.2f} x"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "api_calls.log.1"
        generate(log, megabytes * 1_000_000, calls_a_second=CALLS_A_SECOND)
        folder = Path(name) / "logs"
        ways: dict[str, Callable[[], Times]] = {
            "cleanup": partial(cleanup_without_sidecar, log, folder),
            "with sidecar": partial(our_cleanup, log, folder),
        }
        for peer, packer in PEERS.items():
            if shutil.which(peer):
                ways[f"tar and {peer}"] = partial(peer_cleanup, log, packer)
        # In turns, so that a busy minute of the machine is in all figures.
        rounds = [[act() for act in ways.values()] for _ in range(ROUNDS)]
    cleanup, whole, *peers = zip(*rounds, strict=True)
    for way, times in zip(ways, (cleanup, whole, *peers), strict=True):
        print(f"{megabytes} MB, {way:14}{format_times(times)}")
    for way, times in zip(list(ways)[2:], peers, strict=True):
        print(
            f"beside {way}, the cleanup takes {format_ratios(cleanup, times)}, "
            f"with its sidecar {format_ratios(whole, times)}"
        )


if __name__ == "__main__":
    main()
