"""An archive is summed up while it is read."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import archive_writing, cleanup
from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.sidecars import ArchiveSummary, complete_sidecars, sidecar_path
from support.log_folders import json_line, lay_out, record
from support.log_moves import retention


def test_an_archive_is_summed_up_while_it_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json_line(record(Log.ERRORS, second, task_id=f"run {second}")) for second in range(9)]
    lay_out(tmp_path, Log.ERRORS, [lines[:4], lines[4:], []], 0)
    monkeypatch.setattr(cleanup, "complete_sidecars", lambda *_, **__: [])
    cleanup_canvas_sync_logs(replace(retention(tmp_path, 10), archive_days=36_500))
    (archive,) = (tmp_path / "archive").glob("*.tar.gz")
    first = sidecar_path(archive).read_bytes()
    sidecar_path(archive).unlink()
    assert complete_sidecars(tmp_path / "archive", dt.UTC, seconds=60) == []
    assert sidecar_path(archive).read_bytes() == first


def test_each_piece_is_summed_up_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_writing, "PIECE_BYTES", 1000)
    runs = [f"run {number}" for number in range(4)]
    lines = [json_line(record(Log.ERRORS, number, task_id=run)) for number, run in enumerate(runs)]
    path = tmp_path / "errors.log.1"
    path.write_bytes(b"".join(lines))
    summary = ArchiveSummary(Log.ERRORS, dt.UTC)
    assert summary.is_empty
    member = Member(path, path.name, path.stat().st_size)
    name = "errors-20251222T020000Z"
    archive = write_archive(tmp_path / "archive", name, [member], read=summary.add)
    (found,) = summary.sidecar(archive).members
    assert found.size == member.length
    assert path.read_bytes().startswith(found.first)
    in_pieces = [
        [run for run in runs if piece.ids and piece.ids.may_contain(run)] for piece in found.pieces
    ]
    assert len(in_pieces) > 1
    assert [run for piece in in_pieces for run in piece] == runs
