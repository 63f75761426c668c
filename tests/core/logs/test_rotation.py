"""A rotation that is killed anywhere leaves files that the next one puts right."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from canvas_sync_core.logs.rotation import log_files
from support.log_processes import (
    kill_at_each_line,
    line_of,
    lines_left,
    make_writer,
    page_of,
    rotate_once,
    spawn,
)

BACKUPS = 3


def test_files_of_a_log_are_listed_newest_first(tmp_path: Path) -> None:
    for name in ("x.log", "x.log.2", "x.log.10", "x.log.1", "x.log.old", "y.log.1", "x.log.٣"):
        (tmp_path / name).touch()
    names = [file.name for file in log_files(tmp_path / "x.log")]
    assert names == ["x.log", "x.log.1", "x.log.2", "x.log.10"]


def test_a_hole_in_the_numbers_is_filled_and_costs_no_backup(tmp_path: Path) -> None:
    for name in ("x.log", "x.log.1", "x.log.3"):
        (tmp_path / name).write_text(name)
    rotate_once(tmp_path, BACKUPS)
    left = {file.name: file.read_text() for file in log_files(tmp_path / "x.log")}
    assert left == {"x.log.1": "x.log", "x.log.2": "x.log.1", "x.log.3": "x.log.3"}


@pytest.mark.parametrize("number", [1, 2, BACKUPS])
def test_a_number_that_a_folder_has_is_passed_over(tmp_path: Path, number: int) -> None:
    (tmp_path / f"x.log.{number}").mkdir()
    for content in ("first", "second", "third", "fourth"):
        (tmp_path / "x.log").write_text(content)
        rotate_once(tmp_path, BACKUPS)
    left = [file.read_text() for file in log_files(tmp_path / "x.log") if file.is_file()]
    assert left == ["fourth", "third"]
    assert (tmp_path / f"x.log.{number}").is_dir()


def test_a_log_whose_backups_are_all_folders_stays_as_it_is(tmp_path: Path) -> None:
    for number in range(1, BACKUPS + 1):
        (tmp_path / f"x.log.{number}").mkdir()
    (tmp_path / "x.log").write_text("kept")
    with pytest.raises(IsADirectoryError):
        rotate_once(tmp_path, BACKUPS)
    assert (tmp_path / "x.log").read_text() == "kept"


def test_a_writer_that_is_killed_at_any_line_of_a_rotation_loses_nothing_for_the_others() -> None:
    process = spawn.Process(target=_kill_writers_in_rotations)
    process.start()
    process.join()
    assert process.exitcode == 0


def _kill_writers_in_rotations() -> None:
    """In a process of its own, because it forks: kill, then let others write and rotate on."""
    with TemporaryDirectory() as name:
        base = Path(name)
        line = len(line_of("before", 0))

        def folder_of(step: int) -> Path:
            return base / str(step)

        def prepare(step: int) -> None:
            folder_of(step).mkdir()
            for number, file in enumerate(("x.log.3", "x.log.2", "x.log.1", "x.log")):
                (folder_of(step) / file).write_bytes(line_of("before", number))

        def act(step: int) -> None:
            make_writer(folder_of(step), max_bytes=2 * line, backups=BACKUPS).append(
                line_of("killed", 0)
            )

        def check(step: int) -> None:
            _others_go_on(folder_of(step), line)

        kill_at_each_line(["rotation.py", "control.py", "writer.py"], prepare, act, check)


def _others_go_on(folder: Path, line: int) -> None:
    """A bystander that opened the log before, and a writer that comes now, lose no line."""
    left = lines_left(folder)
    # The one backup too many may be gone already; nothing else, and nothing is there twice.
    for number in range(1, BACKUPS + 1):
        assert left[line_of("before", number)] == 1, (number, left)
    writers = {name: make_writer(folder, max_bytes=2 * line, backups=9) for name in ("b", "c")}
    for number in range(4):
        for name, writer in writers.items():
            writer.append(line_of(name, number))
    with page_of(folder).locked(0) as held:
        assert held, "the lock went with the killed process"
    expected = Counter(line_of(name, number) for name in writers for number in range(4))
    expected.update(line_of("before", number) for number in range(1, BACKUPS + 1))
    found = lines_left(folder)
    assert {key: found[key] for key in expected} == dict(expected)
    names = {file.name for file in log_files(folder / "x.log")} - {"x.log"}
    assert names == {f"x.log.{number}" for number in range(1, len(names) + 1)}, "no hole is left"


def test_a_writer_that_had_the_log_open_when_a_rotation_was_killed_loses_nothing(
    tmp_path: Path,
) -> None:
    """The log was renamed, but the new one not yet made: the writer makes it."""
    writer = make_writer(tmp_path)
    writer.append(line_of("a", 0))
    page_of(tmp_path).next_generation()
    (tmp_path / "x.log").rename(tmp_path / "x.log.1")
    writer.append(line_of("a", 1))
    assert (tmp_path / "x.log").read_bytes() == line_of("a", 1)
