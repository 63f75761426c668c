"""Makes what all workers of pytest-xdist share: the first one makes it, and the others wait."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

__all__ = ["made_once"]

T = TypeVar("T")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what ``make`` returned in this process or another one of the same test run.

    Args:
        factory: Of this process.
        name: What is made; the name of its folder.
        make: Called with an empty folder, which stays until the test run ends. Its result can be
            pickled, and holds nothing that ends with its process.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    file = base / f"{name}.pickle"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            made: T = pickle.loads(file.read_bytes())
            return made
        folder = base / name
        folder.mkdir()
        made = make(folder)
        file.write_bytes(pickle.dumps(made))
        return made
