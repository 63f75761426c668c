"""Where dashboards and traces are: what the section may say, and each mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from canvas_sync_exporter.config_file.config_file import (
    ConfigFile,
    changed_sections,
    read_config_file,
)
from canvas_sync_exporter.config_file.links import LinkSettings
from canvas_sync_exporter.config_file.problems import ConfigFileError
from canvas_sync_exporter.dashboards import Dashboard

Read = Callable[[str], ConfigFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a file with this section."""

    def read(text: str) -> ConfigFile:
        path = tmp_path / "config.toml"
        path.write_text(f"[links]\n{text}", encoding="utf-8")
        return read_config_file(path, UTC, {})

    return read


def test_without_keys_there_are_no_links(read: Read) -> None:
    links = read("").links
    assert links == LinkSettings()
    assert links.dashboard(Dashboard.OVERVIEW, {}) is None
    assert links.trace("ab" * 16) is None


def test_a_dashboard_is_below_the_url_of_grafana_with_escaped_variables(read: Read) -> None:
    links = read('grafana_url = "https://example.edu/grafana/"').links
    assert links.dashboard(Dashboard.RUNS, {}) == "https://example.edu/grafana/d/canvas-sync-runs"
    assert links.dashboard(Dashboard.RUNS, {"from": 1, "var-sync_type": "a/b&c d"}) == (
        "https://example.edu/grafana/d/canvas-sync-runs?from=1&var-sync_type=a%2Fb%26c%20d"
    )


def test_the_id_of_a_trace_takes_the_place_of_each_placeholder(read: Read) -> None:
    template = 'trace_url = "https://example.edu/x?a={%22b%22:%22{trace_id}%22}#{trace_id}"'
    links = read(template).links
    assert links.trace("cd12") == "https://example.edu/x?a={%22b%22:%22cd12%22}#cd12"
    assert links.trace('"/../&') == (
        "https://example.edu/x?a={%22b%22:%22%22%2F..%2F%26%22}#%22%2F..%2F%26"
    )


def test_runbooks_are_at_the_exporter_or_in_a_folder_of_their_own(read: Read) -> None:
    page = 'page_url = "https://sync.example.edu/canvas/"\n'
    own = 'runbook_url = "https://wiki.example.edu/r"'
    assert read(page).links.page_url == "https://sync.example.edu/canvas"
    assert read(page).links.runbook("A") == "https://sync.example.edu/canvas/runbooks/A"
    assert read(page + own).links.runbook("A") == "https://wiki.example.edu/r/A"
    assert read("").links.runbook("A") is None


def test_keys_in_their_former_section_work_and_are_named(read: Read) -> None:
    former = '[messages]\npage_url = "https://old.example.edu"\nrunbook_url = "https://r.edu"\n'
    file = read(former)
    assert file.links == LinkSettings("https://old.example.edu", "https://r.edu")
    assert [each.partition(", ")[2] for each in file.deprecations] == [
        "line 3: messages.page_url: deprecated; write it below [links] instead.",
        "line 4: messages.runbook_url: deprecated; write it below [links] instead.",
    ]
    both = read(f'page_url = "https://new.example.edu"\n{former}').links
    assert both == LinkSettings("https://new.example.edu", "https://r.edu")
    assert read('page_url = "https://new.example.edu"').deprecations == ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("page_url = 'sync.example.edu'", "write a URL that begins with https://"),
        ("page_url = 'https://me:pw@example.edu'", "write a URL without a password"),
        ("page_url = 'https://example.edu/?a=1'", "write a URL without"),
        ("runbook_url = 7", "links.runbook_url: it is a number"),
        ("trace_url = 'https://e.edu/{trace_id}?s={span_id}'", "filled in, not {span_id}"),
        ("trace_url = 'https://e.edu/{}/{trace_id}/{host}'", "not {host}, {}"),
        ("grafana_url = 'grafana.example.edu'", "grafana_url: 'grafana.example.edu' cannot be"),
        ("grafana_url = 'https://me:pw@example.edu'", "write a URL without a password"),
        ("grafana_url = 'https://example.edu/?orgId=1'", "write a URL without a password, `?`"),
        ("grafana_url = 7", "links.grafana_url: it is a number"),
        ("trace_url = 'https://example.edu/trace/'", "write {trace_id} after the host"),
        ("trace_url = 'https://example.edu/{traceId}'", "write {trace_id} after the host"),
        ("trace_url = 'https://{trace_id}.example.edu/'", "write {trace_id} after the host"),
        ("trace_url = 'javascript:alert({trace_id})'", "begins with https:// or http://"),
        ("trace_url = 'https://me:pw@example.edu/{trace_id}'", "write a URL without a password"),
        ("trace = 'https://example.edu/{trace_id}'", "did you mean `trace_url`?"),
    ],
)
def test_each_mistake_is_named_with_its_line(read: Read, text: str, mistake: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        read(text)
    assert mistake in str(caught.value)
    assert ", line 2: links." in str(caught.value)


def test_a_change_of_the_section_is_named(read: Read) -> None:
    before, after = read(""), read('grafana_url = "https://grafana.example.edu"')
    assert changed_sections(before, after) == ["[links]"]
