"""The companion that copies output: when its wrapper is killed, and on a busy machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from canvas_sync_core.threads import Daemon
from canvas_sync_instrumentation.command import output
from canvas_sync_instrumentation.command.tail import Tail
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


class _ThreadOfBusyMachine(Daemon):
    """A thread that reads and keeps a line only after it was waited for several times."""

    def __init__(self, stream: output._Stream, *, reads_after: int, keeps_after: int) -> None:
        super().__init__(lambda: None, "copy")
        self._stream = stream
        self._waits = 0
        self._reads_after = reads_after
        self._keeps_after = keeps_after
        self._read = b""

    def join(self, timeout: float | None = None) -> bool:
        self._waits += 1
        if self._waits == self._reads_after:
            self._read = os.read(self._stream.source, 100)
        if self._waits == self._keeps_after:
            self._stream.tail.feed(self._read)
            os.close(self._stream.source)
        return self._waits >= self._keeps_after


@pytest.mark.parametrize("is_held_open", [True, False], ids=["held open", "closed"])
def test_the_last_lines_are_kept_if_the_machine_is_too_busy_to_copy_them_in_time(
    monkeypatch: pytest.MonkeyPatch, is_held_open: bool
) -> None:
    monkeypatch.setattr(output, "_END_OF_OUTPUT_SECONDS", 0.0)
    source, end = os.pipe()
    stream = output._Stream("stdout", source, source, Tail(5))
    os.write(end, b"last\n")
    if not is_held_open:  # by a process in the background
        os.close(end)
    thread = _ThreadOfBusyMachine(stream, reads_after=4, keeps_after=4 if is_held_open else 8)
    output._wait_for_output([stream], [thread])
    assert stream.tail.redacted() == ["last"]
    if is_held_open:
        os.close(end)
