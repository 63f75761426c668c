"""Which names are those of a log's files."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.files.log_names import (
    FileKind,
    LogFileName,
    may_follow,
    parse_name,
    regular_names,
)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
LIVE, BACKUP, ROTATED, ARCHIVE = FileKind.LIVE, FileKind.BACKUP, FileKind.ROTATED, FileKind.ARCHIVE


@pytest.mark.parametrize(
    ("name", "kind", "number", "compression"),
    [
        ("operations.log", LIVE, 0, ""),
        ("operations.log.1", BACKUP, 1, ""),
        ("operations.log.20251222", BACKUP, 20251222, ""),
        ("operations.log.1.gz", ROTATED, 1, ".gz"),
        ("operations.log.12.xz", ROTATED, 12, ".xz"),
        ("operations.log.2.bz2", ROTATED, 2, ".bz2"),
        ("operations.log.2.zst", ROTATED, 2, ".zst"),
        ("operations.log-20251222", ROTATED, 0, ""),
        ("operations.log-20251222.gz", ROTATED, 0, ".gz"),
        ("operations.log-2025122203.gz", ROTATED, 0, ".gz"),
        ("operations.log-2025-12-22", ROTATED, 0, ""),
        ("operations.log-20251222-1766398530.gz", ROTATED, 0, ".gz"),
        ("operations-20251222.log", ROTATED, 0, ""),
        ("operations-20251222.log.gz", ROTATED, 0, ".gz"),
        ("operations.1.log", ROTATED, 1, ""),
        ("operations.12.log.xz", ROTATED, 12, ".xz"),
        ("operations.log.2025-12-22", ROTATED, 0, ""),
        ("operations.log.2025-12-22_10-15.gz", ROTATED, 0, ".gz"),
    ],
)
def test_files_of_a_log(name: str, kind: FileKind, number: int, compression: str) -> None:
    assert parse_name("operations.log", name) == LogFileName(
        name, kind, number, compression=compression
    )


def test_an_archive_has_its_time() -> None:
    name = "operations-20251222T020000Z.tar.gz"
    moment = dt.datetime(2025, 12, 22, 2, tzinfo=dt.UTC)
    assert parse_name("operations.log", name) == LogFileName(name, ARCHIVE, time=moment)


@pytest.mark.parametrize(
    "name",
    [
        "operations-backup.tar.gz",
        "operations-20251222.tar.gz",
        "operations-20251322T020000Z.tar.gz",
        "operations-2025122T020000Z.tar.gz",
        "operations-20251222T020000Z.tar.gz.tmp",
        ".operations-20251222T020000Z.partial",
        "operations.log.0",
        "operations.log.01",
        "operations.log.gz",
        "operations.log.1.gz.tmp",
        "operations.log.old",
        "operations.log~",
        "operations.log-old",
        "operations.logs",
        "xoperations.log",
        "errors.log",
        "",
    ],
)
def test_files_of_others(name: str) -> None:
    assert parse_name("operations.log", name) is None


@given(st.text(), st.text())
def test_any_name_can_be_read(before: str, behind: str) -> None:
    for middle in ("operations.log", "operations-20251222T020000Z.tar.gz", "operations.log."):
        parsed = parse_name("operations.log", before + middle + behind)
        assert parsed is None or parsed.name == before + middle + behind


def test_a_compressed_file_counts_only_once_its_original_is_gone(tmp_path: Path) -> None:
    for name in ("x.log.1", "x.log.1.gz", "x.log-20251222", "x.log-20251222.gz", "x.log.2.gz"):
        (tmp_path / name).touch()
    assert {file.name for file in regular_names("x.log", tmp_path)} == {
        "x.log.1",
        "x.log-20251222",
        "x.log.2.gz",
    }


@needs_root
@pytest.mark.parametrize(
    ("maker", "owner", "is_followed"),
    [(1001, 0, False), (1001, 1002, False), (1001, 1001, True), (0, 1002, True)],
)
def test_a_link_leads_only_to_a_file_of_the_user_who_made_it_or_was_made_by_root(
    tmp_path: Path, maker: int, owner: int, is_followed: bool
) -> None:
    target, link = tmp_path / "secret", tmp_path / "x.log.1"
    target.touch()
    link.symlink_to(target)
    os.chown(target, owner, owner)
    os.lchown(link, maker, maker)
    assert may_follow(link) is is_followed
    assert may_follow(target)
    assert bool(regular_names("x.log", tmp_path)) is is_followed
