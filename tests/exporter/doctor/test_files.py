"""Folders that cannot be used, disks that fill up, files with secrets that lie open."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.doctor import Status, files
from support.irregular_files import IRREGULAR_FILES
from support.small_disk import SmallDisk


def test_a_folder_that_is_a_file_has_failed(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("")
    found = files.writable(tmp_path / "logs")
    assert found.status is Status.FAILED
    assert str(tmp_path / "logs") in found.message


def test_a_folder_on_a_read_only_disk_has_failed(tmp_path: Path) -> None:
    """Also for root, whom no mode keeps out."""
    found = files.writable(Path("/proc/canvas_sync"))
    assert found.status is Status.FAILED
    assert "Make it writable" in (found.remedy or "")


def test_a_disk_that_is_nearly_full_has_failed(small_disk: SmallDisk) -> None:
    found = files.disk_space(small_disk.path)
    assert found.status is Status.FAILED
    assert "canvas-sync-monitor cleanup" in (found.remedy or "")


def test_a_disk_with_free_space_is_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "_LITTLE_DISK", 0)
    assert files.disk_space(tmp_path / "not yet made").status is Status.OK


def test_what_is_named_like_a_log_but_is_none_is_a_warning(tmp_path: Path) -> None:
    archives = tmp_path / "archive"
    assert files.log_files(tmp_path, archives).status is Status.OK
    (tmp_path / "errors.log.1").mkdir()
    found = files.log_files(tmp_path, archives)
    assert found.status is Status.WARNING
    assert found.message == "errors.log.1 is skipped: it is not a regular file."


def test_a_network_file_system_is_a_warning_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    warning = f"{tmp_path} lies on NFS. Point CANVAS_SYNC_LOG_DIR at a local disk."
    monkeypatch.setattr(files, "network_filesystem_warning", lambda folder: warning)
    found = files.local_disk(tmp_path)
    assert (found.status, found.message) == (Status.WARNING, f"{tmp_path} lies on NFS.")
    assert found.remedy == "Point CANVAS_SYNC_LOG_DIR at a local disk."


def test_many_metric_files_ask_for_an_exporter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "_MANY_FILES", 1)
    for name in ("a.db", "b.db"):
        (tmp_path / name).touch()
    found = files.waiting_files(tmp_path)
    assert found.status is Status.WARNING
    assert "canvas-sync-monitor serve" in (found.remedy or "")


def test_a_tokens_file_without_a_token_that_can_be_used_has_failed(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("secret-in-clear\n")
    file.chmod(0o600)
    found = files.tokens(file)
    assert found.status is Status.FAILED
    assert "token new" in (found.remedy or "")
    assert "secret-in-clear" not in found.message


def test_a_secret_that_is_not_there_has_failed(tmp_path: Path) -> None:
    assert files.private_file(tmp_path / "missing").status is Status.FAILED


@pytest.mark.parametrize("kind", IRREGULAR_FILES)
def test_a_tokens_file_that_is_not_a_regular_file_is_reported_without_waiting(
    tmp_path: Path, kind: str
) -> None:
    make, complaint = IRREGULAR_FILES[kind]
    make(tmp_path / "tokens")
    finding = files.tokens(tmp_path / "tokens")
    assert finding.status is Status.FAILED
    assert complaint in finding.message
