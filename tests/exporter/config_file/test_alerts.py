"""The section ``[alerts]``."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.config_file.alerts import AlertSettings
from canvas_sync_exporter.config_file.config_file import changed_sections, read_config_file
from canvas_sync_exporter.config_file.problems import ConfigFileError


def read(folder: Path, content: str) -> AlertSettings:
    (folder / "config.toml").write_text(content)
    return read_config_file(folder / "config.toml", time_zone("UTC"), {}).alerts


def test_without_the_section_99_percent_of_the_requests_should_succeed(tmp_path: Path) -> None:
    assert read(tmp_path, "").error_budget == 0.01


@pytest.mark.parametrize(("goal", "budget"), [("95%", 0.05), ("99.9%", 0.001), ("99.99 %", 0.0001)])
def test_the_goal_leaves_an_error_budget(tmp_path: Path, goal: str, budget: float) -> None:
    assert read(tmp_path, f'[alerts]\napi_goal = "{goal}"').error_budget == budget


@pytest.mark.parametrize("goal", ["94.9%", "100%", "99.5", "0.995", "nan%", "inf%", "%", "99%%"])
def test_any_other_goal_is_rejected_with_its_line(tmp_path: Path, goal: str) -> None:
    message = rf"line 2: alerts\.api_goal: {goal!r} cannot be used: write 95% to 99\.99%"
    with pytest.raises(ConfigFileError, match=message):
        read(tmp_path, f'[alerts]\napi_goal = "{goal}"')


def test_a_change_is_named_when_the_file_is_read_again(tmp_path: Path) -> None:
    files = []
    for content in ("", '[alerts]\napi_goal = "99.5%"'):
        (tmp_path / "config.toml").write_text(content)
        files.append(read_config_file(tmp_path / "config.toml", time_zone("UTC"), {}))
    assert changed_sections(*files) == ["[alerts]"]
