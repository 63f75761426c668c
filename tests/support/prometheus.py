"""A real Prometheus server with a configuration of the test's."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import yaml

__all__ = ["Prometheus", "eventually", "program", "prometheus", "read_yaml"]

T = TypeVar("T")
_SECONDS = 60.0


def read_yaml(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def program(name: str) -> str:
    """Find a program of Debian's packages; without it skip the test, but fail under CI."""
    found = shutil.which(name)
    if found is None:
        assert os.environ.get("CI", "").lower() != "true", f"{name} is not on PATH"
        pytest.skip(f"{name} is not on PATH")
    return found


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
    ]
    with _server("prometheus", arguments, folder / "prometheus.out") as url:
        yield Prometheus(url)


@contextmanager
def _server(name: str, arguments: list[str], output: Path) -> Iterator[str]:
    address = f"127.0.0.1:{_free_port()}"
    url = f"http://{address}"
    command = [program(name), *arguments, f"--web.listen-address={address}"]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        eventually(lambda: process.poll() is not None or _is_ready(url), f"{name} ready")
        assert process.poll() is None, output.read_text(encoding="utf-8")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=5).ok
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
