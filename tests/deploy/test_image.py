"""The image of the ``Dockerfile``, built and run where a Docker engine is at hand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.programs import required
from support.prometheus import eventually

TAG = "canvas-sync-monitor:test"
LOCKED_UP = (
    *("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--network=none"),
    "--security-opt=no-new-privileges:true",
)
"""As in the compose file."""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [required("docker"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _succeeds(*arguments: str) -> bool:
    return _run(*arguments).returncode == 0


def docker(*arguments: str) -> str:
    done = _run(*arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(repository: Path) -> Iterator[str]:
    """The image, built from ``CANVAS_SYNC_BASE_IMAGE`` where that is set.

    Without an engine or a base image its tests are skipped. Where there are both and it cannot be
    built, perhaps since no package can be had, they are skipped too, but fail where CI is true.
    """
    if not _succeeds("info"):
        pytest.skip("no Docker engine answers")
    dockerfile = (repository / "Dockerfile").read_text()
    (default,) = re.findall(r"^ARG BASE_IMAGE=(\S+)", dockerfile, re.MULTILINE)
    base = os.environ.get("CANVAS_SYNC_BASE_IMAGE") or default
    if not (_succeeds("image", "inspect", base) or _succeeds("pull", "--quiet", base)):
        pytest.skip(f"the image {base} is not there and cannot be had")
    # The network of the machine, with its proxy and its name servers.
    how = ("--quiet", "--network=host", f"--tag={TAG}", f"--build-arg=BASE_IMAGE={base}")
    built = _run("build", *how, str(repository))
    if built.returncode != 0:
        failure = f"the image cannot be built on {base}: {built.stdout}{built.stderr}"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(failure)
        pytest.skip(failure)
    yield TAG
    docker("image", "rm", TAG)


@pytest.fixture
def exporter(image: str) -> Iterator[str]:
    """A container in which the exporter runs as by default."""
    container = docker("run", "--detach", *LOCKED_UP, image)
    yield container
    docker("rm", "--force", "--volumes", container)


def test_it_runs_as_its_own_user_on_a_read_only_root(image: str) -> None:
    says = (
        "import os; print(os.getuid(), os.access('/', os.W_OK), os.access('/data/logs', os.W_OK))"
    )
    assert docker("run", "--rm", *LOCKED_UP, image, "python", "-c", says) == "10001 False True"


def test_it_has_the_version_of_the_project(image: str, services: dict[str, Any]) -> None:
    printed = docker("run", "--rm", *LOCKED_UP, image, "canvas-sync-monitor", "--version")
    assert printed.split()[-1] == services["exporter"]["image"].rpartition(":")[2]


@pytest.mark.parametrize("module", ["canvas", "syncs"])
def test_the_demo_is_in_it(image: str, module: str) -> None:
    module = f"canvas_sync_demo.services.{module}"
    assert "usage" in docker("run", "--rm", *LOCKED_UP, image, "python", "-m", module, "--help")


def test_the_exporter_becomes_healthy_by_the_check_of_the_compose_file(
    exporter: str, services: dict[str, Any]
) -> None:
    _, *check = services["exporter"]["healthcheck"]["test"]

    def healthy() -> bool:
        command = [required("docker"), "exec", exporter, *check]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    eventually(healthy, "the exporter is healthy")


def test_the_runbooks_are_in_it(exporter: str) -> None:
    ask = (
        "from urllib.request import urlopen;"
        "print(urlopen('http://127.0.0.1:5000/runbooks/Watchdog').read().decode())"
    )

    def page() -> str:
        command = [required("docker"), "exec", exporter, "python", "-c", ask]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    assert "dead man" in eventually(page, "the runbook is shown")
