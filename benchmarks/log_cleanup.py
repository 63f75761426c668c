"""Time of a cleanup, against tar with igzip or pigz.

Run it with ``python benchmarks/log_cleanup.py --megabytes 200``; peers that are not installed are
left out.

The same generated ``api_calls.log.1`` of JSON lines is archived, read back and compared. Our figure
is that of the whole cleanup, which also flushes the archive to disk; the sidecar that it writes
afterwards, for which it reads the archive once more, is given apart. The peers are ``tar | igzip``
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
from datetime import UTC
from pathlib import Path
from unittest.mock import patch

from log_analysis import generate

from canvas_sync_exporter.logs import retention
from canvas_sync_exporter.logs.retention import RetentionSettings, cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.sidecars import complete_sidecars

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


def our_cleanup(log: Path, folder: Path) -> tuple[float, float]:
    """Archive a log in a folder; return the time for that, and for the sidecar."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.link(log, folder / log.name)
    (folder / "api_calls.log").touch()
    settings = RetentionSettings(folder, folder / "archive", folder / "control")
    with patch.object(retention, "complete_sidecars", return_value=[]):  # measured apart
        cleanup = cpu_seconds(lambda: cleanup_canvas_sync_logs(settings))
    sidecar = cpu_seconds(lambda: complete_sidecars(settings.archive_dir, UTC, seconds=600))
    return cleanup, sidecar


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
        ours = [our_cleanup(log, Path(name) / "logs") for _ in range(ROUNDS)]
        cleanups, sidecars = zip(*ours, strict=True)
        cleanup, sidecar = min(cleanups), min(sidecars)
        print(f"{megabytes} MB: cleanup         {format_times(cleanups)}")
        print(f"{megabytes} MB: and its sidecar {format_times(sidecars)}")
        for peer, packer in PEERS.items():
            if shutil.which(peer):
                times = [peer_cleanup(log, packer) for _ in range(ROUNDS)]
                theirs = min(times)
                print(
                    f"tar and {peer:6}{format_times(times)}; "
                    f"the cleanup takes {cleanup / theirs:.2f} x, "
                    f"with its sidecar {(cleanup + sidecar) / theirs:.2f} x"
                )


if __name__ == "__main__":
    main()
