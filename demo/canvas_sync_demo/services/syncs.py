"""``python -m canvas_sync_demo.services.syncs``: round after round of syncs, until SIGTERM.

Each user of the demo is synced in a separate process, as in ``canvas-sync-monitor demo``. Its
telemetry goes where the environment says, and nothing here asks the exporter for the results.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from canvas_sync_core.files.modes import make_folder
from canvas_sync_demo.canvas_server import simulated_tokens
from canvas_sync_demo.cast import CAST, Part, sync_type_of, task_id_of
from canvas_sync_demo.processes import sync_arguments

from .signals import stop_event

__all__ = ["main"]

_ROUND_SECONDS = 15.0
_SYNC_SECONDS = 120.0
_KILL_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class _Place:
    """Where syncs read and write, and with which tokens."""

    canvas_url: str
    database: Path
    tokens: dict[int, str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the rounds that the command line describes."""
    parser = argparse.ArgumentParser(prog="python -m canvas_sync_demo.services.syncs")
    parser.add_argument("--canvas-url", required=True, help="base URL of the simulated Canvas")
    parser.add_argument("--database", type=Path, required=True, help="file of the app's database")
    parser.add_argument("--seed", type=int, default=1, help="of the simulated Canvas")
    parser.add_argument("--once", action="store_true", help="end after the first round")
    arguments = parser.parse_args(argv)
    make_folder(arguments.database.parent)
    stopping = stop_event()
    place = _Place(arguments.canvas_url, arguments.database, simulated_tokens(arguments.seed))
    number = 1
    while not stopping.is_set():
        started = time.monotonic()
        _play_round(place, number, stopping)
        if arguments.once:
            break
        stopping.wait(max(1.0, _ROUND_SECONDS - (time.monotonic() - started)))
        number += 1
    return 0


def _play_round(place: _Place, number: int, stopping: threading.Event) -> None:
    syncs = [(part, _start(place, part, number)) for part in CAST]
    for part, process in syncs:
        code = _see_to_its_end(part, process, stopping)
        print(f"Round {number}, user {part.user_id} ({part.story}): exit code {code}", flush=True)


def _start(place: _Place, part: Part, number: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [
            sys.executable,
            *sync_arguments(
                task_id_of(number, part),
                part.user_id,
                sync_type_of(number),
                place.canvas_url,
                place.database,
            ),
        ],
        env={**os.environ, "CANVAS_TOKEN": place.tokens[part.user_id]},
        stdin=subprocess.DEVNULL,
    )


def _see_to_its_end(part: Part, process: subprocess.Popen[bytes], stopping: threading.Event) -> int:
    """Wait for a sync; kill it if the script says so, or if it takes far too long."""
    deadline = time.monotonic() + (_KILL_SECONDS if part.is_killed else _SYNC_SECONDS)
    while process.poll() is None and time.monotonic() < deadline and not stopping.wait(0.05):
        pass
    if process.poll() is None and stopping.is_set():
        process.terminate()
    elif process.poll() is None:
        process.kill()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
