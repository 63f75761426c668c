"""The threads of the exporter allocate from one heap."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

CODE = """
import ctypes, sys, threading
from canvas_sync_exporter import cli
cli._run = lambda words, when_loaded: when_loaded()
cli.script()
together = threading.Barrier(4)
def allocate():
    together.wait()
    bytearray(100_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="only the GNU C library has arenas"
)
@pytest.mark.parametrize(("command", "has_one"), [("serve", True), ("analyze", False)])
def test_only_an_exporter_has_one_heap_for_all_threads(command: str, has_one: bool) -> None:
    program = [sys.executable, "-c", CODE, command]
    printed = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert (printed.stderr.count("Arena ") == 1) is has_one
