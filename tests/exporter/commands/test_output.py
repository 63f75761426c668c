"""What commands print: colours, notes, and what happens when nobody reads it any more."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from canvas_sync_exporter.commands.output import Painter, note


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Painter(Terminal()).paint("failed", "\x1b[31m") == "\x1b[31mfailed\x1b[0m"
    assert Painter(Terminal()).paint("failed", None) == "failed"
    assert Painter(Terminal()).bold("failed") == "\x1b[1mfailed\x1b[0m"
    assert Painter(io.StringIO()).bold("failed") == "failed"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Painter(Terminal()).bold("failed") == "failed"


def test_a_note_is_not_part_of_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    note("1 unreadable line")
    assert capsys.readouterr() == ("", "canvas-sync-monitor: 1 unreadable line\n")


def test_a_reader_that_has_gone_ends_the_output_silently() -> None:
    program = (
        "import sys\n"
        "from canvas_sync_exporter.commands.output import stop_if_output_closes\n"
        "with stop_if_output_closes():\n"
        "    sys.stdin.read()\n"
        "    print('lost')\n"
        "print('after the block', file=sys.stderr)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == "after the block\n"
    assert process.returncode == 0
