"""Time of a cleanup, against tar with igzip or pigz.

Run it with ``python benchmarks/log_cleanup.py --megabytes 200``; peers that are not installed are
left out.

The same generated ``api_calls.log.1`` of JSON lines is archived, read back and compared. Our figure
is that of the whole cleanup, which also flushes the archive to disk, once without its sidecar and
once with it; its lines are summed up while the archive is read back. The peers are ``tar | igzip``
or ``tar | pigz`` at level 1, then the same program with ``tar --diff``; they write no sidecar. A
figure is processor time, the shortest of five rounds; the median and the longest follow it. Ratios
are of the shortest.
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
from pathlib import Path
from unittest.mock import Mock, patch

from log_analysis import generate

from canvas_sync_exporter.logs import retention
from canvas_sync_exporter.logs.read_back import read_to_end
from canvas_sync_exporter.logs.retention import RetentionSettings, cleanup_canvas_sync_logs

ROUNDS = 5
PEERS = {"igzip": "igzip -1", "pigz": "pigz -1"}


def cpu_seconds(act: Callable[[], object]) -> float:
    """Return the processor time of an action and of the programs that it starts."""
    before = _used()
    act()
    return _used() - before


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def our_cleanup(log: Path, folder: Path) -> float:
    """Archive a log in a folder; return the time for that."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.link(log, folder / log.name)
    (folder / "api_calls.log").touch()
    settings = RetentionSettings(folder, folder / "archive", folder / "control")
    return cpu_seconds(lambda: cleanup_canvas_sync_logs(settings))


def cleanup_without_sidecar(log: Path, folder: Path) -> float:
    """Do the same without the sidecar."""
    nothing = Mock(return_value=Mock(add=read_to_end, is_empty=True))
    with (
        patch.object(retention, "ArchiveSummary", nothing),
        patch.object(retention, "complete_sidecars", return_value=[]),
    ):
        return our_cleanup(log, folder)


def peer_cleanup(log: Path, packer: str) -> float:
    """Archive a log with tar and a packer, and compare it."""
    commands = (
        f"tar -cf - {log.name} | {packer} > archive.tar.gz",
        f"{packer.split(maxsplit=1)[0]} -d -c archive.tar.gz | tar -df -",
    )

    def act() -> None:
        for command in commands:
            subprocess.run(command, shell=True, check=True, cwd=log.parent)

    return cpu_seconds(act)


def format_times(times: Sequence[float]) -> str:
    """Return the shortest time, and in brackets the median and the longest."""
    return f"{min(times):5.2f} s ({statistics.median(times):.2f}, {max(times):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "api_calls.log.1"
        generate(log, megabytes * 1_000_000)
        folder = Path(name) / "logs"
        without = [cleanup_without_sidecar(log, folder) for _ in range(ROUNDS)]
        whole = [our_cleanup(log, folder) for _ in range(ROUNDS)]
        print(f"{megabytes} MB: cleanup without its sidecar {format_times(without)}")
        print(f"{megabytes} MB: cleanup with its sidecar    {format_times(whole)}")
        for peer, packer in PEERS.items():
            if shutil.which(peer):
                times = [peer_cleanup(log, packer) for _ in range(ROUNDS)]
                theirs = min(times)
                print(
                    f"tar and {peer:6}{format_times(times)}; "
                    f"the cleanup takes {min(without) / theirs:.2f} x, "
                    f"with its sidecar {min(whole) / theirs:.2f} x"
                )


if __name__ == "__main__":
    main()
