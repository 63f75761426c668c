"""Passes the signals that the wrapper receives on to its command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from types import FrameType
from typing import Final

__all__ = ["STOPPING", "Signals"]

_FORWARDED: Final = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)
STOPPING: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""The signals that ask a program to end."""
_OF_THE_TERMINAL: Final = frozenset({signal.SIGINT, signal.SIGQUIT})
r"""Ctrl-C and Ctrl-\: the terminal sends them to all processes in its foreground group."""


class Signals:
    """Passes signals on to a command; those that arrive before it runs are passed on once it does.

    Attributes:
        seen: The signals received.
    """

    def __init__(self) -> None:
        self.seen: set[signal.Signals] = set()
        self._in_own_group = False
        self._process: subprocess.Popen[bytes] | None = None
        self._before: Mapping[signal.Signals, object] = {}

    def __enter__(self) -> Signals:
        self._before = {
            number: signal.signal(number, self._receive)
            for number in _FORWARDED
            if signal.getsignal(number) is not signal.SIG_IGN  # nohup, or a shell's background
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal.signal() gave it

    def forward_to(self, process: subprocess.Popen[bytes], *, in_own_group: bool) -> None:
        """Pass signals on to the command, or to its whole process group if it has its own."""
        self._in_own_group = in_own_group
        self._process = process
        for number in tuple(self.seen):
            # It arrived before the command ran, so the terminal did not send it to the command.
            self._pass_on(process, number, from_terminal=False)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        received = signal.Signals(number)
        self.seen.add(received)
        if self._process is not None:
            self._pass_on(self._process, received, from_terminal=received in _OF_THE_TERMINAL)

    def _pass_on(
        self, process: subprocess.Popen[bytes], number: signal.Signals, *, from_terminal: bool
    ) -> None:
        if process.returncode is not None:
            return
        # A stopped command would notice a signal only once it is continued, as by timeout(1).
        sent = [number, signal.SIGCONT] if number in STOPPING else [number]
        with contextlib.suppress(ProcessLookupError):
            for each in sent:
                if self._in_own_group:
                    os.killpg(process.pid, each)
                elif not from_terminal:  # the terminal has sent it to the command as well
                    os.kill(process.pid, each)
