"""What a line of shell runs of a project; the tests of the crontab have more lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.programs import Program, find_program, home_folder
from canvas_sync_exporter.onboarding.shell import shell_words


def test_a_wrapper_within_the_line_of_a_shell_is_seen_with_its_sync_type(tmp_path: Path) -> None:
    (tmp_path / "nightly.py").touch()
    line = "cd / && sh -c 'canvas-sync-monitor run --sync-type x -- python nightly.py'"
    assert find_program(shell_words(line), tmp_path, tmp_path) is None
    line = line.replace("cd /", f"cd {tmp_path}")
    assert find_program(shell_words(line), Path("/"), tmp_path) == Program(
        "python nightly.py", Path("nightly.py"), is_wrapped=True, sync_type="x"
    )


def test_a_user_without_a_home_starts_at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_uid: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)

    assert home_folder() == Path("/")
