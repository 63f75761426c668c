"""Which files of a project are read."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.source_files import (
    Limits,
    SourceFile,
    UnreadFile,
    read_sources,
)


def fill(folder: Path, *names: str, text: str = "import os\n") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def read(folder: Path, limits: Limits | None = None) -> tuple[list[str], dict[str, str]]:
    """The paths that were read, and the reasons of those that were not."""
    found = list(read_sources(folder, limits))
    paths = [str(each.path) for each in found if isinstance(each, SourceFile)]
    return paths, {str(each.path): each.reason for each in found if isinstance(each, UnreadFile)}


def test_python_files_are_read_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.py", "a.py", "pkg/c.py", "README.md", "data.csv")

    assert read(tmp_path) == (["a.py", "b.py", "pkg/c.py"], {})


def test_files_are_read_in_the_encoding_that_they_declare(tmp_path: Path) -> None:
    text = "# coding: {}\r\nimport os  # größe\r\n"
    for encoding in ("latin-1", "utf-8-sig"):
        (tmp_path / f"{encoding}.py").write_bytes(text.format(encoding).encode(encoding))

    assert read(tmp_path) == (["latin-1.py", "utf-8-sig.py"], {})


def test_what_is_not_the_sync_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "env/pyvenv.cfg", "env/lib/x.py", ".git/x.py", ".hidden.py", "tests/x.py")
    fill(tmp_path, "node_modules/x/x.py", "lib/site-packages/x.py", "test_x.py", "conftest.py")
    fill(tmp_path, "env.d/sync.py")

    assert read(tmp_path) == (["env.d/sync.py"], {})


def test_files_that_cannot_be_read_are_named_and_the_others_read(tmp_path: Path) -> None:
    fill(tmp_path, "good.py")
    fill(tmp_path, "broken.py", text="import flask\ndef (:\n")
    fill(tmp_path, "deep.py", text="x = " + "(" * 5000)
    fill(tmp_path, "huge.py", text="#" * (1024 * 1024 + 1))
    (tmp_path / "latin.py").write_bytes(b"name = 'J\xfcrgen'\n")
    (tmp_path / "null.py").write_bytes(b"x = 1\0\n")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    (tmp_path / "gone.py").symlink_to("nowhere.py")

    paths, reasons = read(tmp_path)

    assert paths == ["good.py"]
    assert sorted(reasons) == [
        "broken.py",
        "deep.py",
        "gone.py",
        "huge.py",
        "latin.py",
        "loop.py",
        "null.py",
        "pipe.py",
    ]
    assert reasons["broken.py"] == "line 2 is not Python: invalid syntax"
    assert "larger than" in reasons["huge.py"]
    assert re.search("can't decode byte 0xfc|Non-UTF-8 code", reasons["latin.py"])  # by version
    assert "a FIFO" in reasons["pipe.py"]
    assert all(reasons.values())


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, "pkg/a.py")
    (tmp_path / "pkg" / "again").symlink_to(tmp_path)

    assert read(tmp_path) == (["pkg/a.py"], {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    fill(tmp_path, "secret.py", "closed/a.py", "good.py")
    (tmp_path / "secret.py").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        assert read(tmp_path) == (
            ["good.py"],
            {"secret.py": "Permission denied", "closed": "Permission denied"},
        )
    finally:
        (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(files=2), "more than 2 Python files"),
        (Limits(size=25), "more than 25 bytes of Python files"),
        (Limits(folders=1), "more than 1 folders"),
    ],
)
def test_a_limit_ends_the_search(tmp_path: Path, limits: Limits, reason: str) -> None:
    fill(tmp_path, "a.py", "b.py", "pkg/c.py", "pkg/d.py")

    paths, reasons = read(tmp_path, limits)

    assert paths == ["a.py", "b.py"]
    assert list(reasons.values()) == [reason]


@pytest.mark.filterwarnings("error")
def test_odd_literals_cause_no_warning(tmp_path: Path) -> None:
    fill(tmp_path, "a.py", text="x = '\\d'\nassert (x, 'always')\n")

    assert read(tmp_path) == (["a.py"], {})
