"""What a unit means with its template, its drop-ins, its specifiers and its environment."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.unit_files import (
    UnitFolders,
    unit_environment,
    unit_folders,
)

START = ("Service", "ExecStart")


@pytest.fixture
def units(tmp_path: Path) -> UnitFolders:
    """A folder of the administrator, which is above one of the distribution."""
    return UnitFolders((tmp_path / "etc", tmp_path / "lib"), Path("/home/lms"))


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def starts(units: UnitFolders, name: str) -> list[str]:
    return list(units.read(name).get(START, []))


def test_drop_ins_add_to_a_unit_and_replace_what_they_empty(units: UnitFolders) -> None:
    etc, lib = units.folders
    write(lib, {"sync.service": "[Service]\nExecStart=old\nUser=lms\n"})
    write(
        etc,
        {
            "sync.service.d/20-more.conf": "[Service]\nExecStart=second\n",
            "sync.service.d/10-other.conf": "[Service]\nExecStart=\nExecStart=first\n",
            "sync.service.d/note.txt": "[Service]\nExecStart=never\n",
        },
    )
    assert starts(units, "sync.service") == ["first", "second"]
    assert units.read("sync.service")["Service", "User"] == ["lms"]


def test_the_nearest_of_several_drop_ins_with_the_same_name_counts(units: UnitFolders) -> None:
    etc, lib = units.folders
    drop_in = "[Service]\nExecStart=\nExecStart={}\n"
    write(etc, {"sync@.service": "[Service]\nExecStart=plain\n"})
    for folder in ("service.d", "sync@.service.d", "sync@a.service.d"):
        write(lib, {f"{folder}/one.conf": drop_in.format(folder)})
        assert starts(units, "sync@a.service") == [folder]
    write(etc, {"sync@a.service.d/one.conf": drop_in.format("etc")})
    assert starts(units, "sync@a.service") == ["etc"]


def test_drop_ins_for_a_prefix_apply_to_all_units_that_start_with_it(units: UnitFolders) -> None:
    etc, _ = units.folders
    write(etc, {"canvas-sync-a.service": "", "other.service": ""})
    write(etc, {"canvas-.service.d/a.conf": "[Service]\nExecStart=from prefix\n"})
    assert starts(units, "canvas-sync-a.service") == ["from prefix"]
    assert starts(units, "other.service") == []


def test_specifiers_are_replaced_by_parts_of_the_name(units: UnitFolders) -> None:
    write(units.folders[0], {"sync@.service": "[Service]\nExecStart=%p %i %I %n %N %h %% %z\n"})
    assert starts(units, r"sync@srv-a\x2db.service") == [
        r"sync srv-a\x2db srv/a-b sync@srv-a\x2db.service sync@srv-a\x2db /home/lms % %z"
    ]


def test_a_file_for_one_instance_comes_before_its_template(units: UnitFolders) -> None:
    etc, lib = units.folders
    write(etc, {"sync@.service": "[Service]\nExecStart=template\n"})
    write(lib, {"sync@a.service": "[Service]\nExecStart=instance\n"})
    assert starts(units, "sync@a.service") == ["instance"]
    assert starts(units, "sync@b.service") == ["template"]


def test_a_masked_unit_is_ignored(units: UnitFolders) -> None:
    etc, lib = units.folders
    write(lib, {"sync.service": "[Service]\nExecStart=x\n"})
    write(etc, {"sync.service.d/a.conf": "[Service]\nUser=lms\n"})
    (etc / "sync.service").symlink_to("/dev/null")
    assert starts(units, "sync.service") == []


def test_timers_are_those_with_a_file_and_the_enabled_instances(units: UnitFolders) -> None:
    etc, lib = units.folders
    write(lib, {"sync@.timer": "", "plain.timer": "", "sync.service": ""})
    write(etc, {"plain.timer": ""})
    wants = etc / "timers.target.wants"
    wants.mkdir()
    (wants / "sync@courses.timer").symlink_to(lib / "sync@.timer")
    (wants / "plain.timer").symlink_to(lib / "plain.timer")
    assert units.timers() == ["plain.timer", "sync@courses.timer"]


def test_variables_come_from_the_unit_and_from_files_which_come_last(
    units: UnitFolders, tmp_path: Path
) -> None:
    write(
        tmp_path,
        {
            "a.env": "B=file\n; comment\n# C=1\nD='two words'\nexport E=\"x\"\n",
            "b.env": "B=second\n",
        },
    )
    service = f"""\
[Service]
Environment=A=1 "B=in unit"
Environment='C=a b' broken
EnvironmentFile=-{tmp_path}/missing
EnvironmentFile={tmp_path}/*.env
"""
    write(units.folders[0], {"sync.service": service})
    assert unit_environment(units.read("sync.service")) == {
        "A": "1",
        "B": "second",
        "C": "a b",
        "D": "two words",
        "E": "x",
    }


def test_users_have_units_of_their_own() -> None:
    of_user, of_system = unit_folders(Path("/home/lms"), {"XDG_CONFIG_HOME": "/home/lms/etc"})
    assert of_user.home == Path("/home/lms")
    assert of_user.folders[:2] == (Path("/home/lms/etc/systemd/user"), Path("/etc/systemd/user"))
    assert Path("/home/lms/.local/share/systemd/user") in of_user.folders
    assert of_system.folders[0] == Path("/etc/systemd/system")
    assert {folder.name for folder in of_system.folders} == {"system"}
    assert of_system.home == Path("/root")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_lets_the_same_file_have_the_last_word(tmp_path: Path) -> None:
    """Each file replaces the command; the one that wins is removed, until only the unit is left."""
    name, files = "canvas-sync@a.service", ["canvas-sync@.service"]
    for folder in ("service.d", "canvas-.service.d", "canvas-sync@.service.d", f"{name}.d"):
        files += [f"{folder}/same.conf", f"{folder}/{len(files)}.conf"]
    for file in files:
        write(tmp_path, {file: f"[Service]\nExecStart=\nExecStart=/missing/%i/{file}\n"})
    command = ["systemd-analyze", "verify", "--man=no", name]
    environ = {"SYSTEMD_UNIT_PATH": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    for _ in files:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, env=environ
        )
        (theirs,) = re.findall(rf"{name}: Command (\S+) is not exec", done.stdout + done.stderr)
        assert starts(UnitFolders((tmp_path,), Path("/root")), name) == [theirs]
        (tmp_path / theirs.removeprefix("/missing/a/")).unlink()
