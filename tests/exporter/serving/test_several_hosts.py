"""Two hosts with an exporter each and one PostgreSQL, of which one dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text

from canvas_sync_core.store.run_deletion import delete_runs
from support.forked_programs import ForkedProgram, run_forked
from support.ports import unused_port
from support.receiver import Receiver, receiver
from support.runs import snapshot, write
from support.serve_process import ServeProcess, serve_process
from support.waiting import wait_until

SYNC = """
import os, socket, sys
host, log_dir, url, task_id, sync_type, what = sys.argv[1:]
socket.gethostname = lambda: host
os.environ |= {
    "CANVAS_SYNC_LOG_DIR": log_dir,
    "CANVAS_SYNC_DATABASE_URL": url,
    "CANVAS_SYNC_HEARTBEAT_SECONDS": "0.4",
}
from canvas_sync_instrumentation import CanvasSyncMetricsTracker

def sync():
    with CanvasSyncMetricsTracker(task_id, None, sync_type=sync_type) as run:
        run.record_api_call("GET", "/api/v1/courses", 200, 0.02)
        run.record_course(3)
        if what == "fail":
            raise KeyError("term")
        if what == "hang":
            sys.stdin.read()
try:
    sync()
except KeyError:
    pass
"""


class Hosts:
    """The hosts ``sync-1`` and ``sync-2``.

    Args:
        folder: A folder with one for each host.
        engine: Their database.
        received: Where messages go.
    """

    def __init__(self, folder: Path, engine: Engine, received: Receiver) -> None:
        self.engine = engine
        self._folder = folder
        self._received = received
        self._ports = {host: unused_port() for host in ("sync-1", "sync-2")}
        self._stack = ExitStack()
        self.exporters: dict[str, ServeProcess] = {}

    def __enter__(self) -> Hosts:
        due = datetime.now(UTC) - timedelta(minutes=30)
        at = f"{due.hour:02}:{due.minute // 15 * 15:02}"
        config = self._folder / "config.toml"
        addresses = [f'{host} = "http://127.0.0.1:{port}"' for host, port in self._ports.items()]
        config.write_text(
            "\n".join(["[hosts]", *addresses])
            + f'\n[messages.reports]\nkinds = ["daily"]\nat = "{at}"\n'
            + f'[messages.webhook]\nurl = "{self._received.url}"\n'
        )
        for host in self._ports:
            self._start(host, config)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _start(self, host: str, config: Path) -> None:
        folder = self._folder / host
        folder.mkdir()
        settings = {
            "CANVAS_SYNC_DATABASE_URL": self._url,
            "CANVAS_SYNC_LOG_DIR": str(folder / "logs"),
            "CANVAS_SYNC_CONFIG": str(config),
            "CANVAS_SYNC_HEARTBEAT_SECONDS": "0.4",
            "CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS": "30",
        }
        served = serve_process(
            folder, "--port", str(self._ports[host]), settings=settings, host=host
        )
        self.exporters[host] = self._stack.enter_context(served)

    @property
    def _url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def sync(self, host: str, task_id: str, sync_type: str, what: str = "work") -> list[object]:
        """Return the arguments of a sync on a host that works, fails or hangs."""
        return [host, self._folder / host / "logs", self._url, task_id, sync_type, what]

    def get(self, host: str, path: str) -> requests.Response:
        """Ask the exporter of a host."""
        answer = requests.get(f"{self.exporters[host].url}/{path}", timeout=60)
        assert answer.status_code == 200, answer.text
        return answer

    def incidents(self, host: str) -> dict[str, str]:
        """Return the subject of each open incident that a host reports, by kind."""
        found = self.get(host, "api/canvas/metrics/incidents?state=open").json()["items"]
        return {each["kind"]: each["subject"] for each in found}

    def counted(self, host: str, name: str) -> float:
        """Return the sum of a metric on a host."""
        families = text_string_to_metric_families(self.get(host, "metrics").text)
        samples = (sample for family in families for sample in family.samples)
        return sum(sample.value for sample in samples if sample.name == name)


@pytest.fixture
def received() -> Iterator[Receiver]:
    """A receiver of messages."""
    with receiver() as received:
        yield received


@pytest.fixture
def hosts(tmp_path: Path, engine: Engine, received: Receiver) -> Iterator[Hosts]:
    # Without an earlier run, which retention has deleted, there would be no daily report.
    now = datetime.now(UTC)
    write(engine, snapshot("earlier", start_time=(now - timedelta(days=90)).timestamp()))
    delete_runs(engine, now - timedelta(days=30))
    with Hosts(tmp_path, engine, received) as hosts:
        yield hosts


def kinds(received: Receiver) -> Counter[str]:
    """Return how many messages of each kind have been received."""
    return Counter(each["kind"] for each in list(received.received))


def titles(received: Receiver, part: str) -> list[str]:
    """Return the titles that have a text."""
    return [title for title in received.titles if part in title]


def linked(page: str, host: str, hosts: Hosts, path: str) -> bool:
    return f'href="{hosts.exporters[host].url}/{path}' in page


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_when_a_host_dies_the_other_one_judges_sends_and_says_so(
    hosts: Hosts, received: Receiver
) -> None:
    # While both hosts are up, each reports every run, incident and message exactly once.
    assert run_forked(SYNC, *hosts.sync("sync-1", "bad", "full", "fail")) == 0
    assert run_forked(SYNC, *hosts.sync("sync-2", "good", "grades")) == 0
    for host in hosts.exporters:
        wait_until(lambda: hosts.incidents(host) == {"failing": "full"}, "the incident")  # noqa: B023
        runs = hosts.get(host, "api/canvas/metrics/runs").json()["items"]
        assert {(run["sync_task_id"], run["host"]) for run in runs} == {
            ("bad", "sync-1"),
            ("good", "sync-2"),
        }
        assert hosts.counted(host, "canvas_sync_runs_total") == 1
    wait_until(lambda: kinds(received) == {"incident": 1, "daily": 1}, "the messages")

    # The lines of a run are on its host: the page of the other one leads there.
    page = hosts.get("sync-2", "runs/task/bad")
    number = page.url.rpartition("/")[2]
    assert "each line of it is in the logs there" in page.text
    assert linked(page.text, "sync-1", hosts, f"runs/{number}")
    there = hosts.get("sync-1", f"runs/{number}").text
    assert "ERROR: " in there
    line = hosts.get("sync-1", "api/canvas/metrics/logs/search?task_id=bad").json()["items"][0]
    assert line["record"]["host"] == "sync-1"
    search = hosts.get("sync-2", "logs?task_id=bad").text
    assert "These are the logs of sync-2" in search
    assert linked(search, "sync-1", hosts, "logs?task_id=bad")

    # The host dies with a run on it.
    first = hosts.exporters.pop("sync-1")
    with ForkedProgram(SYNC, *hosts.sync("sync-1", "dies", "users", "hang")) as process:
        wait_until(lambda: "dies" in hosts.get("sync-2", "runs").text, "the row of the run")
        process.kill()
    first.process.kill()
    first.process.wait()
    _go_back(hosts.engine)

    wait_until(lambda: hosts.incidents("sync-2").keys() >= {"exporter_silent"}, "the silence")
    wait_until(lambda: hosts.incidents("sync-2").get("interrupted") == "users", "the dead run")
    assert hosts.incidents("sync-2")["exporter_silent"] == "sync-1"
    wait_until(lambda: len(titles(received, "sync-1")) == 1, "the message about the host")
    wait_until(lambda: len(titles(received, "users")) == 1, "the message about the run")
    assert run_forked(SYNC, *hosts.sync("sync-2", "better", "full")) == 0
    wait_until(lambda: len(titles(received, "Recovered")) == 1, "the recovery")
    ids = Counter(each["id"] for each in received.received)
    assert set(ids.values()) == {1}
    assert kinds(received) == {"incident": 4, "daily": 1}, _kinds_and_titles(received)


def _go_back(engine: Engine) -> None:
    """Let the last signs of life of the first host be ten minutes old."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE canvas_sync_judges SET judged_at = judged_at - interval '10 minutes' "
                "WHERE name LIKE 'sync-1:%'"
            )
        )
        connection.execute(
            text(
                "UPDATE canvas_sync_metrics SET heartbeat = heartbeat - interval '10 minutes' "
                "WHERE sync_status = 'running'"
            )
        )


def _kinds_and_titles(received: Receiver) -> Any:
    return [(each["kind"], each["title"]) for each in received.received]
