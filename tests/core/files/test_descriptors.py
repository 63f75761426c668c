"""Descriptors of ours stay apart from those of the app, which may close them."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from pathlib import Path

import pytest

from canvas_sync_core.files.descriptors import close_ours, is_open, out_of_the_way


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)


def test_each_moved_descriptor_has_its_own_number_and_leads_to_the_same_file(
    tmp_path: Path,
) -> None:
    numbers = []
    for _ in range(3):
        fd = out_of_the_way(opened(tmp_path / "file"))
        assert os.fstat(fd).st_ino == (tmp_path / "file").stat().st_ino
        assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        numbers.append(fd)
        os.close(fd)
    assert len(set(numbers)) == 3
    assert min(numbers) > 100


def test_a_descriptor_that_cannot_get_a_higher_number_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, 0))
    monkeypatch.setattr(fcntl, "fcntl", _refuse)
    fd = opened(tmp_path / "file")
    assert out_of_the_way(fd) == fd
    os.close(fd)


def _refuse(*_: int) -> int:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_one_that_the_app_has_closed_is_noticed_and_closed_without_an_error(tmp_path: Path) -> None:
    fd = out_of_the_way(opened(tmp_path / "file"))
    assert is_open(fd)
    os.close(fd)
    assert not is_open(fd)
    close_ours(fd)
