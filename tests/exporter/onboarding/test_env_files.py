"""Files of variables, for programs and for systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.onboarding.env_files import read_env_file


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("A=1", {"A": "1"}),
        ("  export A = two words  # ours", {"A": "two words"}),
        ("A='# no comment' # one", {"A": "# no comment"}),
        ('A="it\'s"', {"A": "it's"}),
        ("A=", {"A": ""}),
        ("# A=1", {}),
        ("; A=1", {}),
        ("A", {}),
        ('A="open', {}),
    ],
)
def test_a_line_sets_a_variable(tmp_path: Path, line: str, variables: dict[str, str]) -> None:
    (tmp_path / "env").write_text(f"{line}\nLAST=x\n")
    assert read_env_file(tmp_path / "env") == {**variables, "LAST": "x"}


def test_a_file_that_cannot_be_read_sets_nothing(tmp_path: Path) -> None:
    assert read_env_file(tmp_path / "missing") == {}
    assert read_env_file(tmp_path) == {}
