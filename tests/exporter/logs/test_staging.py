"""Staging while a line is being written: wherever either is stopped, the line is there once."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from canvas_sync_core.logs import patience
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, rotate
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.staging import (
    remove_staging_folder,
    stage_log,
    staged_members,
    staging_folders,
)
from support.interleaving import StoppedAction
from support.log_processes import line_of, lines_left, make_writer

LOG = "errors.log"
WRITING = {"_write", "_put", "_refresh", "generation", "_open", "_is_line_safe"}
CLEANING = {
    "stage_log",
    "_stage_backup",
    "_stage_older_lines",
    "claim",
    "swapping",
    "next_generation",
}
Stopped = tuple[bool, bool]
"""Whether the write and the cleanup were stopped."""


class Scene:
    """A log with some lines, a writer that is about to add one, and a cleanup.

    Args:
        folder: Where to set it; what is there goes.
        has_open: What the writer has open: ``log``, ``backup`` or ``nothing``.
    """

    def __init__(self, folder: Path, has_open: str) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folder = folder
        self._log = folder / LOG
        self._page = ControlPage(control_path(folder / "control", self._log))
        self._page.next_generation()
        self.writer = make_writer(folder, name=LOG)
        for number in range(4):
            self.writer.append(line_of("a", number))
        if has_open == "backup":
            rotate(self._log, 5, self._page)
        elif has_open == "nothing":
            self.writer.close(0)
            self.writer = make_writer(folder, name=LOG)

    def append(self) -> None:
        """Write one more line."""
        self.writer.append(line_of("a", 4))

    def clean(self) -> None:
        """Take the backup, or all but two lines of the live log."""
        stage_log(self._log, "errors-staging", self._page, keep_lines=2, max_live_bytes=1)

    def has_each_line_once(self) -> bool:
        """Look at what was staged for an archive, at backups and log."""
        found: Counter[bytes] = Counter()
        for staging in staging_folders(self._folder, Log.ERRORS):
            for member in staged_members(staging):
                content = member.path.read_bytes()[: member.length]
                assert len(content) == member.length
                found.update(content.splitlines(keepends=True))
            remove_staging_folder(staging)
        found += lines_left(self._folder, LOG)
        return found == Counter(line_of("a", number) for number in range(5))


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory, because staging syncs folders so often."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        yield Path(name)


def write_while_cleanup_stands(scene: Scene, write_step: int, clean_step: int) -> Stopped:
    """Stop a write, then a cleanup; finish the write, then the cleanup."""
    write = StoppedAction(scene.append, WRITING, write_step)
    clean = StoppedAction(scene.clean, CLEANING, clean_step)
    write.finish()
    clean.finish()
    return write.was_stopped, clean.was_stopped


def clean_while_write_stands(scene: Scene, write_step: int, clean_step: int) -> Stopped:
    """Stop a cleanup, then a write; finish the cleanup, then the write."""
    clean = StoppedAction(scene.clean, CLEANING, clean_step)
    write = StoppedAction(scene.append, WRITING, write_step)
    clean.finish()
    write.finish()
    return write.was_stopped, clean.was_stopped


@pytest.mark.parametrize("has_open", ["log", "backup", "nothing"])
@pytest.mark.parametrize("interleave", [write_while_cleanup_stands, clean_while_write_stands])
def test_a_line_is_there_once_wherever_its_writer_and_the_cleanup_are_stopped(
    memory: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_open: str,
    interleave: Callable[[Scene, int, int], Stopped],
) -> None:
    monkeypatch.setattr(patience, "_MOST_SECONDS", 0)  # who waits, waits for who stands still
    scenes = 0
    for clean_step in itertools.count():
        for write_step in itertools.count():
            scene = Scene(memory / "logs", has_open)
            is_writing, is_cleaning = interleave(scene, write_step, clean_step)
            assert scene.writer.flush(600)
            scene.writer.close(0)
            assert scene.has_each_line_once(), (clean_step, write_step)
            scenes += 1
            if not is_writing:
                break
        if not is_cleaning:
            break
    assert scenes > 300, "hardly anything was interleaved"
