"""Where Canvas is, by the environment and ``.env``."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.canvas_address import CanvasAddress, find_canvas, host_of
from canvas_sync_exporter.onboarding.programs import Program, ScheduledJob


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://canvas.example.edu", "canvas.example.edu"),
        ("https://Canvas.Example.edu/lms/api/v1?access_token=7~x", "canvas.example.edu"),
        ("http://user:password@localhost:3000/", "localhost:3000"),
        ("canvas.example.edu", "canvas.example.edu"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("", ""),
        ("7~SecretTokenOfCanvas", ""),
        ("https://", ""),
        ("https://x:port", ""),
        ("https://[::1", ""),
        ("two words", ""),
    ],
)
def test_only_the_host_of_an_address_is_kept(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("CANVAS_URL=https://a.example.edu", "a.example.edu"),
        ("export CANVAS_BASE_URL = 'https://b.example.edu/' # ours", "b.example.edu"),
        ('CANVAS_DOMAIN="c.example.edu"', "c.example.edu"),
        ("# CANVAS_URL=https://a.example.edu", None),
        ("MY_CANVAS_URL=https://a.example.edu", None),
        ("CANVAS_API_TOKEN=canvas.example.edu", None),
    ],
)
def test_env_files_are_read(tmp_path: Path, line: str, host: str | None) -> None:
    (tmp_path / ".env").write_text(f"SECRET=x\n{line}\n")

    found = find_canvas({}, tmp_path)

    assert (found.host if found else None) == host


def test_the_environment_comes_first(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CANVAS_API_URL=https://a.example.edu\n")

    assert find_canvas({"CANVAS_URL": "https://b.example.edu"}, tmp_path) == CanvasAddress(
        "b.example.edu", "CANVAS_URL in the environment"
    )
    assert find_canvas({"CANVAS_URL": "7~token"}, tmp_path) == CanvasAddress(
        "a.example.edu", "CANVAS_API_URL in .env"
    )


def test_what_a_unit_sets_comes_between_the_environment_and_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CANVAS_API_URL=https://a.example.edu\n")
    variables = {"CANVAS_HOST": "b.example.edu"}
    program = Program("python nightly.py", Path("nightly.py"))
    job = ScheduledJob("nightly.service", "", "UTC", program, "systemd", variables)

    assert find_canvas({}, tmp_path, [job]) == CanvasAddress(
        "b.example.edu", "CANVAS_HOST in the environment of nightly.service"
    )
    first = find_canvas({"CANVAS_URL": "https://c.example.edu"}, tmp_path, [job])
    assert first is not None
    assert first.host == "c.example.edu"


def test_an_env_file_that_cannot_be_read_is_ignored(tmp_path: Path) -> None:
    assert find_canvas({}, tmp_path) is None
    (tmp_path / ".env").write_bytes(b"CANVAS_URL=https://\xff\n")
    assert find_canvas({}, tmp_path) is None
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert find_canvas({}, tmp_path) is None
