"""What the runbooks search the logs for is there when it has happened."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from support.markdown import DOCS, blocks


def test_the_search_for_cleanups_finds_one(tmp_path: Path) -> None:
    environ = {**os.environ, "CANVAS_SYNC_LOG_DIR": str(tmp_path)}
    program = [sys.executable, "-m", "canvas_sync_exporter.cli"]
    subprocess.run([*program, "cleanup"], env=environ, check=True, capture_output=True)

    (search,) = (
        line.removeprefix("$ canvas-sync-monitor ")
        for block in blocks(DOCS / "runbooks" / "CanvasSyncCleanupMissed.md", "console")
        for line in block.splitlines()
        if line.startswith("$ canvas-sync-monitor search")
    )
    found = subprocess.run(
        [*program, *shlex.split(search)], env=environ, check=True, capture_output=True, text=True
    )
    assert "Log Cleanup: success" in found.stdout
