"""Writing into a user's folder: nothing that the user has changed is lost."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from canvas_sync_exporter.export.writing import ExportError, write

FILES = {"a.yml": "one\n", "folder/b.yml": "two\n"}


def contents(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_folders_are_made_and_every_file_is_written(tmp_path: Path) -> None:
    outcomes = write(tmp_path / "new" / "folder", FILES, force=False)

    assert contents(tmp_path / "new" / "folder") == FILES
    assert [outcome.is_written for outcome in outcomes] == [True, True]


def test_a_file_with_the_same_content_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, FILES, force=False)
    before = [(tmp_path / name).stat().st_ino for name in FILES]

    outcomes = write(tmp_path, FILES, force=False)

    assert [outcome.is_written for outcome in outcomes] == [False, False]
    assert [(tmp_path / name).stat().st_ino for name in FILES] == before


def test_nothing_is_written_if_one_file_has_another_content(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b.yml").write_text("mine\n")

    with pytest.raises(
        ExportError, match=r"folder/b\.yml would be .* Nothing was written.*--force"
    ):
        write(tmp_path, FILES, force=False)

    assert contents(tmp_path) == {"folder/b.yml": "mine\n"}


def test_a_file_with_another_content_is_overwritten_by_force_and_keeps_its_mode(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.yml").write_text("password\n")
    (tmp_path / "a.yml").chmod(0o600)

    write(tmp_path, FILES, force=True)

    assert contents(tmp_path) == FILES
    assert (tmp_path / "a.yml").stat().st_mode & 0o777 == 0o600


def test_a_script_can_be_executed(tmp_path: Path) -> None:
    write(tmp_path, {"a.sh": "#!/bin/sh\n", "a.txt": "text\n"}, force=False)

    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.sh", "a.txt")]
    assert modes == [0o755, 0o644]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_where_a_folder_belongs_is_refused(tmp_path: Path, force: bool) -> None:
    (tmp_path / "folder").write_text("mine\n")

    with pytest.raises(ExportError, match="folder is not a folder"):
        write(tmp_path, FILES, force=force)
    with pytest.raises(ExportError, match="folder is not a folder"):
        write(tmp_path / "folder", FILES, force=force)

    assert contents(tmp_path) == {"folder": "mine\n"}


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_where_a_file_belongs_is_refused(tmp_path: Path, force: bool) -> None:
    (tmp_path / "a.yml").mkdir()

    with pytest.raises(ExportError, match=r"a\.yml is not a file"):
        write(tmp_path, FILES, force=force)

    assert contents(tmp_path) == {}


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    target = tmp_path / "checkout.yml"
    target.write_text("old")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.yml").symlink_to(target)
    write(folder, {"a.yml": "new"}, force=True)
    assert (folder / "a.yml").is_symlink()
    assert target.read_text() == "new"


def test_a_link_to_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yml").symlink_to("nothing")
    with pytest.raises(ExportError, match="is not a file"):
        write(tmp_path, {"a.yml": "new"}, force=False)


def test_a_failure_says_what_was_written_before(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # as on a full disk
    try:
        with pytest.raises(ExportError) as refused:
            write(tmp_path, {"a.yml": "a", "b.yml": "b" * 5000}, force=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"File too large. Written before it: {tmp_path / 'a.yml'}." in str(refused.value)
    assert contents(tmp_path) == {"a.yml": "a"}


def test_an_impossible_name_is_rejected_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"File name too long\. Nothing was written\."):
        write(tmp_path, {"a.yml": "a", f"{'b' * 300}.yml": "b"}, force=False)
    assert contents(tmp_path) == {}
