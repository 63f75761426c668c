"""One round of the demo, played once for all tests that look at what it left behind."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from .command_line import run_here
from .demo_syncs import forked_demo
from .workers import made_once

__all__ = ["SEED", "DemoRound", "demo_round"]

SEED = 5


@dataclass(frozen=True, slots=True)
class DemoRound:
    """What one round left behind; tests do not change it.

    Attributes:
        folder: The data folder.
        command: What the command printed, and its exit code.
    """

    folder: Path
    command: subprocess.CompletedProcess[str]

    @property
    def logs(self) -> Path:
        """Folder of the logs."""
        return self.folder / "logs"


@pytest.fixture(scope="session")
def demo_round(tmp_path_factory: pytest.TempPathFactory) -> DemoRound:
    """Run the demo with ``--once``: real syncs against the simulated Canvas."""
    return made_once(tmp_path_factory, "demo", _play)


def _play(parent: Path) -> DemoRound:
    folder = parent / "my data"
    options = ["--once", "--data-dir", str(folder), "--port", "0", "--seed", str(SEED)]
    with forked_demo():
        return DemoRound(folder, run_here(["demo", *options], parent))
