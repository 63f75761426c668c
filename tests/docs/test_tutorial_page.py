"""The tutorial about last night's logs, followed command by command on logs of the demo."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.demo_round import DemoRound
from support.markdown import DOCS, blocks

PAGE = DOCS / "tutorials" / "last-nights-logs.md"
MAKE_LOGS, *COMMANDS = [
    command
    for block in blocks(PAGE, "console")
    for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]


def run(command: str, folder: Path) -> list[str]:
    """Run a command of the page; return the lines it prints."""
    program, *arguments = shlex.split(command.splitlines()[0])
    assert program == "canvas-sync-monitor"
    return subprocess.run(
        [sys.executable, "-m", "canvas_sync_exporter.cli", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, demo_round: DemoRound) -> Path:
    """Where a demo of one round has written its logs, as the first command of the page does."""
    assert MAKE_LOGS.splitlines()[0] == "canvas-sync-monitor demo --once --data-dir demo"
    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copytree(demo_round.folder, folder / "demo")
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.splitlines()[0])
def test_each_command_prints_what_the_page_shows(folder: Path, command: str) -> None:
    printed = set(map(_shape, run(command, folder)))
    shown = [_shape(line) for line in command.splitlines()[1:] if line != "..."]
    assert [line for line in shown if line not in printed] == []


def test_the_report_is_written_as_html_and_json(folder: Path) -> None:
    for command in COMMANDS:
        run(command, folder)
    assert b"1 of 7 runs failed" in (folder / "night.html").read_bytes()
    assert b'"runs"' in (folder / "night.json").read_bytes()


def _shape(line: str) -> str:
    """Leave out what differs from night to night: numbers, task ids, what a list begins with."""
    line = re.sub(r"demo-\S+", "TASK", line.partition(": ")[0])
    line = re.sub(r"[0-9][0-9.,:-]*( (ms|s|min|h)\b)?", "0", line)
    return re.sub(r"[\s-]+", " ", line).strip()
