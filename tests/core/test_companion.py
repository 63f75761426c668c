"""A companion goes on without its parent, and holds nothing of it open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from support.waiting import wait_until

PROGRAM = """
import os, sys
from canvas_sync_core.companion import open_standard_streams, start_companion

def work(connection):
    connection.sendall(b"%d\\n" % os.getpid())
    rest = connection.recv(1)  # until the parent has ended
    open_files = []
    for name in os.listdir("/proc/self/fd"):
        try:
            open_files.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            pass  # that of the listing itself
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(f"{rest} {sorted(each.partition(':')[0] for each in open_files)}")
    os.replace(sys.argv[1] + ".new", sys.argv[1])

open_standard_streams()
held = open(sys.executable)
connection = start_companion(work)
print(connection.makefile().readline(), end="", flush=True)
sys.stdin.read()
"""


def test_a_companion_outlives_its_parent_and_signals_and_holds_none_of_its_files_open(
    tmp_path: Path,
) -> None:
    result = tmp_path / "result"
    parent = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(result)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        companion = int(parent.stdout.readline())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(companion, number)
        assert os.getsid(companion) == companion
        parent.kill()
        wait_until(result.exists, "the result")
    assert result.read_text() == "b'' ['/dev/null', '/dev/null', '/dev/null', 'socket']"


def test_closed_standard_streams_are_opened_and_others_left_alone() -> None:
    program = (
        "import os, sys\n"
        "from canvas_sync_core.companion import open_standard_streams\n"
        "open_standard_streams()\n"
        "print([os.readlink(f'/proc/self/fd/{n}') for n in (0, 1)], file=sys.stderr)\n"
    )
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" <&- >&-', sys.executable, program],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stderr == "['/dev/null', '/dev/null']\n"
