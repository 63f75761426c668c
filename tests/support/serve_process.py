"""A real ``canvas-sync-monitor serve``, in a process of its own.

It is forked from one that has loaded it, which saves most of its start, unless a test is about the
start, the end or the signals of an interpreter: that one names :data:`COMMAND`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from .forked_programs import ForkedCommand

__all__ = ["COMMAND", "ServeProcess", "environment", "run_to_end", "serve_process"]

COMMAND: Final = [sys.executable, "-m", "canvas_sync_exporter.cli"]
_SECONDS: Final = 600


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with other settings of ours."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CANVAS_SYNC_", "PROMETHEUS_"))
    }
    return {**plain, **settings}


def run_to_end(
    command: Sequence[str], folder: Path, settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with our settings and no others, and return what it printed."""
    return subprocess.run(
        command,
        env=environment(settings or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


@dataclass
class ServeProcess:
    """A serving exporter.

    Attributes:
        process: Its process.
        url: What it serves, without a slash at the end.
    """

    process: subprocess.Popen[str] | ForkedCommand
    url: str = ""
    _lines: list[str] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _has_ended: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    @property
    def log(self) -> str:
        """What it has logged."""
        with self._changed:
            return "".join(self._lines)

    def wait_for_log(self, pattern: str) -> re.Match[str]:
        """Wait until it has logged something that matches."""
        with self._changed:
            self._changed.wait_for(
                lambda: re.search(pattern, "".join(self._lines)) or self._has_ended, _SECONDS
            )
            found = re.search(pattern, "".join(self._lines))
        assert found, f"{pattern!r} is not in:\n{self.log}"
        return found

    def end(self) -> str:
        """Wait until it has ended in good order, and return all that it has logged."""
        assert self.process.wait(_SECONDS) == 0
        with self._changed:
            assert self._changed.wait_for(lambda: self._has_ended, _SECONDS)
        return self.log

    def read_log(self) -> None:
        """Read its log to the end; runs in a thread."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()


@contextmanager
def serve_process(
    folder: Path,
    *arguments: str,
    command: Sequence[str] | None = None,
    settings: Mapping[str, str] | None = None,
    host: str | None = None,
) -> Iterator[ServeProcess]:
    """Serve on a free port until the block ends.

    Args:
        folder: Its working folder.
        arguments: Further arguments of ``serve``.
        command: How the command line is called; by default it is forked.
        settings: Its ``CANVAS_SYNC_*`` settings.
        host: The name of the host that it believes to be on, if it is forked.
    """
    words, environ = ["serve", "--port", "0", *arguments], environment(settings or {})
    process: subprocess.Popen[str] | ForkedCommand
    if command is None:
        process = ForkedCommand(words, environ, folder, host)
    else:
        process = subprocess.Popen(
            [*command, *words], env=environ, cwd=folder, stderr=subprocess.PIPE, text=True
        )
    served = ServeProcess(process)
    reader = threading.Thread(target=served.read_log, name="log of serve")
    reader.start()
    try:
        served.url = served.wait_for_log(r"Serving (\S+)/metrics")[1]
        yield served
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stderr is not None
        process.stderr.close()
