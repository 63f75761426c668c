"""Pages of one of several hosts: what they say about the others, and where they lead."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from socket import gethostname

import pytest
import requests

from canvas_sync_instrumentation import CanvasSyncMetricsTracker, configure, shutdown
from support.pages import Served, serving_pages
from support.runs import snapshot, write

CONFIG = """
[hosts]
sync-1 = "https://sync-1.example.edu:5000/monitor"
[links]
grafana_url = "https://grafana.example.edu"
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An exporter with a run of its own host, whose database also has runs of two other hosts."""
    folder = tmp_path_factory.mktemp("hosts")
    (folder / "config.toml").write_text(CONFIG)
    with serving_pages(
        folder, with_history=False, CANVAS_SYNC_CONFIG=str(folder / "config.toml")
    ) as served:
        configure(environ={"CANVAS_SYNC_LOG_DIR": str(served.config.app.log_dir)})
        with CanvasSyncMetricsTracker("here", 42):
            pass
        shutdown()
        write(
            served.engine,
            snapshot("there", host="sync-1", trace_id="a" * 32),
            snapshot("unknown", host="sync-2", trace_id="b" * 32),
        )
        yield served


def page(served: Served, path: str) -> tuple[str, str]:
    """Return the URL of a page and its text, without tags but with the targets of links."""
    answer = requests.get(f"{served.url}/{path}", timeout=30)
    assert answer.status_code == 200
    text = re.sub(r'<a href="([^"]*)"[^>]*>', r"<\1>", answer.text)
    return answer.url, html.unescape(re.sub(r"</?[a-z][^>:/]*>|<wbr>", "", text))


def test_a_run_of_another_host_leads_to_its_page_there_and_to_loki(served: Served) -> None:
    url, text = page(served, "runs/task/there?tz=UTC")
    number = re.search(r"/runs/(\d+)", url)
    assert number
    there = f"<https://sync-1.example.edu:5000/monitor/runs/{number[1]}?tz=UTC>"
    assert "It ran on sync-1, and each line of it is in the logs there." in text
    assert f"{there}Open it on sync-1" in text
    assert f"{there}sync-1, process 4711" in text
    assert "<https://grafana.example.edu/d/canvas-sync-runs?" in text
    assert "have no line of this run" not in text


def test_a_run_of_an_unknown_host_says_what_to_configure(served: Served) -> None:
    _, text = page(served, "runs/task/unknown")
    assert "It ran on sync-2, and each call of it is in the logs there." in text
    assert "The section [hosts] of the configuration file can say where" in text


def test_a_run_of_this_host_leads_nowhere_else(served: Served) -> None:
    _, text = page(served, "runs/task/here")
    assert "Sync Task: here, 42, ended, success" in text
    assert "sync-1" not in text


def test_a_container_with_a_host_name_of_its_own_shares_the_logs_of_the_exporter(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "exporter")
    url, text = page(served, "runs/task/here")
    assert "Sync Task: here, 42, ended, success" in text
    assert "The logs have no call of this run." in text
    number = url.rpartition("/")[2]
    answer = requests.get(f"{served.url}/api/canvas/metrics/sync/{number}/steps", timeout=30)
    assert answer.json()["problems"] == []


def test_pages_of_one_host_lead_to_the_same_page_of_the_others(served: Served) -> None:
    _, logs = page(served, "logs?text=boom&log=errors&tz=UTC")
    there = "<https://sync-1.example.edu:5000/monitor/logs?text=boom&log=errors&tz=UTC>sync-1"
    assert there in logs
    assert f">{gethostname()}" in logs
    assert f"These are the logs of {gethostname()}; the other hosts have their own." in logs
    assert "<https://sync-1.example.edu:5000/monitor/upkeep>sync-1" in page(served, "upkeep")[1]
    assert f"from the log of API calls on {gethostname()}" in page(served, "canvas")[1]
    assert "monitor/runs" not in page(served, "runs")[1]


@pytest.mark.parametrize("kind", ["log", "calls", "steps"])
def test_rest_says_where_the_lines_of_a_run_are(served: Served, kind: str) -> None:
    number = page(served, "runs/task/there")[0].rpartition("/")[2]
    answer = requests.get(f"{served.url}/api/canvas/metrics/sync/{number}/{kind}", timeout=30)
    assert answer.json()["problems"] == [
        "The run was on sync-1, and its lines are in the log folder there: "
        "https://sync-1.example.edu:5000/monitor"
    ]
