"""Network file systems are told from local ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.logs import network_filesystem_warning

MOUNTS = """\
22 1 252:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:35 / /srv/share rw,relatime shared:20 - nfs4 server:/export rw,vers=4.2
41 40 252:2 / /srv/share/local rw,relatime - xfs /dev/vdb1 rw
42 22 0:36 / /mnt/with\\040space rw,relatime - cifs //server/share rw
43 22 0:37 / /mnt/covered rw,relatime - nfs server:/old rw
44 22 0:38 / /mnt/covered rw,relatime - tmpfs tmpfs rw
"""


@pytest.fixture
def mountinfo(tmp_path: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTS)
    return file


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/srv/share/app/logs", "nfs4"), ("/srv/share", "nfs4"), ("/mnt/with space/logs", "cifs")],
)
def test_a_folder_on_a_network_file_system_causes_a_warning(
    mountinfo: Path, folder: str, kind: str
) -> None:
    warning = network_filesystem_warning(Path(folder), mountinfo)
    assert warning is not None
    assert folder in warning
    assert kind in warning
    assert "CANVAS_SYNC_LOG_DIR" in warning


@pytest.mark.parametrize(
    "folder", ["/var/log", "/srv/share/local/logs", "/srv/shared", "/mnt/covered/logs"]
)
def test_a_folder_on_a_local_file_system_causes_no_warning(mountinfo: Path, folder: str) -> None:
    assert network_filesystem_warning(Path(folder), mountinfo) is None


def test_the_mounts_of_this_machine_can_be_read(tmp_path: Path) -> None:
    assert network_filesystem_warning(tmp_path) is None


def test_without_mountinfo_nothing_is_claimed(tmp_path: Path) -> None:
    assert network_filesystem_warning(tmp_path, tmp_path / "missing") is None
