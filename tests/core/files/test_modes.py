"""Folders are made where they are missing, also behind a symbolic link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from canvas_sync_core.files.modes import make_folder, open_shared


@pytest.mark.parametrize("target", ["volume/logs", "../elsewhere/logs", "{}/absolute/logs"])
def test_a_link_to_a_missing_folder_is_followed(tmp_path: Path, target: str) -> None:
    link = tmp_path / "app" / "logs"
    link.parent.mkdir()
    link.symlink_to(target.format(tmp_path))
    make_folder(link / "state" / "spool")
    make_folder(link)
    assert (link / "state" / "spool").is_dir()
    assert link.is_symlink()


def test_a_file_behind_a_link_to_a_missing_folder_is_opened(tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to("volume")
    os.close(open_shared(tmp_path / "logs" / "x.log", os.O_WRONLY))
    assert (tmp_path / "volume" / "x.log").exists()


@pytest.mark.parametrize("target", ["file", "loop"])
def test_what_cannot_be_a_folder_is_an_error(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "logs").symlink_to(target)
    with pytest.raises(OSError, match=r"logs|loop"):
        make_folder(tmp_path / "logs")


@pytest.mark.parametrize("umask", [0o777, 0o277, 0o700])
def test_a_new_file_or_folder_can_be_used_by_its_owner_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    old = tmp_path / "old"
    old.mkdir(0o500)
    before = os.umask(umask)
    try:
        os.close(open_shared(tmp_path / "logs" / "state" / "x.log", os.O_WRONLY))
        make_folder(old)
    finally:
        os.umask(before)
    modes = [(tmp_path / name).stat().st_mode for name in ("logs", "logs/state")]
    assert [mode & 0o700 for mode in modes] == [0o700, 0o700]
    assert (tmp_path / "logs" / "state" / "x.log").stat().st_mode & 0o600 == 0o600
    assert old.stat().st_mode & 0o777 == 0o500, "its owner has chosen that"
