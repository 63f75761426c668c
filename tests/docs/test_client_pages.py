"""The scripts of the pages about HTTP clients, run against the demo's Canvas."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_demo.canvas_server import CanvasServer, simulated_tokens
from canvas_sync_demo.cast import fault_plan
from support.markdown import DOCS, blocks
from support.serve_process import environment

HOW_TO = DOCS / "how-to"


@pytest.fixture(scope="module")
def canvas() -> Iterator[CanvasServer]:
    """What ``python -m canvas_sync_demo.services.canvas`` serves."""
    with CanvasServer(1, plan=fault_plan()) as server:
        yield server


def without_chance(lines: list[str]) -> set[str]:
    """Leave out dates, durations and repetitions, and which of two requests at once ended first."""
    return {re.sub(r"\d{4}-\d\d-\d\d( [0-9:]+)?|[0-9.]+ms$", "", line) for line in lines}


@pytest.mark.parametrize(
    ("page", "user"), [("httpx", 42), ("aiohttp", 42), ("requests", 43), ("graphql", 42)]
)
def test_the_script_of_a_page_leaves_the_lines_that_the_page_shows(
    page: str, user: int, canvas: CanvasServer, tmp_path: Path
) -> None:
    (script,) = blocks(HOW_TO / f"{page}.md", "python")
    (block,) = blocks(HOW_TO / f"{page}.md", "console")
    *commands, command = re.findall(r"^\$ (.*)$", block, re.MULTILINE)
    (tmp_path / "sync.py").write_text(script)
    formats = {"CANVAS_SYNC_LOG_FORMAT": "text"} if "=text python sync.py" in block else {}
    variables = {"CANVAS_URL": canvas.url, "CANVAS_TOKEN": simulated_tokens(1)[user], **formats}

    assert commands[-1].endswith("python sync.py")
    subprocess.run(
        [sys.executable, "sync.py"], cwd=tmp_path, env=environment(variables), check=True
    )
    printed = subprocess.run(
        shlex.split(command), cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    shown = block.rpartition(f"$ {command}\n")[2].splitlines()
    assert without_chance(printed.splitlines()) == without_chance(shown)
