"""Real Prometheus and Alertmanager servers, with configurations made from those of ``deploy``."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
import yaml

from .markdown import ROOT
from .ports import unused_port
from .programs import required

__all__ = [
    "ALERTMANAGER_CONFIG",
    "DEPLOY",
    "PROMETHEUS_CONFIG",
    "RULES",
    "Prometheus",
    "alertmanager",
    "all_rules",
    "eventually",
    "prometheus",
    "quick_prometheus",
    "quick_rules",
    "read_yaml",
    "run_program",
]

DEPLOY = ROOT / "deploy"
PROMETHEUS_CONFIG = DEPLOY / "prometheus" / "prometheus.yml"
ALERTMANAGER_CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))

T = TypeVar("T")
_SECONDS = 600.0


def read_yaml(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


def all_rules() -> list[dict[str, Any]]:
    """All rules, in the order of the files."""
    return [
        rule for path in RULES for group in read_yaml(path)["groups"] for rule in group["rules"]
    ]


def run_program(name: str, *arguments: object, folder: Path | None = None) -> str:
    """Run a program that has to succeed, in a folder; gives what it printed."""
    done = subprocess.run(
        [required(name), *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def eventually(look: Callable[[], T | None], what: str) -> T:
    """Look until there is something to see."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(0.1)
    raise AssertionError(f"After {_SECONDS:g} s still not: {what}")


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """Ask its HTTP API; it has to answer with success."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    def query(self, expression: str) -> list[Any]:
        """The result of an instant query."""
        result: list[Any] = self.ask("query", query=expression)["result"]
        return result


@contextmanager
def prometheus(
    folder: Path, config: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]
) -> Iterator[Prometheus]:
    """Run Prometheus while the block lasts.

    Args:
        folder: An empty folder.
        config: Its configuration; ``rules/*.yml`` are the rules.
        rules: Content of the rule files by name.
    """
    (folder / "rules").mkdir(parents=True)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    for name, content in rules.items():
        (folder / "rules" / name).write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--enable-feature=exemplar-storage",
        "--rules.alert.resend-delay=1s",
    ]
    with _server("prometheus", arguments, folder / "prometheus.out") as url:
        yield Prometheus(url)


def quick_prometheus(exporter_url: str, alertmanager_url: str | None = None) -> dict[str, Any]:
    """Prometheus' configuration with one target, and with a second for each interval."""
    config: dict[str, Any] = read_yaml(PROMETHEUS_CONFIG)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    jobs = {each["job_name"]: each for each in config["scrape_configs"]}
    job = jobs["canvas-sync-exporter"]
    del job["authorization"]
    job["static_configs"] = [{"targets": [_address(exporter_url)]}]
    config["scrape_configs"] = [job]
    managers = [_address(alertmanager_url)] if alertmanager_url else []
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": managers}]
    return config


def quick_rules() -> dict[str, Any]:
    """The content of the rule files, all evaluated every second."""
    rules = {path.name: read_yaml(path) for path in RULES}
    for content in rules.values():
        for group in content["groups"]:
            group.pop("interval", None)
    return rules


def _address(url: str) -> str:
    return url.removeprefix("http://")


@contextmanager
def alertmanager(folder: Path, config: Mapping[str, Any]) -> Iterator[str]:
    """Run Alertmanager with our templates while the block lasts; gives its URL."""
    folder.mkdir()
    shutil.copytree(ALERTMANAGER_CONFIG.parent / "templates", folder / "templates")
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    arguments = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=",
    ]
    with _server("prometheus-alertmanager", arguments, folder / "alertmanager.out") as url:
        yield url


@contextmanager
def _server(name: str, arguments: list[str], output: Path) -> Iterator[str]:
    address = f"127.0.0.1:{unused_port()}"
    url = f"http://{address}"
    command = [required(name), *arguments, f"--web.listen-address={address}"]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [*command, f"--web.external-url={url}"], stdout=file, stderr=file
        )
    try:
        eventually(lambda: process.poll() is not None or _is_ready(url), f"{name} ready")
        assert process.poll() is None, output.read_text(encoding="utf-8")
        yield url
    finally:
        process.terminate()
        process.wait(600)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=60).ok
    except requests.ConnectionError:
        return False
