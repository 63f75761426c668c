"""Whether the exporter says that it sends messages about incidents."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.collectors.sends_incidents import SendsIncidentsCollector
from canvas_sync_exporter.config_file.config_file import read_config_file

WEBHOOK = '[messages.webhook]\nurl = "http://127.0.0.1:1/"\n'


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (WEBHOOK, 1.0),
        (f"[messages]\nincidents = false\n{WEBHOOK}", 0.0),
        (f'{WEBHOOK}kinds = "daily"\n', 0.0),
        ("", 0.0),
    ],
)
def test_incidents_are_sent_if_they_may_be_and_a_destination_receives_them(
    tmp_path: Path, content: str, value: float
) -> None:
    (tmp_path / "config.toml").write_text(content)
    messages = read_config_file(tmp_path / "config.toml", time_zone("UTC"), {}).messages
    (metric,) = SendsIncidentsCollector(messages).collect()
    assert [sample.value for sample in metric.samples] == [value]
