"""The companion that copies a command's output, when its wrapper is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.waiting import wait_until

WRAPPER = """
import json, os, pathlib, subprocess, sys
from canvas_sync_core.events import RunContext
from canvas_sync_instrumentation.command.output import OutputKeeper

def record(context, output):
    file = pathlib.Path(sys.argv[1])
    file.with_suffix(".new").write_text(json.dumps([context.task_id, output]))
    file.with_suffix(".new").rename(file)

keeper = OutputKeeper.start(5, record)
keeper.on_starting(RunContext("night-1", None, None, "full", "1" * 32, "2" * 16, False))
subprocess.Popen(["sh", "-c", "echo went on"], stdout=keeper.stdout, stderr=keeper.stderr)
os.kill(os.getpid(), 9)
"""


def test_output_is_recorded_if_the_wrapper_is_killed_before_it_knows_the_process_id(
    tmp_path: Path,
) -> None:
    record = tmp_path / "record"
    subprocess.run(
        [sys.executable, "-c", WRAPPER, str(record)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=600,
        check=False,
    )
    wait_until(record.exists, "the record")
    assert json.loads(record.read_text()) == [
        "night-1",
        {"stdout": ["went on"], "stderr": []},
    ]
